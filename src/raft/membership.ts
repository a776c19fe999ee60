/**
 * Configurations within the log: each holds from the moment that its entry is appended (dissertation 4.1) and is gone
 * again when its entry is truncated.
 */
import { assert } from "../base/assert.ts";
import { isWitness } from "./configuration.ts";
import { createProgress, type Progress } from "./progress.ts";
import { voterSets } from "./quorum.ts";
import { currentConfiguration, type RaftState } from "./state.ts";
import type { BootId, Configuration, Index, Incarnation, Member, MemberNumber } from "./types.ts";

/** Puts the configuration of an appended entry in force. */
export function adoptConfiguration(state: RaftState, configuration: Configuration): void {
  assert(configuration.index > currentConfiguration(state).index, "configurations follow one another", configuration.index);
  state.configurations.push(configuration);
  configurationChanged(state);
}

/** Takes back the configurations whose entries are truncated from `from` on. */
export function rollBackConfigurations(state: RaftState, from: Index): void {
  const { configurations } = state;
  if (currentConfiguration(state).index < from) return;
  while (currentConfiguration(state).index >= from) {
    configurations.pop();
    assert(configurations.length > 0, "a committed configuration is never rolled back", from);
  }
  configurationChanged(state);
}

/** Lets go of configurations that were replaced at or before `index`, which is committed. */
export function dropConfigurationsBefore(state: RaftState, index: Index): void {
  const { configurations } = state;
  while (configurations.length > 1 && (configurations[1] as Configuration).index <= index) configurations.shift();
}

/** The log begins anew: what stood in it is void, and `configuration` is in force. */
export function resetConfigurations(state: RaftState, configuration: Configuration): void {
  state.configurations.length = 0;
  state.configurations.push(configuration);
  configurationChanged(state);
}

function configurationChanged(state: RaftState): void {
  const configuration = currentConfiguration(state);
  state.voters = voterSets(configuration);
  if (state.role === "leader") trackMembers(state);
  state.effects.push({ type: "configurationChanged", configuration });
}

/** Gives each other member of the configuration its progress, and drops that of who is no member any more. */
export function trackMembers(state: RaftState): void {
  const { members } = currentConfiguration(state);
  for (const member of members) {
    if (member.number !== state.config.self && !state.progress.has(member.number)) {
      state.progress.set(member.number, createProgress(member.number, state.trail.lastIndex, isWitness(member)));
    }
  }
  for (const number of [...state.progress.keys()]) {
    if (!members.some((member) => member.number === number)) state.progress.delete(number);
  }
}

/** The member with this number in the configuration in force; null if there is none. */
export function currentMember(state: RaftState, number: MemberNumber): Member | null {
  return currentConfiguration(state).members.find((member) => member.number === number) ?? null;
}

/** Whether a message of `number` counts: a member's must bear the incarnation that the configuration names. */
export function incarnationFits(state: RaftState, number: MemberNumber, incarnation: Incarnation): boolean {
  const member = currentMember(state, number);
  return member === null || member.incarnation === incarnation;
}

/**
 * Whether this node may campaign: a voter that keeps payloads. Witnesses, learners and strangers never do. One that the
 * newest configuration leaves out, or demotes, may until that is committed (dissertation 4.2.2): it may be the only one
 * that has the entry, and none whom it names would be voted for by it. None whose log was edited.
 */
export function mayCampaign(state: RaftState): boolean {
  if (state.editNumber > 0) return false;
  const { configurations, commitIndex, config } = state;
  const committed = configurations.findLastIndex(({ index }) => index <= commitIndex);
  return configurations.slice(Math.max(committed, 0)).some(({ members }) =>
    members.some(({ number, role, outgoingRole }) => number === config.self && (role === "voter" || outgoingRole === "voter")));
}

/** Whether this node is the only voter: then it needs nobody's answer. */
export function isSoleVoter(state: RaftState): boolean {
  const { incoming, outgoing } = state.voters;
  return outgoing.length === 0 && incoming.length === 1 && incoming[0] === state.config.self;
}

/** The progress of another member; null if it is no member, or this node does not lead. */
export function progressOf(state: RaftState, number: MemberNumber): Progress | null {
  return state.progress.get(number) ?? null;
}

/** What `bootId`, its newest, is known to hold: if it restarted, nothing that an earlier boot acknowledged counts any more. */
export function ofBoot(state: RaftState, progress: Progress, bootId: BootId): Progress {
  if (bootId === progress.bootId) return progress;
  const fresh = progress.bootId === 0 ? progress : restarted(state, progress);
  if (fresh !== progress) state.progress.set(progress.member, fresh);
  fresh.bootId = bootId;
  return fresh;
}

/** What is known of a follower that has started anew: that it kept up counts for as long as if it had only fallen silent. */
function restarted(state: RaftState, { member, witness, isCut, roundIndex, roundSinceMs, caughtUp }: Progress): Progress {
  const progress = { ...createProgress(member, state.trail.lastIndex, witness), isCut };
  return currentMember(state, member)?.role === "learner" ? progress : { ...progress, roundIndex, roundSinceMs, caughtUp };
}
