/**
 * Hands committed entries to the machine, in order and in pages, so that a long backlog does not stop the loop. What is
 * no longer in memory is read back from the WAL, page by page: while one is applied the next one is read, so that the
 * disk and the machine work at the same time, and no more than two pages are in memory.
 */
import { assert } from "../base/assert.ts";
import { blankHead, ENTRY_HEADER_BYTES, type EntryHead, EntryKind, readFields } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import type { RestoreWanted } from "../machine/backup_pieces.ts";
import type { CommandEnvelope } from "../machine/command.ts";
import type { RaftState } from "../raft/state.ts";
import type { GroupId, Index, Term } from "../raft/types.ts";
import { ReadWindows } from "../wal/read_windows.ts";
import { type Page, pageOf, unreadable } from "./apply_page.ts";
import { ApplyPace } from "./apply_pace.ts";
import type { GroupLog } from "./group_ports.ts";
import { type Tail, TailReader } from "./tail.ts";

/** Entries that are applied in one turn, at most. */
const PAGE_ENTRIES = 4096;
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * A machine that is slow gets so long in one turn, in milliseconds. The clock is looked at behind so many bytes, as
 * which each entry counts some besides its own: 64 small ones, or one that is large; behind each entry of a machine that
 * would take longer for those 64 than it gets.
 */
const PAGE_MS = 10;
const LOOK_EVERY_BYTES = 65_536;
const LOOK_EVERY_ENTRIES = 64;
const ENTRY_BYTES = 1024;

export interface ApplyQueueOptions {
  readonly group: GroupId;
  readonly applier: Applier;
  readonly tail: Tail;
  readonly log: GroupLog;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Of the core: up to where the log is durable here, and which snapshot is. */
  readonly state: Pick<RaftState, "durableIndex" | "snapshotIndex">;
  /** Hears of every entry with its answer, before the next one is applied. */
  readonly applied: (entry: EntryHead, reply: unknown) => void;
  /** What the entry's command was decoded to when it was proposed here; null if it was not. */
  readonly decoded: (index: Index, term: Term) => CommandEnvelope | null;
  /** A backup is whole with the entry, whose content is given: the machine is made anew from it, and nothing is applied meanwhile. */
  readonly restore: (head: EntryHead, payload: Uint8Array, wanted: RestoreWanted) => void;
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
  readonly #reader: TailReader;
  readonly #pace: ApplyPace = new ApplyPace();
  /** What was read back and is applied now. */
  #page: Page | null = null;
  /** What was read back besides, and follows it. */
  #ahead: Page | null = null;
  /** Use: memory of the pages, one in use and one that is read into; it is given back when nothing is to be read. */
  #free: ReadWindows[] = [];
  /** Use: where the read that is under way begins; 0: none is. */
  #reading: Index = 0;
  readonly #head: EntryHead = blankHead();
  #stopped = false;
  /** Use: nothing is applied while the machine is restored. */
  #held = false;

  /** @param applied everything up to here is in the machine already */
  constructor(options: ApplyQueueOptions, applied: Index) {
    this.#options = options;
    this.#next = applied + 1;
    this.#through = applied;
    this.#reader = new TailReader(options.tail);
  }

  /** Index of the last entry applied. */
  get applied(): Index {
    return this.#next - 1;
  }

  /** How long the machine will be busy with all that it has not applied, up to `to`, in milliseconds: a guess. */
  backlogMs(to: Index): number {
    return this.#pace.msFor(Math.max(0, to - this.applied));
  }

  /** Whether entries wait that could be applied now. */
  get hasMore(): boolean {
    return !this.#stopped && !this.#held && this.#reading !== this.#next && this.#next <= this.#end;
  }

  /**
   * What may be applied now. A state on disk is never further than the log beside it, so that one which is tells of a log
   * that was lost: others may have committed what is not durable here.
   */
  get #end(): Index {
    const { applier, state } = this.#options;
    return applier.isOnDisk ? Math.min(this.#through, state.durableIndex) : this.#through;
  }

  /** Entries through `to` are committed. */
  extend(from: Index, to: Index): void {
    assert(from === this.#through + 1, "applications follow one another", from, this.#through);
    this.#through = to;
  }

  /** The machine is restored to `index`: what waited is void, what comes waits for {@link release}. */
  hold(index: Index): void {
    this.#held = true;
    this.#next = index + 1;
    this.#through = index;
    this.#forgetPages();
  }

  /** The machine is restored. */
  release(): void {
    this.#held = false;
    this.#options.ready();
  }

  /** Applies a page; true if anything was applied. */
  run(): boolean {
    const { clock } = this.#options;
    const start = this.#next;
    const startMs = clock.monotonicMs();
    const end = Math.min(this.#end, start + PAGE_ENTRIES - 1);
    const lookEveryBytes = this.#pace.msFor(LOOK_EVERY_ENTRIES) < PAGE_MS ? LOOK_EVERY_BYTES : 1;
    let unseenBytes = 0;
    while (this.#next <= end && !this.#stopped && !this.#held) {
      const reader = this.#readerAt(this.#next);
      if (reader === null) {
        this.#read(this.#next);
        break;
      }
      unseenBytes += this.#gather(reader, end, lookEveryBytes) || this.#apply(reader);
      if (unseenBytes < lookEveryBytes) continue;
      if (clock.monotonicMs() >= startMs + PAGE_MS) break;
      unseenBytes = 0;
    }
    if (this.#next === start) return false;
    if (!this.#stopped) this.#commit();
    this.#pace.took(this.#next - start, Math.max(0, clock.monotonicMs() - startMs));
    return true;
  }

  /** A page is one transaction of a machine on disk; one in which an entry broke is none. */
  #commit(): void {
    const { applier, state } = this.#options;
    try {
      applier.commit(state.snapshotIndex + 1);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Applies the entry; returns what it counts. */
  #apply({ bytes, view, at }: TailReader): number {
    const { applier, decoded } = this.#options;
    const head = this.#head;
    readFields(view, at, head);
    const countedBytes = ENTRY_BYTES + head.payloadBytes;
    if (head.kind === EntryKind.restore && this.#holdFor(head, bytes.subarray(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + head.payloadBytes))) return countedBytes;
    let reply: unknown;
    try {
      reply = applier.apply(head, bytes, at + ENTRY_HEADER_BYTES, decoded(head.index, head.term));
    } catch (error) {
      this.#fail(error);
      return countedBytes;
    }
    this.#applied(head, reply);
    return countedBytes;
  }

  /** Whether a backup is whole with this entry, which waits then. */
  #holdFor(head: EntryHead, payload: Uint8Array): boolean {
    const { applier, restore } = this.#options;
    const wanted = applier.beginning.completedBy(payload);
    if (wanted === null) return false;
    this.#held = true;
    restore({ ...head }, payload.slice(), wanted);
    return true;
  }

  /** Whether nothing is applied before this entry is settled. */
  waitsFor(head: EntryHead): boolean {
    return this.#held && !this.#stopped && this.#next === head.index;
  }

  /** The entry that was waited for is done, with this answer. */
  settle(head: EntryHead, reply: unknown): void {
    this.#applied(head, reply);
    this.release();
  }

  /** Applies the entries from here on that the machine takes at once; returns what they count, 0 if there are none. */
  #gather(first: TailReader, end: Index, bytesMax: number): number {
    const { applier, decoded } = this.#options;
    if (applier.batch === null) return 0;
    const head = this.#head;
    let bytes = 0;
    let index = this.#next;
    for (let reader: TailReader | null = first; reader !== null && bytes < bytesMax; reader = ++index <= end ? this.#readerAt(index) : null) {
      readFields(reader.view, reader.at, head);
      if (!applier.gathers(head, reader.bytes, reader.at + ENTRY_HEADER_BYTES, decoded(head.index, head.term))) break;
      bytes += ENTRY_BYTES + head.payloadBytes;
    }
    if (bytes === 0) return 0;
    try {
      applier.applyGathered((each, reply) => this.#applied(each, reply));
    } catch (error) {
      // What is no error of draft is none of the machine.
      if (!(error instanceof DraftError)) throw error;
      this.#fail(error);
    }
    return bytes;
  }

  #applied(head: EntryHead, reply: unknown): void {
    this.#next = head.index + 1;
    this.#options.applied(head, reply);
  }

  #fail(error: unknown): void {
    this.#stopped = true;
    this.#options.failed(error instanceof Error ? error : new Error(String(error)));
  }

  /** Where the entry lies: in memory, or in a page that was read; null if it has to be read. */
  #readerAt(index: Index): TailReader | null {
    if (this.#reader.seek(index)) {
      if (this.#page !== null) this.#forgetPages();
      return this.#reader;
    }
    if (this.#page?.reader.seek(index) === true) return this.#page.reader;
    // What was applied keeps nothing of its page.
    if (this.#page !== null) this.#free.push(this.#page.windows);
    this.#page = this.#ahead;
    this.#ahead = null;
    if (this.#page?.reader.seek(index) !== true) return null;
    this.#readAhead(this.#page);
    return this.#page.reader;
  }

  #forgetPages(): void {
    this.#page = null;
    this.#ahead = null;
    this.#free = [];
  }

  #readAhead({ to }: Page): void {
    if (to < Math.min(this.#through, this.#options.tail.first - 1)) this.#read(to + 1);
  }

  #read(from: Index): void {
    if (this.#reading !== 0) return;
    this.#reading = from;
    const { log, group, tail, ready } = this.#options;
    const to = Math.min(this.#through, tail.first - 1);
    const windows = this.#free.pop() ?? new ReadWindows();
    windows.reset();
    log.read(group, from, to, PAGE_BYTES, (...[error, read]) => {
      this.#reading = 0;
      const isAhead = this.#page !== null && this.#page.to === from - 1;
      // A snapshot may have taken the place of what was asked for; what cannot be read ahead is asked for again in its turn.
      if (this.#next !== from && (!isAhead || error !== null)) return ready();
      if (error !== null) {
        this.#stopped = true;
        this.#options.failed(unreadable(error, this.#next, to));
        return;
      }
      assert(read.from === from, "the page that was asked for was read", from, read.from);
      const page = { reader: new TailReader(pageOf(read)), to: read.to, windows };
      if (this.#next !== from) {
        this.#ahead = page;
        return;
      }
      this.#page = page;
      this.#readAhead(page);
      ready();
    }, { windows, waits: true });
  }
}
