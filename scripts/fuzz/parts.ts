/** What stands where in the files of a data directory, so that a damage can be told by the field that it meets. */
import { align8, viewOf } from "../../src/base/bytes.ts";
import { ENTRY_HEADER_BYTES, endOf } from "../../src/base/entry.ts";
import { type Envelope, ENVELOPE_BYTES, readEnvelope, RecordType, seedOf, typeName } from "../../src/wal/record.ts";
import { HEADER_BYTES, readSegmentHeader, sequenceOf } from "../../src/wal/segment.ts";
import { CHUNK_HEAD_BYTES, END_BYTES, FRONT_BYTES } from "../../src/wal/snapshot_format.ts";

/** Files by their paths within the data directory. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Bytes `from`..`end` of a file that mean one thing. */
export interface Part {
  readonly path: string;
  /** Alike for all that are of one kind: `hardState body`. */
  readonly name: string;
  readonly from: number;
  readonly end: number;
}

/** Header fields of a segment end here; zeros follow. */
const HEADER_FIELDS_END = 192;
const SLOT_BYTES = 4096;
const SLOT_FIELDS_END = 64;

/** The file name behind the last slash. */
function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether the file is a segment of the log. */
export function isSegment(path: string): boolean {
  return sequenceOf(baseName(path)) > 0;
}

/** All parts of all files that mean something. */
export function partsOf(files: Files): Part[] {
  return [...files].flatMap(([path, bytes]) => {
    if (isSegment(path)) return segmentParts(path, bytes);
    if (baseName(path) === "mark") return markParts(path, bytes);
    if (path.endsWith(".snap")) return snapshotParts(path, bytes);
    const name = path.startsWith("edits/") ? "saved edit" : baseName(path);
    return bytes.length === 0 ? [] : [{ path, name, from: 0, end: bytes.length }];
  });
}

/** The last record of the log. */
export function lastRecord(files: Files): Part {
  const parts = partsOf(files).filter(({ path, name }) => isSegment(path) && name.endsWith("envelope"));
  const last = parts.reduce((a, b) => (b.path > a.path || (b.path === a.path && b.from > a.from) ? b : a));
  const length = viewOf(files.get(last.path) as Uint8Array).getUint32(last.from + 4, true);
  return { ...last, name: "last record", end: last.from + length };
}

function segmentParts(path: string, bytes: Uint8Array): Part[] {
  const header = bytes.length < HEADER_BYTES ? null : readSegmentHeader(bytes.subarray(0, HEADER_BYTES));
  if (header === null) return [];
  const parts: Part[] = [{ path, name: "segment header", from: 0, end: HEADER_FIELDS_END }, { path, name: "segment header, rest", from: HEADER_FIELDS_END, end: HEADER_BYTES }];
  const view = viewOf(bytes);
  let at = HEADER_BYTES;
  for (let envelope = envelopeAt(); envelope !== null; envelope = envelopeAt()) {
    parts.push({ path, name: `${typeName(envelope.type)} envelope`, from: at, end: at + ENVELOPE_BYTES }, ...bodyParts(path, view, at, envelope));
    at += envelope.length;
  }
  if (at < bytes.length) parts.push({ path, name: "behind the end", from: at, end: bytes.length });
  return parts;

  function envelopeAt(): Envelope | null {
    return readEnvelope(bytes, view, at, seedOf(header?.salt ?? 0, at));
  }
}

function bodyParts(path: string, view: DataView, at: number, { type, length, count }: Envelope): Part[] {
  const end = at + length;
  if (type !== RecordType.entries) return length > ENVELOPE_BYTES ? [{ path, name: `${typeName(type)} body`, from: at + ENVELOPE_BYTES, end }] : [];
  const parts: Part[] = [];
  for (let entry = at + ENVELOPE_BYTES, passed = 0; passed < count; passed++, entry = endOf(view, entry)) {
    parts.push({ path, name: "entry header", from: entry, end: entry + ENTRY_HEADER_BYTES });
    if (endOf(view, entry) > entry + ENTRY_HEADER_BYTES) parts.push({ path, name: "payload", from: entry + ENTRY_HEADER_BYTES, end: endOf(view, entry) });
  }
  return parts;
}

function markParts(path: string, bytes: Uint8Array): Part[] {
  return [0, SLOT_BYTES].filter((at) => at < bytes.length).flatMap((at) => [
    { path, name: "mark slot", from: at, end: at + SLOT_FIELDS_END },
    { path, name: "mark slot, rest", from: at + SLOT_FIELDS_END, end: Math.min(bytes.length, at + SLOT_BYTES) },
  ]);
}

function snapshotParts(path: string, bytes: Uint8Array): Part[] {
  const view = viewOf(bytes);
  let at = align8(FRONT_BYTES + view.getUint32(16, true));
  const parts: Part[] = [{ path, name: "snapshot front", from: 0, end: FRONT_BYTES }, { path, name: "snapshot head", from: FRONT_BYTES, end: at }];
  for (let length = view.getUint32(at, true); length > 0; length = view.getUint32(at, true)) {
    parts.push({ path, name: "chunk head", from: at, end: at + CHUNK_HEAD_BYTES });
    at += CHUNK_HEAD_BYTES;
    parts.push({ path, name: "chunk", from: at, end: at + length });
    at += length;
  }
  return [...parts, { path, name: "snapshot end", from: at, end: at + END_BYTES }];
}
