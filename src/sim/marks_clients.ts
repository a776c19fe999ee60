/** Marks of what clients are told. */
import { DraftError } from "../base/errors.ts";
import { ANY_MEMBER } from "./line.ts";
import type { ClientOperation } from "./property.ts";

/** How a request may end. */
export const CLIENT_MARKS = [
  "client: written", "client: read", "client: read stale", "client: gave up", "client: NO_LEADER", "client: BUSY", "client: LOST, unknown",
  "client: LOST, not done", "client: TIMEOUT, unknown", "client: TIMEOUT, not done", "client: UNREACHABLE", "client: STOPPING",
  "client: DISK_FULL", "client: CONFLICT",
  "library: written", "library: read", "library: not done", "library: unknown",
  "watch: heard", "watch: resumed", "watch: none holds it",
] as const;

/** One of them. */
export type ClientMark = (typeof CLIENT_MARKS)[number];

const BY_CODE: Readonly<Record<string, ClientMark>> = {
  "NO_LEADER not-done": "client: NO_LEADER",
  "BUSY not-done": "client: BUSY",
  "LOST unknown": "client: LOST, unknown",
  "LOST not-done": "client: LOST, not done",
  "TIMEOUT unknown": "client: TIMEOUT, unknown",
  "TIMEOUT not-done": "client: TIMEOUT, not done",
  "UNREACHABLE not-done": "client: UNREACHABLE",
  "STOPPING not-done": "client: STOPPING",
  "DISK_FULL not-done": "client: DISK_FULL",
  "CONFLICT not-done": "client: CONFLICT",
};

/** Notes how a request ended. */
export function markAnswer({ answer, read, member }: ClientOperation, note: (mark: ClientMark) => void): void {
  if (member === ANY_MEMBER) {
    if (!(answer instanceof DraftError)) note(read === null ? "library: written" : "library: read");
    else note(answer.outcome === "unknown" ? "library: unknown" : "library: not done");
  }
  if (answer instanceof DraftError) {
    const mark = BY_CODE[`${answer.code} ${answer.outcome}`];
    if (mark !== undefined) note(mark);
  } else if (read === null) note("client: written");
  else note(read.level === "stale" ? "client: read stale" : "client: read");
}
