/** Operations that read values, and the list of keys. */
import type { Command, Reply, View } from "../../src/machine/machine.ts";
import { countOf } from "./integers.ts";
import { MANY, refuseRead } from "./operation.ts";
import type { ReadOperation } from "./operation.ts";
import type { Store } from "./store.ts";
import { byteLength, keyOf, keyShown, wordOf } from "./text.ts";
import type { Key, Refuse, Value } from "./text.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 10_000;
/** A list ends behind the item with which its keys and values pass this many bytes. */
const LIST_BYTES_MAX = 4 * 1024 * 1024;

function get(store: Store, command: Command, view: View): Reply {
  return valueAt(store, command[1], view);
}

function valueAt(store: Store, argument: unknown, view: View): Value | null {
  return store.find(keyOf(argument, refuseRead), view.timeMs)?.value ?? null;
}

function getrev(store: Store, command: Command, view: View): Reply {
  const item = store.find(keyOf(command[1], refuseRead), view.timeMs);
  return item === undefined ? null : [item.value, item.revision];
}

function mget(store: Store, command: Command, view: View): Reply {
  return command.slice(1).map((argument) => valueAt(store, argument, view));
}

function exists(store: Store, command: Command, view: View): Reply {
  return command.slice(1).filter((argument) => valueAt(store, argument, view) !== null).length;
}

function strlen(store: Store, command: Command, view: View): Reply {
  const value = valueAt(store, command[1], view);
  return value === null ? 0 : byteLength(value);
}

function dbsize(store: Store, _: Command, view: View): Reply {
  return store.count(view.timeMs);
}

interface ListOptions {
  readonly prefix: Key;
  readonly after: Key | null;
  readonly limit: number;
}

/** An odd number of arguments begins with a prefix, so that a prefix may be any word. */
function listOptionsOf(command: Command, refuse: Refuse): ListOptions {
  const hasPrefix = command.length % 2 === 0;
  let after: Key | null = null;
  let limit = LIMIT_DEFAULT;
  for (let at = hasPrefix ? 2 : 1; at < command.length; at += 2) {
    const word = wordOf(command[at]);
    if (word === "AFTER") after = keyOf(command[at + 1], refuse);
    else if (word === "LIMIT") limit = countOf(command[at + 1], refuse);
    else throw refuse("syntax error");
  }
  if (limit > LIMIT_MAX) throw refuse(`list LIMIT is ${limit}: must be at most ${LIMIT_MAX}`);
  return { prefix: hasPrefix ? keyOf(command[1], refuse) : "", after, limit };
}

function list(store: Store, command: Command, view: View): Reply {
  const options = listOptionsOf(command, refuseRead);
  const rows: [key: Value, value: Value, revision: number][] = [];
  let bytes = 0;
  if (options.limit === 0) return rows;
  store.walk(options, view.timeMs, (key, item) => {
    rows.push([keyShown(key), item.value, item.revision]);
    bytes += key.length + byteLength(item.value);
    return rows.length === options.limit || bytes > LIST_BYTES_MAX ? "stop" : undefined;
  });
  return rows;
}

export const readOperations: Readonly<Record<string, ReadOperation>> = {
  get: { kind: "read", args: "K", summary: "the value of a key, or nil", count: [1, 1], run: get },
  getrev: { kind: "read", args: "K", summary: "[value, revision] of a key, or nil", count: [1, 1], run: getrev },
  mget: { kind: "read", args: "K…", summary: "the values of keys, nil for what is not there", count: [1, MANY], run: mget },
  exists: { kind: "read", args: "K…", summary: "how many of the keys are there", count: [1, MANY], run: exists },
  strlen: { kind: "read", args: "K", summary: "the length of a value in bytes", count: [1, 1], run: strlen },
  list: {
    kind: "read",
    args: "[PREFIX] [LIMIT n] [AFTER K]",
    summary: `[key, value, revision] of keys in order, ${LIMIT_DEFAULT} unless told`,
    count: [0, 5],
    check: listOptionsOf,
    run: list,
  },
  dbsize: { kind: "read", args: "", summary: "how many keys there are", count: [0, 0], run: dbsize },
};
