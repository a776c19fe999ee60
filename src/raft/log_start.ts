/**
 * Where a log begins that no longer reaches back to its first entry, as the WAL keeps it beside the point, and as a witness
 * is told it.
 *
 * ```text
 * [log time in ms, configuration index, configuration (a byte string)]
 * ```
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration.ts";
import type { LogPoint, LogStart } from "./types.ts";

/** What the WAL keeps of `start` besides its point; the caller's to keep. */
export function encodeLogStart({ timeMs, configuration }: LogStart): Uint8Array {
  return new Uint8Array(encode([timeMs, configuration.index, encodeConfiguration(configuration)]));
}

/** @throws DraftError DAMAGED if it is not what `encodeLogStart` wrote */
export function decodeLogStart(point: LogPoint, context: Uint8Array): LogStart {
  const [timeMs, index, configuration] = (decode(context) ?? []) as readonly unknown[];
  if (!Number.isSafeInteger(timeMs) || !Number.isSafeInteger(index) || !(configuration instanceof Uint8Array)) {
    throw new DraftError("DAMAGED", `the log begins behind index ${point.index}, and what it says of all before cannot be read`);
  }
  return { point, timeMs: timeMs as number, configuration: decodeConfiguration(configuration, index as number) };
}
