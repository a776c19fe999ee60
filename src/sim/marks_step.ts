/** One step of a core as the marks see it: what there was before, what came, what there is now. */
import type { Effect, Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { MemberNumber, Role } from "../raft/types.ts";
import type { SimMember } from "./property.ts";

/** What is kept of a state until its next step. */
export interface StepMemo {
  readonly term: number;
  readonly role: Role;
  readonly votedFor: MemberNumber;
  readonly leaderId: MemberNumber;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly durableIndex: number;
  readonly snapshotIndex: number;
  readonly pendingStores: number;
  readonly timeEntryIndex: number;
  /** Leaders: which followers were streamed to, and their boots. */
  readonly streams: ReadonlyMap<MemberNumber, { readonly state: string; readonly bootId: number }> | null;
  readonly lateSnapshots: number;
  readonly electionDeadlineMs: number;
  readonly handOverNotBeforeMs: number;
  readonly lateRefusals: number;
  readonly lateVotes: number;
  readonly doubledVotes: number;
  readonly earlierBootAcks: number;
  /** Candidates: who refused so far. Becoming leader forgets it. */
  readonly refusals: number;
}

/** One step. */
export interface Step {
  readonly member: SimMember;
  readonly before: StepMemo;
  readonly state: RaftState;
  readonly event: Event;
  readonly effects: readonly Effect[];
}

/** Keeps what the next step is compared with. */
export function memoOf(state: RaftState): StepMemo {
  const { term, role, votedFor, leaderId, commitIndex, durableIndex, snapshotIndex, timeEntryIndex, trail, pendingStores, progress, electionDeadlineMs, handOverNotBeforeMs } = state;
  const streams = role === "leader"
    ? new Map([...progress].map(([number, each]) => [number, { state: each.state, bootId: each.bootId }]))
    : null;
  return {
    term, role, votedFor, leaderId, commitIndex, durableIndex, snapshotIndex, timeEntryIndex, lastIndex: trail.lastIndex,
    pendingStores: pendingStores.length, streams, electionDeadlineMs, handOverNotBeforeMs, lateSnapshots: state.dropped["late-snapshot"] ?? 0,
    lateRefusals: state.dropped["late-refusal"] ?? 0, lateVotes: state.dropped["late-vote"] ?? 0,
    doubledVotes: state.dropped["doubled-vote"] ?? 0, earlierBootAcks: state.dropped["ack-of-earlier-boot"] ?? 0,
    refusals: refusalsIn(state.votes),
  };
}

function refusalsIn(votes: ReadonlyMap<MemberNumber, boolean>): number {
  let count = 0;
  for (const isGranted of votes.values()) if (!isGranted) count += 1;
  return count;
}
