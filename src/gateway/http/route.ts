/** What a route is: the one place that says what is asked, what is answered, and who answers. */
import { DraftError, type ErrorCode } from "../../base/errors.ts";
import type { Place } from "../../machine/flat_encode.ts";
import { type Principal, refusalOf, type Role, type Scope } from "../auth/principal.ts";
import type { ClusterClient } from "../cluster_client.ts";
import { type TimesOf, timingOf } from "../write_timings.ts";
import { type HttpAnswer, HttpRefusal, type HttpRequest, jsonAnswer } from "./message.ts";
import type { Parameter, Parameters } from "./parameters.ts";
import { checkSchema, type Schema } from "./schema.ts";
import { serverTiming } from "./server_timing.ts";
import type { Streams } from "./streams.ts";

/** What a route does. */
export interface Route {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** With `{name}` for a part that varies; `{name*}` at its end is all that follows. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** What who asks must be: `read` for GET and `admin` for the rest, if nothing is said; null: anybody, without a token. */
  readonly role?: Role | null;
  readonly query: readonly Parameter[];
  readonly headers?: readonly Parameter[];
  /** What the body is; none is read if nothing is said. */
  readonly body?: BodySpec;
  readonly answer: AnswerSpec;
  /** What it may be refused with, besides what every route may be refused with. */
  readonly codes: readonly ErrorCode[];
  run(call: Call): Promise<HttpAnswer>;
}

/** JSON of a shape, or bytes as they are. */
export type BodySpec = { readonly json: Schema; readonly optional?: boolean } | { readonly raw: string };

/** What is answered when all went well. */
export interface AnswerSpec {
  readonly description: string;
  /** JSON of this shape; something else if nothing is said. */
  readonly json?: Schema;
  /** What that is; `application/octet-stream` if nothing is said. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses besides 200 that are no errors of draft: 304, 503. */
  readonly besides?: Readonly<Record<string, string>>;
}

/** One request on its way through a route. */
export interface Call {
  readonly request: HttpRequest;
  readonly cluster: ClusterClient;
  readonly streams: Streams;
  /** What the node counts and measures, as Prometheus reads it. */
  readonly metrics: () => Promise<string>;
  readonly timesOf: TimesOf;
  /** When the request came, by the cluster's clock. */
  readonly beganMs: number;
  /** Who asks; whether its role is enough was looked at, which keys it may use is for the route to check. */
  readonly principal: Principal;
  readonly group: string;
  readonly parameters: Parameters;
  /** The parts of the path that vary, as they came. */
  readonly parts: Readonly<Record<string, string>>;
  /** How long it may take in all. */
  readonly timeoutMs: number;
}

/** How long a request may take unless it says otherwise, in milliseconds. */
export const TIMEOUT_MS = 5000;

export const GROUP: Parameter = { name: "group", description: "the group that is meant", schema: { type: "string", default: "main" } };

export const TIMEOUT: Parameter = {
  name: "timeout_ms",
  description: "how long it may take in all, milliseconds",
  schema: { type: "integer", minimum: 1, maximum: 60_000, default: TIMEOUT_MS },
};

const KEY_PATTERN = /^[!-~]{1,255}$/;

export const IDEMPOTENCY_KEY: Parameter = {
  name: "Idempotency-Key",
  description: "1 to 255 visible characters. Under one key a write is done once, however often and to whichever node it is sent within 10 minutes; another write under it is refused with 422",
  schema: { type: "string", pattern: KEY_PATTERN.source },
};

const KEY_HEADER = "idempotency-key";

/**
 * The place under which a write with an `Idempotency-Key` is done once: a digest of who asks and of the key, which every
 * replica keeps. Null without a key.
 */
export async function placeOf({ request, principal }: Call): Promise<Place | null> {
  const key = request.header(KEY_HEADER);
  if (key === null) return null;
  if (!KEY_PATTERN.test(key)) throw new DraftError("BAD_REQUEST", "an Idempotency-Key has 1 to 255 visible characters");
  const named = new TextEncoder().encode(`${principal.name}\n${key}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", named));
  return { session: digest.slice(0, 16), sequence: 0, answeredBelow: 0 };
}

/** What every write's answer may bear. */
export const WRITE_HEADERS: Readonly<Record<string, string>> = {
  "draft-index": "index of its entry",
  "server-timing": "queue, fsync, replicate, apply: what it took, in milliseconds, as the leader measured it",
};

/** The answer to a write whose entry is `index`. */
export function writeAnswer(call: Call, value: unknown, index: number): HttpAnswer {
  const { cluster, group, beganMs, timesOf } = call;
  const nowMs = cluster.nowMs();
  const [told, times] = [cluster.timingOf(group, index), timesOf(group, index)];
  const timing = times === null ? told : timingOf(times, nowMs);
  const header = serverTiming({ tookMs: nowMs - beganMs, isForwarded: times === null, timing });
  return jsonAnswer(value, { index, headers: header === null ? {} : { "server-timing": header } });
}

/** @throws DraftError FORBIDDEN if who asks may not do this to these keys */
export function checkKeys({ principal }: Call, role: Role, scope: Scope): void {
  const refusal = refusalOf(principal, role, scope, "this request");
  if (refusal !== null) throw refusal;
}

/** Refuses a key where nothing would heed it. */
export function refuseKey(call: Call): void {
  if (call.request.header(KEY_HEADER) !== null) throw new DraftError("BAD_REQUEST", "an Idempotency-Key is for writes to a machine: send this without one");
}

/**
 * The body, parsed and checked.
 *
 * @throws HttpRefusal 415; DraftError BAD_REQUEST, TOO_LARGE, BUSY
 */
export async function jsonBody(call: Call, schema: Schema, optional: boolean = false): Promise<unknown> {
  const { request, cluster } = call;
  const type = request.header("content-type");
  const isJson = type !== null && /^application\/json *(?:;|$)/i.test(type);
  if (!isJson && !(optional && type === null)) {
    throw new HttpRefusal(new DraftError("BAD_REQUEST", `content-type is ${type === null ? "missing" : `"${type.slice(0, 64)}"`}: want application/json`), 415);
  }
  const bytes = await request.body(cluster.api.limits().frameBytesMax);
  if (optional && bytes.length === 0) return {};
  const value = parsed(bytes);
  checkSchema(schema, value, "body");
  return value;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    // A RangeError is what some engines make of lists that are nested too deep.
    if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new DraftError("BAD_REQUEST", `the body is no JSON in UTF-8: ${error.message.slice(0, 128)}`, { cause: error });
  }
}
