/** A snapshot that is taken while entries are applied, as a node takes it: what it shows must be the state at its beginning. */
import { DraftError } from "../../base/errors.ts";
import { type MachineCopy, pieceOf, piecesOf, type Saved } from "./copy.ts";
import { differenceOf } from "./difference.ts";
import { type Problem, problems } from "./finding.ts";

/** Makes a machine without entries. */
type Make = () => MachineCopy;

/** A snapshot that was begun. */
export class SlowSnapshot {
  readonly #make: Make;
  readonly #begun: Saved["begun"];
  /** The same state, saved at once. */
  readonly #reference: Saved;
  readonly #pieces: Uint8Array[] = [];
  #operation: string;
  #isOver = false;

  /**
   * @param copy whose snapshot begins now
   * @param reference the state of another copy that is at the same entry
   * @param operation the last write
   */
  constructor(copy: MachineCopy, reference: Saved, operation: string, make: Make) {
    this.#make = make;
    this.#reference = reference;
    this.#operation = operation;
    this.#begun = copy.begin();
  }

  /** A write was applied: takes one piece more. */
  async take(operation: string): Promise<void> {
    this.#operation = operation;
    if (this.#isOver) return;
    const piece = await pieceOf(this.#begun.pieces);
    if (piece === null) this.#isOver = true;
    else this.#pieces.push(piece);
  }

  /** Takes the rest, and compares what it makes with what the snapshot makes that was taken at once. */
  async finish(): Promise<Problem | null> {
    try {
      if (!this.#isOver) this.#pieces.push(...await piecesOf(this.#begun.pieces));
      this.#isOver = true;
      const wanted = await this.#restored(this.#reference);
      const what = differenceOf(wanted, await this.#restored({ begun: this.#begun, pieces: this.#pieces }));
      return what === null ? null : problems.live(this.#operation, `what it restores differs from the state at its beginning in ${what}`);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      return problems.live(this.#operation, error.message);
    }
  }

  /** Whoever takes snapshots ends them. */
  close(): void {
    this.#begun.pieces.close();
  }

  async #restored(saved: Saved): Promise<Awaited<ReturnType<MachineCopy["look"]>>> {
    const copy = this.#make();
    try {
      await copy.restore(saved);
      return await copy.look();
    } finally {
      await copy.close();
    }
  }
}
