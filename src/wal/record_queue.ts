/**
 * What was appended and waits for its batch. Bodies are written by the caller straight into slabs, with room for the
 * envelope in front, so that a batch is a handful of long pieces of memory that are handed to the disk as they are.
 * Slabs are never written again: what is sent to peers or kept as the log's tail may be views of them.
 */
import { assert } from "../base/assert.ts";
import { align8, crc32, viewOf } from "../base/bytes.ts";
import { endOf } from "../base/entry.ts";
import type { Done } from "../base/task.ts";
import type { GroupId, Index } from "../raft/types.ts";
import { ENVELOPE_BYTES, RecordType, seedOf, writeEnvelope } from "./record.ts";

/** A record that waits. Its envelope is filled in when its place is known. */
export interface PendingRecord {
  readonly group: GroupId;
  readonly type: number;
  readonly firstIndex: Index;
  readonly count: number;
  readonly envelope: Uint8Array;
  readonly body: Uint8Array;
}

/** A record's bytes in a segment. */
export function recordBytes(record: PendingRecord): number {
  return ENVELOPE_BYTES + record.body.length;
}

/** What a record says besides its body, which is so many bytes long. */
export interface RecordFields {
  readonly group: GroupId;
  readonly type: number;
  readonly firstIndex: Index;
  readonly count?: number;
  readonly bytes: number;
}

/** A record with an empty body, in memory of its own. */
export function makeRecord({ group, type, firstIndex, count = 0, bytes }: RecordFields): PendingRecord {
  const room = new Uint8Array(ENVELOPE_BYTES + align8(bytes));
  return {
    group,
    type,
    firstIndex,
    count,
    envelope: room.subarray(0, ENVELOPE_BYTES),
    body: room.subarray(ENVELOPE_BYTES),
  };
}

/** Seals `records` as batch `batch` at `offset` of a segment with `salt`. @returns the pieces to write */
export function sealBatch(records: readonly PendingRecord[], batch: number, offset: number, salt: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = offset;
  for (const record of records) {
    const length = recordBytes(record);
    const isRun = record.type === RecordType.entries;
    writeEnvelope(record.envelope, 0, {
      length,
      batch,
      mark: batch - 1,
      group: record.group,
      type: record.type,
      firstIndex: record.firstIndex,
      count: record.count,
      batchAt: at - offset,
      bodySum: isRun ? 0 : crc32(record.body, 0, record.body.length, 0),
    }, seedOf(salt, at));
    addPart(parts, record.envelope);
    addPart(parts, record.body);
    at += length;
  }
  return parts;
}

/** Adds `bytes`, as a longer last part where both lie side by side. */
function addPart(parts: Uint8Array[], bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const last = parts[parts.length - 1];
  if (last !== undefined && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
    parts[parts.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
  } else {
    parts.push(bytes);
  }
}

/** Records and barriers in the order in which they were added. */
export class RecordQueue {
  /** Bytes that wait. */
  bytes = 0;
  /** Records ever added, and how many of them are durable. */
  added = 0;
  durable = 0;
  #records: PendingRecord[] = [];
  #barriers: { readonly after: number; readonly done: Done<void> }[] = [];
  #slabBytes: number;
  #recordBytesMax: number;
  #slab: Uint8Array = new Uint8Array(0);
  #slabUsed = 0;
  #reserved: Uint8Array | null = null;

  constructor(slabBytes: number, recordBytesMax: number) {
    this.#slabBytes = slabBytes;
    this.#recordBytesMax = recordBytesMax;
  }

  get length(): number {
    return this.#records.length;
  }

  /** Room for a run of `bytes` bytes, with its envelope's in front. Holds its room until the next call of the queue. */
  reserve(bytes: number): Uint8Array {
    assert(bytes % 8 === 0 && bytes > 0, "a run is a multiple of 8 bytes long", bytes);
    if (this.#slabUsed + ENVELOPE_BYTES + bytes > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(this.#slabBytes, ENVELOPE_BYTES + bytes));
      this.#slabUsed = 0;
    }
    const from = this.#slabUsed + ENVELOPE_BYTES;
    this.#slabUsed = from + bytes;
    this.#reserved = this.#slab.subarray(from, from + bytes);
    return this.#reserved;
  }

  /** Adds a record that is no run; `fill` writes its body, which is zeros before. */
  add(fields: RecordFields, fill: (body: Uint8Array) => void): void {
    const bytes = align8(fields.bytes);
    const body = bytes === 0 ? new Uint8Array(0) : this.reserve(bytes);
    fill(body.fill(0));
    const envelope = bytes === 0 ? new Uint8Array(ENVELOPE_BYTES) : this.#envelopeOf(body);
    this.#push({ group: fields.group, type: fields.type, firstIndex: fields.firstIndex, count: fields.count ?? 0, envelope, body });
  }

  /** Adds a run of sealed entries as one record, or as several where it is too long for one. */
  addRun(group: GroupId, firstIndex: Index, count: number, run: Uint8Array): void {
    const view = viewOf(run);
    let envelope = this.#envelopeOf(run);
    let from = 0;
    let at = 0;
    let first = firstIndex;
    for (let i = 0; i < count && run.length + ENVELOPE_BYTES > this.#recordBytesMax; i++) {
      const end = endOf(view, at);
      if (at > from && ENVELOPE_BYTES + end - from > this.#recordBytesMax) {
        this.#pushRun(group, first, firstIndex + i - first, envelope, run.subarray(from, at));
        envelope = new Uint8Array(ENVELOPE_BYTES);
        from = at;
        first = firstIndex + i;
      }
      at = end;
    }
    this.#pushRun(group, first, firstIndex + count - first, envelope, from === 0 ? run : run.subarray(from));
  }

  /** Calls `done` when everything that was added before is durable. */
  barrier(done: Done<void>): void {
    this.#barriers.push({ after: this.added, done });
  }

  /** Takes the next records out: at most `bytesMax` bytes, but one record at least. */
  take(bytesMax: number): PendingRecord[] {
    if (this.bytes <= bytesMax) {
      const all = this.#records;
      this.#records = [];
      this.bytes = 0;
      return all;
    }
    let bytes = 0;
    let count = 0;
    for (const record of this.#records) {
      if (count > 0 && bytes + recordBytes(record) > bytesMax) break;
      bytes += recordBytes(record);
      count += 1;
    }
    this.bytes -= bytes;
    return this.#records.splice(0, count);
  }

  /** Takes the barriers out that wait for nothing any more. */
  takeBarriers(): Done<void>[] {
    let count = 0;
    for (const barrier of this.#barriers) {
      if (barrier.after > this.durable) break;
      count += 1;
    }
    return this.#barriers.splice(0, count).map((barrier) => barrier.done);
  }

  #pushRun(group: GroupId, firstIndex: Index, count: number, envelope: Uint8Array, body: Uint8Array): void {
    this.#push({ group, type: RecordType.entries, firstIndex, count, envelope, body });
  }

  #push(record: PendingRecord): void {
    this.#records.push(record);
    this.added += 1;
    this.bytes += recordBytes(record);
  }

  /** The room in front of `body` if it was reserved last, else memory of its own. What was not used is given back. */
  #envelopeOf(body: Uint8Array): Uint8Array {
    const reserved = this.#reserved;
    this.#reserved = null;
    if (reserved === null || reserved.buffer !== body.buffer || reserved.byteOffset !== body.byteOffset) return new Uint8Array(ENVELOPE_BYTES);
    if (reserved.buffer === this.#slab.buffer) this.#slabUsed = body.byteOffset + body.length;
    return new Uint8Array(body.buffer, body.byteOffset - ENVELOPE_BYTES, ENVELOPE_BYTES);
  }
}
