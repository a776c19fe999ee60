/**
 * Whether the disk has room, as the log sees it. A disk counts as full before it is: as soon as what is free falls below
 * the high mark. What is below it, and then the reserve, is left for what makes room again.
 */
import { type Task, wait } from "../base/task.ts";
import type { Disk } from "../host/host.ts";
import type { Reserve } from "./reserve.ts";

/**
 * How much room there is: `ample`; `scarce`: the disk counts as full, what is left is for what makes room again; `none`:
 * and it is nearly used up.
 */
export type Space = "ample" | "scarce" | "none";

/** Without the reserve, and with less than this part of the high mark, what is left is for the log's own records. */
const LAST_PART = 1 / 4;

export interface DiskSpaceOptions {
  readonly disk: Pick<Disk, "freeBytes">;
  readonly directory: string;
  readonly reserve: Reserve;
  /** With fewer bytes free the disk counts as full; 0: only when it takes no more. */
  readonly highMarkBytes: number;
  /** Told when it changes; ample at first. */
  readonly onSpace: (space: Space) => void;
}

/** The room on the disk of one WAL. */
export class DiskSpace {
  readonly reserve: Reserve;
  /** There was no room for a batch that waits, with the reserve gone. */
  isExhausted = false;
  #space: Space = "ample";
  readonly #options: DiskSpaceOptions;
  /** What was free when it was last asked for. */
  #freeBytes: number = Number.POSITIVE_INFINITY;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
    this.reserve = options.reserve;
  }

  get isFull(): boolean {
    return this.#space !== "ample";
  }

  /** Whether `bytes` may be taken of it without falling below the mark. */
  *hasFor(bytes: number): Task<boolean> {
    const { disk, directory, highMarkBytes } = this.#options;
    if (highMarkBytes === 0) return true;
    this.#freeBytes = yield* wait<number>((done) => disk.freeBytes(directory, done));
    return this.#freeBytes >= highMarkBytes + bytes;
  }

  /** It took no more. */
  met(): void {
    this.#freeBytes = 0;
  }

  /** Gives the reserve back. */
  *giveReserve(): Task<void> {
    const { bytes } = this.reserve;
    yield* this.reserve.give();
    this.#freeBytes = bytes;
  }

  /** What is made ahead is there, or (`isFull`) cannot be made: tells if that is news. */
  tell(isFull: boolean): void {
    const { highMarkBytes, onSpace } = this.#options;
    const isNearlyUsed = this.isExhausted || (this.reserve.bytes === 0 && this.#freeBytes < highMarkBytes * LAST_PART);
    const space = !isFull ? "ample" : isNearlyUsed ? "none" : "scarce";
    if (space === this.#space) return;
    this.#space = space;
    onSpace(space);
  }
}
