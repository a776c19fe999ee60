/**
 * How much room the disk has, as a status tells it. A disk that hangs must not make the status hang, since that is when
 * somebody looks: after a while the last known number is told, and that the disk does not answer.
 */
import type { Host } from "../host/host.ts";

/** How long a status waits for the disk, in milliseconds. */
const PATIENCE_MS = 100;

/** @param isSilent the disk did not answer; `freeBytes` is what it said last */
type FreeBytesDone = (freeBytes: number, isSilent: boolean) => void;

/** Asks the disk, one question at a time. */
export class FreeBytes {
  #last = 0;
  #asking = false;
  #waiting: FreeBytesDone[] = [];

  ask({ disk, clock }: Pick<Host, "disk" | "clock">, path: string, done: FreeBytesDone): void {
    const timer = clock.setTimer(PATIENCE_MS, () => {
      this.#waiting = this.#waiting.filter((each) => each !== waiter);
      done(this.#last, true);
    });
    const waiter: FreeBytesDone = (freeBytes, isSilent) => {
      timer.cancel();
      done(freeBytes, isSilent);
    };
    this.#waiting.push(waiter);
    if (this.#asking) return;
    this.#asking = true;
    disk.freeBytes(path, (...[error, freeBytes]) => {
      this.#asking = false;
      if (error === null) this.#last = freeBytes;
      const told = this.#waiting;
      this.#waiting = [];
      for (const each of told) each(this.#last, false);
    });
  }
}
