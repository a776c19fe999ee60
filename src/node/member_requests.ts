/**
 * A change of the members, from what an operator asks until its first entry is committed. Whoever is to be taken in is
 * asked first who it is: an address that is mistyped, a node that holds something, or another machine is found before
 * anything stands in the log.
 */
import { DraftError } from "../base/errors.ts";
import type { Hello } from "../net/hello.ts";
import type { MemberWish } from "../net/member_wish.ts";
import { isSettled, wantedConfiguration } from "../raft/configuration_change.ts";
import { currentConfiguration } from "../raft/state.ts";
import type { Configuration } from "../raft/types.ts";
import type { Group } from "./group.ts";
import { askHello } from "./introductions.ts";
import type { Node } from "./node.ts";
import type { AnswerDone } from "./node_api.ts";
import { noLeaderError, refusalError } from "./refusals.ts";
import { incarnationText } from "./status.ts";
import { changesOf, type Newcomer, newcomersOf } from "./wishes.ts";

/** How long a newcomer has to say who it is, in milliseconds. */
const HELLO_TIMEOUT_MS = 2000;

/** Log time in which a learner that is to vote must have caught up, else it stays one. */
const PROMOTE_WITHIN_MS = 600_000;

/** Takes the wishes of one request to the group, which this node leads. */
export function changeMembers(node: Node, group: Group, wishes: readonly MemberWish[], timeoutMs: number, done: AnswerDone): void {
  const configuration = currentConfiguration(group.state);
  const newcomers = newcomersOf(configuration, wishes);
  askAll(node, newcomers, Math.min(timeoutMs, HELLO_TIMEOUT_MS), (answers) => {
    try {
      const helloOf = ({ id }: Newcomer): Hello => newcomer(group, answers.get(id));
      const { promoteWithinMs = PROMOTE_WITHIN_MS } = node.parts.settings.tuning;
      propose(group, { configuration, wishes, helloOf, promoteWithinMs, timeoutMs }, done);
    } catch (error) {
      if (error instanceof DraftError) done(error);
      else throw error;
    }
  });
}

interface Proposal {
  readonly configuration: Configuration;
  readonly wishes: readonly MemberWish[];
  readonly helloOf: (newcomer: Newcomer) => Hello;
  readonly promoteWithinMs: number;
  readonly timeoutMs: number;
}

function propose(group: Group, { configuration, wishes, helloOf, promoteWithinMs, timeoutMs }: Proposal, done: AnswerDone): void {
  // What is so already is said by a leader alone, and by one that knows its log to be the group's.
  if (group.state.role !== "leader") throw noLeaderError(group);
  if (configuration.joint) throw refusalError("change-pending", group);
  const changes = changesOf(configuration, wishes, helloOf);
  if (changes.length === 0) return answerUnchanged(group, configuration, done);
  const wanted = wantedConfiguration(configuration, changes);
  // Members that were there when the newcomers were asked may be gone.
  if (wanted === null) throw refusalError("change-pending", group);
  const planned = plan(configuration, wanted);
  group.changeMembers({ configuration: wanted, promoteWithinMs }, timeoutMs, (result) => {
    done(result instanceof DraftError ? result : { index: result.index, reply: { changed: true, ...planned } });
  });
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
  const voters = wanted.members.filter(({ targetRole }) => targetRole === "voter");
  return {
    before: current.members.filter(({ role }) => role === "voter").map(({ id }) => id),
    after: voters.map(({ id }) => id),
    lives: voters.map(({ incarnation }) => incarnationText(incarnation)),
  };
}

type HelloAnswer = { readonly newcomer: Newcomer; readonly hello: Hello } | { readonly newcomer: Newcomer; readonly error: Error };

function askAll(node: Node, newcomers: readonly Newcomer[], timeoutMs: number, done: (answers: ReadonlyMap<string, HelloAnswer>) => void): void {
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
  if ("error" in answer) throw wrong(`nobody answers at ${address}, which the leader has to reach: ${answer.error.message}`);
  const { hello } = answer;
  const { plugin } = group.applier;
  const { version } = group.applier.view();
  if (hello.nodeId !== id) throw wrong(`the node at ${address} is ${hello.nodeId}`);
  if (hello.clusterId !== "") {
    throw wrong(`its directory belongs to cluster ${hello.clusterId}: stop it, empty the directory, and start it without --initial or --bootstrap`);
  }
  if (hello.groups.some(({ empty }) => !empty)) throw wrong("it is about to join a cluster");
  if (hello.machineName !== plugin.name) throw wrong(`it runs the machine ${hello.machineName}, the group's is ${plugin.name}`);
  if (hello.machineVersion < version) throw wrong(`it runs version ${hello.machineVersion} of ${plugin.name}, ${version} is in force: start it with the newer one`);
  return hello;
}
