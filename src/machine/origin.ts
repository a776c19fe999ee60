/**
 * How the state of a group began: from nothing, or from a backup. A state that was restored remembers the count of
 * entries that it was saved with: machines make revisions, tokens and names of an entry's index, so what they are shown
 * must go on where the backup ended, whatever the log of the new cluster has come to. Logs keep their own count.
 */
import type { Index, LogPoint } from "../raft/types.ts";

/** A restore that was carried through. */
export interface Restored {
  /** Of whoever asked for it: 32 hexadecimal digits. */
  readonly id: string;
  /** The entry of the log as of which the state is the backup's. */
  readonly index: Index;
  /** What the machine takes that entry for: the last one before the backup. */
  readonly machine: LogPoint;
}

/** How a state began. */
export interface Origin {
  /** Whether a command was applied, or a session opened. */
  readonly used: boolean;
  readonly restored: Restored | null;
}

/** Of a group that has applied nothing. */
export const UNUSED: Origin = { used: false, restored: null };

/** Of a state of which nobody said more: earlier releases did not. */
export const USED: Origin = { used: true, restored: null };

/** By how much the machine's count is ahead of the log's; below 0 if the log's is. */
export function shiftOf({ restored }: Origin): number {
  return restored === null ? 0 : restored.machine.index - restored.index;
}

/** A point of the log as the machine knows it. */
export function machinePointOf(origin: Origin, point: LogPoint): LogPoint {
  const { restored } = origin;
  if (restored !== null && restored.index === point.index) return restored.machine;
  return { ...point, index: point.index + shiftOf(origin) };
}
