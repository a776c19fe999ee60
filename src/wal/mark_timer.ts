/** Writes the mark behind the batches: a batch that no later one vouches for is marked within `markMs`, off the write path. */
import type { Clock, Timer } from "../host/host.ts";
import type { BatchWriter } from "./batch_writer.ts";
import type { MarkFile } from "./mark.ts";

/** Under load each `markMs`, else once, after the last batch. */
export class MarkTimer {
  readonly #clock: Clock;
  readonly #writer: BatchWriter;
  readonly #mark: MarkFile;
  readonly #markMs: number;
  readonly #failed: (error: Error) => void;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(parts: { readonly clock: Clock; readonly writer: BatchWriter; readonly mark: MarkFile; readonly markMs: number; readonly failed: (error: Error) => void }) {
    this.#clock = parts.clock;
    this.#writer = parts.writer;
    this.#mark = parts.mark;
    this.#markMs = parts.markMs;
    this.#failed = parts.failed;
  }

  /** A batch is durable. */
  begin(): void {
    if (this.#timer !== null || this.#isStopped || this.#writer.markedBatch === this.#writer.durable.batch) return;
    this.#timer = this.#clock.setTimer(this.#markMs, () => {
      const { batch } = this.#writer.durable;
      this.#mark.write(this.#writer.durable, (...[error]) => {
        this.#timer = null;
        if (error !== null) return this.#failed(error);
        this.#writer.markedBatch = Math.max(this.#writer.markedBatch, batch);
        this.begin();
      });
    });
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
