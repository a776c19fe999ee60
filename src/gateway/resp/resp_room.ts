/** What all connections of the door hold of commands together: so much and no more. */

/** Bytes that are held, and who waits until there is room again. */
export class RespRoom {
  readonly #bytesMax: number;
  readonly #waiting: Set<() => void> = new Set();
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are held. */
  get held(): number {
    return this.#held;
  }

  /** Whether no more is read for now. */
  get isFull(): boolean {
    return this.#held >= this.#bytesMax;
  }

  /** One connection holds `bytes` more, or less. */
  change(bytes: number): void {
    this.#held += bytes;
    if (this.isFull || this.#waiting.size === 0) return;
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of woken) wake();
  }

  /** Calls `wake` once, when there is room again. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  /** It waits no more. */
  leave(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}
