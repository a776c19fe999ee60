/**
 * Random histories against a model that is too simple to be wrong: a plain Map from which everything that is due is
 * deleted before each step. Three replicas run each history: one as it is, one whose machine is restored from its
 * snapshot now and then, and one that sees no wake; what they answer must agree with the model, and their digests with
 * one another.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../../src/base/errors.ts";
import { nextInRange, seedRandom } from "../../../src/base/random.ts";
import type { RandomState } from "../../../src/base/random.ts";
import { Rig } from "./rig.ts";

interface Row {
  value: string;
  revision: number;
  atMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;

class Model {
  readonly rows: Map<string, Row> = new Map();
  timeMs = 0;
  index = 0;

  purge(): void {
    for (const [key, row] of this.rows) if (row.atMs <= this.timeMs) this.rows.delete(key);
  }

  /** The answer that is wanted; an error by its code. */
  run(name: string, args: readonly string[]): unknown {
    this.purge();
    const [key = "", a = "", b = ""] = args;
    const row = this.rows.get(key);
    const write = (value: string, atMs: number = row?.atMs ?? NEVER): void => {
      this.rows.set(key, { value, revision: this.index, atMs });
      this.purge();
    };
    switch (name) {
      case "set":
        return this.set(key, a, args.slice(2));
      case "get":
        return row?.value ?? null;
      case "getrev":
        return row === undefined ? null : [row.value, row.revision];
      case "mget":
        return args.map((one) => this.rows.get(one)?.value ?? null);
      case "exists":
        return args.filter((one) => this.rows.has(one)).length;
      case "strlen":
        return row?.value.length ?? 0;
      case "pttl":
        return row === undefined ? -2 : row.atMs === NEVER ? -1 : row.atMs - this.timeMs;
      case "dbsize":
        return this.rows.size;
      case "list":
        return [...this.rows]
          .filter(([one]) => one.startsWith(key) && one > b)
          .map(([one, { value, revision }]) => [one, value, revision])
          .sort((x, y) => (x[0]! < y[0]! ? -1 : 1))
          .slice(0, 3);
      case "mset":
        for (let i = 0; i < args.length; i += 2) this.rows.set(args[i]!, { value: args[i + 1]!, revision: this.index, atMs: NEVER });
        return "OK";
      case "del":
        return args.filter((one) => this.rows.delete(one)).length;
      case "cas":
        if ((row?.revision ?? 0) !== Number(a)) return "CONFLICT";
        write(b, NEVER);
        return this.index;
      case "incrby":
        if (row !== undefined && !/^-?[1-9]\d*$|^0$/.test(row.value)) return "REJECTED";
        write(String(Number(row?.value ?? 0) + Number(a)));
        return Number(this.rows.get(key)!.value);
      case "append":
        write((row?.value ?? "") + a);
        return this.rows.get(key)!.value.length;
      case "pexpire":
        if (row === undefined) return 0;
        row.atMs = this.timeMs + Number(a);
        this.purge();
        return 1;
      case "persist":
        if (row === undefined || row.atMs === NEVER) return 0;
        row.atMs = NEVER;
        return 1;
      default:
        throw new Error(`the model has no ${name}`);
    }
  }

  set(key: string, value: string, options: readonly string[]): unknown {
    const row = this.rows.get(key);
    const after = (word: string): string | undefined => (options.includes(word) ? options[options.indexOf(word) + 1] : undefined);
    const holds = options.includes("NX") ? row === undefined : options.includes("XX") ? row !== undefined : after("IFEQ") === undefined || row?.value === after("IFEQ");
    if (holds) {
      let atMs = options.includes("KEEPTTL") ? (row?.atMs ?? NEVER) : NEVER;
      if (after("PX") !== undefined) atMs = this.timeMs + Number(after("PX"));
      if (after("PXAT") !== undefined) atMs = Number(after("PXAT"));
      this.rows.set(key, { value, revision: this.index, atMs });
      this.purge();
    }
    if (options.includes("GET")) return row?.value ?? null;
    return holds ? "OK" : null;
  }
}

function pick<T>(random: RandomState, from: readonly T[]): T {
  return from[nextInRange(random, 0, from.length - 1)]!;
}

const READS = ["get", "getrev", "mget", "exists", "strlen", "pttl", "dbsize", "list"];
const WRITES = ["set", "set", "set", "mset", "del", "cas", "incrby", "append", "pexpire", "persist"];
const KEYS = ["a", "b", "b/1", "b/2", "c"];

function argumentsOf(name: string, random: RandomState, model: Model): string[] {
  const key = pick(random, KEYS);
  const value = pick(random, ["0", "1", "x", "yy"]);
  const delay = String(pick(random, [1, 5, 20, 100]));
  switch (name) {
    case "set": {
      const expiry = pick(random, [[], [], ["PX", delay], ["PXAT", String(model.timeMs + Number(delay) - 10)], ["KEEPTTL"]]);
      const condition = pick(random, [[], [], ["NX"], ["XX"], ["IFEQ", value]]);
      return [key, value, ...expiry, ...condition, ...pick(random, [[], ["GET"]])];
    }
    case "mset":
      return [key, value, pick(random, KEYS), "z"];
    case "mget":
    case "exists":
    case "del":
      return [key, pick(random, KEYS)];
    case "cas":
      return [key, String(pick(random, [0, model.rows.get(key)?.revision ?? 0, model.index])), value];
    case "incrby":
      return [key, pick(random, ["1", "-3"])];
    case "append":
      return [key, value];
    case "pexpire":
      return [key, pick(random, [delay, delay, delay, "0", "-1"])];
    case "list":
      return [pick(random, ["", "b", "b/"]), "AFTER", pick(random, ["", "a", "b"]), "LIMIT", "3"];
    case "dbsize":
      return [];
    default:
      return [key];
  }
}

function history(seed: number, steps: number): void {
  const random = seedRandom(seed);
  const model = new Model();
  const [plain, restored, unwoken] = [new Rig(), new Rig(), new Rig()];
  const rigs = [plain, restored, unwoken];
  const shown: Map<string, unknown> = new Map();
  model.timeMs = plain.timeMs;
  for (let step = 0; step < steps; step++) {
    const name = pick(random, nextInRange(random, 0, 2) === 0 ? READS : WRITES);
    const args = argumentsOf(name, random, model);
    if (WRITES.includes(name)) model.index += 1;
    const wanted = model.run(name, args);
    for (const rig of rigs) {
      const command = [name, ...(rig === restored ? args.map((text) => new TextEncoder().encode(text)) : args)];
      const answer = rig.run(command[0] as string, ...command.slice(1));
      const what = `seed ${seed} step ${step}: ${name} ${args.join(" ")}`;
      assert.equal(answer instanceof DraftError ? answer.code : answer, wanted, what);
    }
    if (nextInRange(random, 0, 4) === 0) {
      const ms = pick(random, [1, 3, 30]);
      model.index += 1;
      model.timeMs += ms;
      const wake = nextInRange(random, 0, 1) === 0;
      for (const rig of rigs) rig.pass(ms, wake && rig !== unwoken);
    }
    if (nextInRange(random, 0, 20) === 0) restored.restart();
    assert.is(restored.applier.digest, plain.applier.digest, `seed ${seed} step ${step}: a restored machine digests as one that never stopped`);
    assert.is(restored.applier.wakeAt(), plain.applier.wakeAt());
  }
  model.timeMs += 1000;
  for (const rig of rigs) rig.pass(1000, true);
  model.purge();
  for (const [key, value] of plain.taken()) {
    if (value === undefined) shown.delete(key);
    else shown.set(key, value);
  }
  assert.equal(sorted([...shown]), sorted([...model.rows].map(([key, row]) => [key, row.value] as const)), `seed ${seed}: changes add up to the state`);
  assert.equal(plain.save(), restored.save());
  assert.equal(plain.save(), unwoken.save());
}

test("kv answers as the model does, restored or not, swept or not", () => {
  for (let seed = 1; seed <= 40; seed++) history(seed, 150);
});

test("one history has one digest, on every runtime", () => {
  const rig = new Rig();
  const random = seedRandom(7);
  const model = new Model();
  for (let step = 0; step < 500; step++) {
    const name = pick(random, WRITES);
    model.timeMs = rig.timeMs;
    rig.run(name, ...argumentsOf(name, random, model));
    if (step % 10 === 0) rig.pass(7, true);
  }
  assert.is(rig.applier.stateHash(), "3dfbb8f0");
});

function sorted<V>(rows: readonly (readonly [string, V])[]): (readonly [string, V])[] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

test.run();
