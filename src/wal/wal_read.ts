/**
 * Reading entries back. A read starts at the index point at or before its first entry and follows the points, since
 * between two of them nothing was truncated. What comes from the disk is believed only after its sums and its chain.
 */
import { viewOf } from "../base/bytes.ts";
import { chainAfter, endOf, type EntryHead, payloadHolds, readHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { readInto } from "../host/files.ts";
import type { Disk, File } from "../host/host.ts";
import type { GroupId, Index } from "../raft/types.ts";
import type { ReadWindows } from "./read_windows.ts";
import { ENVELOPE_BYTES, readEnvelope, RecordType, seedOf } from "./record.ts";
import { segmentName } from "./segment.ts";
import type { WalGroup } from "./wal_group.ts";
import type { IndexPoint } from "./wal_index.ts";

/** Bytes asked of the disk at a time. */
const WINDOW_BYTES_MIN = 65_536;
const WINDOW_BYTES_MAX = 1_048_576;

/** What a read brought. */
export interface EntriesRead {
  readonly from: Index;
  readonly to: Index;
  /** Consecutive sealed entries, in one piece of memory or several. */
  readonly runs: readonly Uint8Array[];
  readonly bytes: number;
}

/** What is asked for: entries `from`..`to`, as many as fit `bytesMax`, but one at least. */
export interface ReadRequest {
  readonly group: GroupId;
  readonly from: Index;
  readonly to: Index;
  readonly bytesMax: number;
  /** Memory to read into, which the reader has for itself; new memory if it brings none. */
  readonly windows?: ReadWindows | undefined;
  /** What is rotten, and may be had from a member that does not answer, is waited for; else that is an error. */
  readonly waits?: boolean | undefined;
}

/** The segments that are read. */
export interface SegmentSource {
  readonly disk: Disk;
  readonly directory: string;
  readonly saltOf: (sequence: number) => number;
}

/** Where to read. */
export interface ReadSource extends SegmentSource {
  /** The index points that lead from the first entry to the last. */
  readonly points: readonly IndexPoint[];
}

/** The head of entry `at` of the group, read back. */
export function* readHeadAt(source: SegmentSource, log: WalGroup, at: Index): Task<EntryHead> {
  const request = { group: log.group, from: at, to: at, bytesMax: 1 };
  const { runs } = yield* readEntries({ ...source, points: log.index.route(at, at, 1).points }, request);
  const run = runs[0] as Uint8Array;
  return readHeader(run, viewOf(run), 0) as EntryHead;
}

/** Reads back what a truncation left unknown: term and chain of the group's last entry. */
export function* learnLast(source: SegmentSource, log: WalGroup): Task<void> {
  const { term, chain } = yield* readHeadAt(source, log, log.lastIndex);
  log.lastTerm = term;
  log.lastChain = chain;
}

/**
 * Reads and verifies.
 *
 * @throws DraftError DAMAGED naming file, offset, group and index
 */
export function* readEntries(source: ReadSource, request: ReadRequest): Task<EntriesRead> {
  const { points } = source;
  const reader = new EntryReader(source, request);
  try {
    for (let at = 0; at < points.length; at++) {
      const next = points[at + 1];
      const until = next === undefined ? request.to : Math.min(request.to, next.index - 1);
      const hasRoom = yield* reader.readSpan(points[at] as IndexPoint, until);
      if (!hasRoom || until === request.to) break;
    }
  } finally {
    yield* reader.close();
  }
  return reader.result();
}

/** The bytes in hand, and what was found in them so far. */
class EntryReader {
  #source: ReadSource;
  #request: ReadRequest;
  #file: File | null = null;
  #sequence = 0;
  #windowAt = 0;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = viewOf(this.#window);
  #runs: Uint8Array[] = [];
  #bytes = 0;
  #last: EntryHead | null = null;

  constructor(source: ReadSource, request: ReadRequest) {
    this.#source = source;
    this.#request = request;
  }

  /** Reads from `point` through entry `until`. @returns whether more fits */
  *readSpan(point: IndexPoint, until: Index): Task<boolean> {
    if (point.sequence !== this.#sequence) yield* this.#open(point.sequence);
    let offset = point.offset;
    let recordEnd = point.recordEnd;
    let index = point.index;
    while (index <= until) {
      if (offset === recordEnd) {
        const run = yield* this.#nextRun(offset, index);
        offset = run.from;
        recordEnd = run.end;
      }
      const head = yield* this.#entry(offset, recordEnd, index, index === point.index ? point.chain : null);
      const length = endOf(this.#view, offset - this.#windowAt) - (offset - this.#windowAt);
      if (index >= this.#request.from) {
        if (this.#bytes > 0 && this.#bytes + length > this.#request.bytesMax) return false;
        this.#keep(offset, length);
      }
      this.#last = head;
      offset += length;
      index += 1;
    }
    return true;
  }

  result(): EntriesRead {
    const to = this.#last === null ? this.#request.from - 1 : this.#last.index;
    return { from: this.#request.from, to, runs: this.#runs, bytes: this.#bytes };
  }

  *close(): Task<void> {
    const file = this.#file;
    this.#file = null;
    if (file !== null) yield* wait<void>((done) => file.close(done));
  }

  *#open(sequence: number): Task<void> {
    yield* this.close();
    this.#file = yield* wait<File>((done) => this.#source.disk.open(this.#path(sequence), {}, done));
    this.#sequence = sequence;
    this.#window = new Uint8Array(0);
  }

  #path(sequence: number): string {
    return `${this.#source.directory}/${segmentName(sequence)}`;
  }

  /** Finds the next entries record of the group, from the envelope at `offset` on. */
  *#nextRun(offset: number, index: Index): Task<{ from: number; end: number }> {
    const salt = this.#source.saltOf(this.#sequence);
    for (let at = offset; ;) {
      yield* this.#need(at, ENVELOPE_BYTES);
      const envelope = readEnvelope(this.#window, this.#view, at - this.#windowAt, seedOf(salt, at));
      if (envelope === null) throw this.#damaged(at, index, "its envelope does not verify");
      const isWanted = envelope.type === RecordType.entries && envelope.group === this.#request.group;
      if (isWanted) return { from: at + ENVELOPE_BYTES, end: at + envelope.length };
      at += envelope.length;
    }
  }

  /** The verified head of the entry at `offset`; its payload is in the window. */
  *#entry(offset: number, recordEnd: number, index: Index, chainThere: number | null): Task<EntryHead> {
    yield* this.#need(offset, 56);
    const head = readHeader(this.#window, this.#view, offset - this.#windowAt);
    if (head === null) throw this.#damaged(offset, index, "the entry's header does not fit its sum");
    if (head.group !== this.#request.group || head.index !== index) {
      throw this.#damaged(offset, index, `another entry is there: group ${head.group}, index ${head.index}`);
    }
    const length = endOf(this.#view, offset - this.#windowAt) - (offset - this.#windowAt);
    if (offset + length > recordEnd) throw this.#damaged(offset, index, "the entry is longer than its record");
    yield* this.#need(offset, length);
    if (!payloadHolds(this.#window, this.#view, offset - this.#windowAt, head)) {
      throw this.#damaged(offset, index, "the payload does not fit its sum");
    }
    const continues = this.#last !== null && this.#last.index === index - 1;
    const chain = continues ? chainAfter((this.#last as EntryHead).chain, head) : head.chain;
    if (head.chain !== chain || (chainThere !== null && head.chain !== chainThere)) {
      throw this.#damaged(offset, index, "the chain does not continue the entry before");
    }
    return head;
  }

  /** Makes sure that `length` bytes from `offset` are in the window. */
  *#need(offset: number, length: number): Task<void> {
    if (offset >= this.#windowAt && offset + length <= this.#windowAt + this.#window.length) return;
    const wanted = Math.max(WINDOW_BYTES_MIN, Math.min(this.#request.bytesMax, WINDOW_BYTES_MAX), length);
    const into = this.#request.windows?.take(wanted) ?? new Uint8Array(wanted);
    this.#window = yield* readInto(this.#file as File, offset, into);
    this.#view = viewOf(this.#window);
    this.#windowAt = offset;
    if (this.#window.length < length) throw this.#damaged(offset, this.#request.from, "the file ends too early");
  }

  /** Adds the entry to the runs, as a longer last one where they lie side by side. */
  #keep(offset: number, length: number): void {
    const bytes = this.#window.subarray(offset - this.#windowAt, offset - this.#windowAt + length);
    const last = this.#runs[this.#runs.length - 1];
    if (last !== undefined && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      this.#runs[this.#runs.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + length);
    } else {
      this.#runs.push(bytes);
    }
    this.#bytes += length;
  }

  #damaged(offset: number, index: Index, what: string): DraftError {
    const where = `"${this.#path(this.#sequence)}" at offset ${offset}, group ${this.#request.group}, index ${index}`;
    return new DraftError("DAMAGED", `log file ${where} is damaged: ${what}`);
  }
}
