/**
 * What a node is told, checked and with units: the part of the configuration that the node itself uses.
 */
import type { BootId, Incarnation, MemberNumber, NodeId, RaftConfig } from "../raft/types.ts";
import { MAIN_GROUP } from "../raft/types.ts";
import type { Founder } from "./founding.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export interface NodeSettings {
  readonly id: NodeId;
  /** `host:port` where others find this node. */
  readonly address: string;
  /** Found a cluster: alone (founders null) or with others. Null: wait to be added. */
  readonly founding: { readonly founders: readonly Founder[] | null } | null;
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  readonly segmentBytes: number;
  readonly valueBytesMax: number;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  readonly tailBytesMax: number;
}

/** The core's configuration of the main group. */
export function raftConfig(
  settings: NodeSettings,
  identity: { readonly memberNumber: MemberNumber; readonly incarnation: Incarnation; readonly bootId: BootId },
  seed: number,
): RaftConfig {
  return {
    group: MAIN_GROUP,
    self: identity.memberNumber,
    incarnation: identity.incarnation,
    bootId: identity.bootId,
    heartbeatMs: settings.heartbeatMs,
    electionMinMs: settings.electionMinMs,
    electionMaxMs: settings.electionMaxMs,
    appendEntriesMax: 16_384,
    appendBytesMax: MIB,
    inflightAppendsMax: 256,
    inflightBytesMax: 32 * MIB,
    uncommittedBytesMax: settings.queueBytesMax,
    pendingReadsMax: 65_536,
    seed,
  };
}
