/**
 * The newest changes as a snapshot carries them: pieces of CBOR, in the order of the changes, between those of the
 * sessions and those of the machine. A snapshot without such a piece is an earlier draft's: its history begins behind it.
 *
 * ```text
 * piece    [format 1, floor index, floor n, change, …]      the floor of the whole: who has heard less misses something
 * change   [index, n, key, kind, content]                   the n-th change of the entry `index`
 *          key: text; or a byte string, the key's 16-bit units, little-endian, if it is no Unicode
 *          kind 0: content is the value; 1: its CBOR, a byte string; 2: the key was deleted, content null
 * ```
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Index } from "../raft/types.ts";
import { behindEntry, changeBytes, type ChangeCursor, changeFrom, changeRow, type HeldChange } from "./change.ts";
import { ChangeHistory, type HistoryLimits } from "./change_history.ts";

const FORMAT = 1;

/** A piece ends with the change that takes it beyond so much. */
const PIECE_BYTES = 256 * 1024;

/** The history as it was when this was made, piece by piece, while it goes on. It begins at the cost of a list. */
export class ChangesSource {
  readonly #floor: ChangeCursor;
  #changes: readonly HeldChange[];
  #shown = 0;
  #begun = false;

  constructor(history: ChangeHistory) {
    this.#floor = history.floor;
    this.#changes = history.toArray();
  }

  /** The next piece, the caller's to keep, or null behind the last. */
  next(): Uint8Array | null {
    if (this.#begun && this.#shown === this.#changes.length) return null;
    this.#begun = true;
    const rows: unknown[] = [];
    for (let bytes = 0; this.#shown < this.#changes.length && bytes < PIECE_BYTES; this.#shown++) {
      const change = this.#changes[this.#shown]!;
      rows.push(changeRow(change));
      bytes += changeBytes(change.key, change.value);
    }
    return new Uint8Array(encode([FORMAT, this.#floor.index, this.#floor.n, ...rows]));
  }

  /** Nothing more of it is wanted. */
  close(): void {
    this.#changes = [];
    this.#shown = 0;
    this.#begun = true;
  }
}

/** Makes a history of the pieces that {@link ChangesSource} gave. */
export class ChangesTarget {
  /** What was added so far. */
  readonly history: ChangeHistory;
  #begun = false;

  /** @param index of the snapshot's last entry: behind it the history begins if there are no pieces */
  constructor(limits: HistoryLimits, index: Index) {
    this.history = new ChangeHistory(limits);
    this.history.restore(behindEntry(index));
  }

  /** @throws DraftError DAMAGED if the piece is of another format */
  add(piece: Uint8Array): void {
    const [format, index, n, ...rows] = decode(piece) as [unknown, number, number, ...unknown[]];
    if (format !== FORMAT) throw new DraftError("DAMAGED", `the changes of a snapshot are of format ${String(format)}, ${FORMAT} is known: run the release that wrote it`);
    if (!this.#begun) this.history.restore({ index, n });
    this.#begun = true;
    for (const row of rows) this.history.restoreChange(changeFrom(row));
  }
}
