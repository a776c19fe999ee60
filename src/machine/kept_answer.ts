/**
 * The answer of a command as a session keeps it, for whoever sends the command again. An object that a machine answers
 * may be its live state, so its bytes are kept, the same on every runtime; what cannot change is kept as it is.
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError, isErrorCode, type Outcome } from "../base/errors.ts";
import type { Reply } from "./machine.ts";

/** Shorter texts are kept as they are; of a longer one an engine may hold a piece of something much longer. */
const SHORT_TEXT = 16;

/** Characters of an error's message that are kept. */
const MESSAGE_MAX = 256;

/** Bytes that short answers and errors may be counted with, which are kept however little room there is. */
export const KEPT_ANYWAY_BYTES = 1024;

const OUTCOMES: readonly Outcome[] = ["not-done", "unknown", "done"];

/** An error that the machine, or the applier for it, answered with. */
export class KeptError {
  /** CBOR of [code, message, outcome]. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** Stands for an answer that was too long. */
export const NOT_KEPT: unique symbol = Symbol("not kept");

/** A value as it is, CBOR of a value, an error, or nothing but that it was done. */
export type Kept = null | boolean | number | string | Uint8Array | KeptError | typeof NOT_KEPT;

/** What a command is answered with that is not run, or not again. */
export interface Found {
  readonly answer: Reply | DraftError;
  /** Index of the entry that ran it; 0 if none did. */
  readonly index: number;
}

/** `answer` to be kept, in `bytesMax` at most; errors are short and kept in any case. */
export function keptOf(answer: Reply | DraftError, bytesMax: number): Kept {
  if (answer === undefined || answer === null || typeof answer === "boolean") return answer ?? null;
  if (typeof answer === "number" && (answer | 0) === answer && !Object.is(answer, -0)) return answer;
  if (typeof answer === "string") {
    if (answer.length < SHORT_TEXT && answer.isWellFormed()) return answer;
    if (answer.length > bytesMax) return NOT_KEPT;
  }
  if (answer instanceof DraftError) return new KeptError(new Uint8Array(encode([answer.code, messageOf(answer), OUTCOMES.indexOf(answer.outcome)])));
  if (answer instanceof Uint8Array && answer.length > bytesMax) return NOT_KEPT;
  const bytes = encode(answer);
  return bytes.length > bytesMax ? NOT_KEPT : new Uint8Array(bytes);
}

function messageOf({ message }: DraftError): string {
  return message.length <= MESSAGE_MAX ? message : `${message.slice(0, MESSAGE_MAX)}…`;
}

/** Bytes that `kept` is counted with. */
export function keptBytes(kept: Kept): number {
  if (typeof kept === "string") return kept.length;
  if (kept instanceof Uint8Array) return kept.length;
  return kept instanceof KeptError ? kept.bytes.length : 0;
}

/** The answer again; what was too long is ANSWER_NOT_KEPT. */
export function answerFrom(kept: Kept): Reply | DraftError {
  if (kept === NOT_KEPT) {
    return new DraftError("ANSWER_NOT_KEPT", "an earlier try of this command was done, and its answer was too long to be kept: read what it changed");
  }
  if (kept instanceof KeptError) return errorFrom(kept.bytes);
  return kept instanceof Uint8Array ? decode(new Uint8Array(kept)) as Reply : kept;
}

function errorFrom(bytes: Uint8Array): DraftError {
  const [code, message, outcome] = decode(bytes) as [unknown, unknown, number];
  return new DraftError(isErrorCode(code) ? code : "LOST", String(message), { outcome: OUTCOMES[outcome] ?? "unknown" });
}

const Kind = { value: 0, encoded: 1, error: 2, notKept: 3 } as const;

/** `kept` as it is written: a kind and a value of CBOR (sessions_saved.ts has the drawing). */
export function contentOf(kept: Kept): [kind: number, content: unknown] {
  if (kept === NOT_KEPT) return [Kind.notKept, null];
  if (kept instanceof KeptError) return [Kind.error, kept.bytes];
  return kept instanceof Uint8Array ? [Kind.encoded, kept] : [Kind.value, kept];
}

/** What was written as `kind` and `content`. Bytes that were decoded are views of what they stood in: they are copied. */
export function keptFrom(kind: number, content: unknown): Kept {
  if (kind === Kind.notKept) return NOT_KEPT;
  if (kind === Kind.error) return new KeptError(new Uint8Array(content as Uint8Array));
  return kind === Kind.encoded ? new Uint8Array(content as Uint8Array) : content as Kept;
}
