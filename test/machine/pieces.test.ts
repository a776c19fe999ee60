/** Snapshots of machines, piece by piece: taken as the state was, restored in order, and never half. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { AnyPlugin, Base } from "../../src/machine/machine.ts";
import { PieceSource } from "../../src/machine/piece_source.ts";
import { PieceTarget } from "../../src/machine/piece_target.ts";

const PLUGIN = { name: "noted", version: 1, operations: {}, create: () => ({}) } as unknown as AnyPlugin;

function machineOf(methods: object): Base {
  return { apply: () => null, ...methods } as Base;
}

/** The next piece, decoded; "end", or the error's code and message. */
function next(source: PieceSource): Promise<unknown> {
  return new Promise((resolve) => source.next((...[error, bytes]) => resolve(error === null ? (bytes === null ? "end" : decode(bytes)) : said(error))));
}

function said(error: Error): string {
  return `${error instanceof DraftError ? error.code : "?"} ${error.message}`;
}

async function all(source: PieceSource): Promise<unknown[]> {
  const pieces: unknown[] = [];
  for (let i = 0; i < 50; i++) {
    const piece = await next(source);
    pieces.push(piece);
    if (piece === "end" || typeof piece === "string") break;
  }
  return pieces;
}

function pushed(target: PieceTarget, piece: unknown): Promise<string> {
  return new Promise((resolve) => target.push(encode(piece), (...[error]) => resolve(error === null ? "taken" : said(error))));
}

function ended(target: PieceTarget): Promise<string> {
  return new Promise((resolve) => target.end((...[error]) => resolve(error === null ? "restored" : said(error))));
}

interface Restored {
  readonly target: PieceTarget;
  readonly promised: () => number;
}

function restore(machine: Base, streamed: boolean): Restored {
  let count = 0;
  const target = new PieceTarget({ plugin: PLUGIN, machine, streamed, version: 3, promised: () => (count += 1) });
  return { target, promised: () => count };
}

test("a live value is saved as it was when the snapshot began", async () => {
  const state = { list: [1, 2] };
  const source = new PieceSource(PLUGIN, machineOf({ snapshot: () => state }));
  state.list.push(3);
  assert.is(source.streamed, false);
  assert.equal(await all(source), [{ list: [1, 2] }, "end"]);
});

test("the first piece is pulled at once, the others when they are asked for, and all of them in order", async () => {
  let pulled = 0;
  function* pieces(): Generator<number[], void> {
    for (let i = 1; i <= 3; i++) {
      pulled = i;
      yield [i];
    }
  }
  const source = new PieceSource(PLUGIN, machineOf({ snapshot: pieces }));
  assert.equal([source.streamed, pulled], [true, 1]);
  assert.equal(await next(source), [1]);
  assert.is(pulled, 1);
  assert.equal(await all(source), [[2], [3], "end"]);
});

test("an asynchronous iterator is waited for, and its first piece too is pulled at once", async () => {
  let pulled = 0;
  async function* pieces(): AsyncGenerator<number, void> {
    for (let i = 1; i <= 3; i++) {
      pulled = i;
      await Promise.resolve();
      yield i;
    }
  }
  const source = new PieceSource(PLUGIN, machineOf({ snapshot: pieces }));
  assert.is(pulled, 1);
  assert.equal(await all(source), [1, 2, 3, "end"]);
});

test("no pieces at all are a snapshot too", async () => {
  assert.equal(await all(new PieceSource(PLUGIN, machineOf({ snapshot: () => [][Symbol.iterator]() }))), ["end"]);
});

test("a machine that breaks on the way is named, whenever it does", async () => {
  const breaking = (): never => {
    throw new Error("out of paper");
  };
  const first = (): unknown => new PieceSource(PLUGIN, machineOf({ snapshot: breaking }));
  assert.throws(first, (error: DraftError) => error.code === "MACHINE_FAULT" && /'noted' broke: out of paper/.test(error.message));
  function* later(): Generator<number, void> {
    yield 1;
    breaking();
  }
  assert.equal(await all(new PieceSource(PLUGIN, machineOf({ snapshot: later }))), [1, "MACHINE_FAULT snapshot() of the machine 'noted' broke: out of paper"]);
  async function* promised(): AsyncGenerator<number, void> {
    yield 1;
    await Promise.reject(new Error("no line"));
  }
  assert.equal(await all(new PieceSource(PLUGIN, machineOf({ snapshot: promised }))), [1, "MACHINE_FAULT snapshot() of the machine 'noted' broke: no line"]);
});

test("a snapshot that is not wanted to the last is ended, so that the machine keeps nothing for it", () => {
  let over = false;
  function* pieces(): Generator<number, void> {
    try {
      yield 1;
      yield 2;
    } finally {
      over = true;
    }
  }
  new PieceSource(PLUGIN, machineOf({ snapshot: pieces })).close();
  assert.ok(over);
});

test("a value is restored when it is whole, with the version that it was saved at", async () => {
  const got: unknown[] = [];
  const { target } = restore(machineOf({ restore: (saved: unknown, version: number) => got.push(saved, version) }), false);
  assert.is(await pushed(target, { a: 1 }), "taken");
  assert.equal(got, []);
  assert.is(await ended(target), "restored");
  assert.equal(got, [{ a: 1 }, 3]);
});

test("one value has one piece", async () => {
  const none = restore(machineOf({ restore: () => undefined }), false);
  assert.match(await ended(none.target), /DAMAGED .*one piece, not 0/);
  const two = restore(machineOf({ restore: () => undefined }), false);
  await pushed(two.target, 1);
  await pushed(two.target, 2);
  assert.match(await ended(two.target), /one piece, not 2/);
});

test("pieces are given as the machine asks for them, and it is restored when its promise is", async () => {
  const got: unknown[] = [];
  let let_go = (): void => undefined;
  const { target, promised } = restore(machineOf({
    restore: async (pieces: AsyncIterable<unknown>) => {
      for await (const piece of pieces) got.push(piece);
      await new Promise<void>((resolve) => (let_go = resolve));
      got.push("whole");
    },
  }), true);
  for (const piece of [1, 2, 3]) assert.is(await pushed(target, piece), "taken");
  const end = ended(target);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(got, [1, 2, 3]);
  let_go();
  assert.is(await end, "restored");
  assert.equal(got, [1, 2, 3, "whole"]);
  assert.is(promised(), 4, "each answer to a wish of the machine is told");
});

test("a machine that takes its time holds up whoever brings the pieces", async () => {
  let ask = (): void => undefined;
  const { target } = restore(machineOf({
    restore: async (pieces: AsyncIterable<unknown>) => {
      const iterator = pieces[Symbol.asyncIterator]();
      await iterator.next();
      await new Promise<void>((resolve) => (ask = resolve));
      while ((await iterator.next()).done !== true);
    },
  }), true);
  assert.is(await pushed(target, 1), "taken");
  let taken = false;
  const second = pushed(target, 2).then(() => (taken = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.not.ok(taken);
  ask();
  await second;
  assert.is(await ended(target), "restored");
});

test("S14 a machine that fails, ends early, or promises nothing is named: it holds nothing that may be used", async () => {
  const fails = restore(machineOf({
    restore: async (pieces: AsyncIterable<unknown>) => {
      for await (const piece of pieces) if (piece === 2) throw new Error("two is odd");
    },
  }), true);
  assert.is(await pushed(fails.target, 1), "taken");
  assert.is(await pushed(fails.target, 2), "taken");
  assert.match(await pushed(fails.target, 3), /DAMAGED .*cannot be restored by the machine 'noted': two is odd/);

  const early = restore(machineOf({ restore: () => Promise.resolve() }), true);
  assert.match(await pushed(early.target, 1), /restore\(\) ended before the last piece/);

  const plain = restore(machineOf({ restore: () => undefined }), true);
  assert.match(await pushed(plain.target, 1), /must return a promise/);

  const throwing = restore(machineOf({
    restore: () => {
      throw new Error("not today");
    },
  }), true);
  assert.match(await ended(throwing.target), /not today/);
});

test("a machine that asks on behind the end is told the end again", async () => {
  const { target } = restore(machineOf({
    restore: async (pieces: AsyncIterable<unknown>) => {
      const iterator = pieces[Symbol.asyncIterator]();
      while ((await iterator.next()).done !== true);
      assert.is((await iterator.next()).done, true);
    },
  }), true);
  assert.is(await pushed(target, 1), "taken");
  assert.is(await ended(target), "restored");
});

test.run();
