/** Operations that go through the keys: a step at a time, or all that match. */
import type { Command, Reply, View } from "../../src/machine/machine.ts";
import { literalPrefix, matches } from "./glob.ts";
import { countOf } from "./integers.ts";
import { MANY, SYNTAX } from "./operation.ts";
import type { ReadOperation, Store } from "./operation.ts";
import { LIST_BYTES_MAX } from "./reads.ts";
import { keyOf, keyShown, valueOf, wordOf } from "./text.ts";
import type { Key, Refuse, Value } from "./text.ts";

const COUNT_DEFAULT = 10;

/** COUNT is a hint: one call looks at no more keys than this. */
const COUNT_MAX = 10_000;

/** Keys that are taken out of the table at once. */
const RUN_KEYS = 100;

/** Keys that `keys` looks at, at most: with more, nothing else would be served for too long. */
const LOOKED_AT_MAX = 100_000;

/** What Redis takes for a cursor: a whole number of 64 bits. */
const CURSOR = /^[0-9]{1,20}$/;

interface ScanOptions {
  readonly cursor: number;
  readonly pattern: Key;
  readonly count: number;
  /** All keys are strings: those of another type are none. */
  readonly isOfType: boolean;
}

function scanOptionsOf(command: Command, refuse: Refuse): ScanOptions {
  const cursor = valueOf(command[1], refuse);
  if (typeof cursor !== "string" || !CURSOR.test(cursor)) throw refuse("invalid cursor");
  const options = { cursor: Number(cursor), pattern: "*", count: COUNT_DEFAULT, isOfType: true };
  for (let at = 2; at < command.length; at += 2) {
    const word = wordOf(command[at]);
    if (at + 1 === command.length) throw refuse(SYNTAX);
    if (word === "MATCH") options.pattern = keyOf(command[at + 1], refuse);
    else if (word === "TYPE") options.isOfType = wordOf(command[at + 1]) === "STRING";
    else if (word === "COUNT") {
      options.count = Math.min(countOf(command[at + 1], refuse), COUNT_MAX);
      if (options.count === 0) throw refuse(SYNTAX);
    } else throw refuse(SYNTAX);
  }
  return options;
}

/** Each key that is there from the first call to the last is shown, once; one that comes meanwhile is not. */
function scan(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  const { pattern, count, isOfType, ...from } = scanOptionsOf(command, refuse);
  const shown: Value[] = [];
  let [cursor, left, bytes] = [from.cursor, count, 0];
  do {
    const run = store.scan(cursor, Math.min(left, RUN_KEYS));
    for (const { key } of run.rows) {
      if (!isOfType || !matches(pattern, key)) continue;
      shown.push(keyShown(key));
      bytes += key.length;
    }
    cursor = run.cursor;
    left -= RUN_KEYS;
  } while (cursor !== 0 && left > 0 && bytes < LIST_BYTES_MAX);
  return [String(cursor), shown];
}

function keys(store: Store, command: Command, _: View, refuse: Refuse): Reply {
  const pattern = keyOf(command[1], refuse);
  const shown: Value[] = [];
  let [bytes, lookedAt] = [0, 0];
  for (const { key } of store.walk({ prefix: literalPrefix(pattern) })) {
    lookedAt += 1;
    if (lookedAt > LOOKED_AT_MAX) throw refuse(`keys looked at ${LOOKED_AT_MAX} keys and saw no end: use scan, or begin the pattern with more letters`);
    if (!matches(pattern, key)) continue;
    shown.push(keyShown(key));
    bytes += key.length;
    if (bytes > LIST_BYTES_MAX) throw refuse(`keys found more than ${LIST_BYTES_MAX} bytes of keys: use scan`);
  }
  return shown;
}

export const scanOperations: Readonly<Record<string, ReadOperation>> = {
  scan: {
    kind: "read",
    args: "CURSOR [MATCH pattern] [COUNT n] [TYPE string]",
    summary: "[next cursor, keys]: some keys at a time, from cursor 0 until it is 0 again; misses none that stays",
    count: [1, MANY],
    check: scanOptionsOf,
    run: scan,
  },
  keys: { kind: "read", args: "PATTERN", summary: "all keys that match, in order: * ? [a-z] [^a] \\*", count: [1, 1], run: keys },
};
