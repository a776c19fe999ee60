/**
 * Hands the pieces of a snapshot to a machine that is restored, one by one, for a caller that knows no promises. The
 * machine asks for the next piece; the caller brings it, and is told when another one is wanted.
 */
import { decode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { AnyPlugin, Base, Machine, StreamMachine } from "./machine.ts";

/** How a machine is restored. */
export interface RestoreOptions {
  readonly plugin: AnyPlugin;
  readonly machine: Base;
  /** Whether the snapshot was taken in pieces. */
  readonly streamed: boolean;
  /** The machine version that it was taken at. */
  readonly version: number;
  /** A promise was resolved: what follows from it happens before anything else should. */
  readonly promised: () => void;
}

type Wish = (step: IteratorResult<unknown, undefined>) => void;

/** A machine that is being restored. */
export class PieceTarget {
  readonly #options: RestoreOptions;
  /** Use: the machine waits for a piece. */
  #wish: Wish | null = null;
  /** Use: the caller waits until a piece is wanted, or until the machine is done. */
  #waiting: Done<void> | null = null;
  #over: { readonly error: Error | null } | null = null;
  #hasEnded = false;
  /** Of a snapshot that is one value. */
  #values: unknown[] = [];

  constructor(options: RestoreOptions) {
    this.#options = options;
    if (!options.streamed) return;
    try {
      const machine = options.machine as StreamMachine<unknown>;
      const restored = machine.restore(this.#pieces(), options.version) as unknown as PromiseLike<void> | undefined;
      if (typeof restored?.then !== "function") throw new TypeError("restore() of pieces must return a promise");
      restored.then(() => this.#end(null), (thrown: unknown) => this.#end(this.#fault(thrown)));
    } catch (thrown) {
      this.#end(this.#fault(thrown));
    }
  }

  /** Brings the next piece, CBOR; `done` is told once the machine took it, or why it goes no further. */
  push(bytes: Uint8Array, done: Done<void>): void {
    if (this.#options.streamed) return this.#grant({ done: false, value: decode(bytes) }, done);
    this.#values.push(decode(bytes));
    done(null, undefined);
  }

  /** There are no more pieces; `done` is told when the machine is restored, or why it is not. */
  end(done: Done<void>): void {
    if (!this.#options.streamed) return this.#restoreValue(done);
    this.#grant({ done: true, value: undefined }, (...[error]) => {
      if (error === null) this.#wait(done);
      else done(error);
    });
  }

  #restoreValue(done: Done<void>): void {
    const { machine, version } = this.#options;
    const values = this.#values;
    this.#values = [];
    try {
      if (values.length !== 1) throw new TypeError(`a snapshot that is one value has one piece, not ${values.length}`);
      (machine as Machine<unknown>).restore(values[0], version);
    } catch (thrown) {
      return done(this.#fault(thrown));
    }
    done(null, undefined);
  }

  /** Answers the machine's next wish. */
  #grant(step: IteratorResult<unknown, undefined>, done: Done<void>): void {
    this.#wait((...[error]) => {
      const wish = this.#wish;
      if (error !== null) return done(error);
      if (wish === null) return done(this.#fault(new Error("restore() ended before the last piece")));
      this.#wish = null;
      this.#hasEnded = step.done === true;
      this.#options.promised();
      wish(step);
      done(null, undefined);
    });
  }

  #wait(done: Done<void>): void {
    this.#waiting = done;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === null || (this.#over === null && this.#wish === null)) return;
    this.#waiting = null;
    const error = this.#over?.error ?? null;
    if (error === null) waiting(null, undefined);
    else waiting(error);
  }

  #end(error: Error | null): void {
    this.#over = { error };
    this.#wake();
  }

  #pieces(): AsyncIterable<unknown> {
    const over: IteratorResult<unknown, undefined> = { done: true, value: undefined };
    const iterator: AsyncIterator<unknown, undefined> = {
      next: () => this.#hasEnded ? Promise.resolve(over) : new Promise((resolve) => {
        this.#wish = resolve;
        this.#wake();
      }),
      return: () => Promise.resolve(over),
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  #fault(thrown: unknown): DraftError {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    return new DraftError("DAMAGED", `the snapshot cannot be restored by the machine '${this.#options.plugin.name}': ${text}`, { cause: thrown });
  }
}
