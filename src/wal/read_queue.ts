/**
 * Reads of entries that wait for their turn: two at a time, so that they leave the disk to the batches. A read of what
 * is in the batch in flight waits until that is durable.
 */
import { DraftError } from "../base/errors.ts";
import { type Done, runTask } from "../base/task.ts";
import type { Disk } from "../host/host.ts";
import { type EntriesRead, readEntries, type ReadRequest } from "./wal_read.ts";
import type { WalGroup } from "./wal_group.ts";
import { POINT_EVERY_BYTES } from "./wal_index.ts";

const RUNNING_MAX = 2;

interface QueuedRead {
  readonly log: WalGroup;
  readonly request: ReadRequest;
  readonly done: Done<EntriesRead>;
}

/** What the queue reads with. */
export interface ReadQueueOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly saltOf: (sequence: number) => number;
}

/** The reads of one WAL. */
export class ReadQueue {
  /** Reads that are under way. */
  running = 0;
  #options: ReadQueueOptions;
  #waiting: QueuedRead[] = [];
  #stopped = false;
  #onIdle: () => void = () => {};

  constructor(options: ReadQueueOptions) {
    this.#options = options;
  }

  add(log: WalGroup, request: ReadRequest, done: Done<EntriesRead>): void {
    this.#waiting.push({ log, request, done });
  }

  /** Starts what may start. Call after `add`, and when a batch became durable. */
  pump(): void {
    while (this.running < RUNNING_MAX && !this.#stopped) {
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
    if (this.running === 0) onIdle();
  }

  #start({ log, request, done }: QueuedRead): void {
    const last = Math.min(request.to, log.lastIndex, log.inFlightFrom - 1);
    if (request.from < 1 || last < request.from) {
      done(new DraftError("NOT_FOUND", `entry ${request.from} of group ${request.group} is not in the log: its last is ${log.lastIndex}`));
      return;
    }
    const route = log.index.route(request.from, last, Math.ceil(request.bytesMax / POINT_EVERY_BYTES) + 2);
    this.running += 1;
    runTask(readEntries({ ...this.#options, points: route.points }, { ...request, to: route.to }), (...result) => {
      this.running -= 1;
      if (this.#stopped) {
        if (this.running === 0) this.#onIdle();
        return;
      }
      this.pump();
      done(...result);
    });
  }
}
