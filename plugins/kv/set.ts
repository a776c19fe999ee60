/** Operations that give keys their values. */
import type { Command, Entry, Reply, Touches } from "../../src/machine/machine.ts";
import { deadlineOf, msOf } from "./deadline.ts";
import type { Unit } from "./deadline.ts";
import { countOf } from "./integers.ts";
import type { Row } from "../../src/machine/table_rows.ts";
import { firstKey, MANY, SYNTAX } from "./operation.ts";
import type { Store, WriteOperation } from "./operation.ts";
import { byteLength, joined, keyOf, sameValue, valueOf, wordOf } from "./text.ts";
import type { Refuse, Value } from "./text.ts";

/** How long `append` may make a value, in bytes: what one `set` can bring by default. */
const APPENDED_BYTES_MAX = 8 * 1024 * 1024;

/** What stands behind the value of a `set`. */
interface SetOptions {
  /** When the key expires: `amountMs` from now, at `amountMs`, when it would have anyway, or never. */
  readonly expiry: Unit | "KEEPTTL" | null;
  readonly amountMs: number;
  readonly condition: "NX" | "XX" | "IFEQ" | null;
  /** With IFEQ: what the value must be. */
  readonly wanted: Value;
  /** Answer with the old value. */
  readonly get: boolean;
}

const PLAIN: SetOptions = { expiry: null, amountMs: 0, condition: null, wanted: "", get: false };

function setOptionsOf(command: Command, refuse: Refuse): SetOptions {
  if (command.length === 3) return PLAIN;
  const options = { ...PLAIN } as { -readonly [Field in keyof SetOptions]: SetOptions[Field] };
  for (let at = 3; at < command.length; at++) {
    const word = wordOf(command[at]);
    const last = at + 1 === command.length;
    if (word === "GET") options.get = true;
    else if (word === "NX" || word === "XX" || word === "IFEQ") {
      if (options.condition !== null || (word === "IFEQ" && last)) throw refuse(SYNTAX);
      options.condition = word;
      if (word === "IFEQ") options.wanted = valueOf(command[++at], refuse);
    } else if (word === "KEEPTTL" || word === "EX" || word === "PX" || word === "EXAT" || word === "PXAT") {
      if (options.expiry !== null || (word !== "KEEPTTL" && last)) throw refuse(SYNTAX);
      options.expiry = word;
      if (word !== "KEEPTTL") options.amountMs = msOf(command[++at], { unit: word, operation: "set", from: 1 }, refuse);
    } else throw refuse(SYNTAX);
  }
  return options;
}

function checkSet(command: Command, refuse: Refuse): void {
  setOptionsOf(command, refuse);
}

function set(store: Store, command: Command, entry: Entry): Reply {
  const key = keyOf(command[1], entry.reject);
  const value = valueOf(command[2], entry.reject);
  const options = setOptionsOf(command, entry.reject);
  if (options === PLAIN) {
    store.set(key, value);
    return "OK";
  }
  const old = store.row(key);
  const oldValue = old?.value ?? null;
  const expiresAtMs = expiresAtOf(options, old, entry);
  if (!mayWrite(options, old)) return options.get ? oldValue : null;
  // A moment that is past already: Redis sets the key and deletes it in the same breath.
  if (expiresAtMs !== 0 && expiresAtMs <= entry.timeMs) store.delete(key);
  else store.set(key, value, expiresAtMs);
  return options.get ? oldValue : "OK";
}

function mayWrite(options: SetOptions, old: Row<Value> | undefined): boolean {
  if (options.condition === "NX") return old === undefined;
  if (options.condition === "XX") return old !== undefined;
  return options.condition === null || (old !== undefined && sameValue(old.value, options.wanted));
}

function expiresAtOf(options: SetOptions, old: Row<Value> | undefined, entry: Entry): number {
  if (options.expiry === null) return 0;
  if (options.expiry === "KEEPTTL") return old?.expiresAtMs ?? 0;
  return deadlineOf(options.amountMs, { unit: options.expiry, operation: "set" }, entry);
}

function checkPairs(command: Command, refuse: Refuse): void {
  if (command.length % 2 === 0) throw refuse("wrong number of arguments for 'mset' command");
}

function mset(store: Store, command: Command, entry: Entry): Reply {
  checkPairs(command, entry.reject);
  const values = command.slice(1).map((argument) => valueOf(argument, entry.reject));
  for (let at = 0; at < values.length; at += 2) store.set(keyOf(values[at], entry.reject), values[at + 1]!);
  return "OK";
}

function checkCas(command: Command, refuse: Refuse): void {
  countOf(command[2], refuse);
}

function cas(store: Store, command: Command, entry: Entry): Reply {
  const key = keyOf(command[1], entry.reject);
  const wanted = countOf(command[2], entry.reject);
  const value = valueOf(command[3], entry.reject);
  const revision = store.row(key)?.revision ?? 0;
  if (revision !== wanted) {
    const is = revision === 0 ? "the key does not exist" : `the key is at revision ${revision}`;
    throw entry.reject(`cas lost: ${is}, wanted ${wanted === 0 ? "none" : wanted}`, "CONFLICT");
  }
  store.set(key, value);
  return entry.index;
}

function append(store: Store, command: Command, entry: Entry): Reply {
  const key = keyOf(command[1], entry.reject);
  const tail = valueOf(command[2], entry.reject);
  const old = store.row(key);
  const value = old === undefined ? tail : joined(old.value, tail);
  const bytes = byteLength(value);
  if (bytes > APPENDED_BYTES_MAX) {
    throw entry.reject(`string exceeds maximum allowed size: ${bytes}, at most ${APPENDED_BYTES_MAX}`);
  }
  store.set(key, value, old?.expiresAtMs ?? 0);
  return bytes;
}

function pairKeys(command: Command): Touches {
  return { keys: command.filter((_, at) => at % 2 === 1) };
}

export const setOperations: Readonly<Record<string, WriteOperation>> = {
  set: {
    kind: "write",
    touches: firstKey,
    args: "K V [EX s|PX ms|EXAT t|PXAT t|KEEPTTL] [NX|XX|IFEQ v] [GET]",
    summary: "gives a key its value; nil if the condition does not hold; with GET the old value",
    count: [2, MANY],
    check: checkSet,
    run: set,
  },
  mset: {
    kind: "write",
    touches: pairKeys,
    args: "K V [K V…]",
    summary: "gives several keys their values",
    count: [2, MANY],
    check: checkPairs,
    run: mset,
  },
  cas: {
    kind: "write",
    touches: firstKey,
    args: "K REVISION V",
    summary: "gives a key its value if its revision is still this one (0: no such key); returns the new revision",
    count: [3, 3],
    check: checkCas,
    run: cas,
  },
  append: {
    kind: "write",
    touches: firstKey,
    args: "K V",
    summary: "adds to the end of a value, returns its length in bytes",
    count: [2, 2],
    run: append,
  },
};
