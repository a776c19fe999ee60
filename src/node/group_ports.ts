/**
 * What a group needs of the WAL and of the links, so that it can be tested without either.
 */
import type { Done } from "../base/task.ts";
import type { Message } from "../raft/message.ts";
import type { GroupId, HardState, Index, MemberNumber } from "../raft/types.ts";

/** The log of all groups, as one group uses it. Records count in the order in which they were added. */
export interface GroupLog {
  /** Room for sealed entries that will be appended as one record. */
  reserve(bytes: number): Uint8Array;
  /** `run`: sealed entries one behind the other, at the start of what `reserve` gave. */
  appendEntries(group: GroupId, firstIndex: Index, count: number, run: Uint8Array): void;
  appendHardState(group: GroupId, hardState: HardState): void;
  appendTruncate(group: GroupId, from: Index): void;
  /** Calls `done` when everything added so far is durable. */
  barrier(done: () => void): void;
  /** Sealed entries from `from` on, through `to` at most and about `bytesMax` bytes, one entry at least. */
  read(group: GroupId, from: Index, to: Index, bytesMax: number, done: Done<Uint8Array[]>): void;
}

/** The links to the other members. */
export interface Outbox {
  /** Sends `message`; the entries of an append are the sealed bytes in `runs`. */
  send(to: MemberNumber, message: Message, runs: readonly Uint8Array[]): void;
}
