/**
 * What a group needs of the WAL and of the links, so that it can be tested without either.
 */
import type { Message } from "../raft/message.ts";
import type { MemberNumber } from "../raft/types.ts";
import type { Wal } from "../wal/wal.ts";

/** The log of all groups, as one group uses it. */
export type GroupLog = Pick<
  Wal,
  "reserve" | "appendEntries" | "appendHardState" | "committed" | "appendTruncate" | "appendSnapshotMark" | "appendCompact" | "appendEdit" | "barrier" | "read" | "giveReserve"
>;

/** The links to the other members. */
export interface Outbox {
  /** Sends `message`; the entries of an append are the sealed bytes in `runs`. */
  send(to: MemberNumber, message: Message, runs: readonly Uint8Array[]): void;
}
