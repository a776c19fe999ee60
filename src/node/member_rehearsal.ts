/**
 * What a change of the members would lead to, in the words that operators decide by: who would decide at each step, how
 * many of them may fail meanwhile, and for about how long.
 */
import type { DraftError } from "../base/errors.ts";
import type { MemberRehearsal, RehearsedStep } from "../net/member_rehearsal.ts";
import { isWitness } from "../raft/configuration.ts";
import { isRising } from "../raft/configuration_change.ts";
import type { Now } from "../raft/event.ts";
import { majorityOf, voterSets } from "../raft/quorum.ts";
import { rehearse } from "../raft/rehearsal.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import { bytesBetween } from "../raft/trail.ts";
import type { Configuration, MemberNumber } from "../raft/types.ts";
import type { Group } from "./group.ts";
import type { WantedMembership } from "./membership_change.ts";
import type { Answer } from "./node_api.ts";
import { refusalError } from "./refusals.ts";

/** What a newcomer is guessed to copy in a second, of a log or a snapshot, over a network and onto a disk of every day. */
const COPIED_BYTES_PER_SECOND = 32 * 1024 * 1024;

/** Tries the change out on a copy of the group's state. `changes`: whether there is anything to change. */
export function rehearsal(group: Group, asked: WantedMembership, changes: boolean, now: Now): Answer | DraftError {
  const { state } = group;
  const current = currentConfiguration(state);
  const answers = (member: MemberNumber): boolean => isThere(state, member, now);
  const tried = changes ? rehearse(state, { type: "changeMembership", ...asked }, answers, now) : { refusal: null, steps: [], isWhole: true };
  if (tried.refusal !== null) return refusalError(tried.refusal, group);
  const { base, lastIndex } = state.trail;
  const copiedBytes = bytesBetween(state.trail, base.index + 1, lastIndex);
  const told = (step: Configuration, at: number, all: readonly Configuration[]): RehearsedStep => {
    const aboutMs = at === all.length - 1 ? null : lengthMs(state, step, copiedBytes);
    return stepOf(step, answers, aboutMs);
  };
  const reply: MemberRehearsal = {
    changed: changes, now: stepOf(current, answers, null), steps: tried.steps.map(told), isWhole: tried.isWhole,
    copiedBytes, fromSnapshot: base.index > 0,
  };
  return { index: current.index, reply };
}

/** A member that the leader hears, or one that is to come: that one was asked just now. */
function isThere(state: RaftState, member: MemberNumber, now: Now): boolean {
  if (member === state.config.self || !currentConfiguration(state).members.some(({ number }) => number === member)) return true;
  const heardMs = state.progress.get(member)?.lastHeardMs ?? Number.NEGATIVE_INFINITY;
  return now.nowMs - heardMs < state.config.electionMaxMs;
}

/** Until the next step: a copy to be made and one round of catching up, or one commit. */
function lengthMs(state: RaftState, step: Configuration, copiedBytes: number): number {
  const { heartbeatMs } = state.config;
  if (!step.members.some(isRising)) return heartbeatMs;
  return 2 * heartbeatMs + Math.round(copiedBytes / COPIED_BYTES_PER_SECOND * 1000);
}

function stepOf(configuration: Configuration, answers: (member: MemberNumber) => boolean, aboutMs: number | null): RehearsedStep {
  const { incoming, outgoing } = voterSets(configuration);
  const idsOf = (numbers: readonly MemberNumber[]): string[] =>
    configuration.members.filter(({ number }) => numbers.includes(number)).map(({ id }) => id);
  const halves = outgoing.length > 0 ? [incoming, outgoing] : [incoming];
  return {
    voters: idsOf(incoming), outgoing: idsOf(outgoing),
    witnesses: configuration.members.filter(isWitness).map(({ id }) => id),
    learners: configuration.members.filter(({ role }) => role === "learner").map(({ id }) => id),
    rising: configuration.members.filter(isRising).map(({ id }) => id),
    quorum: majorityOf(incoming.length), outgoingQuorum: outgoing.length > 0 ? majorityOf(outgoing.length) : 0,
    spare: Math.min(...halves.map((half) => half.filter(answers).length - majorityOf(half.length))),
    absent: idsOf([...new Set(halves.flat())].filter((member) => !answers(member))),
    aboutMs,
  };
}
