/**
 * Who takes part in a simulated cluster, as somebody sees it who looks into all nodes at once: whoever operates it asks
 * for what makes sense, and whoever heals it leaves a majority of all that may be in force.
 */
import { committedConfiguration, openConfigurations, standingOf } from "../node/standing.ts";
import { isWitness } from "../raft/configuration.ts";
import { isRising, reachedConfiguration } from "../raft/configuration_change.ts";
import { voterSets } from "../raft/quorum.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Configuration, Member } from "../raft/types.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

/** The state that knows most committed; null if no process has read its log. */
export function newestState({ machines }: SimCluster): RaftState | null {
  let newest: RaftState | null = null;
  for (const { state } of machines.values()) if (state !== null && state.commitIndex >= (newest?.commitIndex ?? 0)) newest = state;
  return newest;
}

/** What an operator is shown: the configuration of whoever leads and can commit, else of whoever knows most. */
export function shownConfiguration(cluster: SimCluster): Configuration | null {
  const state = cluster.leaderMachine()?.state ?? newestState(cluster);
  return state === null ? null : currentConfiguration(state);
}

/** The newest configuration that is known committed anywhere, and all behind it that stand in a log. */
export function configurationsAbout(cluster: SimCluster): Configuration[] {
  const newest = newestState(cluster);
  if (newest === null) return [];
  const { index: committed } = committedConfiguration(newest);
  const open = [...cluster.machines.values()].flatMap(({ state }) => state === null ? [] : openConfigurations(state));
  return [committedConfiguration(newest), ...open.filter(({ index }) => index > committed)];
}

/** Whether more than half of the voters of each half of each of these configurations are among `machines`. */
export function decide(machines: readonly SimMachine[], configurations: readonly Configuration[]): boolean {
  return configurations.every((configuration) => {
    const named = new Set(machines.flatMap((machine) => memberOn(machine, configuration)?.number ?? []));
    const { incoming, outgoing } = voterSets(configuration);
    return [incoming, outgoing].every((voters) => voters.length === 0 || voters.filter((voter) => named.has(voter)).length * 2 > voters.length);
  });
}

/**
 * Whether, where there are witnesses, all voters that keep data are among `machines`: a witness may know more than one of
 * them, and none of the others would then do in place of the one that is missing.
 */
export function holdData(machines: readonly SimMachine[], configurations: readonly Configuration[]): boolean {
  return configurations.every((configuration) => {
    const data = configuration.members.filter(keepsData);
    return !configuration.members.some(isWitness) || data.every(({ number }) => machines.some((machine) => memberOn(machine, configuration)?.number === number));
  });
}

/**
 * Whether one of `machines` may be elected by them: it keeps data and votes, and those whose logs are no newer decide with
 * it. Where there are witnesses nobody may be, though many are there: a witness may know of what no data voter has.
 */
export function canElect(machines: readonly SimMachine[], configurations: readonly Configuration[]): boolean {
  return machines.some((one) => {
    const isVoter = configurations.some((configuration) => keepsData(memberOn(one, configuration)));
    return isVoter && decide(machines.filter((other) => isNoNewer(other, one)), configurations);
  });
}

function isNoNewer({ state: one }: SimMachine, { state: other }: SimMachine): boolean {
  if (one === null || other === null) return other !== null;
  const [mine, theirs] = [one.trail, other.trail];
  return mine.lastTerm < theirs.lastTerm || (mine.lastTerm === theirs.lastTerm && mine.lastIndex <= theirs.lastIndex);
}

/** Whether a loss of the machine may leave a witness that knows more than the data voters which are left. */
export function guardsWitnesses(machine: SimMachine, configurations: readonly Configuration[]): boolean {
  return configurations.some((configuration) => configuration.members.some(isWitness) && keepsData(memberOn(machine, configuration)));
}

/** Whether all that the leader's log holds is durable on each data voter: no witness can be told more, and either may be lost. */
export function isAtRest(cluster: SimCluster): boolean {
  const leader = cluster.leaderMachine()?.state ?? null;
  if (leader === null || leader.durableIndex < leader.trail.lastIndex) return false;
  const others = currentConfiguration(leader).members.filter((member) => keepsData(member) && member.number !== leader.config.self);
  return others.every(({ number }) => leader.progress.get(number)?.matchIndex === leader.trail.lastIndex);
}

function keepsData(member: Member | null): boolean {
  return member?.role === "voter" || member?.outgoingRole === "voter";
}

/**
 * Whether they decide in what may come of a change under way, too, when nobody asks for anything any more: all that are
 * to vote do, or only those that somebody else may have seen catch up.
 */
export function willDecide(machines: readonly SimMachine[], configurations: readonly Configuration[]): boolean {
  return configurations.every((configuration) => {
    if (configuration.joint) return decide(machines, [configuration]);
    const mayRise = (member: Member): boolean => isRising(member) && !machines.some((machine) => memberOn(machine, configuration)?.number === member.number);
    const members = configuration.members.map((member): Member => mayRise(member) ? { ...member, role: "voter" } : member);
    return decide(machines, [configuration, reachedConfiguration(configuration), { ...configuration, members }]);
  });
}

/** What `configuration` says of the directory on the machine; null if it does not name it. */
export function memberOn({ number, incarnation }: SimMachine, { members }: Configuration): Member | null {
  return members.find((member) => number > 0 && member.number === number && member.incarnation === incarnation) ?? null;
}

/** Whether it is certain that the directory on the machine is that of no member any more. */
export function isGone({ number, incarnation, identity }: SimMachine, cluster: SimCluster): boolean {
  const newest = newestState(cluster);
  if (number === 0 || newest === null) return false;
  return standingOf(newest, { number, incarnation, welcomeIndex: identity?.welcome?.index ?? 0 }) === "gone";
}
