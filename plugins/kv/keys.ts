/** Operations on keys whatever they hold: deleting them, and when they expire. */
import type { Command, Entry, Reply, View } from "../../src/machine/machine.ts";
import { deadlineOf, msOf } from "./deadline.ts";
import type { Row } from "../../src/machine/table_rows.ts";
import { eachKey, firstKey, MANY, SYNTAX } from "./operation.ts";
import type { Operation, Store } from "./operation.ts";
import { keyOf, sameValue, valueOf, wordOf } from "./text.ts";
import type { Refuse, Value } from "./text.ts";

function del(store: Store, command: Command, entry: Entry): Reply {
  const keys = command.slice(1).map((argument) => keyOf(argument, entry.reject));
  let deleted = 0;
  for (const key of keys) if (store.delete(key)) deleted += 1;
  return deleted;
}

function checkDelex(command: Command, refuse: Refuse): void {
  if (wordOf(command[2]) !== "IFEQ") throw refuse(SYNTAX);
}

function delex(store: Store, command: Command, entry: Entry): Reply {
  checkDelex(command, entry.reject);
  const key = keyOf(command[1], entry.reject);
  const wanted = valueOf(command[3], entry.reject);
  const old = store.get(key);
  if (old === undefined || !sameValue(old, wanted)) return 0;
  store.delete(key);
  return 1;
}

function checkFlushall(command: Command, refuse: Refuse): void {
  if (command.length > 1 && !["ASYNC", "SYNC"].includes(wordOf(command[1]))) throw refuse(SYNTAX);
}

/** Redis's words for how it gives back memory mean nothing here. */
function flushall(store: Store, command: Command, entry: Entry): Reply {
  checkFlushall(command, entry.reject);
  store.clear();
  return "OK";
}

/** What stands behind the time of an `expire`: when it holds, besides that the key is there. */
interface ExpireFlags {
  /** NX: only if it does not expire yet; XX: only if it does. */
  readonly only: "NX" | "XX" | null;
  /** GT: only later than now; LT: only earlier. Not to expire is latest. */
  readonly order: "GT" | "LT" | null;
}

function flagsOf(command: Command, refuse: Refuse): ExpireFlags {
  const words = command.slice(3).map(wordOf);
  for (const word of words) {
    if (!["NX", "XX", "GT", "LT"].includes(word)) throw refuse(`Unsupported option ${word}`);
  }
  const [nx, xx, gt, lt] = ["NX", "XX", "GT", "LT"].map((word) => words.includes(word));
  if (nx && (xx || gt || lt)) throw refuse("NX and XX, GT or LT options at the same time are not compatible");
  if (gt && lt) throw refuse("GT and LT options at the same time are not compatible");
  return { only: nx ? "NX" : xx ? "XX" : null, order: gt ? "GT" : lt ? "LT" : null };
}

function mayExpire(item: Row<Value>, flags: ExpireFlags, atMs: number): boolean {
  const now = item.expiresAtMs === 0 ? Number.POSITIVE_INFINITY : item.expiresAtMs;
  if (flags.only === "NX" && item.expiresAtMs !== 0) return false;
  if (flags.only === "XX" && item.expiresAtMs === 0) return false;
  return flags.order === null || (flags.order === "GT" ? atMs > now : atMs < now);
}

function expireIn(store: Store, command: Command, entry: Entry, unit: "EX" | "PX"): Reply {
  const operation = command[0];
  const key = keyOf(command[1], entry.reject);
  const amountMs = msOf(command[2], { unit, operation, from: Number.NEGATIVE_INFINITY }, entry.reject);
  const flags = flagsOf(command, entry.reject);
  const atMs = deadlineOf(amountMs, { unit, operation }, entry);
  const item = store.row(key);
  if (item === undefined || !mayExpire(item, flags, atMs)) return 0;
  if (atMs <= entry.timeMs) store.delete(key);
  else store.expire(key, atMs);
  return 1;
}

function expire(store: Store, command: Command, entry: Entry): Reply {
  return expireIn(store, command, entry, "EX");
}

function pexpire(store: Store, command: Command, entry: Entry): Reply {
  return expireIn(store, command, entry, "PX");
}

function checkExpire(command: Command, refuse: Refuse): void {
  const unit = command[0] === "expire" ? "EX" : "PX";
  msOf(command[2], { unit, operation: command[0], from: Number.NEGATIVE_INFINITY }, refuse);
  flagsOf(command, refuse);
}

function persist(store: Store, command: Command, entry: Entry): Reply {
  const key = keyOf(command[1], entry.reject);
  const item = store.row(key);
  if (item === undefined || item.expiresAtMs === 0) return 0;
  store.expire(key, 0);
  return 1;
}

/** Milliseconds that the key has left; -1 if it does not expire, -2 if it is not there: as Redis says it. */
function remainingMs(store: Store, command: Command, view: View, refuse: Refuse): number {
  const item = store.row(keyOf(command[1], refuse));
  if (item === undefined) return -2;
  return item.expiresAtMs === 0 ? -1 : item.expiresAtMs - view.timeMs;
}

function ttl(store: Store, command: Command, view: View, refuse: Refuse): Reply {
  const leftMs = remainingMs(store, command, view, refuse);
  return leftMs < 0 ? leftMs : Math.round(leftMs / 1000);
}

const EXPIRE_ARGS = "[NX|XX|GT|LT]";

export const keyOperations: Readonly<Record<string, Operation>> = {
  del: { kind: "write", touches: eachKey, frees: true, args: "K…", summary: "deletes keys, returns how many were there", count: [1, MANY], run: del },
  delex: {
    kind: "write",
    touches: firstKey,
    frees: true,
    args: "K IFEQ v",
    summary: "deletes a key if it has this value; 1 if done, else 0",
    count: [3, 3],
    check: checkDelex,
    run: delex,
  },
  flushall: { kind: "write", frees: true, args: "[ASYNC|SYNC]", summary: "deletes all keys", count: [0, 1], check: checkFlushall, run: flushall },
  expire: {
    kind: "write",
    touches: firstKey,
    args: `K s ${EXPIRE_ARGS}`,
    summary: "lets a key expire in so many seconds; 1 if done, else 0",
    count: [2, MANY],
    check: checkExpire,
    run: expire,
  },
  pexpire: {
    kind: "write",
    touches: firstKey,
    args: `K ms ${EXPIRE_ARGS}`,
    summary: "lets a key expire in so many milliseconds; 1 if done, else 0",
    count: [2, MANY],
    check: checkExpire,
    run: pexpire,
  },
  persist: { kind: "write", touches: firstKey, args: "K", summary: "lets a key no longer expire; 1 if done, else 0", count: [1, 1], run: persist },
  ttl: { kind: "read", touches: firstKey, args: "K", summary: "seconds that a key has left; -1: for ever, -2: no such key", count: [1, 1], run: ttl },
  pttl: { kind: "read", touches: firstKey, args: "K", summary: "milliseconds that a key has left", count: [1, 1], run: remainingMs },
};
