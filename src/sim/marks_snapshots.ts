/** Marks of snapshots: taken, fetched, restored, and what left the log because of them. */
import type { RaftState } from "../raft/state.ts";
import type { Step } from "./marks_step.ts";

/** What may happen to a snapshot. */
export const SNAPSHOT_MARKS = [
  "snapshot taken", "snapshot taken by a leader", "log begins later", "log kept though a snapshot was taken", "snapshot taken late",
  "restart from a snapshot", "follower told to fetch a snapshot", "told again while it fetches",
  "follower told to fetch from another follower", "fetch came to nothing", "log replaced by a snapshot", "conflicting log replaced by a snapshot",
  "snapshot fetched too late", "snapshot of a term never heard of", "machine restored",
  "entries stored while the machine is restored", "another snapshot while the machine is restored", "a follower is streamed to behind its snapshot",
  "log kept for a follower that fetches",
] as const;

/** One of them. */
export type SnapshotMark = (typeof SNAPSHOT_MARKS)[number];

type Note = (mark: SnapshotMark) => void;

/** A process begins. */
export function markOpened({ snapshotIndex }: RaftState, note: Note): void {
  if (snapshotIndex > 0) note("restart from a snapshot");
}

/** Notes what this step was. */
export function markSnapshots(step: Step, note: Note): void {
  const { state, event, effects, before } = step;
  switch (event.type) {
    case "snapshotStored": return markStored(step, note);
    case "snapshotFetched": return markFetched(step, note);
    case "snapshotFetching":
      if (event.index === 0) note("fetch came to nothing");
      return;
    case "restored": return note("machine restored");
    case "receive": break;
    default: return;
  }
  const { message } = event;
  if (message.type === "installSnapshot" && message.term === state.term) {
    for (const effect of effects) {
      if (effect.type !== "fetchSnapshot") continue;
      note("follower told to fetch a snapshot");
      if (effect.from !== message.from) note("follower told to fetch from another follower");
    }
    if (effects.length > 0 && state.fetchingIndex > 0 && !effects.some(({ type }) => type === "fetchSnapshot")) note("told again while it fetches");
  } else if (message.type === "installSnapshotReply" && message.success) {
    const was = before.streams?.get(message.from)?.state;
    if (was === "snapshot" && state.progress.get(message.from)?.state === "replicate") note("a follower is streamed to behind its snapshot");
  } else if (message.type === "appendRequest" && state.lastApplied < state.snapshotIndex && effects.some((effect) => effect.type === "store" && effect.entries.length > 0)) {
    note("entries stored while the machine is restored");
  }
}

function markStored({ before, state, effects }: Step, note: Note): void {
  if ((state.dropped["late-snapshot"] ?? 0) > before.lateSnapshots) return note("snapshot taken late");
  note("snapshot taken");
  if (state.role === "leader") note("snapshot taken by a leader");
  if (effects.some(({ type }) => type === "compact")) note("log begins later");
  else note("log kept though a snapshot was taken");
  // Nothing else would have kept it.
  const isPinned = state.config.retainBytes === 0 && state.role === "leader" && state.trail.base.index < state.snapshotIndex;
  if (isPinned && [...state.progress.values()].some((each) => each.state === "snapshot" && each.pinnedIndex >= state.trail.base.index && each.pinnedIndex < state.snapshotIndex)) {
    note("log kept for a follower that fetches");
  }
}

function markFetched({ state, event, effects, before }: Step, note: Note): void {
  if (event.type !== "snapshotFetched") return;
  const store = effects.find((effect) => effect.type === "store");
  if (store === undefined || store.reset === null) {
    if ((state.dropped["late-snapshot"] ?? 0) > before.lateSnapshots) note("snapshot fetched too late");
    return;
  }
  note("log replaced by a snapshot");
  if (store.truncateFrom > 0) note("conflicting log replaced by a snapshot");
  if (event.point.term > before.term) note("snapshot of a term never heard of");
  if (before.commitIndex > state.lastApplied && state.lastApplied < before.snapshotIndex) note("another snapshot while the machine is restored");
}
