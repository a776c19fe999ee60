/** What defineMachine makes of a table: operations, checks, commands by chance, and a machine. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import { nextFloat, seedRandom } from "../../src/base/random.ts";
import { bool, bytes, float, int, json, optional, rest, text } from "../../src/machine/arguments.ts";
import type { AnyArgument } from "../../src/machine/arguments.ts";
import { defineMachine } from "../../src/machine/define.ts";
import type { AnyPlugin, Command, Machine, Plugin, Reply } from "../../src/machine/machine.ts";
import { isError, rigOfPlugin } from "./rig.ts";

interface Job {
  id: string;
  body: string;
  dueMs: number;
}

const queue = defineMachine({
  name: "queue", version: 3,
  state: () => new Map<string, Job>(),
  writes: {
    push: { args: [text("body"), optional(int("delayMs"))], summary: "adds a job, returns its id",
      run(jobs, entry, body, delayMs) {
        if (body === "") throw entry.reject("a job has a body");
        const job = { id: String(entry.index), body, dueMs: entry.timeMs + (delayMs ?? 0) };
        jobs.set(job.id, job);
        return job.id;
      } },
    drop: { args: [rest(text("ids"))], run: (jobs, _, ...ids) => ids.filter((id) => jobs.delete(id)).length },
  },
  reads: {
    size: { args: [], run: (jobs) => jobs.size },
    due: { args: [], summary: "jobs that are due", run: (jobs, view) => [...jobs.values()].filter(({ dueMs }) => dueMs <= view.timeMs).length },
  },
  snapshot: (jobs) => [...jobs.values()],
  restore: (saved, version) => new Map(saved.map((job) => [job.id, { ...job, body: `${job.body}@${version}` }])),
});

/** A machine of one write that answers with the values that it was given. */
function echo(...args: readonly AnyArgument[]): Plugin<null> {
  return defineMachine({
    name: "echo", version: 1, state: () => ({}), snapshot: () => null, restore: () => ({}),
    writes: { say: { args, run: (_, __, ...values: unknown[]): Reply => values.map((value) => value === undefined ? "left out" : value) } },
  });
}

/** What `say` makes of `values`: prepared, through the log, given to `run`. */
function said(plugin: Plugin<null>, ...values: unknown[]): Reply {
  const { applier, run } = rigOfPlugin(plugin);
  return run(...applier.operations.prepare(["say", ...values]));
}

function refusal(plugin: AnyPlugin, ...command: Command): string {
  try {
    rigOfPlugin(plugin).applier.operations.prepare(command);
  } catch (error) {
    return isError(error, "BAD_REQUEST", /./).message;
  }
  throw new Error(`${command.join(" ")} was taken`);
}

test("defineMachine() makes a plain plugin: name, version, the table of operations", () => {
  assert.equal([queue.name, queue.version], ["queue", 3]);
  assert.equal(queue.operations, {
    push: { kind: "write", args: "BODY [DELAYMS]", summary: "adds a job, returns its id" },
    drop: { kind: "write", args: "[IDS…]" },
    size: { kind: "read", args: "" },
    due: { kind: "read", args: "", summary: "jobs that are due" },
  });
});

test("writes get state, entry and values; reads state, view and values; refusals are REJECTED", () => {
  const { applier, run, entry } = rigOfPlugin(queue);
  assert.is(run("push", "a"), "1");
  assert.is(run("push", "b", 5), "2");
  isError(run("push", ""), "REJECTED", "a job has a body");
  assert.is(applier.query(["size"]), 2);
  assert.is(applier.query(["due"]), 1);
  entry(EntryKind.noop, 5);
  assert.is(applier.query(["due"]), 2);
  assert.is(run("drop", "1", "2", "3"), 2);
  assert.is(applier.query(["SIZE"]), 0);
});

test("snapshot and restore go through the definition, and each machine has a state of its own", () => {
  const restored = queue.create({ directory: "" });
  restored.restore([{ id: "7", body: "b", dueMs: 1 }], 2);
  assert.equal(restored.snapshot(), [{ id: "7", body: "b@2", dueMs: 1 }]);
  assert.equal(queue.create({ directory: "" }).snapshot(), []);
});

test("prepare() turns text and bytes into types, and leaves what is typed", () => {
  const utf8 = new TextEncoder();
  const all = echo(text("t"), int("i"), float("f"), bool("b"), bytes("y"), json("j"));
  const typed = ["a", -5, 1.5, true, Uint8Array.of(104, 105), { list: [1, null, "x"] }];
  assert.equal(said(all, ...typed), typed);
  assert.equal(said(all, "a", "-5", "1.5", "true", "hi", '{"list":[1,null,"x"]}'), typed);
  assert.equal(said(all, ...["a", "-5", "15e-1", "1", "hi", '{"list":[1,null,"x"]}'].map((each) => utf8.encode(each))), typed);
  assert.equal(said(echo(int("i"), float("f"), bool("b")), 5n, "-0", 0), [5, 0, false]);
  assert.ok(Object.is(int("i").read("-0"), 0), "minus zero is zero before the log, as it is behind it");
  assert.equal(said(echo(json("j")), "null"), [null]);
  assert.equal(said(echo(text("t")), "007"), ["007"]);
});

test("prepare() refuses what is no value of the kind, with the usage, what came and what is wanted", () => {
  assert.is(refusal(queue, "push", "a", "soon"), 'push BODY [DELAYMS]: DELAYMS is "soon", wanted a whole number');
  assert.is(refusal(queue, "PUSH", 5), "push BODY [DELAYMS]: BODY is 5, wanted a text");
  assert.is(refusal(queue, "push", null), "push BODY [DELAYMS]: BODY is null, wanted a text");
  assert.is(refusal(queue, "drop", "a", [1]), "drop [IDS…]: IDS is a list, wanted a text");
  const wrong: readonly (readonly [AnyArgument, readonly unknown[]])[] = [
    [text("x"), [5, true, {}, Uint8Array.of(0xff)]],
    [int("x"), [1.5, "1.5", "", " 1", "1e3", "0x1", 2 ** 53, "9007199254740993", Number.NaN, true, 2n ** 60n]],
    [float("x"), ["", "NaN", "Infinity", Number.POSITIVE_INFINITY, "1e999", "0x1", ".", true]],
    [bool("x"), ["yes", 2, "", {}]],
    [bytes("x"), [5, [1, 2]]],
    [json("x"), ["{", "", "abc", '"abc"', Uint8Array.of(1), new Map(), new Date(0), 1n, { a: undefined }, [Number.NaN]]],
  ];
  for (const [argument, values] of wrong) {
    for (const value of values) assert.match(refusal(echo(argument), "say", value), `say X: X is `, String(value));
    assert.ok(refusal(echo(argument), "say", values[0]).endsWith(`, wanted ${argument.wanted}`));
  }
  assert.ok(refusal(echo(int("x")), "say", "9".repeat(5000)).length < 120, "a long value is cut");
});

test("prepare() refuses a wrong count with the usage", () => {
  assert.is(refusal(queue, "push"), "push BODY [DELAYMS]: got 0 arguments, wanted 1 to 2");
  assert.is(refusal(queue, "push", "a", 1, 2), "push BODY [DELAYMS]: got 3 arguments, wanted 1 to 2");
  assert.is(refusal(queue, "size", 1), "size: got 1 argument, wanted 0");
  assert.is(refusal(echo(int("a"), rest(int("more"))), "say"), "say A [MORE…]: got 0 arguments, wanted at least 1");
});

test("what is optional may be left out, at the end without a trace, in the middle as null", () => {
  const plugin = echo(text("a"), optional(int("b")), optional(int("c")), rest(int("d")));
  const prepare = (...values: unknown[]): Command | undefined => plugin.prepare?.(["say", ...values]);
  assert.equal(prepare("x", undefined, null), ["say", "x"]);
  assert.equal(prepare("x", null, "5"), ["say", "x", null, 5]);
  assert.equal(said(plugin, "x"), ["x"]);
  assert.equal(said(plugin, "x", undefined, 5), ["x", "left out", 5]);
  assert.equal(said(plugin, "x", null, null, 7, 8), ["x", "left out", "left out", 7, 8]);
  assert.match(refusal(plugin, "say", "x", 1, 2, null), "D is null");
});

test("the simulator's commands are taken by prepare() as they are, and try all that there is", () => {
  const plugin = echo(text("a"), int("i"), float("f"), bool("b"), bytes("y"), json("j"), optional(int("o")), rest(text("r")));
  const random = seedRandom(7);
  const lengths = new Set<number>();
  for (let i = 0; i < 200; i++) {
    const command = plugin.generate?.(() => nextFloat(random)) ?? ["none"];
    assert.equal(plugin.prepare?.(command), command);
    lengths.add(command.length);
  }
  assert.equal([...lengths].sort((a, b) => a - b), [7, 8, 9, 10, 11]);
  const names = new Set(Array.from({ length: 200 }, () => queue.generate?.(() => nextFloat(random))[0]));
  assert.is(names.size, 4);
});

test("generate() of the author goes first", () => {
  const plugin = defineMachine({
    name: "own", version: 1, state: () => 1, snapshot: (n) => n, restore: (n) => n,
    writes: { push: { args: [text("body")], run: () => 1 } },
    generate: (random) => ["push", `mine ${random()}`],
  });
  assert.equal(plugin.generate?.(() => 0.5), ["push", "mine 0.5"]);
});

test("wakeAt, wake, upgrade and hash are there if they were given, and get the state", () => {
  const bare: Machine<unknown> = queue.create({ directory: "" });
  assert.equal([bare.wakeAt, bare.wake, bare.upgrade, bare.hash], [undefined, undefined, undefined, undefined]);
  const alarms = defineMachine({
    name: "alarms", version: 2,
    state: () => ({ atMs: [] as number[], from: 0 }),
    writes: { set: { args: [int("atMs")], run: (state, _, atMs) => state.atMs.push(atMs) } },
    reads: { left: { args: [], run: (state) => state.atMs.length } },
    snapshot: (state) => state,
    restore: (saved) => saved,
    wakeAt: (state) => state.atMs.length === 0 ? null : Math.min(...state.atMs),
    wake: (state, entry) => { state.atMs = state.atMs.filter((atMs) => atMs > entry.timeMs); },
    upgrade: (state, from) => { state.from = from; },
    hash: (state) => state.atMs.length + 10 * state.from,
  });
  const { applier, run, entry } = rigOfPlugin(alarms);
  run("set", 30);
  run("set", 20);
  assert.is(applier.wakeAt(), 20);
  assert.is(applier.stateHash(), "2");
  entry(EntryKind.time, 25);
  assert.equal([applier.query(["left"]), applier.wakeAt()], [1, 30]);
  const machine = alarms.create({ directory: "" });
  machine.upgrade?.(1, {} as never);
  assert.is(machine.hash?.(), 10);
});

test("a table that cannot be told apart is a TypeError that names the argument", () => {
  const refuses = (wanted: RegExp, ...args: AnyArgument[]): void => assert.throws(() => echo(...args), wanted);
  refuses(/'b' of 'say' follows 'a', which is optional/, optional(int("a")), int("b"));
  refuses(/'a' of 'say' takes all that follow: must stand last/, rest(int("a")), optional(int("b")));
  refuses(/called "a b"/, int("a b"));
  assert.throws(() =>
    defineMachine({
      name: "twice", version: 1, state: () => 1, snapshot: (n) => n, restore: (n) => n,
      writes: { get: { args: [], run: () => 1 } },
      reads: { get: { args: [], run: () => 1 } },
    }), /operation 'get' is a write and a read/);
});

test.run();
