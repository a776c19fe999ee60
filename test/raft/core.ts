/** One member of a cluster of bare cores, and what its snapshots need of the cluster. */
import type { RandomState } from "../../src/base/random.ts";
import type { Effect, EventBody } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";
import type { HardState, LogEntry, LogStart } from "../../src/raft/types.ts";
import type { Scheduler } from "../../src/sim/scheduler.ts";

/** What the "disk" of one member holds. Where entries left the log there are holes. */
export interface DurableLog {
  hardState: HardState;
  entries: LogEntry[];
  start: LogStart | null;
  snapshot: LogStart | null;
}

export interface Core {
  readonly number: number;
  state: RaftState;
  up: boolean;
  boot: number;
  /** All entries in memory, by index - 1; the sealed bytes that a real group would hold. */
  log: LogEntry[];
  durable: DurableLog;
  applied: LogEntry[];
  answered: Map<number, number>;
  failed: Set<number>;
  epoch: number;
  timer: { cancel(): void } | null;
}

/** The cluster, as far as snapshots go. */
export interface SnapshotRig {
  readonly options: { readonly snapshotEntries: number; readonly fetchMs: readonly [number, number]; readonly lossPercent: number };
  readonly scheduler: Scheduler;
  readonly random: RandomState;
  readonly cut: ReadonlySet<string>;
  readonly committedEntries: readonly LogEntry[];
  installs: number;
  core(number: number): Core;
  event(core: Core, body: EventBody): readonly Effect[];
  onDisk(core: Core, work: () => void): void;
  wakeAtMs(core: Core): number | null;
}
