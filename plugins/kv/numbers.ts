/** Operations that count: 64-bit integers held as text, as Redis holds them. */
import type { Command, Entry, Reply } from "../../src/machine/machine.ts";
import { NOT_AN_INTEGER, integerOf, negated, parseInteger, sumOf } from "./integers.ts";
import type { Integer } from "./integers.ts";
import { firstKey } from "./operation.ts";
import type { Store, WriteOperation } from "./operation.ts";
import { keyOf } from "./text.ts";
import type { Refuse } from "./text.ts";

function add(store: Store, command: Command, entry: Entry, by: Integer): Reply {
  const key = keyOf(command[1], entry.reject);
  const old = store.row(key);
  const count = old === undefined ? 0 : parseInteger(old.value);
  if (count === null) throw entry.reject(NOT_AN_INTEGER);
  const sum = sumOf(count, by);
  if (sum === null) throw entry.reject("increment or decrement would overflow");
  store.set(key, String(sum), old?.expiresAtMs ?? 0);
  return sum;
}

function increment(store: Store, command: Command, entry: Entry): Reply {
  return add(store, command, entry, 1);
}

function decrement(store: Store, command: Command, entry: Entry): Reply {
  return add(store, command, entry, -1);
}

function incrementBy(store: Store, command: Command, entry: Entry): Reply {
  return add(store, command, entry, integerOf(command[2], entry.reject));
}

function decrementBy(store: Store, command: Command, entry: Entry): Reply {
  return add(store, command, entry, decrementOf(command, entry.reject));
}

function checkIncrement(command: Command, refuse: Refuse): void {
  integerOf(command[2], refuse);
}

function decrementOf(command: Command, refuse: Refuse): Integer {
  const by = negated(integerOf(command[2], refuse));
  if (by === null) throw refuse("decrement would overflow");
  return by;
}

export const numberOperations: Readonly<Record<string, WriteOperation>> = {
  incr: { kind: "write", touches: firstKey, args: "K", summary: "adds 1 to a whole number (0 if missing), returns it", count: [1, 1], run: increment },
  decr: { kind: "write", touches: firstKey, args: "K", summary: "takes 1 from a whole number, returns it", count: [1, 1], run: decrement },
  incrby: {
    kind: "write",
    touches: firstKey,
    args: "K n",
    summary: "adds n to a whole number, returns it",
    count: [2, 2],
    check: checkIncrement,
    run: incrementBy,
  },
  decrby: {
    kind: "write",
    touches: firstKey,
    args: "K n",
    summary: "takes n from a whole number, returns it",
    count: [2, 2],
    check: decrementOf,
    run: decrementBy,
  },
};
