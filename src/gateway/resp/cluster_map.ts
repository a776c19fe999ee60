/**
 * The cluster as Redis's clients know clusters: one range of all slots, owned by the leader, with the other nodes as its
 * replicas. Who asks for it goes to the leader himself, and is told when that is another one.
 */
import { parseAddress } from "../../base/address.ts";
import { DraftError } from "../../base/errors.ts";
import type { Clock } from "../../host/host.ts";
import type { NodeApi } from "../../node/node_api.ts";

/** Slots of a cluster. */
export const SLOTS = 16_384;

/** Redis's ids of nodes have so many hexadecimal digits; an incarnation, which is drawn at random once, has fewer. */
const ID_DIGITS = 40;

/** While nobody leads it is asked again as often, for so long; then a client does better to ask another node. */
const RETRY_MS = 20;
const WAIT_MS = 700;

/** One node of the cluster. */
export interface ClusterNode {
  /** 40 hexadecimal digits, the same whoever tells them. */
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly isLeader: boolean;
  readonly isReachable: boolean;
  /** Whether it is the one that is asked. */
  readonly isHere: boolean;
}

/** The nodes that hold the state of `group`, the leader first; an error if nobody leads, or none is known. */
export function clusterNodes({ api, clock }: { readonly api: NodeApi; readonly clock: Clock }, group: string, done: (nodes: readonly ClusterNode[] | DraftError) => void): void {
  const untilMs = clock.monotonicMs() + WAIT_MS;
  const ask = (): void => {
    const leader = api.leaderOf(group);
    if (leader === null) {
      if (clock.monotonicMs() < untilMs) clock.setTimer(RETRY_MS, ask);
      else done(new DraftError("NO_LEADER", "nobody leads, for now"));
      return;
    }
    api.members(group, (list) => {
      if (list instanceof DraftError) return done(list);
      const here = api.identity().nodeId;
      const nodes = list.members.filter(({ role }) => role !== "witness").map(({ id, address, incarnation, reachable }) => ({
        id: incarnation.padStart(ID_DIGITS, "0"), name: id, ...parseAddress(address), isLeader: id === leader.id, isReachable: reachable || id === here, isHere: id === here,
      }));
      done([...nodes.filter(({ isLeader }) => isLeader), ...nodes.filter(({ isLeader }) => !isLeader)]);
    });
  };
  ask();
}

/** Where a command for `key` has to go, if not here; null if it may be answered here, or nobody knows. */
export function movedLine(api: NodeApi, group: string, key: unknown): string | null {
  const leader = api.leaderOf(group);
  if (leader === null || api.leads(group)) return null;
  const bytes = key instanceof Uint8Array ? key : new TextEncoder().encode(typeof key === "string" ? key : "");
  return `MOVED ${slotOf(bytes)} ${leader.address}`;
}

/** The slot of a key, or of what stands between its first braces: CRC-16/XMODEM, as in Redis's specification of clusters. */
export function slotOf(key: Uint8Array): number {
  const open = key.indexOf(0x7b);
  const close = open < 0 ? -1 : key.indexOf(0x7d, open + 1);
  const tag = close > open + 1 ? key.subarray(open + 1, close) : key;
  let crc = 0;
  for (const byte of tag) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc % SLOTS;
}
