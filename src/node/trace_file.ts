/**
 * A file of lines that a node writes beside its work: appended in batches, never synced, never waited for. What the disk
 * does not take in time is dropped and counted, and a line in the file says where.
 */
import { type Task, wait, runTask } from "../base/task.ts";
import { writeAll } from "../host/files.ts";
import type { Clock, Disk, File, Log } from "../host/host.ts";

/** Lines that wait for the disk, in characters: what a node writes in some seconds. */
export const WAITING_CHARACTERS_MAX: number = 8 * 1024 * 1024;

/** An open trace file. */
export class TraceFile {
  /** Lines that found no room. */
  dropped = 0;
  readonly #file: File;
  readonly #parts: { readonly clock: Clock; readonly log: Log; readonly path: string };
  readonly #encoder: TextEncoder = new TextEncoder();
  #position: number;
  #lines: string[] = [];
  #characters = 0;
  /** Dropped since the last line that was taken. */
  #droppedHere = 0;
  #isWriting = false;
  /** Nothing more is taken: it failed, or was closed. */
  #ended = false;
  #isClosed = false;
  #whenIdle: (() => void) | null = null;

  constructor(file: File, position: number, parts: { readonly clock: Clock; readonly log: Log; readonly path: string }) {
    this.#file = file;
    this.#position = position;
    this.#parts = parts;
  }

  /** Takes one line, if there is room. */
  write(value: object): void {
    if (this.#ended) return;
    const line = `${JSON.stringify(value)}\n`;
    if (this.#characters + line.length > WAITING_CHARACTERS_MAX) {
      this.dropped += 1;
      this.#droppedHere += 1;
      return;
    }
    if (this.#droppedHere > 0) {
      this.#lines.push(`${JSON.stringify({ tag: "dropped", lines: this.#droppedHere })}\n`);
      this.#droppedHere = 0;
    }
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#isWriting) return;
    this.#isWriting = true;
    // The lines of one turn go together.
    this.#parts.clock.soon(() => this.#flush());
  }

  #flush(): void {
    const bytes = this.#encoder.encode(this.#lines.join(""));
    this.#lines = [];
    this.#characters = 0;
    runTask(writeAll(this.#file, [bytes], this.#position), (...[error]) => {
      this.#position += bytes.length;
      if (error !== null) {
        this.#ended = true;
        this.#parts.log.write("warn", `trace file ${this.#parts.path} cannot be written: ${error.message}: nothing more is traced`);
      }
      if (error === null && this.#lines.length > 0) {
        this.#flush();
        return;
      }
      this.#isWriting = false;
      this.#whenIdle?.();
    });
  }

  /** Writes what waits, and closes the file. May be called again. */
  *close(): Task<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isWriting) {
      yield* wait<void>((done) => {
        this.#whenIdle = () => done(null, undefined);
      });
    }
    if (this.dropped > 0) this.#parts.log.write("warn", `${this.dropped} lines of trace file ${this.#parts.path} were dropped: the disk did not take them in time`);
    this.#ended = true;
    yield* wait<void>((done) => this.#file.close(done));
  }
}

/**
 * Opens the file at `path` to append to it, making it if it is missing.
 *
 * @throws what opening it failed with
 */
export function* openTraceFile({ disk, clock, log }: { readonly disk: Disk; readonly clock: Clock; readonly log: Log }, path: string): Task<TraceFile> {
  const file = yield* wait<File>((done) => disk.open(path, { create: true }, done));
  const bytes = yield* wait<number>((done) => file.sizeBytes(done));
  return new TraceFile(file, bytes, { clock, log, path });
}
