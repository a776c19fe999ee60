/** A kv that is too simple to be wrong: a Map from which everything that is due is deleted before each step. */
import { nextInRange } from "../../../src/base/random.ts";
import type { RandomState } from "../../../src/base/random.ts";

interface Row {
  readonly value: string;
  readonly revision: number;
  readonly atMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** What refuses a command, by its code. */
class Refused extends Error {}

type Step = readonly [name: string, ...args: string[]];

export class Model {
  rows: Map<string, Row> = new Map();
  timeMs = 0;
  index = 0;

  purge(): void {
    for (const [key, row] of this.rows) if (row.atMs <= this.timeMs) this.rows.delete(key);
  }

  /** The answer that is wanted; an error by its code. */
  run(name: string, args: readonly string[]): unknown {
    this.purge();
    const before = new Map(this.rows);
    try {
      return this.#run(name, args);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.rows = before;
      return error.message;
    }
  }

  #run(name: string, args: readonly string[]): unknown {
    if (name === "txn") return this.#txn(args);
    if (name === "set") return this.#set(args[0]!, args[1]!, args.slice(2));
    const read = this.#read(name, args);
    return read === undefined ? this.#write(name, args) : read;
  }

  #read(name: string, args: readonly string[]): unknown {
    const [key = "", , b = ""] = args;
    const row = this.rows.get(key);
    const leftMs = row === undefined ? -2 : row.atMs === NEVER ? -1 : row.atMs - this.timeMs;
    const sorted = [...this.rows].sort(([one], [other]) => (one < other ? -1 : 1));
    switch (name) {
      case "get": return row?.value ?? null;
      case "getrev": return row === undefined ? null : [row.value, row.revision];
      case "mget": return args.map((one) => this.rows.get(one)?.value ?? null);
      case "exists": return args.filter((one) => this.rows.has(one)).length;
      case "strlen": return row?.value.length ?? 0;
      case "pttl": return leftMs;
      case "ttl": return leftMs < 0 ? leftMs : Math.round(leftMs / 1000);
      case "dbsize": return this.rows.size;
      case "list":
        return sorted.filter(([one]) => one.startsWith(key) && one > b).map(([one, { value, revision }]) => [one, value, revision]).slice(0, 3);
      // Patterns are drawn that are easy to say otherwise.
      case "keys":
      case "scan": {
        const pattern = new RegExp(`^${(name === "keys" ? key : b).replaceAll("*", ".*").replaceAll("?", ".")}$`);
        const shown = sorted.map(([one]) => one).filter((one) => pattern.test(one));
        return name === "keys" ? shown : ["0", shown];
      }
      default: return undefined;
    }
  }

  #write(name: string, args: readonly string[]): unknown {
    const [key = "", a = "", b = ""] = args;
    const row = this.rows.get(key);
    switch (name) {
      case "mset":
        for (let i = 0; i < args.length; i += 2) this.#put(args[i]!, args[i + 1]!, NEVER);
        return "OK";
      case "del": return args.filter((one) => this.rows.delete(one)).length;
      case "delex": return row?.value === b && this.rows.delete(key) ? 1 : 0;
      case "flushall":
        this.rows = new Map();
        return "OK";
      case "cas":
        if ((row?.revision ?? 0) !== Number(a)) throw new Refused("CONFLICT");
        this.#put(key, b, NEVER);
        return this.index;
      case "incr": return this.#add(key, 1);
      case "decr": return this.#add(key, -1);
      case "incrby": return this.#add(key, Number(a));
      case "decrby": return this.#add(key, -Number(a));
      case "append":
        this.#put(key, (row?.value ?? "") + a, row?.atMs ?? NEVER);
        return (row?.value ?? "").length + a.length;
      case "expire": return this.#expire(key, 1000 * Number(a), args.slice(2));
      case "pexpire": return this.#expire(key, Number(a), args.slice(2));
      case "persist":
        if (row === undefined || row.atMs === NEVER) return 0;
        this.rows.set(key, { ...row, atMs: NEVER });
        return 1;
      default: throw new Error(`the model has no ${name}`);
    }
  }

  #put(key: string, value: string, atMs: number): void {
    this.rows.set(key, { value, revision: this.index, atMs });
    this.purge();
  }

  #add(key: string, by: number): number {
    const row = this.rows.get(key);
    if (row !== undefined && !/^-?[1-9]\d*$|^0$/.test(row.value)) throw new Refused("REJECTED");
    const sum = Number(row?.value ?? 0) + by;
    this.#put(key, String(sum), row?.atMs ?? NEVER);
    return sum;
  }

  #expire(key: string, ms: number, flags: readonly string[]): number {
    const row = this.rows.get(key);
    const atMs = this.timeMs + ms;
    if (row === undefined) return 0;
    if (flags.includes("NX") && row.atMs !== NEVER) return 0;
    if (flags.includes("XX") && row.atMs === NEVER) return 0;
    if (flags.includes("GT") && atMs <= row.atMs) return 0;
    if (flags.includes("LT") && atMs >= row.atMs) return 0;
    this.rows.set(key, { ...row, atMs });
    this.purge();
    return 1;
  }

  #set(key: string, value: string, options: readonly string[]): unknown {
    const row = this.rows.get(key);
    const after = (word: string): string | undefined => (options.includes(word) ? options[options.indexOf(word) + 1] : undefined);
    const holds = options.includes("NX") ? row === undefined : options.includes("XX") ? row !== undefined : after("IFEQ") === undefined || row?.value === after("IFEQ");
    if (holds) {
      let atMs = options.includes("KEEPTTL") ? (row?.atMs ?? NEVER) : NEVER;
      if (after("PX") !== undefined) atMs = this.timeMs + Number(after("PX"));
      if (after("PXAT") !== undefined) atMs = Number(after("PXAT"));
      this.#put(key, value, atMs);
    }
    if (options.includes("GET")) return row?.value ?? null;
    return holds ? "OK" : null;
  }

  #txn([comparisons, then, otherwise]: readonly string[]): unknown {
    const succeeded = (JSON.parse(comparisons!) as [string, string, string, string | number][]).every(([kind, key, order, wanted]) => {
      const row = this.rows.get(key);
      if (kind === "exists") return row !== undefined;
      if (kind === "value" && row === undefined) return false;
      const is = kind === "value" ? row!.value : (row?.revision ?? 0);
      return order === "=" ? is === wanted : order === "!=" ? is !== wanted : order === "<" ? is < wanted : is > wanted;
    });
    const steps = JSON.parse(succeeded ? then! : otherwise!) as Step[];
    return { succeeded, results: steps.map(([name, ...args]) => this.#run(name, args)) };
  }
}

export function pick<T>(random: RandomState, from: readonly T[]): T {
  return from[nextInRange(random, 0, from.length - 1)]!;
}

export const READS: readonly string[] = ["get", "getrev", "mget", "exists", "strlen", "pttl", "ttl", "dbsize", "list", "keys", "scan"];

export const WRITES: readonly string[] = [
  "set", "set", "set", "set", "mset", "mset", "del", "delex", "cas", "cas", "incr", "decr", "incrby", "decrby", "append", "expire",
  "pexpire", "pexpire", "persist", "txn", "txn", "txn",
];

const KEYS = ["a", "b", "b/1", "b/2", "c"];
const FLAGS = [[], [], [], ["NX"], ["XX"], ["GT"], ["LT"], ["XX", "GT"], ["LT", "XX"]];

/** One more write now and then: it would leave nothing to look at. */
export function drawWrite(random: RandomState): string {
  return nextInRange(random, 0, 40) === 0 ? "flushall" : pick(random, WRITES);
}

/** Arguments of an operation, of few keys and values, so that they meet. */
export function drawArguments(name: string, random: RandomState, model: Model): string[] {
  const key = pick(random, KEYS);
  const value = pick(random, ["0", "1", "x", "yy"]);
  const delay = String(pick(random, [1, 5, 20, 100]));
  const revision = pick(random, [0, model.rows.get(key)?.revision ?? 0, model.index]);
  switch (name) {
    case "set": {
      const expiry = pick(random, [[], [], ["PX", delay], ["PXAT", String(model.timeMs + Number(delay) - 10)], ["KEEPTTL"]]);
      const condition = pick(random, [[], [], ["NX"], ["XX"], ["IFEQ", value]]);
      return [key, value, ...expiry, ...condition, ...pick(random, [[], ["GET"]])];
    }
    case "mset": return [key, value, pick(random, KEYS), "z"];
    case "mget":
    case "exists":
    case "del": return [key, pick(random, KEYS)];
    case "delex": return [key, "IFEQ", value];
    case "cas": return [key, String(revision), value];
    case "incrby":
    case "decrby": return [key, pick(random, ["1", "-3"])];
    case "append": return [key, value];
    case "expire": return [key, pick(random, ["0", "1", "-1"]), ...pick(random, FLAGS)];
    case "pexpire": return [key, pick(random, [delay, delay, delay, "0", "-1"]), ...pick(random, FLAGS)];
    case "list": return [pick(random, ["", "b", "b/"]), "AFTER", pick(random, ["", "a", "b"]), "LIMIT", "3"];
    case "keys": return [pick(random, ["*", "b*", "?", "b/?", "a", "*2", "*/*"])];
    case "scan": return ["0", "MATCH", pick(random, ["*", "b*", "?", "*/?"]), "COUNT", "100"];
    case "dbsize":
    case "flushall": return [];
    case "txn": return drawTxn(random, model, key, [value, revision]);
    default: return [key];
  }
}

function drawTxn(random: RandomState, model: Model, key: string, [value, revision]: [string, number]): string[] {
  const order = pick(random, ["=", "=", "!=", "<", ">"]);
  const comparison = pick<unknown[]>(random, [["exists", key], ["revision", key, order, revision], ["value", key, order, value]]);
  const comparisons = pick(random, [[], [comparison], [comparison], [comparison, ["exists", pick(random, KEYS)]]]);
  const branch = (): Step[] => Array.from({ length: nextInRange(random, 0, 4) }, (): Step => {
    const name = nextInRange(random, 0, 2) === 0 ? pick(random, READS) : drawWrite(random);
    const inner = name === "txn" || name === "scan" ? "get" : name;
    return [inner, ...drawArguments(inner, random, model)];
  });
  return [JSON.stringify(comparisons), JSON.stringify(branch()), JSON.stringify(branch())];
}
