/** What an applier is made of. */
import type { GroupId } from "../raft/types.ts";
import type { AnyPlugin } from "./machine.ts";
import type { FaultLog } from "./machine_calls.ts";

/** What an applier is made of. */
export interface ApplierOptions {
  readonly plugin: AnyPlugin;
  readonly group: GroupId;
  /** The machine's own directory; see {@link CreateOptions}. */
  readonly directory: string;
  /** Hears of a machine that broke: where, and what it threw. */
  readonly log: FaultLog;
}
