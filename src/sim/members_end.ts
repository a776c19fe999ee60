/** How the membership stands in the end: whose change is whole, who is a member, and who has heard that it is none. */
import { isSettled } from "../raft/configuration_change.ts";
import { currentConfiguration } from "../raft/state.ts";
import type { Configuration } from "../raft/types.ts";
import { isGone, memberOn } from "./members_view.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

/** The members among `machines`, once nothing is left to do in the configuration of whoever leads them; null before. */
export function settledAmong(machines: readonly SimMachine[]): SimMachine[] | null {
  const leader = machines.find(({ state }) => state?.role === "leader" && state.commitIndex >= state.ownTermIndex);
  if (leader?.state === null || leader?.state === undefined) return null;
  const configuration = currentConfiguration(leader.state);
  if (!isSettled(configuration) || configuration.index > leader.state.commitIndex) return null;
  return machines.filter((machine) => isNamed(machine, configuration));
}

/** Whether the directory on the machine is a member's. One that nobody has welcomed yet knows its own name and life alone. */
function isNamed(machine: SimMachine, configuration: Configuration): boolean {
  if (machine.number > 0) return memberOn(machine, configuration) !== null;
  return configuration.members.some(({ id, incarnation }) => id === machine.id && incarnation === machine.identity?.incarnation);
}

/**
 * Whether each that is no member any more knows it, if a member is left among those whom it knows. Of one whose entry was
 * cut it may not be certain yet: its number is still to be given.
 */
export function toldAmong(machines: readonly SimMachine[], members: readonly SimMachine[], cluster: SimCluster): boolean {
  return machines.every((machine) => {
    const { state, server } = machine;
    if (state === null || server === null || members.includes(machine) || !isGone(machine, cluster)) return true;
    const known = currentConfiguration(state);
    return (server.node.peers?.removed ?? "") !== "" || !members.some((member) => memberOn(member, known) !== null);
  });
}
