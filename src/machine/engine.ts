/**
 * The side of a machine that keeps its state on disk: how far that state has come, which is further than draft's own
 * when a process begins; what is known of the entries in between; and the commits that take it further.
 */
import { assert } from "../base/assert.ts";
import type { EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Index, LogPoint } from "../raft/types.ts";
import type { Kept } from "./kept_answer.ts";
import type { Base } from "./machine.ts";
import { machinePointOf, type Origin, shiftOf, UNUSED } from "./origin.ts";
import { Memo, MemoWriter, type Recalled } from "./memo.ts";

/** Where the state on disk stands. */
export interface EnginePosition {
  /** Index of the last commit; 0 if there is none. */
  readonly index: Index;
  /** The entry of that index, as its memo names it; null without one. */
  readonly point: LogPoint | null;
}

/** What a machine on disk holds, and what it is still given. */
export class Engine {
  readonly #machine: Base;
  readonly #words: string;
  #origin: Origin = UNUSED;
  #shift = 0;
  readonly #writer: MemoWriter = new MemoWriter();
  /** Use: entries up to here are in the machine already. */
  #through: Index = 0;
  /** Use: the memos behind the one in use. */
  #memos: Iterator<Uint8Array> | null = null;
  #memo: Memo | null = null;

  /** @param machine has a `lastApplied` */
  constructor(machine: Base, name: string, directory: string) {
    this.#machine = machine;
    this.#words = `the machine '${name}' in "${directory}"`;
  }

  /** Whether the machine holds the entry at `index`, which is not to be applied again. */
  holds(index: Index): boolean {
    return index + this.#shift <= this.#through;
  }

  /**
   * Opens it.
   *
   * @throws DraftError DAMAGED if the machine cannot say what it holds
   */
  open(): EnginePosition {
    return loggedPosition(this.#origin, this.#open());
  }

  /** The state began as `origin` says. All that is asked and told here is in the log's count, the machine has its own. */
  began(origin: Origin): void {
    this.#origin = origin;
    this.#shift = shiftOf(origin);
  }

  #open(): EnginePosition {
    const index = this.#lastApplied();
    const point = index === 0 ? null : this.#newest(index)?.point ?? null;
    if (point !== null && point.index !== index) {
      throw new DraftError("DAMAGED", `${this.#words} is at index ${index}, and its last memo at ${point.index}: must be one commit`);
    }
    return { index, point };
  }

  /**
   * Begins to recall the entries from `from` on, as far as the machine holds them.
   *
   * @returns whether it knows of all of them; if not, it holds a state that cannot be gone on from
   */
  recallFrom(from: Index): boolean {
    const through = this.#lastApplied();
    const first = from + this.#shift;
    if (through >= first) {
      this.#memos = this.#read(first);
      this.#memo = this.#next();
      if (this.#memo === null || this.#memo.first > first) return false;
    }
    this.#through = through;
    return true;
  }

  /**
   * What is known of an entry that the machine holds.
   *
   * @throws DraftError DAMAGED if the machine applied another entry there
   */
  recall({ index: logged, term, chain }: EntryHead): Recalled {
    const index = logged + this.#shift;
    if (this.#memo !== null && this.#memo.point.index < index) this.#memo = this.#next();
    const memo = this.#memo;
    if (memo === null || index < memo.first || index > memo.point.index) {
      throw new DraftError("DAMAGED", `${this.#words} knows nothing of index ${index} and holds all through ${this.#through}: ${this.#remove}`);
    }
    if (index === memo.point.index && !isSame(memo.point, { index, term, chain })) {
      throw new DraftError("DAMAGED", `${this.#words} is of another log: there it applied ${named(memo)}, the log has term ${term}, chain ${chain}: ${this.#remove}`);
    }
    if (index === this.#through) this.#endRecall();
    return memo.at(index);
  }

  /** An entry was applied. */
  note(index: Index, digest: number, kept: Kept | undefined): void {
    this.#writer.add(index + this.#shift, digest, kept);
  }

  /**
   * Makes what was applied since the last commit part of the state on disk.
   *
   * @throws DraftError STORAGE_FAILED if the machine cannot: it must not be used any more
   */
  commit(logged: LogPoint, memosFrom: Index): void {
    if (this.#writer.count === 0) return;
    const point = { ...logged, index: logged.index + this.#shift };
    assert(point.index > this.#through, "commits follow one another", point.index, this.#through);
    const memo = this.#writer.take(point);
    try {
      this.#machine.commit?.({ index: point.index, memo, memosFrom: memosFrom + this.#shift });
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      throw new DraftError("STORAGE_FAILED", `${this.#words} failed: ${text}: check the disk, then start the node again: what was not committed is applied again`, { cause: thrown });
    }
    this.#through = point.index;
  }

  /**
   * The machine was restored from a snapshot of `point`.
   *
   * @throws DraftError DAMAGED if that is not what it holds now
   */
  restored({ point: logged, origin }: { readonly point: LogPoint; readonly origin: Origin }): void {
    const point = machinePointOf(origin, logged);
    const found = this.#open();
    const isIt = found.index === point.index && (this.#machine.commit === undefined || isSame(found.point, point));
    if (!isIt) {
      throw new DraftError("DAMAGED", `${this.#words} says after restore() that it holds ${named(found)}: must be ${named({ index: point.index, point })}, as in the snapshot`);
    }
    this.#through = point.index;
    this.#endRecall();
    this.#writer.clear();
  }

  #endRecall(): void {
    this.#memos?.return?.();
    this.#memo = this.#memos = null;
  }

  #lastApplied(): Index {
    let index: number | undefined;
    try {
      index = this.#machine.lastApplied?.();
    } catch (thrown) {
      throw this.#unreadable(thrown);
    }
    if (Number.isSafeInteger(index) && (index as number) >= 0) return index as number;
    throw new DraftError("DAMAGED", `${this.#words} says that it holds all through ${String(index)}: must be an index`);
  }

  #read(from: Index): Iterator<Uint8Array> {
    try {
      const memos = this.#machine.commit === undefined ? [] : this.#machine.memos?.(from) ?? [];
      return memos[Symbol.iterator]();
    } catch (thrown) {
      throw this.#unreadable(thrown);
    }
  }

  #newest(index: Index): Memo | null {
    this.#memos = this.#read(index);
    const memo = this.#next();
    this.#endRecall();
    return memo;
  }

  #next(): Memo | null {
    let step: IteratorResult<Uint8Array> | undefined;
    try {
      step = this.#memos?.next();
    } catch (thrown) {
      throw this.#unreadable(thrown);
    }
    return step === undefined || step.done === true ? null : new Memo(step.value);
  }

  #unreadable(thrown: unknown): DraftError {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    return new DraftError("DAMAGED", `${this.#words} cannot be read: ${text}: ${this.#remove}`, { cause: thrown });
  }

  get #remove(): string {
    return "move its directory away and start the node again: it is made anew from snapshot and log";
  }
}

function isSame(one: LogPoint | null, other: LogPoint): boolean {
  return one !== null && one.index === other.index && one.term === other.term && one.chain === other.chain;
}

function named({ index, point }: { readonly index?: Index; readonly point: LogPoint | null }): string {
  return point === null ? `index ${index}, without a memo` : `index ${point.index} of term ${point.term}, chain ${point.chain}`;
}

/** Where a state on disk stands in the log of a group that began as `origin` says. */
export function loggedPosition(origin: Origin, { index, point }: EnginePosition): EnginePosition {
  const { restored } = origin;
  if (restored === null) return { index, point };
  // It may be from before the restore, when the machine counted as the log does: what it holds is of no use then.
  if (index < restored.machine.index || index < restored.index) return { index: 0, point: null };
  const logged = index - shiftOf(origin);
  // What was restored bears the seal of its last entry in the log that it was saved from.
  const isOwn = point !== null && logged > restored.index;
  return { index: logged, point: isOwn ? { ...point, index: logged } : null };
}
