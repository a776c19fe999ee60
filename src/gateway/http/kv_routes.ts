/**
 * `/v1/kv`: keys and values of the machine `kv`, raw. The routes are made of its operations, so whatever machine has
 * these can be used so, and another one answers that it does not know them.
 */
import { DraftError, type Outcome } from "../../base/errors.ts";
import { escaped } from "../../base/escaped.ts";
import { toJsonValue, utf8OrNull } from "../../base/json_value.ts";
import type { ClientAnswer } from "../../client/client_options.ts";
import type { Command } from "../../machine/machine.ts";
import type { Level } from "../../net/client_protocol.ts";
import { type Condition, conditionsOf, etagOf, isNoneMatch } from "./conditions.ts";
import { type HttpAnswer, jsonAnswer, rawAnswer, unchangedAnswer } from "./message.ts";
import { type Parameter, unescaped } from "./parameters.ts";
import { type Call, checkKeys, GROUP, IDEMPOTENCY_KEY, placeOf, type Route, TIMEOUT, WRITE_HEADERS, writeAnswer } from "./route.ts";
import { objectOf, type Schema } from "./schema.ts";

export const LEVEL: Parameter = {
  name: "level",
  description: "how fresh the read must be: linearizable sees every write that was answered before; lease spares a round among the nodes, and believes their clocks to go alike; stale is what this node has",
  schema: { type: "string", enum: ["linearizable", "lease", "stale"], default: "linearizable" },
};

export const MIN_INDEX: Parameter = {
  name: "min_index",
  description: "answer from a state at or past this index: with the index of a write, any node reads it",
  schema: { type: "integer", minimum: 0, default: 0 },
};

const IF_REVISION: Parameter = {
  name: "if_revision",
  description: "only if the key's revision is this one; 0: only if there is no such key. Else 412",
  schema: { type: "integer", minimum: 0 },
};

const TTL: Parameter = { name: "ttl_ms", description: "the key expires after so many milliseconds", schema: { type: "integer", minimum: 1 } };

const IF_MATCH: Parameter = { name: "If-Match", description: 'an ETag, or `*`: as if_revision', schema: { type: "string" } };
const IF_NONE_MATCH: Parameter = { name: "If-None-Match", description: "an ETag, or `*`", schema: { type: "string" } };

const LIST_MAX = 10_000;
/** So many unless it is said. */
const LIST_LIMIT = 100;

/** The machine ends a list once keys and values pass so much. */
const LIST_BYTES_MAX = 4 * 1024 * 1024;

/** A text, or what is no UTF-8. */
export const TEXT_OR_BYTES: Schema = { type: ["string", "object"], description: 'text, or {"base64":…} if it is not UTF-8' };

const INDEX: Schema = { type: "integer", minimum: 0, description: "the entry's index, or that of the state that was read" };
const REVISION: Schema = { type: "integer", minimum: 0, description: "index of the entry that last wrote the key" };

const VALUE_HEADERS: Readonly<Record<string, string>> = {
  "draft-revision": "index of the entry that last wrote the key",
  "draft-index": "index of the state that was read",
  "etag": "the revision in quotes",
};

export const KV_ROUTES: readonly Route[] = [
  {
    method: "GET", path: "/v1/kv/{key*}", id: "getValue", summary: "the value of a key, raw",
    query: [LEVEL, MIN_INDEX, TIMEOUT, GROUP],
    headers: [IF_NONE_MATCH],
    answer: { description: "the value", headers: VALUE_HEADERS, besides: { 304: "the key is at a revision that If-None-Match names" } },
    codes: ["NOT_FOUND", "UNKNOWN_OPERATION"],
    run: getValue,
  },
  {
    method: "PUT", path: "/v1/kv/{key*}", id: "putValue", summary: "gives a key its value", role: "write",
    query: [IF_REVISION, TTL, TIMEOUT, GROUP],
    headers: [IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY_KEY],
    body: { raw: "the value, as it is" },
    answer: { description: "done", headers: WRITE_HEADERS, json: objectOf({ index: INDEX, revision: REVISION }) },
    codes: ["CONFLICT", "REJECTED", "TOO_LARGE", "UNKNOWN_OPERATION", "DISK_FULL", "ANSWER_NOT_KEPT"],
    run: putValue,
  },
  {
    method: "DELETE", path: "/v1/kv/{key*}", id: "deleteValue", summary: "deletes a key", role: "write",
    query: [IF_REVISION, TIMEOUT, GROUP],
    headers: [IF_MATCH, IDEMPOTENCY_KEY],
    answer: { description: "done", headers: WRITE_HEADERS, json: objectOf({ index: INDEX, deleted: { type: "boolean", description: "whether there was such a key" } }) },
    codes: ["CONFLICT", "REJECTED", "UNKNOWN_OPERATION", "DISK_FULL", "ANSWER_NOT_KEPT"],
    run: deleteValue,
  },
  {
    method: "GET", path: "/v1/kv", id: "listValues", summary: "keys and values, in the order of the keys' bytes",
    query: [
      { name: "prefix", description: "of keys that begin so", schema: { type: "string", default: "" } },
      { name: "limit", description: "so many at most; a list may end earlier, after 4 MiB", schema: { type: "integer", minimum: 1, maximum: LIST_MAX, default: LIST_LIMIT } },
      { name: "after", description: "of keys behind this one", schema: { type: "string" } },
      LEVEL, MIN_INDEX, TIMEOUT, GROUP,
    ],
    answer: {
      description: "keys and values",
      json: objectOf({
        index: INDEX,
        items: { type: "array", items: objectOf({ key: TEXT_OR_BYTES, value: TEXT_OR_BYTES, revision: REVISION }) },
        next: { type: ["string", "null"], description: "what to put behind `after=` to go on, percent-encoded; null at the end" },
      }),
    },
    codes: ["UNKNOWN_OPERATION"],
    run: listValues,
  },
];

async function getValue(call: Call): Promise<HttpAnswer> {
  const key = keyOf(call);
  checkKeys(call, "read", { keys: [key] });
  const { result, index } = await readAt(call, ["getrev", key]);
  if (!Array.isArray(result)) throw new DraftError("NOT_FOUND", "there is no such key");
  const [value, revision] = result as [unknown, number];
  const headers = { "etag": etagOf(revision), "draft-revision": String(revision), "draft-index": String(index) };
  const isUnchanged = isNoneMatch(call.request.header("if-none-match"), revision);
  return isUnchanged ? unchangedAnswer(headers) : rawAnswer(bytesOf(value), headers);
}

async function putValue(call: Call): Promise<HttpAnswer> {
  const key = keyOf(call);
  checkKeys(call, "write", { keys: [key] });
  const conditions = conditionsOf(call);
  const place = await placeOf(call);
  const ttlMs = call.parameters.whole("ttl_ms");
  const value = await call.request.body(call.cluster.api.limits().valueBytesMax);
  const set: Command = ["set", key, utf8OrNull(value) ?? value, ...(ttlMs === null ? [] : ["PX", String(ttlMs)])];
  const { index } = await write(call, set, { key, conditions, place });
  return writeAnswer(call, { index, revision: index }, index);
}

async function deleteValue(call: Call): Promise<HttpAnswer> {
  const key = keyOf(call);
  checkKeys(call, "write", { keys: [key] });
  const conditions = conditionsOf(call);
  const { index, result } = await write(call, ["del", key], { key, conditions, place: await placeOf(call) });
  return writeAnswer(call, { index, deleted: Number(result) > 0 }, index);
}

async function listValues(call: Call): Promise<HttpAnswer> {
  const { parameters } = call;
  const limit = parameters.whole("limit") ?? LIST_LIMIT;
  const after = parameters.value("after");
  // One more than wanted tells whether the list goes on.
  const asked = Math.min(limit + 1, LIST_MAX);
  const prefix = parameters.value("prefix") ?? "";
  checkKeys(call, "read", { prefixes: [prefix] });
  const command: Command = ["list", prefix, "LIMIT", String(asked), ...(after === null ? [] : ["AFTER", after])];
  const { result, index } = await readAt(call, command);
  if (!isListReply(result)) throw otherMachine("list", "not-done");
  const rows = result;
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const mayGoOn = rows.length === asked || bytesIn(rows) >= LIST_BYTES_MAX;
  const items = shown.map(([key, value, revision]) => ({ key: toJsonValue(key), value: toJsonValue(value), revision }));
  return jsonAnswer({ index, items, next: last !== undefined && mayGoOn ? escaped(bytesOf(last[0])) : null }, { index });
}

/** A write, whose conditions, if it has any, are looked at by the same entry. */
async function write(call: Call, command: Command, { key, conditions, place }: { key: unknown; conditions: readonly Condition[]; place: Awaited<ReturnType<typeof placeOf>> }): Promise<ClientAnswer> {
  const options = { group: call.group, timeoutMs: call.timeoutMs, ...(place === null ? {} : { place }) };
  if (conditions.length === 0) return call.cluster.client.write(command, options);
  const compared = conditions.map(({ order, revision }) => ["revision", key, order, revision]);
  const { index, result } = await call.cluster.client.write(["txn", compared, [command], [["getrev", key]]], options);
  if (!isTxnReply(result)) throw otherMachine("txn", "done");
  const { succeeded, results } = result;
  if (succeeded) return { index, result: results[0] };
  const [found] = results as [readonly [unknown, number] | null];
  throw new DraftError("CONFLICT", found === null ? "there is no such key" : `the key is at revision ${found[1]}`);
}

function isListReply(result: unknown): result is readonly (readonly [key: unknown, value: unknown, revision: number])[] {
  return Array.isArray(result) && result.every((row) => Array.isArray(row) && row.length === 3);
}

function isTxnReply(result: unknown): result is { readonly succeeded: boolean; readonly results: readonly unknown[] } {
  return typeof result === "object" && result !== null && "succeeded" in result && "results" in result && Array.isArray(result.results) && result.results.length > 0;
}

/** An operation of the same name, of a machine that means something else by it. */
function otherMachine(operation: string, outcome: Outcome): DraftError {
  return new DraftError("UNKNOWN_OPERATION", `${operation} of this machine answers otherwise than that of kv: use POST /v1/run`, { outcome });
}

/** A read, as the address wants it. */
function readAt({ cluster, group, parameters, timeoutMs }: Call, command: Command): Promise<ClientAnswer> {
  const level = (parameters.text("level") ?? "linearizable") as Level;
  return cluster.read(group, command, { level, minIndex: parameters.whole("min_index") ?? 0, timeoutMs });
}

function keyOf({ parts }: Call): string | Uint8Array {
  const bytes = unescaped(parts["key"] ?? "");
  return utf8OrNull(bytes) ?? bytes;
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new TextEncoder().encode(String(value));
}

function bytesIn(rows: readonly (readonly unknown[])[]): number {
  return rows.reduce((sum, [key, value]) => sum + bytesOf(key).length + bytesOf(value).length, 0);
}
