/** The rules of logs: who may append, cut and commit what. */
import type { StoreEffect } from "../../raft/event.ts";
import type { LogStart } from "../../raft/types.ts";
import { type AbstractCluster, type AbstractEntry, type AbstractNode, held, isSame } from "./abstract.ts";
import { isQuorumToCommit } from "./configurations.ts";
import { actsAsLeader, isFromLeader, type Rule, type Step } from "./step.ts";

/** A moment of log time and a verdict, at most one each. */
const TIMES_AND_VERDICTS = 2;

/** Equal to no entry. */
const NOTHING: AbstractEntry = { term: -1, chain: -1 };

/** The entry at `index` of the log as this step leaves it. Logs are long and steps are many: nothing is copied. */
export function entryAfter(step: Pick<Step, "cluster" | "node" | "effects">, index: number): AbstractEntry | undefined {
  const store = storeOf(step);
  if (store === null) return step.node.log[index - 1];
  const kept = keptBy(step.node, store);
  if (index > kept) return store.entries[index - kept - 1];
  return store.reset === null ? step.node.log[index - 1] : step.cluster.committed[index - 1];
}

/** How much of the log a store leaves, or a snapshot stands for, before its entries. */
function keptBy(node: AbstractNode, { truncateFrom, reset }: StoreEffect): number {
  if (reset !== null) return reset.point.index;
  return truncateFrom > 0 ? truncateFrom - 1 : node.log.length;
}

/** Puts what a snapshot through `index` stands for into the place of a log. */
export function resetLog(log: AbstractEntry[], { committed }: AbstractCluster, index: number): void {
  log.length = 0;
  for (let i = 0; i < index; i++) log.push(committed[i] as AbstractEntry);
}

/** Takes a store's entries into a log, in place. */
export function takeStore(cluster: AbstractCluster, log: AbstractEntry[], store: StoreEffect): void {
  if (store.truncateFrom > 0) log.length = store.truncateFrom - 1;
  if (store.reset !== null) resetLog(log, cluster, store.reset.point.index);
  for (const { term, chain } of store.entries) log.push({ term, chain });
}

/** The store of a step, if it has one. */
export function storeOf({ effects }: Pick<Step, "effects">): StoreEffect | null {
  return effects.find((effect) => effect.type === "store") ?? null;
}

/** ClientAppend on a leader; append and truncate on a follower; nobody else's log changes. */
export const whyLog: Rule = (step) => {
  const { node, before, after } = step;
  const store = storeOf(step);
  const hardStateChanged = before.term !== after.term || before.votedFor !== after.votedFor;
  if (hardStateChanged && (store?.hardState?.term !== after.term || store.hardState.votedFor !== after.votedFor)) {
    return `term ${after.term} and vote ${after.votedFor} are not handed to the disk`;
  }
  const toldCommit = store?.hardState?.commitIndex ?? 0;
  if (toldCommit > after.commitIndex) return `its disk is told of commit ${toldCommit}`;
  const changes = store !== null && (store.truncateFrom > 0 || store.entries.length > 0);
  if (store !== null && store.reset !== null) {
    const why = whyInstalls(step, store.reset);
    if (why !== null) return why;
  } else if (changes) {
    const why = actsAsLeader(step) ? whyLeaderAppends(step, store) : whyFollowerTakes(step, store);
    if (why !== null) return why;
  } else if (after.role === "leader" && before.role !== "leader") return `it leads term ${after.term} without an entry of that term`;
  const length = store === null ? node.log.length : keptBy(node, store) + store.entries.length;
  const last = entryAfter(step, length);
  if (length === after.lastIndex && (length === 0 || isSame(last, { term: after.lastTerm, chain: after.lastChain }))) return null;
  return `its log ends at ${after.lastIndex}@${after.lastTerm}, by what it stored at ${length}@${last?.term ?? 0}`;
};

/** Through which index a step may take the place of a log: what was fetched, or, of a witness, what its leader says; 0: none. */
function installedBy(step: Step): number {
  const { event, message, state } = step;
  if (event.type === "snapshotFetched") return event.point.index;
  const isTold = state.config.witness && message?.type === "installSnapshot" && isFromLeader(step, message);
  return isTold ? message.start?.point.index ?? 0 : 0;
}

/** InstallSnapshot: what was committed through its point, behind what this node knew committed, in place of its log. */
function whyInstalls(step: Step, { point }: LogStart): string | null {
  const { before, after, event, cluster } = step;
  if (installedBy(step) !== point.index) return `a snapshot takes the place of its log because of ${event.type}`;
  if (after.role === "leader") return "a leader takes a snapshot";
  if (point.index <= before.commitIndex) return `a snapshot of ${point.index} takes the place of a log with ${before.commitIndex} committed`;
  const known = cluster.committed[point.index - 1];
  return isSame(known, point) ? null : `the snapshot's entry ${point.index}@${point.term} was never committed`;
}

/** A leader only appends, entries of its own term, as many as were proposed, its noop, a moment of log time, a verdict and a configuration. */
function whyLeaderAppends({ before, after, event }: Step, store: StoreEffect): string | null {
  if (store.truncateFrom > 0) return `a leader cuts its log at ${store.truncateFrom}`;
  const foreign = store.entries.find((entry) => entry.term !== after.term);
  if (foreign !== undefined) return `a leader of term ${after.term} appends an entry of term ${foreign.term}`;
  const noops = before.role === "leader" ? 0 : 1;
  const proposed = event.type === "propose" ? event.entries.length : 0;
  const configurations = store.entries.some(({ configuration }) => configuration !== null) ? 1 : 0;
  const most = noops + proposed + TIMES_AND_VERDICTS + configurations;
  return store.entries.length <= most ? null : `a leader appends ${store.entries.length} entries, ${proposed} were proposed`;
}

/** A follower takes what the leader of the term held, and cuts only where the two logs part, above what is committed. */
function whyFollowerTakes(step: Step, store: StoreEffect): string | null {
  const { node, after, before, cluster, message } = step;
  if (after.role !== "follower" || message?.type !== "appendRequest") return `the log of a ${after.role} changes because of ${step.event.type}`;
  if (message.term !== after.term || !isFromLeader(step, message)) return `it takes entries of ${message.from}, who does not lead term ${after.term}`;
  const leaderLog = cluster.leaders.get(after.term)?.log ?? [];
  const length = keptBy(node, store) + store.entries.length;
  if (length > 0 && !isSame(entryAfter(step, length), leaderLog[length - 1] ?? NOTHING)) return `its log then ends at ${after.lastIndex}@${after.lastTerm}, which leader ${message.from} never held`;
  if (store.truncateFrom === 0) return null;
  if (store.truncateFrom <= before.commitIndex) return `it cuts at ${store.truncateFrom}, and ${before.commitIndex} are committed`;
  const parts = node.log.slice(store.truncateFrom - 1).some((entry, at) => {
    const leaders = leaderLog[store.truncateFrom - 1 + at];
    return leaders !== undefined && !isSame(entry, leaders);
  });
  return parts ? null : `it cuts at ${store.truncateFrom}, from where on its log agrees with the leader's`;
}

/** AdvanceCommit. A leader: what a majority holds durably, of its own term; others: what some leader committed and told. */
export const whyCommit: Rule = (step) => {
  const { before, after, cluster, message } = step;
  if (after.commitIndex < before.commitIndex) return `the commit index falls from ${before.commitIndex} to ${after.commitIndex}`;
  if (after.commitIndex > after.lastIndex) return `it commits ${after.commitIndex}, its log ends at ${after.lastIndex}`;
  if (after.commitIndex === before.commitIndex) return null;
  const entry = entryAfter(step, after.commitIndex);
  if (actsAsLeader(step)) return whyLeaderCommits(step, entry);
  const fetched = installedBy(step);
  const told = fetched > 0 ? fetched : message?.type === "appendRequest" || message?.type === "heartbeat" || message?.type === "readIndexReply" ? message.leaderCommit : 0;
  if (after.commitIndex > told) return `a ${after.role} commits ${after.commitIndex}, it was told ${told}`;
  if (after.commitIndex > cluster.committed.length) return `it commits ${after.commitIndex}, leaders committed ${cluster.committed.length}`;
  if (!isSame(entry, cluster.committed[after.commitIndex - 1])) return `it commits another entry ${after.commitIndex} than was committed before`;
  return null;
};

function whyLeaderCommits(step: Step, entry: AbstractEntry | undefined): string | null {
  const { after, cluster } = step;
  const index = after.commitIndex;
  const known = cluster.committed[index - 1];
  if (known !== undefined && !isSame(entry, known)) return `it commits another entry ${index} than was committed before`;
  if (entry?.term !== after.term) return `a leader of term ${after.term} commits by counting an entry of term ${entry?.term}`;
  const holds = (seat: number): boolean => {
    const other = cluster.nodes.get(seat);
    return other !== undefined && held(other, index, entry);
  };
  if (isQuorumToCommit(step, holds)) return null;
  return `it commits ${index}, which is durable on ${[...cluster.nodes.keys()].filter(holds).join(" ") || "nobody"} only`;
}

/** Entries are applied once, in order, and not before they are committed; what is called durable is. */
export const whyApply: Rule = ({ node, after, effects }) => {
  let next = node.applyRequested + 1;
  for (const effect of effects) {
    if (effect.type === "installSnapshot") next = effect.point.index + 1;
    if (effect.type !== "apply") continue;
    if (effect.from !== next || effect.to < effect.from) return `it applies from ${effect.from}, next is ${next}`;
    if (effect.to > after.commitIndex) return `it applies through ${effect.to}, committed is ${after.commitIndex}`;
    next = effect.to + 1;
  }
  return null;
};
