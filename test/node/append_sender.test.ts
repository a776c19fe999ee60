import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Done } from "../../src/base/task.ts";
import { AppendSender } from "../../src/node/append_sender.ts";
import type { GroupLog } from "../../src/node/group_ports.ts";
import { Tail } from "../../src/node/tail.ts";
import type { AppendRequest } from "../../src/raft/message.ts";
import type { EntriesRead } from "../../src/wal/wal_read.ts";
import { type SealedEntry, sealedEntries } from "./entries.ts";

const ENTRIES: readonly SealedEntry[] = sealedEntries(1, 40, 100);
const ENTRY_BYTES = ENTRIES[0]!.sealed.length;

class Rig {
  readonly tail: Tail = new Tail(1);
  readonly sent: string[] = [];
  readonly reads: { readonly from: number; readonly to: number; readonly done: Done<EntriesRead> }[] = [];
  failures: string[] = [];
  term = 1;
  turns = 0;
  readonly sender: AppendSender;

  /** Entries below `first` are on disk only. */
  constructor(first: number, frameEntries = 100) {
    for (const entry of ENTRIES) this.tail.push(entry.sealed, entry.index, 1);
    this.tail.dropTo(ENTRY_BYTES * (ENTRIES.length - first + 1), ENTRIES.length);
    const log: Pick<GroupLog, "read"> = { read: (_group, from, to, _bytesMax, done) => this.reads.push({ from, to, done }) };
    this.sender = new AppendSender({
      tail: this.tail, log: log as GroupLog,
      outbox: {
        send: (to, message, runs) => {
          const { prevLogIndex, lastIndex } = message as AppendRequest;
          const bytes = runs.reduce((sum, run) => sum + run.length, 0);
          assert.is(bytes, ENTRY_BYTES * (lastIndex - prevLogIndex), "the bytes of the range");
          this.sent.push(`${to}: ${prevLogIndex}..${lastIndex}`);
        },
      },
      frameEntryBytesMax: frameEntries * ENTRY_BYTES,
      ready: () => this.turns++,
      leads: (term) => term === this.term,
      isWitness: () => false,
      failed: (message, error) => this.failures.push(`${message.prevLogIndex}..${message.lastIndex} ${error.message}`),
    });
  }

  send(prevLogIndex: number, lastIndex: number, to = 2): void {
    this.sender.send({
      type: "appendRequest", group: 1, from: 1, fromIncarnation: 1, to, term: 1, prevLogIndex, prevLogTerm: 1,
      prevLogChain: ENTRIES[prevLogIndex - 1]?.chain ?? 0, lastIndex, entries: [], leaderCommit: 0, round: 0, heardQuorum: true,
    });
  }

  /** Answers the oldest read with entries up to `to`. */
  answer(to?: number): void {
    const read = this.reads.shift();
    if (read === undefined) throw new Error("nobody reads");
    const entries = ENTRIES.slice(read.from - 1, to ?? read.to);
    read.done(null, { runs: entries.map((entry) => entry.sealed) } as unknown as EntriesRead);
  }
}

test("what the tail holds leaves at once", () => {
  const rig = new Rig(1);
  rig.send(0, 10);
  rig.send(10, 10);
  assert.equal(rig.sent, ["2: 0..10", "2: 10..10"]);
  assert.is(rig.reads.length, 0);
});

test("what is longer than a frame goes in pieces", () => {
  const rig = new Rig(1, 4);
  rig.send(0, 10);
  assert.equal(rig.sent, ["2: 0..4", "2: 4..8", "2: 8..10"]);
});

test("what only the disk holds is read, one read a follower, and the order is kept", () => {
  const rig = new Rig(21);
  rig.send(0, 30);
  rig.send(30, 35);
  rig.send(0, 5, 3);
  assert.equal(rig.reads.map(({ from, to }) => [from, to]), [[1, 20], [1, 5]]);
  assert.equal(rig.sent, []);
  rig.answer(12);
  assert.equal(rig.sent, ["2: 0..12"]);
  rig.answer();
  assert.equal(rig.sent, ["2: 0..12", "3: 0..5"]);
  rig.answer();
  assert.equal(rig.sent.slice(2), ["2: 12..20", "2: 20..35"]);
});

test("what was read is sent in a turn of its own", () => {
  const rig = new Rig(21);
  rig.send(0, 5);
  rig.answer();
  assert.is(rig.turns, 1);
});

test("what was read for an earlier term is dropped", () => {
  const rig = new Rig(21);
  rig.send(0, 5);
  rig.send(5, 25);
  rig.term = 2;
  rig.answer();
  assert.equal(rig.sent, []);
  assert.is(rig.reads.length, 0);
  rig.term = 1;
  rig.send(20, 25);
  assert.equal(rig.sent, ["2: 20..25"], "nothing waits any more");
});

test("forget(): what waited for a lost link is not sent, what comes later is, behind the read that is out", () => {
  const rig = new Rig(21);
  rig.send(0, 5);
  rig.sender.forget(2);
  rig.send(3, 8);
  rig.answer();
  assert.equal(rig.sent, []);
  rig.answer();
  assert.equal(rig.sent, ["2: 3..8"]);
});

test("R13: an error while reading is told with its range, nothing malformed leaves, and the rest goes on", () => {
  const rig = new Rig(21);
  rig.send(0, 5);
  rig.send(5, 30);
  rig.reads.shift()?.done(new Error("EIO"));
  assert.equal(rig.failures, ["0..30 EIO"]);
  assert.equal(rig.sent, []);
  rig.send(25, 30);
  assert.equal(rig.sent, ["2: 25..30"]);
});

test("a read that brings nothing is a failure, not a loop", () => {
  const rig = new Rig(21);
  rig.send(0, 5);
  rig.answer(0);
  assert.match(rig.failures.join(), /0\.\.5 nothing was read from index 1 on/);
  assert.is(rig.reads.length, 0);
});

test("what is said again while it waits is sent once, with what came behind it", () => {
  const rig = new Rig(31);
  rig.send(0, 5);
  for (let last = 6; last <= 30; last++) rig.send(last - 1, last);
  for (let i = 0; i < 100; i++) rig.send(0, 20);
  rig.answer();
  for (let i = 0; i < 100; i++) rig.send(5, 32);
  rig.answer(12);
  rig.answer();
  assert.equal(rig.sent, ["2: 0..5", "2: 5..12", "2: 12..30", "2: 30..32"]);
  assert.is(rig.reads.length, 0);
});

test("a stream that starts anew before what waits is sent from there", () => {
  const rig = new Rig(31);
  rig.send(10, 20);
  rig.send(20, 25);
  rig.send(4, 12);
  rig.answer();
  assert.equal(rig.sent, [], "an answer to the stream before");
  rig.answer();
  assert.equal(rig.sent, ["2: 4..12"]);
  rig.send(12, 35);
  rig.answer();
  assert.equal(rig.sent, ["2: 4..12", "2: 12..30", "2: 30..35"]);
});

test.run();
