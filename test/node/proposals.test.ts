import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { ENTRY_HEADER_BYTES, EntryKind, readRun, sealedBytes } from "../../src/base/entry.ts";
import { Proposals } from "../../src/node/proposals.ts";
import { receivedBytes, sealOwn } from "../../src/node/sealing.ts";
import { configurationEntry } from "../../src/raft/configuration.ts";
import { emptyEntry } from "../../src/raft/leader.ts";
import type { ReceivedAppend } from "../../src/net/message_codec.ts";
import type { LogEntry } from "../../src/raft/types.ts";
import { membersOf } from "../raft/helpers.ts";
import { sealedEntries } from "./entries.ts";

function gathered(...payloads: readonly number[]): Proposals {
  const proposals = new Proposals();
  for (const bytes of payloads) proposals.add(new Uint8Array(bytes).fill(bytes), { kind: EntryKind.command, decoded: null, deadlineMs: 0, done: () => {} });
  return proposals;
}

/** Stamps as the core does. */
function stamp(entries: readonly LogEntry[]): readonly LogEntry[] {
  for (const [at, entry] of entries.entries()) Object.assign(entry, { group: 1, index: at + 1, term: 1, timeMs: 5, chain: at });
  return entries;
}

function sealed(proposals: Proposals, entries: readonly LogEntry[]): { kind: number; bytes: number; first: number }[] {
  const run = new Uint8Array(entries.reduce((sum, entry) => sum + sealedBytes(entry.payloadBytes), 0)).fill(255);
  sealOwn(run, stamp(entries), proposals);
  const read = readRun(run);
  assert.is(read.fault, null);
  let at = 0;
  return read.entries.map(({ kind, payloadBytes }) => {
    const first = payloadBytes === 0 ? 0 : run[at + ENTRY_HEADER_BYTES] as number;
    at += sealedBytes(payloadBytes);
    return { kind, bytes: payloadBytes, first };
  });
}

test("payloads are copied: the caller's buffer may be used again", () => {
  const proposals = new Proposals();
  const payload = new Uint8Array(20).fill(1);
  proposals.add(payload, { kind: EntryKind.command, decoded: null, deadlineMs: 0, done: () => {} });
  payload.fill(2);
  assert.equal(sealed(proposals, proposals.list), [{ kind: EntryKind.command, bytes: 20, first: 1 }]);
});

test("a batch of any sizes is sealed in order, beyond the first buffer too", () => {
  const sizes = [1, 7, 8, 9, 100, 70_000, 255, 3];
  const proposals = gathered(...sizes);
  assert.is(proposals.bytes, sizes.reduce((sum, bytes) => sum + sealedBytes(bytes), 0));
  assert.equal(
    sealed(proposals, proposals.list),
    sizes.map((bytes) => ({ kind: EntryKind.command, bytes, first: bytes % 256 })),
  );
});

test("the first part alone is sealed where the core had no room for the rest, with an entry of its own behind", () => {
  const proposals = gathered(10, 20, 30);
  const entries = [...proposals.list.slice(0, 2), emptyEntry(EntryKind.time)];
  assert.equal(sealed(proposals, entries).map(({ bytes }) => bytes), [10, 20, 0]);
});

test("an entry of the core's own is sealed while proposals wait for their step", () => {
  const proposals = gathered(10);
  assert.equal(sealed(proposals, [emptyEntry(EntryKind.noop)]), [{ kind: EntryKind.noop, bytes: 0, first: 0 }]);
  assert.is(proposals.count, 1);
});

test("what an entry of the core's own brings along is sealed, before and behind proposals", () => {
  const entry = configurationEntry(membersOf(["voter", "learner"]));
  const { kind, payloadBytes } = entry;
  const own = { kind, bytes: payloadBytes, first: entry.payload[0] };
  assert.equal(sealed(gathered(), [entry]), [own]);
  const proposals = gathered(10, 20);
  const entries = [configurationEntry(membersOf(["voter", "learner"])), ...proposals.list.slice(0, 1), configurationEntry(membersOf(["voter", "learner"]))];
  assert.equal(sealed(proposals, entries), [own, { kind: EntryKind.command, bytes: 10, first: 10 }, own]);
});

test("clear() forgets the turn; the next one begins clean, padding included", () => {
  const proposals = gathered(100, 200);
  proposals.clear();
  assert.equal([proposals.count, proposals.bytes], [0, 0]);
  proposals.add(new Uint8Array(3).fill(9), { kind: EntryKind.command, decoded: null, deadlineMs: 0, done: () => {} });
  assert.equal(sealed(proposals, proposals.list), [{ kind: EntryKind.command, bytes: 3, first: 9 }]);
});

test("what was received is copied as it was sealed, from the first entry that is wanted on", () => {
  const sent = sealedEntries(1, 5, (index) => new Uint8Array(30 + index).fill(index));
  const received = { run: concatBytes(sent.map((entry) => entry.sealed)), entries: sent } as unknown as ReceivedAppend;
  for (const wanted of [[0, 5], [2, 5], [1, 3], [4, 5]] as const) {
    const entries = sent.slice(...wanted);
    assert.equal(receivedBytes(entries as unknown as LogEntry[], received), concatBytes(entries.map((entry) => entry.sealed)));
  }
});

test.run();
