/**
 * A change of the members, from what an operator asks until its first entry is committed. Whoever is to be taken in is
 * asked first who it is: an address that is mistyped, a node that holds something, or another machine is found before
 * anything stands in the log.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Host } from "../host/host.ts";
import type { Hello } from "../net/hello.ts";
import type { MemberWish } from "../net/member_wish.ts";
import type { Transport } from "../net/transport.ts";
import { calledOffConfiguration, isSettled, wantedConfiguration } from "../raft/configuration_change.ts";
import { votes } from "../raft/quorum.ts";
import { currentConfiguration } from "../raft/state.ts";
import type { Configuration, Incarnation } from "../raft/types.ts";
import { awaitFreshRound } from "./fresh_round.ts";
import type { Group } from "./group.ts";
import type { Identity } from "./identity.ts";
import { askHello, isDead } from "./introductions.ts";
import { rehearsal } from "./member_rehearsal.ts";
import type { AnswerDone, MembersRequest } from "./node_api.ts";
import { noLeaderError, refusalError } from "./refusals.ts";
import { incarnationText } from "./status.ts";
import type { NodeSettings } from "./settings.ts";
import { addedAgain, changesOf, type Moved, movedOf, type Said, type Stranger, strangersOf } from "./wishes.ts";

/** How long a newcomer has to say who it is, in milliseconds. */
const HELLO_TIMEOUT_MS = 2000;

/** Log time in which a learner that is to vote must have caught up, else it stays one. */
const PROMOTE_WITHIN_MS = 600_000;

/** The node that takes a request, as far as that goes. */
export interface AskedNode {
  readonly transport: Pick<Transport, "probe">;
  readonly parts: { readonly host: Pick<Host, "clock">; readonly settings: Pick<NodeSettings, "tuning"> };
  readonly identity: Pick<Identity, "nodeId" | "clusterId">;
}

/** Takes the wishes of one request to the group, which this node leads. */
export function changeMembers(node: AskedNode, group: Group, request: MembersRequest, done: AnswerDone): void {
  const configuration = currentConfiguration(group.state);
  const { clock } = node.parts.host;
  const again = addedAgain(configuration, request.wishes);
  askAll(node, [...strangersOf(configuration, request.wishes), ...again], Math.min(request.timeoutMs, HELLO_TIMEOUT_MS), (answers) => {
    try {
      for (const moved of movedOf(configuration, request.wishes)) checkMoved(node, moved, answers.get(moved.id));
      for (const member of again) checkAddedAgain(member, answers.get(member.id));
      const said: Said = {
        newcomer: ({ id }) => newcomer(group, answers.get(id)),
        isMember: ({ id }, incarnation) => isMember(answers.get(id), incarnation),
      };
      const { promoteWithinMs = PROMOTE_WITHIN_MS } = node.parts.settings.tuning;
      propose(group, { request, configuration, said, promoteWithinMs, clock }, done);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      group.recorder.note({ wallMs: clock.wallMs(), text: `${node.identity.nodeId} refuses to change the members: ${error.message}` });
      done(error);
    }
  });
}

interface Proposal {
  readonly request: MembersRequest;
  /** In force when the strangers were asked. */
  readonly configuration: Configuration;
  readonly said: Said;
  readonly promoteWithinMs: number;
  readonly clock: Clock;
}

function propose(group: Group, { request, configuration, said, promoteWithinMs, clock }: Proposal, done: AnswerDone): void {
  const { wishes, force, timeoutMs, kind } = request;
  // What is so already is said by a leader alone, and by one that knows its log to be the group's.
  if (group.state.role !== "leader") throw noLeaderError(group);
  const wanted = wantedOf(group, configuration, wishes, said);
  if (wanted === null && kind === "change") return answerUnchanged(group, configuration, done);
  const asked = { configuration: wanted ?? configuration, promoteWithinMs, force };
  if (kind === "rehearse") return done(rehearsal(group, asked, wanted !== null, { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() }));
  const planned = plan(configuration, asked.configuration);
  const change = (): void => group.changeMembers(asked, timeoutMs, (result) => {
    done(result instanceof DraftError ? result : { index: result.index, reply: { changed: true, ...planned } });
  });
  if (force) change();
  else awaitFreshRound({ clock, state: group.state }, asked.configuration, change);
}

/** Null if nothing is wanted that is not so already. @throws DraftError */
function wantedOf(group: Group, configuration: Configuration, wishes: readonly MemberWish[], said: Said): Configuration | null {
  if (wishes[0]?.type === "cancel") return calledOff(configuration);
  if (configuration.joint) throw refusalError("change-pending", group);
  const changes = changesOf(configuration, wishes, said);
  if (changes.length === 0) return null;
  const wanted = wantedConfiguration(configuration, changes);
  // Members that were there when the newcomers were asked may be gone.
  if (wanted === null) throw refusalError("change-pending", group);
  return wanted;
}

function calledOff(configuration: Configuration): Configuration | null {
  if (configuration.joint) {
    throw new DraftError("CHANGE_PENDING", "the change is past the point where it can be called off: it ends by itself, see draft admin servers");
  }
  return isSettled(configuration) ? null : calledOffConfiguration(configuration);
}

/**
 * All is so already, or is on its way. That this node's log is the group's is known from an entry of its own term; what is
 * not committed, or not whole, may yet be waited for.
 */
function answerUnchanged(group: Group, configuration: Configuration, done: AnswerDone): void {
  const { state } = group;
  if (state.commitIndex < state.ownTermIndex) return done(refusalError("not-ready", group));
  const changed = !isSettled(configuration) || configuration.index > state.commitIndex;
  done({ index: configuration.index, reply: { changed, ...plan(configuration, configuration) } });
}

/** Who votes in `current`, and who is to vote by `wanted`. */
function plan(current: Configuration, wanted: Configuration): { readonly before: string[]; readonly after: string[]; readonly lives: string[] } {
  const voters = wanted.members.filter(({ targetRole }) => votes(targetRole));
  return {
    before: current.members.filter(({ role }) => votes(role)).map(({ id }) => id),
    after: voters.map(({ id }) => id),
    lives: voters.map(({ incarnation }) => incarnationText(incarnation)),
  };
}

type HelloAnswer = { readonly newcomer: Stranger; readonly hello: Hello } | { readonly newcomer: Stranger; readonly error: Error };

/** Before the cluster dials a member elsewhere it is asked there: a wrong address would cost the member. @throws DraftError */
function checkMoved(node: AskedNode, { id, address, incarnation }: Moved, answer: HelloAnswer | undefined): void {
  const wrong = (what: string): DraftError => new DraftError("BAD_REQUEST", `${id} cannot be moved: ${what}`);
  if (answer === undefined || "error" in answer) {
    const why = answer === undefined ? "" : `: ${answer.error.message}`;
    throw wrong(`nobody answers at ${address}, start it there first with --advertise ${address}${why}`);
  }
  const { hello } = answer;
  const { clusterId } = node.identity;
  if (hello.nodeId !== id) throw wrong(`the node at ${address} is ${hello.nodeId}: draft admin servers shows who is where`);
  if (hello.clusterId !== clusterId) {
    const whose = hello.clusterId === "" ? "belongs to no cluster" : `belongs to cluster ${hello.clusterId}`;
    throw wrong(`the node at ${address} ${whose}: start it with the directory of ${id}, draft serve --id ${id} --data DIR --advertise ${address}`);
  }
  if (hello.incarnation !== incarnation) throw wrong(`the node at ${address} has another directory than the member: draft admin replace ${id} ${id}@${address}`);
}

function isMember(answer: HelloAnswer | undefined, incarnation: Incarnation): boolean {
  if (answer === undefined || "error" in answer) return false;
  const { nodeId, incarnation: said } = answer.hello;
  return nodeId === answer.newcomer.id && said === incarnation && !isDead(answer.hello);
}

/** One that does not answer may be the member, and down. @throws DraftError */
function checkAddedAgain({ id, address, incarnation }: Moved, answer: HelloAnswer | undefined): void {
  if (answer === undefined || "error" in answer || answer.hello.nodeId !== id || answer.hello.incarnation === incarnation) return;
  throw new DraftError("BAD_REQUEST", `${id} is a member already, and the node at ${address} has another directory than it: draft admin replace ${id} ${id}@${address}`);
}

function askAll(node: AskedNode, newcomers: readonly Stranger[], timeoutMs: number, done: (answers: ReadonlyMap<string, HelloAnswer>) => void): void {
  const answers: Map<string, HelloAnswer> = new Map();
  let waited = newcomers.length;
  if (waited === 0) return done(answers);
  for (const each of newcomers) {
    askHello(node.transport, each.address, timeoutMs, (...[error, hello]) => {
      answers.set(each.id, error === null ? { newcomer: each, hello } : { newcomer: each, error });
      waited -= 1;
      if (waited === 0) done(answers);
    });
  }
}

/** What a newcomer said of itself, if it can be taken in. @throws DraftError */
function newcomer(group: Group, answer: HelloAnswer | undefined): Hello {
  if (answer === undefined) throw refusalError("change-pending", group);
  const { id, address } = answer.newcomer;
  const wrong = (what: string): DraftError => new DraftError("BAD_REQUEST", `${id} cannot be added: ${what}`);
  if ("error" in answer) throw wrong(`nobody answers at ${address}, which the leader has to reach (${answer.error.message}): start it, draft serve --id ${id} --data DIR --listen ${address}`);
  const { hello } = answer;
  const { plugin } = group.applier;
  const { version } = group.applier.view();
  if (hello.nodeId !== id) throw wrong(`the node at ${address} is ${hello.nodeId}: draft admin add ${hello.nodeId}@${address}`);
  if (hello.clusterId !== "") {
    throw wrong(`its directory belongs to cluster ${hello.clusterId}: stop it, empty the directory, and start it without --initial or --bootstrap`);
  }
  if (hello.groups.some(({ empty }) => !empty)) throw wrong(`it is about to join a cluster: see draft admin states -c ${address}`);
  if (hello.machineName !== plugin.name) throw wrong(`it runs the machine ${hello.machineName}, the group's is ${plugin.name}: empty its directory and start it with draft serve --machine ${plugin.name}`);
  if (hello.machineVersion < version) throw wrong(`it runs version ${hello.machineVersion} of ${plugin.name}, ${version} is in force: start it with the newer one`);
  return hello;
}
