/**
 * Reads of entries that wait for their turn: two at a time, so that they leave the disk to the batches. A read of what
 * is in the batch in flight waits until that is durable. The segments that a read leads through stay until it ends.
 */
import { DraftError } from "../base/errors.ts";
import { type Done, runTask } from "../base/task.ts";
import type { WalGroup } from "./wal_group.ts";
import { type IndexPoint, POINT_EVERY_BYTES } from "./wal_index.ts";
import { type EntriesRead, readEntries, type ReadRequest, type SegmentSource } from "./wal_read.ts";

const RUNNING_MAX = 2;

interface QueuedRead {
  readonly log: WalGroup;
  readonly request: ReadRequest;
  readonly done: Done<EntriesRead>;
}

/** The reads of one WAL. */
export class ReadQueue {
  #source: SegmentSource;
  #waiting: QueuedRead[] = [];
  /** The points that each read which is under way leads through. */
  #running: Set<readonly IndexPoint[]> = new Set();
  #unread: { readonly sequence: number; readonly done: Done<void> }[] = [];
  #stopped = false;
  #onIdle: () => void = () => {};

  constructor(source: SegmentSource) {
    this.#source = source;
  }

  add(log: WalGroup, request: ReadRequest, done: Done<EntriesRead>): void {
    this.#waiting.push({ log, request, done });
  }

  /** Starts what may start. Call after `add`, and when a batch became durable. */
  pump(): void {
    while (this.#running.size < RUNNING_MAX && !this.#stopped) {
      const at = this.#waiting.findIndex(({ log, request }) => request.from < log.inFlightFrom);
      if (at < 0) return;
      const [read] = this.#waiting.splice(at, 1);
      if (read !== undefined) this.#start(read);
    }
  }

  /** Tells nobody anything any more; `onIdle` is called when nothing is under way. */
  stop(onIdle: () => void): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#onIdle = onIdle;
    if (this.#running.size === 0) onIdle();
  }

  /** Calls `done` once no read leads through the segment. Call when the index has no point in it any more. */
  whenUnread(sequence: number, done: Done<void>): void {
    this.#unread.push({ sequence, done });
    this.#tellUnread();
  }

  #start({ log, request, done }: QueuedRead): void {
    const last = Math.min(request.to, log.lastIndex, log.inFlightFrom - 1);
    if (request.from <= log.prefix.index) {
      done(new DraftError("COMPACTED", `entry ${request.from} of group ${request.group} left the log, which begins behind ${log.prefix.index}`));
      return;
    }
    if (last < request.from) {
      done(new DraftError("NOT_FOUND", `entry ${request.from} of group ${request.group} is not in the log: its last is ${log.lastIndex}`));
      return;
    }
    const { points, to } = log.index.route(request.from, last, Math.ceil(request.bytesMax / POINT_EVERY_BYTES) + 2);
    this.#running.add(points);
    runTask(readEntries({ ...this.#source, points }, { ...request, to }), (...result) => {
      this.#running.delete(points);
      if (this.#stopped) {
        if (this.#running.size === 0) this.#onIdle();
        return;
      }
      this.#tellUnread();
      this.pump();
      done(...result);
    });
  }

  #tellUnread(): void {
    const isRead = (sequence: number): boolean => [...this.#running].some((points) => points.some((point) => point.sequence === sequence));
    const free = this.#unread.filter(({ sequence }) => !isRead(sequence));
    if (free.length === 0) return;
    this.#unread = this.#unread.filter((waiter) => !free.includes(waiter));
    for (const { done } of free) done(null, undefined);
  }
}
