/** What the contract's types must let through, and what they must not: tsc is the judge, so this file must compile. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import counter from "../../plugins/counter/counter.ts";
import type { AnyPlugin, Command, Machine, Plugin, Reply, StreamPlugin } from "../../src/machine/machine.ts";

interface Job {
  id: string;
  tries: number;
}

const anything: AnyPlugin = counter;
const command: Command = ["add", 1, null, { nested: [true] }, Uint8Array.of(1)];
const job: Job = { id: "a", tries: 1 };
/** An interface is a reply, though it is no index type; so are lists, maps and nothing. */
const replies: readonly Reply[] = [undefined, null, true, 1, 1n, "text", job, [job], new Map([[1, 2]]), Uint8Array.of(1)];

const streaming: StreamPlugin<[string, number]> = {
  name: "streaming",
  version: 1,
  operations: {},
  create: ({ directory }) => ({
    apply: () => directory,
    *snapshot() {
      yield ["a", 1];
    },
    async restore(pieces) {
      for await (const [key, value] of pieces) assert.type(key.length + value, "number");
    },
  }),
};
const anythingStreaming: AnyPlugin = streaming;

// @ts-expect-error a command begins with the name of its operation
const nameless: Command = [];
// @ts-expect-error the name is a text
const numbered: Command = [1];
// @ts-expect-error a promise is no reply
const promised: Reply = Promise.resolve(1);
// @ts-expect-error a symbol is no value of CBOR
const symbolic: Reply = Symbol("a");

const asynchronous: Machine<null> = {
  // @ts-expect-error apply is synchronous
  apply: async () => 1,
  snapshot: () => null,
  restore: () => {},
};

// @ts-expect-error a machine has a snapshot
const snapshotless: Machine<number> = { apply: () => 1, restore: () => {} };

/** A machine that keeps its state on disk, and the types of what it is told. */
const onDisk: Machine<{ readonly index: number; readonly memo: Uint8Array | null }> = {
  apply: () => 1,
  lastApplied: () => 0,
  commit({ index, memo, memosFrom }) {
    const bytes: Uint8Array = memo;
    assert.type(index + memosFrom + bytes.length, "number");
  },
  *memos(from) {
    yield new Uint8Array(from);
  },
  snapshot: () => ({ index: 0, memo: null }),
  restore: (saved) => assert.type(saved.index, "number"),
};

const forgetful: Machine<null> = {
  apply: () => 1,
  // @ts-expect-error the index is a number, at once
  lastApplied: async () => 0,
  // @ts-expect-error memos are bytes
  memos: () => ["memo"],
  snapshot: () => null,
  restore: () => {},
};

const miskinded: Plugin<null> = {
  name: "miskinded",
  version: 1,
  // @ts-expect-error an operation is a read or a write
  operations: { add: { kind: "writes" } },
  create: () => ({ apply: () => 1, snapshot: () => null, restore: () => {} }),
};

const misrestored: Plugin<{ total: number }> = {
  name: "misrestored",
  version: 1,
  operations: {},
  create: () => ({
    apply: (_, entry) => {
      // @ts-expect-error an entry is read only
      entry.index = 5;
      // @ts-expect-error there are two codes of refusal
      throw entry.reject("no", "TIMEOUT");
    },
    snapshot: () => ({ total: 1 }),
    // @ts-expect-error the state has a total, no sum
    restore: (saved) => saved.sum,
  }),
};

test("the contract's types let through and refuse what they should", () => {
  const all = [anything, anythingStreaming, command, replies, nameless, numbered, promised, symbolic, asynchronous];
  assert.is([...all, snapshotless, miskinded, misrestored, onDisk, forgetful].length, 14);
});

test.run();
