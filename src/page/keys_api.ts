/** Keys and values of the machine `kv`, as a page asks for them. */
import { escaped } from "../base/escaped.ts";
import type { Api } from "./api.ts";
import { bytesOf, type TextOrBytes } from "./bytes.ts";

/** Keys of a page of the list. */
const PAGE_KEYS = 100;

/** A key with its value. */
export interface KeyRow {
  readonly key: TextOrBytes;
  readonly value: TextOrBytes;
  readonly revision: number;
}

/** A part of the list. */
export interface KeyPage {
  readonly index: number;
  readonly items: readonly KeyRow[];
  /** What to put behind `after=` to go on; null at the end. */
  readonly next: string | null;
}

/** A value as it is now. */
export interface KeyValue {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly revision: number;
  /** Milliseconds until the key expires; null if it does not. */
  readonly expiresMs: number | null;
}

/** @param after where the page before ended, as it said; "" for the first */
export function listKeys(api: Api, prefix: string, after: string): Promise<KeyPage> {
  const parts = [`prefix=${encodeURIComponent(prefix)}`, `limit=${PAGE_KEYS}`, ...(after === "" ? [] : [`after=${after}`])];
  return api.json(`/v1/kv?${parts.join("&")}`);
}

export async function readKey(api: Api, key: TextOrBytes): Promise<KeyValue> {
  const { bytes, revision } = await api.bytes(pathOf(key));
  const { result } = await api.json<{ result: number }>("/v1/run", { method: "POST", json: { command: ["pttl", key] } });
  return { bytes, revision, expiresMs: result >= 0 ? result : null };
}

/**
 * Writes the value, if the key is still at `revision`; 0: if there is no such key. Each try bears a key of its own, so
 * that what the browser sends again by itself is done once.
 */
export async function writeKey(api: Api, key: TextOrBytes, value: Uint8Array<ArrayBuffer>, { revision, expiresMs }: { revision: number; expiresMs: number | null }): Promise<number> {
  const ttl = expiresMs === null ? "" : `&ttl_ms=${Math.max(1, Math.round(expiresMs))}`;
  const written = await api.json<{ revision: number }>(`${pathOf(key)}?if_revision=${revision}${ttl}`, { method: "PUT", bytes: value, headers: { "idempotency-key": crypto.randomUUID() } });
  return written.revision;
}

export async function deleteKey(api: Api, key: TextOrBytes, revision: number): Promise<void> {
  await api.json(`${pathOf(key)}?if_revision=${revision}`, { method: "DELETE", headers: { "idempotency-key": crypto.randomUUID() } });
}

function pathOf(key: TextOrBytes): string {
  return `/v1/kv/${escaped(bytesOf(key))}`;
}
