/** What a simulated node says of itself and of the members, as a client hears it. */
import { DraftError } from "../../src/base/errors.ts";
import type { MemberList, NodeStatus } from "../../src/net/client_answers.ts";
import type { SimNodes } from "./sim_nodes.ts";

export function statusOf(nodes: SimNodes, id: string): NodeStatus {
  let found: NodeStatus | null = null;
  nodes.node(id).server?.requests.status((status) => {
    if (!(status instanceof DraftError)) found = status;
  });
  nodes.until("a status", () => found !== null);
  return found as unknown as NodeStatus;
}

/** Its role in the group `main`; "" of one that does not run, or has none yet. */
export function roleOf(nodes: SimNodes, id: string): string {
  return nodes.node(id).server === null ? "" : (statusOf(nodes, id).groups[0]?.role ?? "");
}

/** @throws Error if the node knows no members */
export function membersAt(nodes: SimNodes, id: string): MemberList {
  let found: MemberList | DraftError | null = null;
  nodes.node(id).server?.requests.members("main", (list) => (found = list));
  if (found === null || (found as unknown) instanceof DraftError) throw new Error(`${id} knows no members`);
  return found as MemberList;
}

/** Names of the voters, as it knows them. */
export function votersAt(nodes: SimNodes, id: string): string[] {
  return membersAt(nodes, id).members.filter(({ role }) => role === "voter").map((member) => member.id);
}
