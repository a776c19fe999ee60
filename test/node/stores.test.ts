/** How the entries of a store get their bytes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { viewOf } from "../../src/base/bytes.ts";
import { bareRun, EntryKind, payloadHolds, readHeader, sealedBytes, writeHeader } from "../../src/base/entry.ts";
import type { ReceivedAppend } from "../../src/net/message_codec.ts";
import type { GroupLog } from "../../src/node/group_ports.ts";
import { Proposals } from "../../src/node/proposals.ts";
import { Stores } from "../../src/node/stores.ts";
import { Tail } from "../../src/node/tail.ts";
import type { StoreEffect } from "../../src/raft/event.ts";
import { ownEntry } from "../../src/raft/own_entry.ts";
import type { LogEntry } from "../../src/raft/types.ts";
import { message, sealed, Single } from "../raft/helpers.ts";

/** Seals the entries as those of a step that heard `received`; returns their bytes. */
function seal(entries: readonly LogEntry[], received: ReceivedAppend, witness: boolean = false): Uint8Array {
  let run = new Uint8Array();
  const log = { reserve: (bytes: number) => (run = new Uint8Array(bytes)) } as unknown as GroupLog;
  const nothing = (): void => undefined;
  const stores = new Stores({
    state: new Single({ config: { witness } }).state, log, tail: new Tail(entries[0]!.index), proposals: () => new Proposals(), observers: [], send: nothing, submit: nothing,
  });
  const effect: StoreEffect = { type: "store", store: 1, hardState: null, truncateFrom: 0, reset: null, entries, messages: [] };
  stores.seal(effect, received);
  return run;
}

test("seal() of a leader's own entry, though its step heard a late append of an earlier leader", () => {
  const late = sealed([1]);
  const received = { ...message("appendRequest", { from: 2, to: 1, term: 1, entries: late }), run: new Uint8Array(sealedBytes(8)) } as ReceivedAppend;
  const own = { ...ownEntry(EntryKind.verdict, new Uint8Array([7, 8, 9]), null), group: 1, index: 149, term: 3 };
  const run = seal([own], received);
  const head = readHeader(run, viewOf(run), 0)!;
  assert.equal([head.index, head.term, head.kind], [149, 3, EntryKind.verdict]);
  assert.ok(payloadHolds(run, viewOf(run), 0, head));
});

test("seal() of entries of an append takes them as they came, from where the log lacks them on", () => {
  const [first, second] = sealed([1, 1]) as [LogEntry, LogEntry];
  const size = sealedBytes(8);
  const run = new Uint8Array(2 * size);
  for (const [at, entry] of [first, second].entries()) writeHeader(run, viewOf(run), at * size, entry);
  const received = { ...message("appendRequest", { from: 2, to: 1, term: 1, entries: [first, second] }), run } as ReceivedAppend;
  assert.equal(seal([second], received), run.subarray(size));
});

test("S18: a witness stores entries bare, whatever it was sent", () => {
  const [first, second] = sealed([1, 1]) as [LogEntry, LogEntry];
  const size = sealedBytes(8);
  const run = new Uint8Array(2 * size);
  for (const [at, entry] of [first, second].entries()) writeHeader(run, viewOf(run), at * size, entry);
  const received = { ...message("appendRequest", { from: 2, to: 1, term: 1, entries: [first, second] }), run } as ReceivedAppend;
  assert.equal(seal([first, second], received, true), bareRun([run]));
});

test("each store tells the log what is committed and durable here: neither what this disk lacks nor what nobody has decided", () => {
  const told: number[] = [];
  const log = { committed: (_: number, index: number) => told.push(index), barrier: () => {} } as unknown as GroupLog;
  const nothing = (): void => undefined;
  for (const [commitIndex, durableIndex] of [[3, 5], [5, 3]] as const) {
    const { state } = new Single({ log: sealed([1, 1, 1, 1, 1]), commitIndex });
    Object.assign(state, { durableIndex });
    const stores = new Stores({ state, log, tail: new Tail(6), proposals: () => new Proposals(), observers: [], send: nothing, submit: nothing });
    stores.store({ type: "store", store: 1, hardState: null, truncateFrom: 0, reset: null, entries: [], messages: [] });
  }
  assert.equal(told, [3, 3]);
});

test.run();
