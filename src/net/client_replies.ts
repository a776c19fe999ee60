/**
 * The replies of the client protocol (client_protocol.ts): most are a short text or a count, and are written by hand
 * straight into the batch that goes out.
 */
import { CBOR_HEAD_BYTES_MAX, CborHeadReader, CborMajor, writeCborHead } from "../base/cbor_head.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError, isErrorCode, type Outcome } from "../base/errors.ts";
import { leaderFrom, malformed, tuple, whole } from "./client_fields.ts";
import type { FrameBatch } from "./frame_batch.ts";
import { encodeTiming, timingFrom, type WriteTiming } from "./write_timing.ts";

const OUTCOMES: readonly Outcome[] = ["not-done", "unknown", "done"];

/** A reply: a result, or an error. */
export interface ClientReply {
  readonly id: number;
  readonly index: number;
  readonly result: unknown;
  /** What a write took; null if nothing is said of it. */
  readonly timing: WriteTiming | null;
  readonly error: DraftError | null;
}

/** Bytes of a reply's head, at most: what stands before the result. */
const REPLY_HEAD_BYTES_MAX = 3 * CBOR_HEAD_BYTES_MAX;

/** Texts up to this length are written by hand, if they are ASCII. */
const SHORT_TEXT_MAX = 64;

/**
 * Adds the reply to a request that went well to `batch`, unless its body is longer than `bytesMax`.
 *
 * @returns the length of the body
 */
export function writeResult(batch: FrameBatch, reply: { id: number; index: number; result: unknown; timing?: WriteTiming | undefined }, bytesMax: number): number {
  const { id, index, result, timing } = reply;
  if (timing !== undefined) {
    const body = encode([id, 0, index, result ?? null, encodeTiming(timing)]);
    if (body.length <= bytesMax) batch.append(body);
    return body.length;
  }
  const simpleAt = batch.reserve(REPLY_HEAD_BYTES_MAX + CBOR_HEAD_BYTES_MAX + SHORT_TEXT_MAX);
  const simpleEnd = writeSimple(batch.bytes, writeReplyHead(batch.bytes, simpleAt, id, index), result);
  if (simpleEnd > 0) {
    batch.finish(simpleEnd);
    return simpleEnd - simpleAt;
  }
  const encoded = encode(result ?? null);
  const length = REPLY_HEAD_BYTES_MAX + encoded.length;
  if (length > bytesMax) return length;
  const at = batch.reserve(length);
  const end = writeReplyHead(batch.bytes, at, id, index);
  batch.bytes.set(encoded, end);
  batch.finish(end + encoded.length);
  return end + encoded.length - at;
}

function writeReplyHead(into: Uint8Array, at: number, id: number, index: number): number {
  let end = writeCborHead(into, at, CborMajor.array, 4);
  end = writeCborHead(into, end, CborMajor.unsigned, id);
  end = writeCborHead(into, end, CborMajor.unsigned, 0);
  return writeCborHead(into, end, CborMajor.unsigned, index);
}

/** Writes what most operations answer, a short text, a count or nothing, and tells where it ends; 0 if it is more. */
function writeSimple(into: Uint8Array, at: number, result: unknown): number {
  if (result === null || result === undefined) {
    into[at] = 0xf6;
    return at + 1;
  }
  if (typeof result === "number") {
    return Number.isInteger(result) && result >= 0 && result < 2 ** 32 && !Object.is(result, -0)
      ? writeCborHead(into, at, CborMajor.unsigned, result)
      : 0;
  }
  if (typeof result !== "string" || result.length > SHORT_TEXT_MAX) return 0;
  let end = writeCborHead(into, at, CborMajor.text, result.length);
  for (let i = 0; i < result.length; i++) {
    const unit = result.charCodeAt(i);
    if (unit > 0x7f) return 0;
    into[end++] = unit;
  }
  return end;
}

/** Body of the reply to a request that failed. */
export function encodeError(id: number, error: DraftError): Uint8Array {
  const { code, message, outcome, leader, retryAfterMs, oldestIndex } = error;
  const oldest = oldestIndex === null ? [] : [oldestIndex];
  return encode([id, 1, code, message, OUTCOMES.indexOf(outcome), leader?.id ?? null, leader?.address ?? null, retryAfterMs, ...oldest]);
}

/** Reads replies of one connection. Byte strings within a result are views of its frame. */
export class ReplyReader {
  readonly #heads: CborHeadReader = new CborHeadReader();

  /** @throws DraftError BAD_REQUEST if the body is no reply; the connection cannot go on then */
  read(body: Uint8Array): ClientReply {
    const heads = this.#heads;
    heads.reset(body);
    if (heads.next(CborMajor.array) !== 4) return decodeReply(body);
    const id = heads.next(CborMajor.unsigned);
    if (id < 0 || heads.next(CborMajor.unsigned) !== 0) return decodeReply(body);
    const index = heads.next(CborMajor.unsigned);
    if (index < 0) return decodeReply(body);
    const simple = readSimple(body, heads.at);
    return { id, index, result: simple === NOT_SIMPLE ? decode(body.subarray(heads.at)) : simple, timing: null, error: null };
  }
}

const NOT_SIMPLE: unique symbol = Symbol("not simple");

/** What `writeSimple` wrote most often: null, a small count, a short text that fills the body. */
function readSimple(body: Uint8Array, at: number): unknown {
  const initial = body[at] ?? 0xff;
  if (initial === 0xf6) return at + 1 === body.length ? null : NOT_SIMPLE;
  const info = initial & 31;
  if (info >= 24) return NOT_SIMPLE;
  if (initial >> 5 === CborMajor.unsigned) return at + 1 === body.length ? info : NOT_SIMPLE;
  if (initial >> 5 !== CborMajor.text || at + 1 + info !== body.length) return NOT_SIMPLE;
  let text = "";
  for (let i = at + 1; i < body.length; i++) {
    const unit = body[i] as number;
    if (unit > 0x7f) return NOT_SIMPLE;
    text += String.fromCharCode(unit);
  }
  return text;
}

function decodeReply(body: Uint8Array): ClientReply {
  const [id, failed, ...rest] = tuple(decode(body), "reply");
  const head = { id: whole(id, "request id") };
  if (failed === 0) return { ...head, index: whole(rest[0], "index"), result: rest[1], timing: timingFrom(rest[2]), error: null };
  const [code, message, outcome, leaderId, leaderAddress, retryAfterMs, oldestIndex] = rest;
  if (failed !== 1 || typeof message !== "string") throw malformed("reply");
  return { ...head, index: 0, result: null, timing: null, error: errorFrom({ code, message, outcome, leaderId, leaderAddress, retryAfterMs, oldestIndex }) };
}

/** A code that this version does not know still bears its outcome, which is what a client acts on. */
function errorFrom(fields: Record<"code" | "outcome" | "leaderId" | "leaderAddress" | "retryAfterMs" | "oldestIndex", unknown> & { message: string }): DraftError {
  const outcome = OUTCOMES[whole(fields.outcome, "outcome")] ?? "unknown";
  const known = isErrorCode(fields.code);
  const code = isErrorCode(fields.code) ? fields.code : outcome === "not-done" ? "BAD_REQUEST" : "LOST";
  return new DraftError(code, known ? fields.message : `${String(fields.code)}: ${fields.message}`, {
    outcome,
    leader: leaderFrom(fields.leaderId, fields.leaderAddress),
    ...(typeof fields.retryAfterMs === "number" ? { retryAfterMs: fields.retryAfterMs } : {}),
    ...(typeof fields.oldestIndex === "number" ? { oldestIndex: fields.oldestIndex } : {}),
  });
}
