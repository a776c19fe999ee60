/**
 * How all nodes of a cluster are: each that was named and each member of the newest configuration that any of them
 * knows is asked by itself, so that no leader is needed.
 */
import { DraftError } from "../base/errors.ts";
import type { Client } from "../client/client.ts";
import type { MemberList, NodeStatus } from "../net/client_answers.ts";

/** A member that does not answer. */
export interface UnreachableNode {
  readonly nodeId: string;
  readonly address: string;
  readonly unreachable: true;
}

export type NodeState = NodeStatus | UnreachableNode;

/** A node that does not answer for so long is shown as unreachable: whoever looks wants to see the others soon. */
const ANSWER_MS = 1500;

interface SurveyOptions {
  readonly group: string;
  readonly timeoutMs: number;
}

/**
 * Asks everybody. Sorted by id.
 *
 * @throws DraftError UNREACHABLE if nobody answers, WRONG_IDENTITY if two clusters do
 */
export async function survey(client: Client, { group, timeoutMs }: SurveyOptions): Promise<NodeState[]> {
  const options: SurveyOptions = { group, timeoutMs: Math.min(timeoutMs, ANSWER_MS) };
  const named = await Promise.all(client.addresses.map((address) => statusOf(client, address, options)));
  const statuses = named.filter((each) => each !== null);
  if (statuses.length === 0) {
    throw new DraftError("UNREACHABLE", `no node answers at ${client.addresses.join(", ")}: draft dev starts a cluster, -c names one`);
  }
  const answering = client.addresses.filter((_, i) => named[i] !== null);
  const lists = await Promise.all(answering.map((address) => membersOf(client, address, options)));
  const newest = lists.filter((each) => each !== null).sort((a, b) => b.index - a.index)[0];
  const found = new Map<string, NodeState>(statuses.map((status) => [status.nodeId, status]));
  const missing = (newest?.members ?? []).filter(({ id }) => !found.has(id));
  await Promise.all(missing.map(async ({ id, address }) => {
    const status = client.addresses.includes(address) ? null : await statusOf(client, address, options);
    found.set(id, status ?? { nodeId: id, address, unreachable: true });
  }));
  return [...found.values()].sort((a, b) => a.nodeId < b.nodeId ? -1 : 1);
}

async function statusOf(client: Client, address: string, options: SurveyOptions): Promise<NodeStatus | null> {
  try {
    return await client.status({ ...options, address });
  } catch (error) {
    if (error instanceof DraftError && error.code !== "WRONG_IDENTITY") return null;
    throw error;
  }
}

async function membersOf(client: Client, address: string, options: SurveyOptions): Promise<MemberList | null> {
  try {
    return await client.members({ ...options, address });
  } catch (error) {
    if (error instanceof DraftError && error.code !== "WRONG_IDENTITY") return null;
    throw error;
  }
}

/** What each node that answers said, and why others did not. */
export interface Asked<T> {
  readonly answers: readonly { readonly nodeId: string; readonly answer: T }[];
  readonly missing: readonly string[];
}

/**
 * Asks every node that can be reached something that each answers for itself.
 *
 * @throws DraftError if none answers
 */
export async function askEach<T>(client: Client, options: SurveyOptions, ask: (address: string) => Promise<T>): Promise<Asked<T>> {
  const answers: { nodeId: string; answer: T }[] = [];
  const missing: string[] = [];
  let failure: DraftError | null = null;
  for (const node of await survey(client, options)) {
    try {
      if ("unreachable" in node) missing.push(`${node.nodeId} does not answer`);
      else answers.push({ nodeId: node.nodeId, answer: await ask(node.address) });
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      missing.push(`${node.nodeId}: ${error.message}`);
      failure ??= error;
    }
  }
  if (answers.length === 0) throw failure ?? new DraftError("UNREACHABLE", `no node answers: ${missing.join(", ")}: draft admin states`);
  return { answers, missing };
}
