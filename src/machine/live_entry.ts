/**
 * The one entry object of an applier: filled anew for each entry, so that applying allocates nothing. What a machine
 * does to it outside its own turn is refused, since it would change the replica at a moment that the log does not name.
 */
import { DraftError } from "../base/errors.ts";
import type { EntryHead } from "../base/entry.ts";
import { nextFloat, seedRandom } from "../base/random.ts";
import type { RandomState } from "../base/random.ts";
import { foldBits, foldCount, foldText, foldValue } from "./digest.ts";
import type { Entry } from "./machine.ts";

/** An {@link Entry} with the applier's side of it. */
export class LiveEntry implements Entry {
  index = 0;
  term = 0;
  timeMs = 0;
  version = 1;
  session: string | null = null;
  /** Running digest over (index, emitted changes, answer) of all entries applied. */
  digest = 0;
  #open = false;
  #group = 0;
  #random: RandomState | null = null;
  #refusals: Error[] = [];

  /** Makes this the entry of `head`, at log time `timeMs`. */
  begin(head: EntryHead, timeMs: number): void {
    this.index = head.index;
    this.term = head.term;
    this.timeMs = timeMs;
    this.session = null;
    this.digest = foldCount(this.digest, head.index);
    this.#group = head.group;
    this.#random = null;
    if (this.#refusals.length > 0) this.#refusals = [];
    this.#open = true;
  }

  /** The entry is over. */
  end(): void {
    this.#open = false;
  }

  /** Whether `thrown` was made by `reject` during this entry. */
  refused(thrown: unknown): thrown is DraftError {
    return this.#refusals.includes(thrown as Error);
  }

  // These three are bound, since machines take them apart: `apply(command, { emit, reject })`.

  readonly random = (): number => {
    this.#mustBeOpen("random");
    if (this.#random === null) {
      const low = foldCount(foldCount(foldCount(0, this.#group), this.index), this.term) >>> 0;
      this.#random = seedRandom((foldBits(low, 1) & 0x1fffff) * 2 ** 32 + low);
    }
    return nextFloat(this.#random);
  };

  readonly emit = (key: string, value?: unknown): void => {
    this.#mustBeOpen("emit");
    if (typeof key !== "string") throw new TypeError(`emit wants a text for a key, not a ${typeof key}`);
    this.digest = foldValue(foldText(this.digest, key), value);
  };

  readonly reject = (message: string, code: "REJECTED" | "CONFLICT" = "REJECTED"): Error => {
    this.#mustBeOpen("reject");
    const refusal = new DraftError(code === "CONFLICT" ? "CONFLICT" : "REJECTED", String(message));
    this.#refusals.push(refusal);
    return refusal;
  };

  #mustBeOpen(method: string): void {
    if (!this.#open) throw new Error(`entry.${method} was called after the entry was applied`);
  }
}
