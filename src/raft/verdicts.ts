/**
 * Verdicts: replicas that apply the same entries hold the same state, unless a machine is not deterministic. Every noop
 * and verdict entry is a check point. On applying one a replica notes what its state comes to, and says so with its
 * acks; the leader puts the value that a majority of the data voters has for the newest one into the log, where all
 * compare their own with it. No clock or message decides who is wrong: the log does, for all alike.
 */
import { assert } from "../base/assert.ts";
import { EntryKind } from "../base/entry.ts";
import type { Now } from "./event.ts";
import { appendAsLeader } from "./leader.ts";
import { logTimeMs } from "./log_time.ts";
import { ownEntry } from "./own_entry.ts";
import type { RaftState } from "./state.ts";
import { tally, withoutMajority } from "./tally.ts";
import { type CheckPoint, encodeVerdict } from "./verdict_entry.ts";

/** Within so many heartbeats whoever can be heard has reported a check point. */
const REPORT_HEARTBEATS = 4;

/**
 * This node's machine has passed a check point, or has something new to be judged.
 *
 * @param unjudgedSinceMs log time from which the next verdict is counted; null if nothing happened that needs one
 */
export function checked(state: RaftState, { index, digest }: CheckPoint, unjudgedSinceMs: number | null): void {
  assert(index <= state.applyRequested, "a check point was asked for and applied", index, state.applyRequested);
  state.checkIndex = index;
  state.checkDigest = digest;
  state.unjudgedSinceMs = unjudgedSinceMs ?? Number.POSITIVE_INFINITY;
  state.verdictNotBeforeMs = 0;
}

/**
 * Leaders: appends a verdict when so many entries stand behind the newest check point, or so much log time has passed in
 * use. The next comes only when this one is applied, and the first when an entry of the own term is: each of them is a
 * check point too. A point for which reports are missing waits for them as long again.
 */
export function considerVerdict(state: RaftState, now: Now): void {
  const { unjudgedSinceMs, checkIndex, config, trail } = state;
  if (unjudgedSinceMs === Number.POSITIVE_INFINITY || state.diskFull) return;
  if (checkIndex < Math.max(state.ownTermIndex, state.verdictIndex)) return;
  const isCounted = trail.lastIndex - checkIndex >= config.verdictEntries;
  if (!isCounted && now.nowMs < state.verdictNotBeforeMs) return;
  const passedMs = logTimeMs(state, now) - unjudgedSinceMs;
  if (!isCounted && passedMs < config.verdictMs) {
    state.verdictNotBeforeMs = now.nowMs + config.verdictMs - passedMs;
    return;
  }
  const found = tally(state);
  // A follower hears of a commit by one heartbeat and reports by the next: before that each verdict would only bring another.
  if (found === null && passedMs < Math.max(2 * config.verdictMs, REPORT_HEARTBEATS * config.heartbeatMs)) return;
  state.verdictIndex = trail.lastIndex + 1;
  appendAsLeader(state, [ownEntry(EntryKind.verdict, encodeVerdict(found ?? withoutMajority(state)), null)], now);
}
