/** Operations that read values, and the list of keys. */
import type { Command, Reply, Touches, View } from "../../src/machine/machine.ts";
import { countOf } from "./integers.ts";
import { eachKey, firstKey, MANY, SYNTAX } from "./operation.ts";
import type { ReadOperation, Store } from "./operation.ts";
import { byteLength, keyOf, keyShown, wordOf } from "./text.ts";
import type { Key, Refuse, Value } from "./text.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 10_000;
/** A list ends behind the item with which its keys and values pass this many bytes. */
export const LIST_BYTES_MAX: number = 4 * 1024 * 1024;

function get(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  return valueAt(store, command[1], refuse);
}

function valueAt(store: Store, argument: unknown, refuse: Refuse): Value | null {
  return store.get(keyOf(argument, refuse)) ?? null;
}

function getrev(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  const row = store.row(keyOf(command[1], refuse));
  return row === undefined ? null : [row.value, row.revision];
}

function mget(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  return command.slice(1).map((argument) => valueAt(store, argument, refuse));
}

function exists(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  return command.slice(1).filter((argument) => valueAt(store, argument, refuse) !== null).length;
}

function strlen(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  const value = valueAt(store, command[1], refuse);
  return value === null ? 0 : byteLength(value);
}

interface ListOptions {
  readonly prefix: Key;
  readonly after?: Key;
  readonly limit: number;
}

/** An odd number of arguments begins with a prefix, so that a prefix may be any word. */
function hasPrefix(command: Command): boolean {
  return command.length % 2 === 0;
}

function listOptionsOf(command: Command, refuse: Refuse): ListOptions {
  let after: Key | undefined;
  let limit = LIMIT_DEFAULT;
  for (let at = hasPrefix(command) ? 2 : 1; at < command.length; at += 2) {
    const word = wordOf(command[at]);
    if (word === "AFTER") after = keyOf(command[at + 1], refuse);
    else if (word === "LIMIT") limit = countOf(command[at + 1], refuse);
    else throw refuse(SYNTAX);
  }
  if (limit > LIMIT_MAX) throw refuse(`list LIMIT is ${limit}: must be at most ${LIMIT_MAX}`);
  return { prefix: hasPrefix(command) ? keyOf(command[1], refuse) : "", ...(after === undefined ? {} : { after }), limit };
}

function listed(command: Command): Touches {
  return { prefixes: [hasPrefix(command) ? command[1] : ""] };
}

function list(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  const rows: [key: Value, value: Value, revision: number][] = [];
  let bytes = 0;
  for (const { key, value, revision } of store.walk(listOptionsOf(command, refuse))) {
    rows.push([keyShown(key), value, revision]);
    bytes += key.length + byteLength(value);
    if (bytes > LIST_BYTES_MAX) break;
  }
  return rows;
}

export const readOperations: Readonly<Record<string, ReadOperation>> = {
  get: { kind: "read", touches: firstKey, args: "K", summary: "the value of a key, or nil", count: [1, 1], run: get },
  getrev: { kind: "read", touches: firstKey, args: "K", summary: "[value, revision] of a key, or nil", count: [1, 1], run: getrev },
  mget: { kind: "read", touches: eachKey, args: "K…", summary: "the values of keys, nil for what is not there", count: [1, MANY], run: mget },
  exists: { kind: "read", touches: eachKey, args: "K…", summary: "how many of the keys are there", count: [1, MANY], run: exists },
  strlen: { kind: "read", touches: firstKey, args: "K", summary: "the length of a value in bytes", count: [1, 1], run: strlen },
  list: {
    kind: "read",
    touches: listed,
    args: "[PREFIX] [LIMIT n] [AFTER K]",
    summary: `[key, value, revision] of keys in order, ${LIMIT_DEFAULT} unless told`,
    count: [0, 5],
    check: listOptionsOf,
    run: list,
  },
  dbsize: { kind: "read", args: "", summary: "how many keys there are", count: [0, 0], run: (store) => store.size },
};
