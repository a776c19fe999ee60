/**
 * The machine `kv` once more, as a specification: values and revisions by key, no log, no index but what answers told.
 * What it cannot know (the revision of a write without an answer, when something expires) it leaves open: then an
 * operation may lead to several states.
 */
import { DraftError } from "../../base/errors.ts";
import { answerOf, meaningOf, type Recorded, textOf } from "./history.ts";
import { cellOf, countMeaning, fits, type KvOperation, type KvState, mayBe, put, valueMeaning } from "./kv_cells.ts";
import { single } from "./kv_single.ts";
import { txnKeys, txnSteps } from "./kv_txn.ts";

/** Operations that name more than one key, or none. */
const ALL_KEYS: ReadonlySet<string> = new Set(["list", "dbsize"]);
const MANY_KEYS: ReadonlySet<string> = new Set(["mget", "exists", "del"]);

/** What the operation does, in the model's terms. */
export function kvOperation(recorded: Recorded): KvOperation {
  const { operation, ending } = recorded;
  const [name, ...args] = operation.command;
  const { answer, id } = operation;
  return {
    recorded,
    name,
    args: args.map(textOf),
    isAnswered: ending === "done",
    refusal: ending === "refused" && answer instanceof DraftError ? answer.code : null,
    reply: ending === "done" ? meaningOf(answerOf(operation).reply) : "",
    index: ending === "done" ? answerOf(operation).index : -1 - id,
  };
}

/** The keys that an operation looks at or changes; null: all of them. */
export function keysOf(operation: KvOperation): readonly string[] | null {
  const { name, args } = operation;
  if (ALL_KEYS.has(name)) return null;
  if (MANY_KEYS.has(name)) return args;
  if (name === "mset") return args.filter((_, at) => at % 2 === 0);
  if (name === "txn") return txnKeys(operation, (step) => keysOf(step) ?? []);
  return args.slice(0, 1);
}

/** Equal for equal states. */
export function kvKey(state: KvState): string {
  let key = "";
  for (const cell of state) key += cell === null ? "-;" : `${cell.revision}${cell.expires ? "t" : ""}=${JSON.stringify(cell.value)};`;
  return key;
}

/** The keys that are looked at together, and what operations do to them. */
export class KvModel {
  readonly initial: KvState;
  readonly #keys: readonly string[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(keys: readonly string[]) {
    this.#keys = [...keys].sort();
    this.#places = new Map(this.#keys.map((key, at) => [key, at]));
    this.initial = this.#keys.map(() => null);
  }

  readonly key = (state: KvState): string => kvKey(state);

  /** The states that `operation` may lead to; none if its answer does not fit. */
  readonly step = (state: KvState, operation: KvOperation): readonly KvState[] => {
    const { name } = operation;
    if (ALL_KEYS.has(name)) return this.#all(state, operation);
    const states = this.#expiries(state, keysOf(operation) ?? []);
    return states.flatMap((from) => this.#one(from, operation));
  };

  /** A key that may be gone is there, or is not. */
  #expiries(state: KvState, keys: readonly string[]): readonly KvState[] {
    let states: readonly KvState[] = [state];
    for (const key of keys) {
      const at = this.#at(key);
      if (state[at]?.expires === true) states = states.flatMap((from) => [from, put(from, at, null)]);
    }
    return states;
  }

  #at(key: string): number {
    return this.#places.get(key)!;
  }

  #one(state: KvState, operation: KvOperation): readonly KvState[] {
    const { name, args } = operation;
    if (name === "mget") return fits(operation, state, `[${args.map((key) => valueMeaning(state[this.#at(key)])).join(",")}]`);
    if (name === "exists") return fits(operation, state, countMeaning(args.filter((key) => state[this.#at(key)] !== null).length));
    if (name === "del") return this.#del(state, operation);
    if (name === "mset") return this.#mset(state, operation);
    if (name === "txn") return this.#txn(state, operation);
    return single(state, this.#at(args[0]!), operation);
  }

  #del(state: KvState, operation: KvOperation): readonly KvState[] {
    let next = state;
    let count = 0;
    for (const key of operation.args) {
      const at = this.#at(key);
      if (next[at] === null) continue;
      next = put(next, at, null);
      count += 1;
    }
    return fits(operation, next, countMeaning(count));
  }

  #mset(state: KvState, operation: KvOperation): readonly KvState[] {
    let next = state;
    for (let at = 0; at < operation.args.length; at += 2) {
      next = put(next, this.#at(operation.args[at]!), cellOf(operation.args[at + 1]!, operation));
    }
    return fits(operation, next, '"OK"');
  }

  #txn(state: KvState, operation: KvOperation): readonly KvState[] {
    const steps = txnSteps(operation, (key) => state[this.#at(key)] ?? null);
    if (steps === null || operation.refusal !== null) return [];
    let states: readonly KvState[] = [state];
    for (const step of steps) states = states.flatMap((from) => this.#one(from, step));
    return states;
  }

  /** `list` and `dbsize` look at every key. */
  #all(state: KvState, operation: KvOperation): readonly KvState[] {
    if (!operation.isAnswered) return [state];
    if (operation.name === "list") return this.#list(state, operation);
    const most = state.filter((cell) => cell !== null).length;
    const least = state.filter((cell) => cell !== null && !cell.expires).length;
    const count = Number(answerOf(operation.recorded.operation).reply);
    return least <= count && count <= most ? [state] : [];
  }

  #list(state: KvState, { args, recorded }: KvOperation): readonly KvState[] {
    const options = listOptionsOf(args);
    const rows = (answerOf(recorded.operation).reply as readonly (readonly unknown[])[]).map(([key, value, revision]) =>
      ({ key: textOf(key), value: textOf(value), revision: Number(revision) }));
    let next = state;
    let at = 0;
    for (const [place, key] of this.#keys.entries()) {
      if (!key.startsWith(options.prefix) || (options.after !== null && key <= options.after)) continue;
      if (at === options.limit) break;
      const cell = state[place]!;
      const row = rows[at];
      if (row?.key === key) {
        if (cell === null || cell.value !== row.value || !mayBe(cell, row.revision)) return [];
        next = put(next, place, { ...cell, revision: row.revision });
        at += 1;
      } else if (cell !== null) {
        if (!cell.expires) return [];
        next = put(next, place, null);
      }
    }
    return at === rows.length ? [next] : [];
  }
}

/** What `list` was asked for. */
function listOptionsOf(args: readonly string[]): { prefix: string; after: string | null; limit: number } {
  const hasPrefix = args.length % 2 === 1;
  const options = { prefix: hasPrefix ? args[0]! : "", after: null as string | null, limit: 100 };
  for (let at = hasPrefix ? 1 : 0; at < args.length; at += 2) {
    if (args[at]!.toUpperCase() === "AFTER") options.after = args[at + 1]!;
    else options.limit = Number(args[at + 1]);
  }
  return options;
}
