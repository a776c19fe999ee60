/**
 * `txn IF THEN ELSE`: operations that run if all comparisons hold, or others if not, as one entry. All of them are done
 * or none is: one that is refused, for the state it meets, is the answer of the whole, and what those before it did is
 * undone. What no state could make right is refused before the log.
 */
import type { Command, Entry, Reply } from "../../src/machine/machine.ts";
import { countOf } from "./integers.ts";
import { MANY, checkCount, prepared, refuseRead } from "./operation.ts";
import type { Operation, Store, WriteOperation } from "./operation.ts";
import { compareValues, keyOf, valueOf } from "./text.ts";
import type { Refuse, Value } from "./text.ts";

/** Comparisons, and operations of a branch, at most. */
const ITEMS_MAX = 1000;

const ORDERS: ReadonlySet<unknown> = new Set(["=", "!=", "<", ">"]);

/** Operations that a transaction cannot hold: one within another, and what shows no part of the replicated state. */
const OUTSIDE: ReadonlySet<string> = new Set(["txn", "scan"]);

type Operations = ReadonlyMap<string, Operation>;

/** An operation of a branch, with what `run` needs. */
interface Step {
  readonly operation: Operation;
  readonly command: Command;
}

/** The operation, which knows all others. */
export function txnOperation(operations: Operations): WriteOperation {
  return {
    kind: "write",
    args: "IF THEN ELSE",
    summary: 'if all hold of [["revision|value","k","=|!=|<|>",v],["exists","k"]…], runs THEN, a list like [["set","k","v"]…], else ELSE; all or none',
    count: [3, MANY],
    prepare(command, refuse) {
      checkLength(command, refuse);
      const [comparisons, ...branches] = command.slice(1).map((argument, at) => listOf(argument, PARTS[at]!, refuse));
      const compared = comparisons!.map((each, at) => comparisonOf(each, named(refuse, `IF ${at + 1}`)));
      return [command[0], compared, ...branches.map((steps, branch) => steps.map((step, at) => {
        const refuseStep = named(refuse, `${PARTS[branch + 1]!} ${at + 1}`);
        const { operation, command: inner } = stepOf(step, operations, refuseStep);
        return prepared(operation, inner, refuseStep);
      }))];
    },
    touches(command) {
      const [comparisons = [], ...branches] = command.slice(1).map((argument, at) => listOf(argument, PARTS[at]!, refuseRead));
      const steps = branches.flat().map((step) => stepOf(step, operations, refuseRead)).map(({ operation, command: inner }) => operation.touches?.(inner) ?? null);
      if (steps.includes(null)) return null;
      return {
        keys: [...comparisons.map(([, key]) => key), ...steps.flatMap((each) => each?.keys ?? [])],
        prefixes: steps.flatMap((each) => each?.prefixes ?? []),
      };
    },
    run(store, command, entry) {
      checkLength(command, entry.reject);
      const [comparisons, then, otherwise] = command.slice(1).map((argument, at) => listOf(argument, PARTS[at]!, entry.reject));
      let succeeded = true;
      // All of them are looked at, so that a command that is none is refused in every state.
      for (const [at, each] of comparisons!.entries()) {
        if (!holds(store, comparisonOf(each, named(entry.reject, `IF ${at + 1}`)))) succeeded = false;
      }
      const branch = succeeded ? then! : otherwise!;
      const results = branch.map((step, at) => runStep(store, step, operations, entryNamed(entry, `${succeeded ? "THEN" : "ELSE"} ${at + 1}`)));
      return { succeeded, results };
    },
  };
}

const PARTS = ["IF", "THEN", "ELSE"] as const;

function checkLength(command: Command, refuse: Refuse): void {
  if (command.length !== 4) throw refuse(`wrong number of arguments for '${command[0]}' command`);
}

/** A list of lists, or its JSON. */
function listOf(argument: unknown, part: string, refuse: Refuse): readonly (readonly unknown[])[] {
  const list = typeof argument === "string" || argument instanceof Uint8Array ? parsed(argument, part, refuse) : argument;
  if (!Array.isArray(list) || !list.every((each) => Array.isArray(each))) throw refuse(`txn ${part}: must be a list of lists, as JSON`);
  if (list.length > ITEMS_MAX) throw refuse(`txn ${part}: has ${list.length} items, at most ${ITEMS_MAX}`);
  return list as readonly (readonly unknown[])[];
}

function parsed(json: string | Uint8Array, part: string, refuse: Refuse): unknown {
  const text = valueOf(json, refuse);
  try {
    if (typeof text === "string") return JSON.parse(text, (_, value: unknown) => bytesIn(value)) as unknown;
  } catch (error) {
    // What the engine says of it differs from engine to engine.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw refuse(`txn ${part}: is no JSON`);
}

/** What JSON says with `{"base64": …}`. What is none stays as it is, and is refused as an argument. */
function bytesIn(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("base64" in value) || typeof value.base64 !== "string") return value;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value.base64)) return value;
  return Uint8Array.from(atob(value.base64), (char) => char.charCodeAt(0));
}

type Comparison = readonly ["exists", key: unknown] | readonly ["revision" | "value", key: unknown, order: string, wanted: unknown];

/** `item` as a comparison, its arguments in the form that the log keeps. */
function comparisonOf([kind, key, order, wanted, ...more]: readonly unknown[], refuse: Refuse): Comparison {
  if (kind === "exists" && order === undefined) return [kind, textOf(key, refuse)];
  if ((kind === "revision" || kind === "value") && ORDERS.has(order) && more.length === 0) {
    return [kind, textOf(key, refuse), order as string, kind === "revision" ? countOf(wanted, refuse) : textOf(wanted, refuse)];
  }
  throw refuse('must be ["revision", key, "=", n], ["value", key, "=", v], with =, !=, < or >, or ["exists", key]');
}

function textOf(argument: unknown, refuse: Refuse): Value {
  const value = valueOf(argument, refuse);
  return typeof value === "string" ? value.toWellFormed() : value;
}

function holds(store: Store, comparison: Comparison): boolean {
  const row = store.row(keyOf(comparison[1], neverRefused));
  if (comparison[0] === "exists") return row !== undefined;
  const [kind, , order, wanted] = comparison;
  if (kind === "revision") return isSo((row?.revision ?? 0) - (wanted as number), order);
  // As in etcd: of a value that is not there nothing is true.
  return row !== undefined && isSo(compareValues(row.value, wanted as Value), order);
}

/** Whether `difference` is one of what stands in this order. */
function isSo(difference: number, order: string): boolean {
  if (order === "=") return difference === 0;
  if (order === "!=") return difference !== 0;
  return order === "<" ? difference < 0 : difference > 0;
}

function stepOf([name, ...args]: readonly unknown[], operations: Operations, refuse: Refuse): Step {
  const lower = typeof name === "string" ? name.toLowerCase() : "";
  if (OUTSIDE.has(lower)) throw refuse(`'${lower}' cannot be within a txn`);
  const operation = operations.get(lower);
  if (operation === undefined) throw refuse(`unknown command '${lower === "" ? typeof name : lower}'`);
  const command: Command = [lower, ...args];
  checkCount(operation, command, refuse);
  return { operation, command };
}

function runStep(store: Store, step: readonly unknown[], operations: Operations, entry: Entry): Reply {
  const { operation, command } = stepOf(step, operations, entry.reject);
  const reply = operation.kind === "write" ? operation.run(store, command, entry) : operation.run(store, command, entry, entry.reject);
  return reply ?? null;
}

function named(refuse: Refuse, place: string): Refuse {
  return (message) => refuse(`txn ${place}: ${message}`);
}

/** The entry, whose refusals say which step was refused. */
function entryNamed(entry: Entry, place: string): Entry {
  const reject: Entry["reject"] = (message, code) => entry.reject(`txn ${place}: ${message}`, code);
  return Object.create(entry, { reject: { value: reject } }) as Entry;
}

function neverRefused(message: string): Error {
  return new TypeError(`a comparison was checked: ${message}`);
}
