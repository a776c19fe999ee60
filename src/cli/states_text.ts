/** How the nodes of a cluster are, as a table for people. */
import type { NodeState } from "../gateway/survey.ts";
import { renderTable } from "./render.ts";

/** `states` as a table, for one group. */
export function statesText(states: readonly NodeState[], groupName: string): string {
  const head = ["NODE", "ADDRESS", "ROLE", "TERM", "LEADER", "COMMIT", "APPLIED", "LAST", "NOTE"];
  const versions = new Set(states.flatMap((state) => versionsOf(state, groupName)));
  return renderTable([head, ...states.map((state) => stateRow(state, groupName, versions.size > 1))]);
}

/** The versions in force and of the plugin, which are one number nearly always. */
function versionsOf(state: NodeState, groupName: string): number[] {
  const group = "unreachable" in state ? undefined : state.groups.find(({ name }) => name === groupName);
  // A witness has no machine.
  return group === undefined || group.role === "waiting" || group.machine === null ? [] : [group.machineVersion, group.machineVersionMax];
}

function stateRow(state: NodeState, groupName: string, showsVersions: boolean): string[] {
  if ("unreachable" in state) return [state.nodeId, state.address, "unreachable"];
  const group = state.groups.find(({ name }) => name === groupName);
  if (group === undefined) return [state.nodeId, state.address, `not in group ${groupName}`];
  const numbers = [group.commitIndex, group.appliedIndex, group.lastIndex].map(String);
  const notes = [
    ...(state.fenced ? ["fenced"] : []),
    ...(state.checks ?? []).flatMap(({ name, message }) => name.endsWith("machine") && message !== "" ? [`not ready: ${message}`] : []),
    ...(group.condition === null ? [] : [group.condition]),
    ...(group.machine === null ? ["keeps no data"] : showsVersions ? [`${group.machine} at version ${group.machineVersion}, can run ${group.machineVersionMax}`] : []),
    ...(group.voting || group.role === "learner" ? [] : ["no vote"]),
    ...(Array.isArray(state.alarms) ? state.alarms : []).map(({ code, message }) => `${code}: ${message}`),
  ];
  return [state.nodeId, state.address, group.role, String(group.term), group.leader?.id ?? "-", ...numbers, notes.join(", ")];
}
