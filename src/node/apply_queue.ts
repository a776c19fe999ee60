/**
 * Hands committed entries to the machine, in order and in pages, so that a long backlog does not stop the loop. What is
 * no longer in memory is read back from the WAL, one page at a time.
 */
import { payloadOf, readRun, type SealedEntry } from "../base/entry.ts";
import { assert } from "../base/assert.ts";
import type { Applier } from "../machine/applier.ts";
import type { GroupId, Index } from "../raft/types.ts";
import type { GroupLog } from "./group_ports.ts";
import type { ProposedEntry } from "./proposals.ts";
import type { Tail } from "./tail.ts";

/** Entries that are applied in one turn, at most. */
const PAGE_ENTRIES = 4096;
const PAGE_BYTES = 4 * 1024 * 1024;

export interface ApplyQueueOptions {
  readonly group: GroupId;
  readonly applier: Applier;
  readonly tail: Tail;
  readonly log: GroupLog;
  /** Hears of every entry with its answer, before the next one is applied. */
  readonly applied: (entry: SealedEntry, reply: unknown) => void;
  /** A page was read: there is something to do in the next turn. */
  readonly ready: () => void;
  /** The machine or the log cannot go on: the replica stops. */
  readonly failed: (error: Error) => void;
}

/** The one queue of applications of a group. */
export class ApplyQueue {
  readonly #options: ApplyQueueOptions;
  #next: Index;
  #through: Index;
  #page: SealedEntry[] = [];
  #reading = false;
  #stopped = false;

  /** @param applied everything up to here is in the machine already */
  constructor(options: ApplyQueueOptions, applied: Index) {
    this.#options = options;
    this.#next = applied + 1;
    this.#through = applied;
  }

  /** Index of the last entry applied. */
  get applied(): Index {
    return this.#next - 1;
  }

  /** Whether entries wait that could be applied now. */
  get hasMore(): boolean {
    return !this.#stopped && !this.#reading && this.#next <= this.#through;
  }

  /** Entries through `to` are committed. */
  extend(from: Index, to: Index): void {
    assert(from === this.#through + 1, "applications follow one another", from, this.#through);
    this.#through = to;
  }

  /** Applies a page; true if anything was applied. */
  run(): boolean {
    const start = this.#next;
    const end = Math.min(this.#through, start + PAGE_ENTRIES - 1);
    while (this.#next <= end && !this.#stopped) {
      const entry = this.#options.tail.get(this.#next) ?? this.#fromPage(this.#next);
      if (entry === null) {
        this.#readPage();
        break;
      }
      this.#apply(entry);
    }
    return this.#next > start;
  }

  #apply(entry: SealedEntry): void {
    const { applier, applied, failed } = this.#options;
    const own = entry as Partial<ProposedEntry>;
    let reply: unknown;
    try {
      reply = applier.apply(entry, payloadOf(entry), own.decoded ?? null);
      if (own.decoded !== undefined) own.decoded = null;
    } catch (error) {
      this.#stopped = true;
      failed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#next = entry.index + 1;
    applied(entry, reply);
  }

  #fromPage(index: Index): SealedEntry | null {
    const first = this.#page[0];
    return first === undefined ? null : (this.#page[index - first.index] ?? null);
  }

  #readPage(): void {
    if (this.#reading) return;
    this.#reading = true;
    const { log, group, tail } = this.#options;
    const to = Math.min(this.#through, tail.first - 1);
    log.read(group, this.#next, to, PAGE_BYTES, (...[error, read]) => {
      this.#reading = false;
      if (error !== null) {
        this.#stopped = true;
        this.#options.failed(error);
        return;
      }
      this.#page = read.runs.flatMap((run) => readRun(run).entries);
      assert(this.#page[0]?.index === this.#next, "the page that was asked for was read", this.#next, this.#page[0]?.index);
      this.#options.ready();
    });
  }
}
