/** How the state of a group begins: what is known of that, and what came of a backup that it is to be made from. */
import { EntryKind } from "../base/entry.ts";
import type { DraftError } from "../base/errors.ts";
import type { Index } from "../raft/types.ts";
import { BackupPieces, type RestoreWanted } from "./backup_pieces.ts";
import { type Origin, shiftOf, UNUSED } from "./origin.ts";

/** A part of the replicated state: it follows from the log alone. */
export class Beginning {
  #origin: Origin = UNUSED;
  #shift = 0;
  readonly #pieces: BackupPieces = new BackupPieces();

  get origin(): Origin {
    return this.#origin;
  }

  /** By how much the machine's count of entries is ahead of the log's. */
  get shift(): number {
    return this.#shift;
  }

  /** Whether pieces of a backup wait in the log for the rest: no snapshot may take their place. */
  get isGathering(): boolean {
    return this.#pieces.isGathering;
  }

  /** What machine and clients call the entry at `index` of the log. */
  shown(index: Index): Index {
    return index + this.#shift;
  }

  /** The state began so. */
  is(origin: Origin): void {
    this.#origin = origin;
    this.#shift = shiftOf(origin);
    this.#pieces.forget();
  }

  /** The log time at which a backup that nobody sends on is given up; null if none is. */
  get givenUpAtMs(): number | null {
    return this.#pieces.givenUpAtMs;
  }

  /** An entry of this kind and log time is applied. */
  applies(kind: number, timeMs: number): void {
    this.#pieces.passes(timeMs);
    if (this.#origin.used || (kind !== EntryKind.command && kind !== EntryKind.session)) return;
    this.#origin = { ...this.#origin, used: true };
    this.#pieces.forget();
  }

  /** A piece of a backup is applied: what the entry is answered with. @throws DraftError COMPACTED if it completes it */
  add(payload: Uint8Array, index: Index): { readonly sequence: number; readonly bytes: number } | DraftError {
    return this.#pieces.add(payload, index, this.#origin);
  }

  /** What the entry with this payload completes; null if it is to be applied as any other. */
  completedBy(payload: Uint8Array): RestoreWanted | null {
    return this.#pieces.completedBy(payload, this.#origin);
  }

  /** The backup cannot be taken: the entry that completes it is answered with `why`. */
  refuse(why: DraftError): void {
    this.#pieces.refusal = why;
  }
}
