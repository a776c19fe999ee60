/**
 * Changes of the membership, as the leader carries them through: one at a time, each step an entry, the next one when
 * the last is committed. Where a change stands is said by the configurations in the log alone, so whoever leads goes on
 * with it.
 */
import { assert } from "../base/assert.ts";
import { configurationEntry, isWitness } from "./configuration.ts";
import {
  calledOffConfiguration, enteredConfiguration, isCallOff, isRising, isSettled, isViable, leftConfiguration, reachedConfiguration,
  unchangedRole,
} from "./configuration_change.ts";
import type { EventBody, Now, Refusal } from "./event.ts";
import { keepsUp } from "./in_step.ts";
import { appendAsLeader } from "./leader.ts";
import { isThere } from "./liveness.ts";
import { logTimeMs } from "./log_time.ts";
import { isVoting, quorumValue, voterSets } from "./quorum.ts";
import { becomeFollower } from "./roles.ts";
import { currentConfiguration, type RaftState } from "./state.ts";
import { handOver, isTransferring } from "./transfer.ts";
import type { Configuration, Member } from "./types.ts";

/**
 * Somebody wants `wanted` (configuration_change.ts) in place of the configuration at its index. Where learners are to
 * vote, nobody else's role changes before they have caught up: who is to be replaced votes until then.
 * A change that still waits for its learners may be called off.
 */
export function changeMembership(state: RaftState, asked: EventBody & { type: "changeMembership" }, now: Now): void {
  const { configuration: wanted, promoteWithinMs } = asked;
  const reason = refusalOf(state, asked, now);
  if (reason !== null) {
    state.effects.push({ type: "rejected", reason });
    return;
  }
  if (!wanted.members.some(isRising)) return enter(state, reachedConfiguration(wanted), now);
  const promoteByMs = logTimeMs(state, now) + promoteWithinMs;
  const members = wanted.members.map((member) => (isRising(member) ? { ...member, promoteByMs } : member));
  appendConfiguration(state, { ...wanted, members }, now);
}

function refusalOf(state: RaftState, { configuration: wanted, force }: EventBody & { type: "changeMembership" }, now: Now): Refusal | null {
  if (state.role !== "leader") return "not-leader";
  if (isTransferring(state)) return "transferring";
  // Ongaro's mail to raft-dev, July 2015: without this two leaders' one-member changes may have disjoint majorities.
  if (state.commitIndex < state.ownTermIndex) return "not-ready";
  const current = currentConfiguration(state);
  if (current.index > state.commitIndex || wanted.index !== current.index) return "change-pending";
  if (!isSettled(current)) return isCallOff(current, wanted) ? null : "change-pending";
  const entered = enteredConfiguration(current, reachedConfiguration(wanted));
  if (!isViable(entered)) return entered.members.some(isWitness) ? "too-many-witnesses" : "would-lose-quorum";
  const isThere = force || wanted.members.some(isRising) || !changesVoters(current, entered) || isHeard(state, entered, now);
  return isThere ? null : "would-lose-quorum";
}

function changesVoters(current: Configuration, next: Configuration): boolean {
  return next.joint || voterSets(current).incoming.join() !== voterSets(next).incoming.join();
}

/** Whether a quorum of the voters that would decide then is there now. */
function isHeard(state: RaftState, configuration: Configuration, now: Now): boolean {
  return quorumValue(voterSets(configuration), (member) => (isThere(state, member, now) ? 1 : 0)) === 1;
}

function enter(state: RaftState, next: Configuration, now: Now): void {
  appendConfiguration(state, enteredConfiguration(currentConfiguration(state), next), now);
}

/** Past quotas and transfers that hold clients' entries up: what a change still has to do is never refused. */
function appendConfiguration(state: RaftState, configuration: Configuration, now: Now): void {
  appendAsLeader(state, [configurationEntry(configuration)], now);
}

/**
 * Leaders, at the end of each step: the next step of whatever change the log speaks of. Leaves a joint configuration
 * once it is committed (dissertation 4.3), makes voters of learners that have caught up, and goes once it is committed
 * that this node votes no more (4.2.2).
 */
export function advanceMembership(state: RaftState, now: Now): void {
  const current = currentConfiguration(state);
  if (current.index > state.commitIndex || state.commitIndex < state.ownTermIndex) return;
  if (current.joint) return appendConfiguration(state, leftConfiguration(current), now);
  if (!isVoting(state.voters, state.config.self)) {
    handOver(state);
    return becomeFollower(state, state.term, 0, now);
  }
  const promoted = promotion(state, current, now);
  // Without a quorum of those who would decide then nothing would lead out of it again.
  if (promoted !== null && isHeard(state, enteredConfiguration(current, promoted), now)) enter(state, promoted, now);
}

/**
 * What becomes of the learners that are to vote: they wait for one another, so that those who were added together begin
 * to vote together, until the time of the last is up. Who has not caught up by then stays a learner; and nobody goes or
 * steps back for whom that one was to come. Null: they still wait, or there are none.
 */
function promotion(state: RaftState, current: Configuration, now: Now): Configuration | null {
  if (isSettled(current)) return null;
  const rising = current.members.filter(isRising);
  const timeMs = logTimeMs(state, now);
  const ready = rising.filter((member) => hasCaughtUp(state, member, now));
  const late = rising.filter((member) => !ready.includes(member) && timeMs >= member.promoteByMs);
  if (ready.length + late.length < rising.length) return null;
  if (late.length === 0) return reachedConfiguration(current);
  const members = current.members.map((member): Member => (ready.includes(member) ? member : { ...member, targetRole: unchangedRole(member) }));
  const reached = reachedConfiguration({ ...current, members });
  // A witness that is ready may be one too many without the voter that is late.
  return isViable(enteredConfiguration(current, reached)) ? reached : reachedConfiguration(calledOffConfiguration(current));
}

/**
 * Thesis 4.2.1: a round is to replicate what stood in the log when it began. Once a round took less than an election
 * timeout, what is left delays no commit for longer than an election would.
 */
function hasCaughtUp(state: RaftState, member: Member, now: Now): boolean {
  const progress = state.progress.get(member.number);
  assert(progress !== undefined, "a leader knows of each member", member.number);
  return keepsUp(state, progress, now) && isThere(state, member.number, now);
}
