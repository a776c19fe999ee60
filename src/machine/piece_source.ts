/**
 * The pieces of a machine's snapshot, encoded, for a caller that knows no promises. The first piece is pulled when the
 * snapshot begins, before the next apply; the others when the caller asks, while applies go on.
 */
import { encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { AnyPlugin, Base, Machine, StreamMachine } from "./machine.ts";

type Pieces = Iterator<unknown, void> | AsyncIterator<unknown, void>;
type Step = IteratorResult<unknown, void>;

/** A snapshot that is being taken. */
export class PieceSource {
  /** Whether the machine gives it in pieces; else it is one value. */
  readonly streamed: boolean;
  readonly #pieces: Pieces | null;
  readonly #name: string;
  /** What was pulled and not asked for yet. A promise, if the machine's iterator is asynchronous. */
  #ahead: Step | PromiseLike<Step> | null;
  #encoded: Uint8Array | null = null;

  /** @throws DraftError MACHINE_FAULT if the machine cannot say what it holds */
  constructor(plugin: AnyPlugin, machine: Base) {
    this.#name = plugin.name;
    try {
      const saved = (machine as Machine<unknown> | StreamMachine<unknown>).snapshot();
      this.streamed = isIterator(saved);
      this.#pieces = this.streamed ? (saved as Pieces) : null;
      this.#ahead = this.#pieces?.next() ?? { done: true, value: undefined };
      // A live value is as it is now only now; and so is a piece that is there already.
      if (this.#pieces === null) this.#encoded = copyOf(saved);
      else if (!isPromise(this.#ahead)) this.#encodeAhead(this.#ahead);
    } catch (thrown) {
      throw this.#fault(thrown);
    }
  }

  /**
   * The next piece as CBOR, the caller's to keep, or null behind the last.
   *
   * @param done told at once, or, where the machine's iterator is asynchronous, when its promise is settled
   */
  next(done: Done<Uint8Array | null>): void {
    if (this.#encoded !== null) {
      const bytes = this.#encoded;
      this.#encoded = null;
      return done(null, bytes);
    }
    const ahead = this.#ahead ?? this.#pull();
    this.#ahead = null;
    if (ahead instanceof DraftError) return done(ahead);
    if (!isPromise(ahead)) return this.#tell(ahead, done);
    ahead.then((step) => this.#tell(step, done), (thrown: unknown) => done(this.#fault(thrown)));
  }

  /** Ends it early: the machine keeps nothing for it any more. */
  close(): void {
    this.#encoded = null;
    const { return: end } = (this.#pieces ?? {}) as Partial<AsyncIterator<unknown, void>>;
    const ended = end?.call(this.#pieces);
    if (isPromise(ended)) ended.then(undefined, () => {});
  }

  #pull(): Step | PromiseLike<Step> | DraftError {
    try {
      return this.#pieces?.next() ?? { done: true, value: undefined };
    } catch (thrown) {
      return this.#fault(thrown);
    }
  }

  #tell(step: Step, done: Done<Uint8Array | null>): void {
    if (step.done === true) return done(null, null);
    let bytes: Uint8Array;
    try {
      bytes = copyOf(step.value);
    } catch (thrown) {
      return done(this.#fault(thrown));
    }
    done(null, bytes);
  }

  #encodeAhead(step: Step): void {
    if (step.done === true) return;
    this.#encoded = copyOf(step.value);
    this.#ahead = null;
  }

  #fault(thrown: unknown): DraftError {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    return new DraftError("MACHINE_FAULT", `snapshot() of the machine '${this.#name}' broke: ${text}`, { cause: thrown });
  }
}

function isIterator(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { next?: unknown }).next === "function";
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<T>).then === "function";
}

/** The encoder's buffer holds other things too, and a piece is kept while the disk is at work. */
function copyOf(value: unknown): Uint8Array {
  return new Uint8Array(encode(value));
}
