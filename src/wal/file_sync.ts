/**
 * The syncs of one file, one at a time. The system tells of a failed sync once (on Linux, once for each open file): of two
 * that overlap, one would hear that all is well though its pages are lost too. After one that failed none is tried.
 */
import { type Done, type Task, wait } from "../base/task.ts";
import type { File } from "../host/host.ts";

export class FileSync {
  readonly #file: File;
  #waiting: Done<void>[] = [];
  #isRunning = false;
  #failure: Error | null = null;

  constructor(file: File) {
    this.#file = file;
  }

  /** Makes durable what was written before. */
  *run(): Task<void> {
    while (this.#isRunning) yield* wait<void>((done) => this.#waiting.push(done));
    if (this.#failure !== null) throw this.#failure;
    this.#isRunning = true;
    try {
      yield* wait<void>((done) => this.#file.sync(done));
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      this.#isRunning = false;
      for (const done of this.#waiting.splice(0)) done(null, undefined);
    }
  }
}
