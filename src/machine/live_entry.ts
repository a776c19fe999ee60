/**
 * The one entry object of an applier: filled anew for each entry, so that applying allocates nothing. What a machine
 * does to it outside its own turn is refused, since it would change the replica at a moment that the log does not name.
 */
import { DraftError } from "../base/errors.ts";
import type { EntryHead } from "../base/entry.ts";
import { nextFloat, type RandomState, seedRandom } from "../base/random.ts";
import { foldArgument, foldBits, foldCleared, foldCount, foldText, foldValue } from "./digest.ts";
import type { Cleared, ClearingEntry } from "./table_cleared.ts";
import { Told, type UndoingEntry } from "./told.ts";

const NONE: readonly unknown[] = [];

/** Commands of more items are folded by content alone. */
const ARGUMENTS_MAX = 8;

/** Shorter texts are folded in no time. */
const LONG_TEXT = 16;

/** An {@link Entry} with the applier's side of it. */
export class LiveEntry implements ClearingEntry, UndoingEntry {
  index = 0;
  term = 0;
  timeMs = 0;
  version = 1;
  session: string | null = null;
  /** By how much the machine's count of entries is ahead of the log's (origin.ts). */
  shift = 0;
  /** Running digest over (index, payload, emitted changes, answer) of all entries applied. */
  digest = 0;
  /** What it emitted, until the next entry. */
  readonly told: Told = new Told();
  /** Use: arguments that emitted texts are compared with. Invariant: a copy, for the machine may change its own. */
  #arguments: readonly unknown[] = NONE;
  #open = false;
  #group = 0;
  #random: RandomState | null = null;
  #refusals: Error[] = [];
  /** Use: of an entry that is run with others, what it emitted, to be folded in its turn; null of any other. */
  #emitted: ([key: string, value: unknown] | Cleared)[] | null = null;

  /** Makes this the entry of `head`, at log time `timeMs`. */
  begin(head: EntryHead, timeMs: number): void {
    this.index = head.index + this.shift;
    this.term = head.term;
    this.timeMs = timeMs;
    this.session = null;
    this.#arguments = NONE;
    this.digest = foldBits(foldCount(this.digest, head.index), head.payloadSum);
    this.#group = head.group;
    this.#random = null;
    if (this.#refusals.length > 0) this.#refusals = [];
    this.told.clear();
    this.#open = true;
  }

  /** Makes this the entry of `head` for a machine that runs it with others: its own digest says nothing. */
  record(head: EntryHead, timeMs: number, { version, shift }: { readonly version: number; readonly shift: number }): void {
    this.shift = shift;
    this.begin(head, timeMs);
    this.version = version;
    this.#emitted = [];
  }

  /** Takes over what was said to `recorded`, which bears the same head. */
  adopt(recorded: LiveEntry): void {
    this.#arguments = recorded.#arguments;
    this.#refusals = recorded.#refusals;
    for (const emitted of recorded.#emitted ?? []) {
      if (Array.isArray(emitted)) this.emit(...emitted);
      else this.emitCleared(emitted);
    }
    // What its machine undid counts for the digest, as it does of an entry that is run alone, and is told to nobody.
    this.told.become(recorded.told);
  }

  /** The replica goes on from a snapshot that was taken with this digest, at this machine version. */
  restore(digest: number, version: number): void {
    this.digest = digest | 0;
    this.version = version;
  }

  /** The entry is not applied again: behind it the digest was this. */
  recalled(digest: number): void {
    this.digest = digest;
    this.#open = false;
  }

  /** The command that the entry holds. Of a long one every emitted text would be looked for in vain, or late. */
  holds(command: readonly unknown[]): void {
    if (command.length <= ARGUMENTS_MAX) this.#arguments = command.slice();
  }

  /**
   * Folds what the entry is answered with; of our own errors only the code, since another release may word them otherwise.
   *
   * @throws TypeError or RangeError if it cannot be sent
   */
  foldAnswer(answer: unknown): void {
    if (!(answer instanceof DraftError)) {
      this.digest = foldValue(this.digest, answer);
      return;
    }
    this.digest = foldText(this.digest, answer.code);
    if (this.refused(answer)) this.digest = foldText(this.digest, answer.message);
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
    if (this.#emitted !== null) {
      // What cannot be sent is refused now, and what is changed later was emitted as it is.
      foldValue(0, value);
      this.#emitted.push([key, typeof value === "object" ? structuredClone(value) : value]);
      this.told.add(key, value);
      return;
    }
    const digest = foldText(this.digest, key);
    const argument = typeof value === "string" && value.length >= LONG_TEXT ? this.#arguments.indexOf(value) : -1;
    // A text that is an argument is folded as which it is: the payload's sum has its content.
    this.digest = argument < 0 ? foldValue(digest, value) : foldArgument(digest, argument);
    this.told.add(key, value);
  };

  /** Tells of keys that a table's `clear` took away, for the digest without a look at each: size and sum say what was there. */
  emitCleared(cleared: Cleared): void {
    this.#mustBeOpen("emitCleared");
    if (this.#emitted !== null) {
      this.#emitted.push(cleared);
      this.told.addGone(cleared.size, cleared);
      return;
    }
    this.digest = foldCleared(this.digest, cleared.size, cleared.sum);
    this.told.addGone(cleared.size, cleared);
  }

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
