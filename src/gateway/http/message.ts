/** Requests and answers of HTTP, whatever carries them: a socket, or a program that calls `node.fetch`. */
import type { DraftError } from "../../base/errors.ts";
import type { Principal } from "../auth/principal.ts";

/** One request. */
export interface HttpRequest {
  readonly method: string;
  /** What stands before `?`, as it came. */
  readonly path: string;
  /** What stands behind `?`, as it came; empty if nothing does. */
  readonly query: string;
  /** Who asks; or UNAUTHORIZED. */
  readonly principal: Principal | DraftError;
  /** `host:port`; `this process` without a socket. */
  readonly remote: string;
  /** The value of a header, by its lower-case name; null if it is missing. */
  header(name: string): string | null;
  /**
   * The whole body; to be asked for once at most.
   *
   * @throws DraftError TOO_LARGE beyond `bytesMax`, BUSY if no room is left for it, BAD_REQUEST if it does not arrive
   */
  body(bytesMax: number): Promise<Uint8Array>;
}

/** One answer. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is read as fast as its pieces can be sent, and cancelled when nobody wants them any more. */
  readonly body: string | Uint8Array | ReadableStream<Uint8Array>;
}

/** What every answer bears. What a value holds is nobody's page: no browser is to guess at it, run it or keep it. */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

const JSON_TYPE = "application/json; charset=utf-8";

/** An answer in JSON. `index` is the entry, or the state, that it is of. */
export function jsonAnswer(value: unknown, { status = 200, index = 0, headers = {} }: { status?: number; index?: number; headers?: Record<string, string> } = {}): HttpAnswer {
  return {
    status,
    headers: { ...COMMON_HEADERS, "content-type": JSON_TYPE, ...(index > 0 ? { "draft-index": String(index) } : {}), ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}

/** Text that programs read. */
export function textAnswer(body: string, type: string): HttpAnswer {
  return { status: 200, headers: { ...COMMON_HEADERS, "content-type": type }, body };
}

/** A value as it is. */
export function rawAnswer(body: Uint8Array, headers: Record<string, string>): HttpAnswer {
  return {
    status: 200,
    headers: { ...COMMON_HEADERS, "content-type": "application/octet-stream", "content-disposition": "attachment", ...headers },
    body,
  };
}

/** What comes in pieces, and has no end that is known before. */
export function streamAnswer(body: ReadableStream<Uint8Array>, headers: Record<string, string>): HttpAnswer {
  return { status: 200, headers: { ...COMMON_HEADERS, ...headers }, body };
}

/** 304: who asks has it already. */
export function unchangedAnswer(headers: Record<string, string>): HttpAnswer {
  return { status: 304, headers: { ...COMMON_HEADERS, ...headers }, body: "" };
}

/** The answer to a request that failed; `status` where HTTP has a word of its own for it. */
export function errorAnswer(error: DraftError, status: number = error.httpStatus, headers: Record<string, string> = {}): HttpAnswer {
  const wait = error.retryAfterMs === null ? {} : { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))) };
  return jsonAnswer(error.toJSON(), { status, headers: { ...wait, ...headers } });
}

/** A refusal that HTTP has a status of its own for: 405, 415. */
export class HttpRefusal extends Error {
  readonly answer: HttpAnswer;

  constructor(error: DraftError, status: number, headers: Record<string, string> = {}) {
    super(error.message, { cause: error });
    this.answer = errorAnswer(error, status, headers);
  }
}
