/** The operations of `kv` as methods of a client, for `client.as(kv)`: types alone. */

/** A key, value or option as a program gives it: text, bytes, or a number as it would be typed. */
export type KvText = string | Uint8Array | number | bigint;

/** A key or value as it is answered: bytes if it is not UTF-8. */
export type KvValue = string | Uint8Array;

/** What a `txn` asks of a key. `revision` 0: there is no such key; `value` of no such key never holds. */
export type KvComparison =
  | readonly ["exists", key: KvText]
  | readonly ["revision", key: KvText, order: "=" | "!=" | "<" | ">", wanted: number]
  | readonly ["value", key: KvText, order: "=" | "!=" | "<" | ">", wanted: KvText];

/** An operation within a `txn`: any but `txn` and `scan`. */
export type KvStep = readonly [operation: Exclude<keyof KvMethods, "txn" | "scan">, ...args: KvText[]];

/** What a `txn` did: the answers of THEN if all comparisons held, else those of ELSE. */
export interface KvTxnReply {
  readonly succeeded: boolean;
  readonly results: readonly unknown[];
}

/** Integers beyond 2^53 - 1 arrive as BigInt. */
type Integer = number | bigint;

type Flag = "NX" | "XX" | "GT" | "LT";

/** Each operation; the options are words, as at the prompt: `set("k", "v", "EX", 60, "NX")`. */
export interface KvMethods {
  /** "OK"; null if the condition does not hold; with GET the old value or null. */
  readonly set: (key: KvText, value: KvText, ...options: KvText[]) => Promise<KvValue | null>;
  readonly mset: (key: KvText, value: KvText, ...pairs: KvText[]) => Promise<"OK">;
  /** The new revision; CONFLICT if the key has another one than `revision`. */
  readonly cas: (key: KvText, revision: number, value: KvText) => Promise<number>;
  readonly append: (key: KvText, value: KvText) => Promise<number>;
  readonly get: (key: KvText) => Promise<KvValue | null>;
  readonly getrev: (key: KvText) => Promise<readonly [value: KvValue, revision: number] | null>;
  readonly mget: (...keys: [KvText, ...KvText[]]) => Promise<readonly (KvValue | null)[]>;
  readonly exists: (...keys: [KvText, ...KvText[]]) => Promise<number>;
  readonly strlen: (key: KvText) => Promise<number>;
  readonly list: (...prefixAndOptions: KvText[]) => Promise<readonly (readonly [key: KvValue, value: KvValue, revision: number])[]>;
  readonly dbsize: () => Promise<number>;
  readonly incr: (key: KvText) => Promise<Integer>;
  readonly decr: (key: KvText) => Promise<Integer>;
  readonly incrby: (key: KvText, by: Integer) => Promise<Integer>;
  readonly decrby: (key: KvText, by: Integer) => Promise<Integer>;
  readonly del: (...keys: [KvText, ...KvText[]]) => Promise<number>;
  readonly delex: (key: KvText, word: "IFEQ", value: KvText) => Promise<0 | 1>;
  readonly flushall: (word?: "ASYNC" | "SYNC") => Promise<"OK">;
  readonly expire: (key: KvText, seconds: number, ...flags: Flag[]) => Promise<0 | 1>;
  readonly pexpire: (key: KvText, ms: number, ...flags: Flag[]) => Promise<0 | 1>;
  readonly persist: (key: KvText) => Promise<0 | 1>;
  readonly ttl: (key: KvText) => Promise<number>;
  readonly pttl: (key: KvText) => Promise<number>;
  readonly scan: (cursor: KvText, ...options: KvText[]) => Promise<readonly [cursor: string, keys: readonly KvValue[]]>;
  readonly keys: (pattern: KvText) => Promise<readonly KvValue[]>;
  readonly txn: (comparisons: readonly KvComparison[], then: readonly KvStep[], otherwise: readonly KvStep[]) => Promise<KvTxnReply>;
}
