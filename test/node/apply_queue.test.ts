import { test } from "uvu";
import * as assert from "uvu/assert";
import { type EntryHead, writeHeader } from "../../src/base/entry.ts";
import { viewOf } from "../../src/base/bytes.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Done } from "../../src/base/task.ts";
import { Applier } from "../../src/machine/applier.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { Base, Command, Entry, Plugin } from "../../src/machine/machine.ts";
import { ApplyQueue } from "../../src/node/apply_queue.ts";
import type { GroupLog } from "../../src/node/group_ports.ts";
import { Tail } from "../../src/node/tail.ts";
import type { ReadWindows } from "../../src/wal/read_windows.ts";
import type { EntriesRead } from "../../src/wal/wal_read.ts";
import { sealedEntries } from "./entries.ts";

const LAST = 10_000;
const ENTRIES = sealedEntries(1, LAST, () => encodeCommand(["do"]));

/** A queue over entries of which those below `first` are on disk only. */
class Rig {
  readonly tail: Tail = new Tail(1);
  readonly applied: number[] = [];
  readonly failures: string[] = [];
  readonly reads: { readonly from: number; readonly to: number; readonly done: Done<EntriesRead>; readonly windows: ReadWindows }[] = [];
  readonly windows: Set<ReadWindows> = new Set();
  nowMs = 0;
  entryMs = 0;
  turns = 0;
  readonly queue: ApplyQueue;
  readonly state: { durableIndex: number; snapshotIndex: number } = { durableIndex: LAST, snapshotIndex: 0 };

  constructor(first: number, more: Partial<Base> = {}) {
    for (const entry of ENTRIES) this.tail.push(entry.sealed, entry.index, 1);
    this.tail.dropTo(ENTRIES[0]!.sealed.length * (LAST - first + 1), LAST);
    const plugin: Plugin<null> = {
      name: "tried", version: 1, operations: { do: { kind: "write" } },
      create: () => ({
        apply: (_command, entry) => {
          this.nowMs += this.entryMs;
          return entry.index;
        },
        snapshot: () => null,
        restore: () => {},
        ...more,
      }),
    };
    const log: Pick<GroupLog, "read"> = { read: (_group, from, to, _bytes, done, how) => {
      this.windows.add(how!.windows!);
      this.reads.push({ from, to, done, windows: how!.windows! });
    } };
    this.queue = new ApplyQueue({
      group: 1, applier: new Applier({ plugin, group: 1, directory: "", log: () => {} }), tail: this.tail, log: log as GroupLog,
      clock: { monotonicMs: () => this.nowMs },
      state: this.state,
      applied: (entry, reply) => this.note(entry, reply),
      decoded: () => null, restore: () => {},
      ready: () => this.turns++,
      failed: (error) => this.failures.push(error instanceof DraftError ? `${error.code}: ${error.message}` : error.message),
    }, 0);
  }

  note(entry: EntryHead, reply: unknown): void {
    assert.is(reply, entry.index);
    this.applied.push(entry.index);
  }

  answer(count: number): void {
    const { from, to, done, windows } = this.reads.shift()!;
    const runs = ENTRIES.slice(from - 1, Math.min(to, from - 1 + count)).map(({ sealed }) => {
      const into = windows.take(sealed.length);
      into.set(sealed);
      return into;
    });
    done(null, { from, to: from + runs.length - 1, runs } as unknown as EntriesRead);
  }
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

/** Answers as the rig's own machine does, for several entries; notes how many came together. */
function batching(): { more: Partial<Base>; runs: number[] } {
  const runs: number[] = [];
  const applyBatch = (_: readonly Command[], entries: readonly Entry[]): number[] => {
    runs.push(entries.length);
    return entries.map(({ index }) => index);
  };
  return { more: { applyBatch }, runs };
}

test("extend() wants what follows", () => {
  const rig = new Rig(1);
  rig.queue.extend(1, 5);
  assert.throws(() => rig.queue.extend(7, 8), /follow one another/);
});

test("run() applies what is committed, in order, once, a page at a time", () => {
  const rig = new Rig(1);
  rig.queue.extend(1, 9000);
  const pages: number[] = [];
  while (rig.queue.hasMore) {
    rig.queue.run();
    pages.push(rig.applied.length);
  }
  assert.equal(pages, [4096, 8192, 9000]);
  assert.equal(rig.applied, upTo(9000));
  assert.is(rig.queue.run(), false);
});

test("a slow machine gets some milliseconds a turn, then the sockets are looked at", () => {
  const rig = new Rig(1);
  rig.entryMs = 1;
  rig.queue.extend(1, 4000);
  rig.queue.run();
  assert.ok(rig.applied.length <= 64, String(rig.applied.length));
  assert.ok(rig.queue.hasMore);
});

test("a machine to which each large entry is slow gets no more of a turn", () => {
  const rig = new Rig(1);
  const large = sealedEntries(1, 20, () => encodeCommand(["do", "x".repeat(100_000)]));
  rig.tail.truncate(1);
  for (const entry of large) rig.tail.push(entry.sealed, entry.index, 1);
  rig.entryMs = 4;
  rig.queue.extend(1, 20);
  const turns: number[] = [];
  while (rig.queue.hasMore) {
    const before = rig.applied.length;
    rig.queue.run();
    turns.push(rig.applied.length - before);
  }
  assert.equal(turns, [3, 3, 3, 3, 3, 3, 2]);
});

test("R18: what only the disk holds is read in pages, and applied without gap or repetition across their bounds", () => {
  const rig = new Rig(LAST + 1);
  rig.queue.extend(1, LAST);
  for (;;) {
    rig.queue.run();
    if (rig.applied.length === LAST) break;
    assert.is(rig.reads.length, 1, "one read at a time");
    assert.is(rig.reads[0]!.from, rig.applied.length + 1);
    assert.not.ok(rig.queue.hasMore, "nothing to do until it is there");
    const { turns } = rig;
    rig.answer(777);
    assert.is(rig.turns, turns + 1);
  }
  assert.equal(rig.applied, upTo(LAST));
  assert.is(rig.windows.size, 2, "the memory of a page is used again once it was applied, and not before");
});

test("while a page is applied the next one is read, and none besides", () => {
  const rig = new Rig(LAST + 1);
  rig.entryMs = 1;
  rig.queue.extend(1, LAST);
  rig.queue.run();
  rig.answer(1000);
  assert.equal(rig.reads.map(({ from }) => from), [1001], "asked for before the first entry is applied");
  rig.queue.run();
  assert.ok(rig.applied.length < 1000 && rig.queue.hasMore);
  const { turns } = rig;
  rig.answer(1000);
  assert.equal([rig.reads.length, rig.turns], [0, turns], "two pages are enough");
  while (rig.applied.length < 1001) assert.ok(rig.queue.run());
  assert.equal(rig.reads.map(({ from }) => from), [2001]);
  while (rig.queue.hasMore) rig.queue.run();
  assert.equal(rig.applied, upTo(2000));
});

test("what was read ahead is void once the machine is restored, and what cannot be read ahead is asked for again", () => {
  const rig = new Rig(LAST + 1);
  rig.queue.extend(1, 3000);
  rig.queue.run();
  rig.answer(1000);
  rig.reads.shift()!.done(new Error("busy"));
  assert.equal(rig.failures, []);
  while (rig.queue.hasMore) rig.queue.run();
  assert.equal([rig.applied.length, rig.reads.map(({ from }) => from)], [1000, [1001]]);
  rig.answer(500);
  rig.queue.hold(5000);
  rig.queue.extend(5001, 6000);
  rig.answer(500);
  rig.queue.release();
  assert.not.ok(rig.queue.run());
  assert.equal(rig.reads.map(({ from, to }) => [from, to]), [[5001, 6000]]);
});

test("entries that are read end where those in memory begin", () => {
  const rig = new Rig(500);
  rig.queue.extend(1, 1000);
  rig.queue.run();
  assert.equal(rig.reads.map(({ from, to }) => [from, to]), [[1, 499]]);
  rig.answer(499);
  rig.queue.run();
  assert.equal(rig.applied, upTo(1000));
});

test("a read that fails stops the replica for its disk: nothing is applied any more", () => {
  const rig = new Rig(500);
  rig.queue.extend(1, 1000);
  rig.queue.run();
  rig.reads.shift()?.done(Object.assign(new Error("read failed"), { code: "EIO" }));
  assert.equal(rig.failures, ["STORAGE_FAILED: committed entries 1 to 499 cannot be read back: read failed"]);
  assert.is(rig.queue.run(), false);
  assert.not.ok(rig.queue.hasMore);
});

test("a log that says that it is damaged stops the replica as damaged", () => {
  for (const [code, ends] of [["DAMAGED", "DAMAGED"], ["NOT_FOUND", "STORAGE_FAILED"]] as const) {
    const rig = new Rig(500);
    rig.queue.extend(1, 1000);
    rig.queue.run();
    rig.reads.shift()?.done(new DraftError(code, "entry 7"));
    assert.match(rig.failures.join(), new RegExp(`^${ends}: .*entry 7$`));
  }
});

test("an entry that the machine cannot take stops the replica at it, and is told once", () => {
  const rig = new Rig(1);
  const unknown = ENTRIES[2]!.sealed.slice();
  writeHeader(unknown, viewOf(unknown), 0, { ...ENTRIES[2]!, kind: 99 });
  rig.tail.truncate(3);
  rig.tail.push(unknown, 3, 1);
  rig.queue.extend(1, 3);
  rig.queue.run();
  rig.queue.run();
  assert.equal(rig.applied, [1, 2]);
  assert.is(rig.failures.length, 1);
  assert.match(rig.failures.join(), /of kind 99/);
});

test("a machine that takes several commands at once is given them so, from memory and across pages that were read back", () => {
  const { more, runs } = batching();
  const rig = new Rig(5001, more);
  rig.queue.extend(1, LAST);
  for (let n = 0; n < 100 && rig.applied.length < LAST; n++) {
    rig.queue.run();
    if (rig.reads.length > 0) rig.answer(777);
  }
  assert.equal(rig.applied, upTo(LAST));
  assert.is(Math.max(...runs), 64);
  assert.ok(runs.length < LAST / 32, `${runs.length} runs`);
  assert.equal(rig.failures, []);
});

test("a machine that breaks on several commands stops the replica before any of them counts", () => {
  const rig = new Rig(1, { applyBatch: () => { throw new Error("no room"); } });
  rig.queue.extend(1, 10);
  rig.queue.run();
  assert.is(rig.failures.length, 1);
  assert.match(rig.failures[0] ?? "", /^BAD_PLUGIN: applyBatch of the machine 'tried' broke on the entries 1 to 10: no room: /);
  assert.equal([rig.applied, rig.queue.applied, rig.queue.hasMore], [[], 0, false]);
});

test.run();
