/**
 * MULTI, EXEC and WATCH as one entry of the log: the machine's `txn`, which compares the revisions of the watched keys,
 * runs all commands or none, and answers each.
 */
import type { Command } from "../../machine/machine.ts";
import type { Shape } from "./reply_queue.ts";
import type { Argument } from "./request_parser.ts";

/** As many as a `txn` takes. */
export const QUEUED_MAX = 1000;

/** A command between MULTI and EXEC. */
export interface Queued {
  readonly command: Command;
  readonly shape: Shape;
}

/** What stands between MULTI and EXEC. */
export class Transaction {
  readonly queued: Queued[] = [];
  /** Whether a command was refused when it was queued: then EXEC refuses all. */
  isSpoilt = false;

  /** The entry, with the revisions that watched keys had; 0 where there was no such key. */
  command(watched: ReadonlyMap<Argument, number>): Command {
    const comparisons = [...watched].map(([key, revision]) => ["revision", key, "=", revision]);
    return ["txn", comparisons, this.queued.map(({ command }) => command), []];
  }

  /** How the answer of that entry is shown: each command's in its own form, or nil if a watched key had changed. */
  shape(): Shape {
    const shapes = this.queued.map(({ shape }) => shape);
    return (writer, value) => {
      const { succeeded, results } = value as { readonly succeeded: boolean; readonly results: readonly unknown[] };
      if (!succeeded) return writer.nullArray();
      writer.array(results.length);
      for (const [at, result] of results.entries()) shapes[at]?.(writer, result);
    };
  }
}

/** The revision in the answer of `getrev`. */
export function revisionIn(answer: unknown): number {
  return Array.isArray(answer) ? Number(answer[1]) : 0;
}
