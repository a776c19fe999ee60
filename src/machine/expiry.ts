/**
 * When keys fall due: a binary heap by (time, key), so that all replicas sweep in one order, restored ones too. Moments
 * that no longer hold (the key was deleted or given another one) stay until they come up or outnumber those that do.
 */
interface Moment {
  readonly atMs: number;
  readonly key: string;
}

/** Tells at which moment a key expires now: undefined if there is no such key, 0 if it does not expire. */
export type ExpiryOf = (key: string) => number | undefined;

const STALE_MIN = 1024;

/** The moments at which keys expire. */
export class Expiry {
  readonly #expiryOf: ExpiryOf;
  #heap: Moment[] = [];

  constructor(expiryOf: ExpiryOf) {
    this.#expiryOf = expiryOf;
  }

  /** `key` expires at `atMs` from now on; `timed` keys expire in all. */
  add(key: string, atMs: number, timed: number): void {
    if (this.#heap.length > STALE_MIN + 2 * timed) this.#dropStale();
    this.#heap.push({ atMs, key });
    this.#siftUp(this.#heap.length - 1);
  }

  /** The earliest moment that holds, or null. */
  nextMs(): number | null {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return null;
      if (this.#holds(first)) return first.atMs;
      this.#removeFirst();
    }
  }

  /** The key that fell due first, at or before `timeMs`, or null. It stays until it is deleted. */
  firstDue(timeMs: number): string | null {
    const atMs = this.nextMs();
    return atMs === null || atMs > timeMs ? null : this.#heap[0]!.key;
  }

  /** How many keys are due at `timeMs`. Takes time by their number only. */
  countDue(timeMs: number): number {
    const due: Set<string> = new Set();
    const open = [0];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const moment = this.#heap[at];
      if (moment === undefined || moment.atMs > timeMs) continue;
      if (this.#holds(moment)) due.add(moment.key);
      open.push(2 * at + 1, 2 * at + 2);
    }
    return due.size;
  }

  #holds(moment: Moment): boolean {
    return this.#expiryOf(moment.key) === moment.atMs;
  }

  #dropStale(): void {
    const holding = this.#heap.filter((moment) => this.#holds(moment));
    // In order is a heap, and equal moments stand together.
    holding.sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
    this.#heap = holding.filter((moment, at) => at === 0 || isBefore(holding[at - 1]!, moment));
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const moment = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(moment, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = moment;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const moment = heap.pop();
    if (moment === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, moment)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moment;
  }
}

function isBefore(a: Moment, b: Moment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.key < b.key);
}
