/**
 * What `draft admin backup` asks of one node: which snapshot it has, and its file, piece by piece; and what
 * `draft admin restore` sends to the leader: that file, piece by piece.
 */
import { byteString, malformed, tuple, whole } from "./client_fields.ts";

/** Each question says all that its answer needs: a backup goes on over another connection. */
export type BackupAsk =
  | { readonly type: "which"; readonly index: number }
  | { readonly type: "piece"; readonly index: number; readonly term: number; readonly offset: number; readonly length: number };

/** The snapshot that a backup will be: its last entry, the length of its file, and the sum that it ends with. */
export interface BackupFile {
  readonly index: number;
  readonly term: number;
  readonly bytes: number;
  readonly sum: number;
}

/** The question as a field of a request. */
export function encodeBackupAsk(ask: BackupAsk): readonly unknown[] {
  return ask.type === "which" ? [ask.type, ask.index] : [ask.type, ask.index, ask.term, ask.offset, ask.length];
}

/** Reads the question. @throws DraftError BAD_REQUEST */
export function backupAskFrom(value: unknown): BackupAsk {
  const [type, index, term, offset, length] = tuple(value, "backup");
  if (type === "which") return { type, index: whole(index, "index") };
  if (type !== "piece") throw malformed("backup");
  return { type, index: whole(index, "index"), term: whole(term, "term"), offset: whole(offset, "offset"), length: whole(length, "length") };
}

/** Reads the answer to `which`. @throws DraftError BAD_REQUEST */
export function backupFileFrom(value: unknown): BackupFile {
  const [index, term, bytes, sum] = tuple(value, "backup");
  return { index: whole(index, "index"), term: whole(term, "term"), bytes: whole(bytes, "bytes"), sum: whole(sum, "sum") };
}

/** Reads the answer to `piece`. @throws DraftError BAD_REQUEST unless it is of `length` bytes */
export function backupPieceFrom(value: unknown, length: number): Uint8Array {
  const [bytes] = tuple(value, "backup");
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw malformed("piece of a backup");
  return bytes;
}

const ID_BYTES = 16;

/** A piece of a backup that is to be restored. */
export interface RestoreAsk {
  /** Of the attempt: 16 bytes, drawn at random. */
  readonly id: Uint8Array;
  /** 0 for the first piece, then one more each. */
  readonly sequence: number;
  /** Bytes of the whole file. */
  readonly total: number;
  /** What goes on where the piece before ended; none in the last one. */
  readonly bytes: Uint8Array;
  /** `begin`: only asks whether the group would take this backup, and changes nothing. `last`: all bytes came before. */
  readonly step: "begin" | "piece" | "last";
}

const STEPS: readonly RestoreAsk["step"][] = ["begin", "piece", "last"];

/** The piece as fields of a request. */
export function encodeRestoreAsk({ id, sequence, total, bytes, step }: RestoreAsk): readonly unknown[] {
  return [id, sequence, total, bytes, STEPS.indexOf(step)];
}

/** Reads the piece. @throws DraftError BAD_REQUEST */
export function restoreAskFrom(value: unknown): RestoreAsk {
  const [id, sequence, total, bytes, at] = tuple(value, "restore");
  const step = STEPS[whole(at, "step")];
  const ask = { id: byteString(id, "id"), sequence: whole(sequence, "sequence"), total: whole(total, "total"), bytes: byteString(bytes, "piece") };
  if (step === undefined || ask.id.length !== ID_BYTES || ask.sequence > 0xffff_ffff) throw malformed("restore");
  return { ...ask, step };
}
