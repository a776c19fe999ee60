/**
 * A change of the members, tried out: a copy of the leader's state is asked for it and stepped through the very code that
 * would carry it through. Its disk is prompt, and whoever answers now answers at once. Nothing of it reaches anybody.
 */
import { isSettled } from "./configuration_change.ts";
import type { Effect, Event, EventBody, Now, Refusal } from "./event.ts";
import { imageOf, stateOf } from "./image.ts";
import type { AckStatus, Message } from "./message.ts";
import { currentConfiguration, type RaftState } from "./state.ts";
import { step } from "./step.ts";
import { pointAtOrBelow } from "./trail.ts";
import type { Configuration, Index, MemberNumber } from "./types.ts";

/** A change takes some ten steps; one that waits for who does not answer is not waited for. */
const STEPS_MAX = 2000;

/** What would come of it. */
export interface Rehearsal {
  /** Why the core would not begin; null if it would. */
  readonly refusal: Refusal | null;
  /** The configurations that it would go through, in their order. */
  readonly steps: readonly Configuration[];
  /** Whether it would come to its end. */
  readonly isWhole: boolean;
}

/**
 * What `asked` would lead to.
 *
 * @param answers whether a member, one that is to come too, answers now
 */
export function rehearse(state: RaftState, asked: EventBody & { type: "changeMembership" }, answers: (member: MemberNumber) => boolean, now: Now): Rehearsal {
  const copy = stateOf(imageOf(state));
  const steps: Configuration[] = [];
  let refusal: Refusal | null = null;
  let nowMs = now.nowMs;
  const waiting: EventBody[] = [{ type: "stored", store: copy.lastStore }, asked];
  for (let count = 0; count < STEPS_MAX && refusal === null; count++) {
    if (waiting.length === 0) {
      if (copy.role !== "leader" || isDone(copy)) break;
      nowMs = Math.max(nowMs, copy.deadlineMs);
      waiting.push({ type: "deadline" });
    }
    const event = { ...(waiting.shift() as EventBody), nowMs, wallMs: now.wallMs + (nowMs - now.nowMs) } as Event;
    for (const effect of step(copy, event)) {
      if (effect.type === "rejected") refusal = effect.reason;
      else if (effect.type === "configurationChanged") steps.push(effect.configuration);
      else waiting.push(...consequences(effect, copy, answers, event.wallMs));
    }
  }
  return { refusal, steps, isWhole: isDone(copy) };
}

function isDone(state: RaftState): boolean {
  const current = currentConfiguration(state);
  return isSettled(current) && current.index <= state.commitIndex;
}

/** What the disk and the members answer. */
function consequences(effect: Effect, state: RaftState, answers: (member: MemberNumber) => boolean, wallMs: number): EventBody[] {
  const replies = (messages: readonly Message[]): EventBody[] =>
    messages.filter(({ to }) => answers(to)).flatMap((message) => replyTo(message, state, wallMs));
  if (effect.type === "send") return replies([effect.message]);
  return effect.type === "store" ? [{ type: "stored", store: effect.store }, ...replies(effect.messages)] : [];
}

function replyTo(message: Message, state: RaftState, wallMs: number): EventBody[] {
  const member = currentConfiguration(state).members.find(({ number }) => number === message.to);
  if (member === undefined) return [];
  const { group, from, to, term } = message;
  const envelope = { group, from: to, fromIncarnation: member.incarnation, to: from, term };
  const status = (index: Index): AckStatus => {
    const { term: durableTerm, chain } = pointAtOrBelow(state.trail, index);
    const bootId = state.progress.get(to)?.bootId ?? 0;
    return { bootId, promiseMs: 0, wallMs, checkIndex: 0, checkDigest: 0, durableIndex: index, durableTerm, durableChain: chain };
  };
  switch (message.type) {
    case "appendRequest": {
      const { lastIndex: matchIndex, round } = message;
      const point = pointAtOrBelow(state.trail, matchIndex);
      return [received({
        ...envelope, ...status(matchIndex), type: "appendReply", success: true, matchIndex, rejectedIndex: 0, conflictTerm: 0, conflictIndex: 0,
        pointIndex: point.index, pointTerm: point.term, pointChain: point.chain, round,
      })];
    }
    case "heartbeat": {
      const matchIndex = state.progress.get(to)?.matchIndex ?? 0;
      return [received({ ...envelope, ...status(matchIndex), type: "heartbeatReply", round: message.round, snapshotIndex: 0 })];
    }
    case "installSnapshot": {
      const { lastIncludedIndex, round } = message;
      return [received({ ...envelope, ...status(lastIncludedIndex), type: "installSnapshotReply", success: true, lastIncludedIndex, round })];
    }
    default: return [];
  }
}

function received(message: Message): EventBody {
  return { type: "receive", message };
}
