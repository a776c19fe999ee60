/** Tells how far something long has come: once a second at most, and nothing of what is short. */

const TELL_MS = 1000;

/** One thing that takes its time. */
export class Progress {
  readonly #nowMs: () => number;
  readonly #tell: (text: string) => void;
  #toldMs: number;
  #hasTold = false;

  /** @param nowMs monotonic time in milliseconds */
  constructor(nowMs: () => number, tell: (text: string) => void) {
    this.#nowMs = nowMs;
    this.#tell = tell;
    this.#toldMs = nowMs();
  }

  /** It has come so far; `text` says it, and is told if nothing was for a second. */
  at(text: () => string): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    this.#hasTold = true;
    this.#tell(text());
  }

  /** It is done: said if anything was. */
  end(text: () => string): void {
    if (this.#hasTold) this.#tell(text());
    this.#hasTold = false;
  }
}
