/** What a WAL is told once: sizes, times, and who hears of trouble. */
import type { LogDamage } from "./damage.ts";
import type { Space } from "./disk_space.ts";

export interface WalOptions {
  /** Size of a segment; one is larger if its first batch needs more. */
  readonly segmentBytes: number;
  /** Filled with zeros before the WAL is ready; the rest follows in the background. */
  readonly readyBytes: number;
  /** A batch is at most so long, but for a single record. */
  readonly batchBytesMax: number;
  /** A run is split so that no record is longer, but for a single entry. */
  readonly recordBytesMax: number;
  /** Runs are written into memory that is allocated so much at a time. */
  readonly slabBytes: number;
  /** Read at a time when the log is read at the start. */
  readonly readBytes: number;
  /** A batch that no later one vouches for is vouched for by the mark file after so long: with the write, within a second. */
  readonly markMs: number;
  /** Without progress for so long, a batch in flight counts as stalled. */
  readonly stallMs: number;
  /**
   * Kept on the disk for the day on which it is full; and the disk counts as full when so little is free besides. 0: neither.
   */
  readonly reserveBytes: number;
  /** A full disk is tried again so often. */
  readonly retryMs: number;
  /** Between two pieces of the log that are copied so that an old segment can go. */
  readonly relocateMs: number;
  /** Whether old segments are freed. Not while a log is edited: what an edit removes must be there for its undo. */
  readonly compacts: boolean;
  /**
   * Where the log is damaged: what it lost. The WAL opens then all the same, with what is missing absent, to be stored
   * again; unless a hard state may be lost, or nobody listens.
   */
  readonly onDamage?: (damage: LogDamage) => void;
  /** A write or sync failed: the WAL tells no completion any more. Called once. */
  readonly onFailure: (error: Error) => void;
  /** The batch in flight made no progress for `stallMs` (true), once a stall; then that it did (false). */
  readonly onStall: (isStalled: boolean) => void;
  /** How much room there is on the disk; told when it changes, ample at first. */
  readonly onSpace: (space: Space) => void;
}

const MIB = 1_048_576;

/** Sizes and times that are used where nothing else is said. */
export const WAL_DEFAULTS: Omit<WalOptions, "onFailure" | "onStall" | "onSpace"> = {
  segmentBytes: 64 * MIB,
  readyBytes: 4 * MIB,
  batchBytesMax: 8 * MIB,
  recordBytesMax: 16 * MIB,
  slabBytes: MIB / 4,
  readBytes: 4 * MIB,
  markMs: 900,
  stallMs: 600,
  retryMs: 1_000,
  relocateMs: 10,
  reserveBytes: 0,
  compacts: true,
};
