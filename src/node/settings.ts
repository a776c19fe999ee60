/**
 * What a node is told, checked and with units: the part of the configuration that the node itself uses.
 */
import type { SessionLimits } from "../machine/session_limits.ts";
import type { PeerProof } from "../net/peer_proof.ts";
import { MAIN_GROUP, type NodeId, type RaftConfig } from "../raft/types.ts";
import type { WalOptions } from "../wal/wal_options.ts";
import type { ScrubPolicy } from "./scrub.ts";
import type { FoundingNode, Identity } from "./identity.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export interface NodeSettings {
  readonly id: NodeId;
  /** `host:port` where others find this node. */
  readonly address: string;
  /** Found a cluster: alone (founders null) or with others. Null: wait to be added. */
  readonly founding: { readonly founders: readonly FoundingNode[] | null } | null;
  /** Where nodes of the cluster may be: asked to be let in by one that is in none, and for their whereabouts by a member. */
  readonly join: readonly string[];
  /** A node whose directory was lost asks by itself to be taken in again. */
  readonly autoRejoin: boolean;
  /** What nodes prove to each other that they know; null: nothing. */
  readonly peerSecret: Uint8Array | null;
  /** Whether nodes show each other certificates that name them. */
  readonly peerCertificates: boolean;
  /** See {@link Hello.priority}. */
  readonly priority: number;
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  readonly segmentBytes: number;
  readonly valueBytesMax: number;
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
  readonly tailBytesMax: number;
  /** A snapshot is taken once the log behind the last one has so many bytes, or entries. */
  readonly snapshotBytes: number;
  readonly snapshotEntries: number;
  /** Bytes of log that stay behind a snapshot. */
  readonly retainBytes: number;
  /** So fast closed files are read again, to find what rots; 0: they are not. */
  readonly scrubBytesPerSecond: number;
  readonly tuning: Tuning;
}

/** Limits and times that nobody has to set, and that a simulation makes small so that they are met. */
export interface Tuning {
  readonly core?: Partial<Pick<
    RaftConfig,
    "appendEntriesMax" | "appendBytesMax" | "inflightAppendsMax" | "inflightBytesMax" | "uncommittedBytesMax" | "pendingReadsMax"
    | "verdictEntries" | "verdictMs"
  >>;
  readonly wal?: Partial<Pick<WalOptions, "readyBytes" | "batchBytesMax" | "recordBytesMax" | "slabBytes" | "readBytes" | "markMs" | "reserveBytes">>;
  readonly snapshots?: Partial<SnapshotTuning>;
  /** See {@link ScrubPolicy}; an hour if nothing is said. */
  readonly scrubPassMs?: number;
  /** Log time in which a learner that is to vote must have caught up, else it stays one; ten minutes if nothing is said. */
  readonly promoteWithinMs?: number;
  /** The same on all members: they decide by it what is refused. */
  readonly sessions?: Partial<SessionLimits>;
}

/** How snapshots go from one member to another. */
export interface SnapshotTuning {
  /** Asked for, read and sent at a time. */
  readonly pieceBytes: number;
  /** Peers that one node serves at a time. */
  readonly servedMax: number;
  /** All that one node sends of snapshots, so that line and disk are left to the log. */
  readonly servedBytesPerSecond: number;
}

const SNAPSHOT_DEFAULTS: SnapshotTuning = { pieceBytes: 256 * KIB, servedMax: 2, servedBytesPerSecond: 64 * MIB };

/** What a frame holds besides a piece of a snapshot, at most. */
const PIECE_OVERHEAD_BYTES = 64;

/** How snapshots go from one member to another; a piece fits the frames that this node takes. */
export function snapshotTuning(settings: Pick<NodeSettings, "tuning" | "frameBytesMax">): SnapshotTuning {
  const tuning = { ...SNAPSHOT_DEFAULTS, ...settings.tuning.snapshots };
  return { ...tuning, pieceBytes: Math.min(tuning.pieceBytes, settings.frameBytesMax - PIECE_OVERHEAD_BYTES) };
}

const SCRUB_PASS_MS = 3_600_000;

/** How files are read again. */
export function scrubPolicy({ scrubBytesPerSecond, tuning }: Pick<NodeSettings, "scrubBytesPerSecond" | "tuning">): ScrubPolicy {
  return { bytesPerSecond: scrubBytesPerSecond, passMs: tuning.scrubPassMs ?? SCRUB_PASS_MS };
}

/** What an append message takes besides its entries, at most. */
const APPEND_OVERHEAD_BYTES = 4 * KIB;
const FRAME_ENTRY_BYTES_MAX = 8 * MIB;

/** Entries of one append message, at most, in bytes: each node of a cluster takes frames of the same size. */
export function frameEntryBytesMax(settings: Pick<NodeSettings, "frameBytesMax">): number {
  return Math.min(FRAME_ENTRY_BYTES_MAX, settings.frameBytesMax - APPEND_OVERHEAD_BYTES);
}

/** The core's configuration of the main group. */
export function raftConfig(
  settings: NodeSettings,
  identity: Pick<Identity, "memberNumber" | "incarnation" | "bootCount" | "promiseMaxMs" | "welcome">,
  seed: number,
): RaftConfig {
  return {
    group: MAIN_GROUP,
    self: identity.memberNumber,
    incarnation: identity.incarnation,
    bootId: identity.bootCount,
    witness: identity.welcome?.witness ?? false,
    heartbeatMs: settings.heartbeatMs,
    electionMinMs: settings.electionMinMs,
    electionMaxMs: settings.electionMaxMs,
    promisedMs: identity.promiseMaxMs,
    appendEntriesMax: 16_384,
    appendBytesMax: Math.min(MIB, frameEntryBytesMax(settings)),
    inflightAppendsMax: 256,
    inflightBytesMax: 32 * MIB,
    uncommittedBytesMax: settings.queueBytesMax,
    retainBytes: settings.retainBytes,
    pendingReadsMax: 65_536,
    verdictEntries: 4096,
    verdictMs: 10_000,
    seed,
    ...settings.tuning.core,
  };
}

/** How peers prove who they are to this node. */
export function peerProof({ peerSecret, peerCertificates }: NodeSettings): PeerProof {
  return { secret: peerSecret, certificates: peerCertificates };
}
