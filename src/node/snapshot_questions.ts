/**
 * What is said on a snapshot connection. Each question says all that its answer needs, so that the side that serves
 * keeps nothing of who asked for what, and a transfer goes on over another connection, or from another member.
 *
 * ```text
 * ["which", group, index]                        a snapshot of `index` or later
 *   [index, term, bytes, sum]                    the newest: its last entry, the length of its file, the sum it ends with
 * ["piece", group, index, term, offset, length]  part of the file of that snapshot
 *   [bytes]                                      exactly so many
 * ["entries", group, from, to]                   of the log, for a member whose own is damaged
 *   [run, begin, last]                           sealed entries from `from` on, none behind `to`, as many as fit a piece but one at
 *                                                least; empty: not here. It begins behind `begin`, and ends with `last`
 * ```
 */
import { bytesOf, refused, textOf, tupleOf, wholeOf } from "../net/tuple.ts";
import type { GroupId, Index } from "../raft/types.ts";
import type { FetchingName, SnapshotName } from "../wal/snapshot_directory.ts";

/** No piece is longer, whatever was asked for. */
export const PIECE_BYTES_MAX = 262_144;

const U32_MAX = 2 ** 32 - 1;

export type SnapshotQuestion =
  | { readonly type: "which"; readonly group: GroupId; readonly index: Index }
  | { readonly type: "piece"; readonly group: GroupId; readonly name: SnapshotName; readonly offset: number; readonly length: number }
  | { readonly type: "entries"; readonly group: GroupId; readonly from: Index; readonly to: Index };

/** The question as a tuple. */
export function questionTuple(question: SnapshotQuestion): readonly unknown[] {
  if (question.type === "which") return ["which", question.group, question.index];
  if (question.type === "entries") return ["entries", question.group, question.from, question.to];
  const { group, name, offset, length } = question;
  return ["piece", group, name.index, name.term, offset, length];
}

/** Reads a question. @throws DraftError BAD_REQUEST */
export function readQuestion(tuple: readonly unknown[]): SnapshotQuestion {
  const type = textOf(tuple[0], "question", 16);
  if (type === "which") {
    tupleOf(tuple, 3, "question");
    return { type, group: wholeOf(tuple[1], "group"), index: wholeOf(tuple[2], "index") };
  }
  if (type === "entries") {
    tupleOf(tuple, 4, "question");
    return { type, group: wholeOf(tuple[1], "group"), from: wholeOf(tuple[2], "from"), to: wholeOf(tuple[3], "to") };
  }
  if (type !== "piece") throw refused("question", `which, piece or entries, not '${type}'`);
  tupleOf(tuple, 6, "question");
  const length = wholeOf(tuple[5], "length", PIECE_BYTES_MAX);
  if (length === 0) throw refused("length", "at least 1");
  return {
    type, group: wholeOf(tuple[1], "group"), name: { index: wholeOf(tuple[2], "index"), term: wholeOf(tuple[3], "term") },
    offset: wholeOf(tuple[4], "offset"), length,
  };
}

/** What is there, as an answer. */
export function whichTuple({ index, term, bytes, sum }: FetchingName): readonly unknown[] {
  return [index, term, bytes, sum];
}

/** Reads the answer to `which`. @throws DraftError BAD_REQUEST if it is none, or of an earlier entry than was asked for */
export function readWhich(tuple: readonly unknown[], asked: Index): FetchingName {
  tupleOf(tuple, 4, "snapshot");
  const index = wholeOf(tuple[0], "index");
  if (index < asked) throw refused("index", `${asked} or later, not ${index}`);
  return { index, term: wholeOf(tuple[1], "term"), bytes: wholeOf(tuple[2], "bytes"), sum: wholeOf(tuple[3], "sum", U32_MAX) };
}

/** What a member's log holds of the entries that it was asked for. */
export interface EntriesHere {
  /** Sealed entries, nothing of which was verified; empty if they are not there. */
  readonly run: Uint8Array;
  /** The log begins behind that index, and ends with this one. */
  readonly begin: Index;
  readonly last: Index;
}

/** Reads the answer to `entries`. @throws DraftError BAD_REQUEST if it is none */
export function readEntriesHere(tuple: readonly unknown[]): EntriesHere {
  tupleOf(tuple, 3, "entries");
  return { run: bytesOf(tuple[0], "run"), begin: wholeOf(tuple[1], "begin"), last: wholeOf(tuple[2], "last") };
}

/** Reads the answer to `piece`. @throws DraftError BAD_REQUEST if it is not of `length` bytes */
export function readPiece(tuple: readonly unknown[], length: number): Uint8Array {
  const bytes = bytesOf(tuple[0], "piece");
  if (bytes.length !== length) throw refused("piece", `${length} bytes, not ${bytes.length}`);
  return bytes;
}
