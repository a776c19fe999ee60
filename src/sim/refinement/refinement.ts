/**
 * The refinement check: each step of each real core must be a step that an abstract Raft allows, or change nothing. It
 * reads the fields of the core's state, its events and its effects; how the core decides it does not know.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { RaftState } from "../../raft/state.ts";
import { byNumber, eventWords, messageWords } from "../../raft/words.ts";
import { whyTooEarly } from "../explorer/promises.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import { type AbstractCluster, type AbstractNode, emptyCluster, forgetOldTerms, isSame, logOf, viewOf } from "./abstract.ts";
import { abstractConfiguration, takeConfigurations } from "./configurations.ts";
import { beginStore, completeStores, mayRestartAs } from "./disk.ts";
import { storeOf, takeStore, whyApply, whyCommit, whyLog } from "./logs.ts";
import { whySaid } from "./messages.ts";
import { noteReads, whyRead } from "./reads.ts";
import { actsAsLeader, type Rule, type Step } from "./step.ts";
import { whyRole, whyTerm } from "./terms.ts";
import { differenceWords } from "./words.ts";

const NAME = "refinement";

/** In this order: a leader is one before its log is looked at, and its log is before what it commits. */
const RULES: readonly Rule[] = [whyTerm, whyRole, whyLog, whyCommit, whyApply, whySaid, whyRead];

/** A fresh check for one run. */
export function refinementProperty(): Property {
  const cluster = emptyCluster();
  return {
    name: NAME,
    opened: (member) => opened(cluster, member),
    stepped: (member, event, effects) => stepped(cluster, member, event, effects),
    durable: (member, store) => durable(cluster, member, store),
    sent: (member, message) => sent(cluster, member, message),
    ended: (member) => {
      const node = member.state === null ? undefined : nodeFor(cluster, member.state);
      if (node !== undefined) node.up = false;
    },
  };
}

/** Restart: a node comes back with what was durable. */
function opened(cluster: AbstractCluster, member: SimMember): void {
  const { state } = member;
  if (state === null) return;
  const { self: number, incarnation } = state.config;
  const seat = cluster.seats.of(number, incarnation);
  const view = viewOf(state);
  const log = logOf(state.trail, cluster.committed);
  const known = cluster.nodes.get(seat);
  const hasLost = known !== undefined && !mayRestartAs(cluster, known, view, log);
  if (hasLost && !member.forgiven) {
    const { disk } = known;
    throw new Violation(NAME, `member ${number} comes back with term ${view.term}, vote ${view.votedFor}, log through ${view.lastIndex}@${view.lastTerm}: ` +
      `durable were term ${disk.term}, vote ${disk.votedFor}, log through ${disk.log.length}@${disk.log.at(-1)?.term ?? 0}`);
  }
  if (!hasLost && known !== undefined && view.commitIndex > 0 && !isSame(log[view.commitIndex - 1], cluster.committed[view.commitIndex - 1])) {
    throw new Violation(NAME, `member ${number} comes back with commit ${view.commitIndex}, which no leader committed`);
  }
  cluster.nodes.set(seat, {
    number, seat, up: true, configurations: state.configurations.map((each) => abstractConfiguration(each, cluster.seats)), lost: [...known?.lost ?? [], ...hasLost ? [known.disk] : []], view, log, disk: { term: view.term, votedFor: view.votedFor, log: [...log] },
    stores: [], applyRequested: state.applyRequested, preVotes: new Set(), votes: new Set(), rounds: new Map(),
    leaderReads: new Map(), ownReads: new Map(),
  });
}

function stepped(cluster: AbstractCluster, member: SimMember, event: Event, effects: readonly Effect[]): void {
  const { state } = member;
  if (state === null) return;
  const node = nodeFor(cluster, state);
  if (node === undefined) throw new Violation(NAME, `member ${state.config.self} takes a step and was never opened`);
  const step: Step = {
    cluster, node, before: node.view, after: viewOf(state), state, event, effects, message: event.type === "receive" ? event.message : null,
  };
  noteVotes(step);
  noteReads(step);
  for (const rule of RULES) refuse(step, rule(step));
  take(step);
  refuse(step, whyDurable(node));
}

/** What a node calls durable is on its abstract disk, and in its log. */
function whyDurable({ view: { durableIndex, durableTerm }, disk, log }: AbstractNode): string | null {
  if (durableTerm > disk.term) return `it calls term ${durableTerm} durable, its disk holds ${disk.term}`;
  if (durableIndex === 0 || isSame(disk.log[durableIndex - 1], log[durableIndex - 1])) return null;
  return `it calls its log through ${durableIndex} durable, its disk holds ${disk.log.length} entries`;
}

/** The votes that a candidate was given: pre-votes for the next term, votes for its own, its own vote once it is durable. */
function noteVotes({ cluster, node, before, after, message }: Step): void {
  if (message?.type === "voteReply" && message.granted) {
    const seat = cluster.seats.of(message.from, message.fromIncarnation);
    if (message.preVote && before.role === "pre-candidate" && message.requestTerm === before.term + 1) node.preVotes.add(seat);
    if (!message.preVote && before.role === "candidate" && message.requestTerm === before.term) node.votes.add(seat);
  }
  if (before.role === "candidate" && node.disk.term === before.term && node.disk.votedFor === node.number) node.votes.add(node.seat);
  if (after.role !== "pre-candidate" && after.role !== "candidate") return;
  const isNewRound = after.role !== before.role || after.term !== before.term;
  if (after.role === "pre-candidate" && isNewRound) {
    node.preVotes.clear();
    node.preVotes.add(node.seat);
  }
}

/** The step is allowed: the abstract cluster takes it too. */
function take(step: Step): void {
  const { cluster, node, before, after, effects } = step;
  const store = storeOf(step);
  if (store !== null) {
    takeStore(cluster, node.log, store);
    takeConfigurations(node, store, cluster.seats);
  }
  if (after.role === "candidate" && after.term > before.term) node.votes.clear();
  if (actsAsLeader(step)) {
    const known = before.role === "leader" ? cluster.leaders.get(after.term) : undefined;
    if (known === undefined) {
      cluster.leaders.set(after.term, { number: node.number, log: [...node.log] });
      forgetOldTerms(cluster, after.term);
    } else if (store !== null) takeStore(cluster, known.log, store);
    for (let index = cluster.committed.length; index < after.commitIndex; index++) cluster.committed.push(node.log[index] as AbstractNode["log"][number]);
  }
  for (const effect of effects) {
    if (effect.type === "apply") node.applyRequested = effect.to;
    else if (effect.type === "installSnapshot") node.applyRequested = effect.point.index;
  }
  if (store !== null) beginStore(node, store, after);
  node.view = after;
}

/** The log says that a store is durable, and with it all before. */
function durable(cluster: AbstractCluster, member: SimMember, store: number): void {
  const node = nodeOf(cluster, member);
  const wrong = completeStores(cluster, node, store);
  if (wrong !== null) throw new Violation(NAME, `member ${node.number} made store ${store} durable: ${wrong}`);
}

/** A message leaves: what it says is durable by now. */
function sent(cluster: AbstractCluster, member: SimMember, message: Message): void {
  const node = nodeOf(cluster, member);
  const early = whyTooEarly(message, {
    hardState: { term: node.disk.term, votedFor: node.disk.votedFor }, chainAt: (index) => node.disk.log[index - 1]?.chain,
  });
  if (early !== null) throw new Violation(NAME, `member ${node.number} says ${messageWords(message)} to ${byNumber(message.to)}: ${early}`);
}

function nodeOf(cluster: AbstractCluster, member: SimMember): AbstractNode {
  const node = member.state === null ? undefined : nodeFor(cluster, member.state);
  if (node === undefined) throw new Violation(NAME, `member ${member.number} acts and was never opened`);
  return node;
}

function nodeFor(cluster: AbstractCluster, { config: { self, incarnation } }: RaftState): AbstractNode | undefined {
  return cluster.nodes.get(cluster.seats.of(self, incarnation));
}

function refuse({ node, before, after, event }: Pick<Step, "node" | "before" | "after" | "event">, why: string | null): void {
  if (why === null) return;
  throw new Violation(NAME, `member ${node.number}, when ${eventWords(event, byNumber)}: ${why}; ${differenceWords(before, after)}`);
}
