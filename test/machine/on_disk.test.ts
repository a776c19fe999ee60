/** A machine that keeps its state on disk: what a process that starts finds there is gone through, not applied (P12, X01). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import type { DraftError } from "../../src/base/errors.ts";
import type { Applier } from "../../src/machine/applier.ts";
import { ChangeHistory } from "../../src/machine/change_history.ts";
import type { SavedBeside, SavedState } from "../../src/machine/saved_state.ts";
import { SessionsTarget } from "../../src/machine/sessions_saved.ts";
import { boundMachine, withMachines } from "../../src/machine/bound_machine.ts";
import type { AnyPlugin } from "../../src/machine/machine.ts";
import { encodeMachineVersion } from "../../src/machine/version_entry.ts";
import { add, applierOf, applyOne, LedgerDisk, type Logged, NOOP, OPEN } from "./ledger.ts";
import { rigOf } from "./rig.ts";

const RAISE: Logged = { kind: EntryKind.version, payload: encodeMachineVersion(2) };
const ENTRIES: readonly Logged[] = [OPEN, add(1, 1), add(2), NOOP, add("no", 2), RAISE, add(4, 3), add(1, 1), add(8, 4)];

/** Applies all of {@link ENTRIES} behind what `applier` has; a commit behind each index that `commits` names. */
function applyAll(applier: Applier, commits: (index: number) => boolean): void {
  while (applier.lastApplied.index < ENTRIES.length) {
    const index = applier.lastApplied.index + 1;
    applyOne(applier, index, ENTRIES[index - 1]!);
    if (commits(index)) applier.commit(1);
  }
}

/** A machine as a process finds it that starts on a log without a snapshot. */
function started(disk: LedgerDisk): Applier {
  const applier = applierOf(disk.plugin);
  applier.open();
  assert.ok(applier.recall(1));
  return applier;
}

/** What a snapshot says, and the sessions in it. */
function savedBy(applier: Applier): { readonly state: SavedState; readonly pieces: Uint8Array[] } {
  const { sessions, pieces, changes: _, ...state } = applier.snapshot();
  pieces.close();
  const all: Uint8Array[] = [];
  for (let piece = sessions.next(); piece !== null; piece = sessions.next()) all.push(piece);
  return { state, pieces: all };
}

function besideOf(pieces: readonly Uint8Array[]): SavedBeside {
  const target = new SessionsTarget();
  for (const piece of pieces) target.add(piece);
  return { sessions: target.sessions, history: new ChangeHistory() };
}

function replica(applier: Applier): unknown {
  return [applier.digest, applier.lastApplied, applier.view(), applier.query(["total"]), savedBy(applier).pieces];
}

const straight = new LedgerDisk();
const reference = started(straight);
applyAll(reference, () => true);

for (let dies = 0; dies <= ENTRIES.length; dies++) {
  test(`P12: a process that dies behind entry ${dies} applies each entry once, whatever was committed by then`, () => {
    for (let committed = 0; committed <= dies; committed++) {
      const disk = new LedgerDisk();
      const first = started(disk);
      for (let index = 1; index <= dies; index++) {
        applyOne(first, index, ENTRIES[index - 1]!);
        if (index === committed) first.commit(1);
      }
      const ran = disk.ran.filter((text) => text.startsWith("from") ? committed >= 6 : Number.parseInt(text) <= committed);
      disk.ran.length = 0;
      const next = started(disk);
      applyAll(next, (index) => index > committed && index % 2 === 0);
      assert.equal([...ran, ...disk.ran], straight.ran, `committed through ${committed}`);
      assert.equal(replica(next), replica(reference));
    }
  });
}

test("a start in the midst of what another start went through, again and again (P15)", () => {
  const disk = new LedgerDisk();
  for (let index = 1; index <= ENTRIES.length; index++) {
    const applier = started(disk);
    for (let at = 1; at <= index; at++) applyOne(applier, at, ENTRIES[at - 1]!);
    applier.commit(1);
  }
  assert.equal(disk.ran, straight.ran);
  const last = started(disk);
  applyAll(last, () => false);
  assert.equal(replica(last), replica(reference));
});

test("nothing is read, and no snapshot begun, while entries on disk are gone through", () => {
  const disk = new LedgerDisk();
  applyAll(started(disk), (index) => index === 5);
  const applier = started(disk);
  assert.is(applier.readableIndex, -1);
  assert.is(applier.wakeAt(), null);
  assert.throws(() => applier.snapshot(), /no state yet/);
  for (let index = 1; index <= 5; index++) applyOne(applier, index, ENTRIES[index - 1]!);
  assert.is(applier.readableIndex, 5);
});

test("memos of what a snapshot holds are forgotten, and the rest goes on from it (P13)", () => {
  const disk = new LedgerDisk();
  const first = started(disk);
  for (let index = 1; index <= 5; index++) applyOne(first, index, ENTRIES[index - 1]!);
  first.commit(1);
  const saved = savedBy(first);
  for (let index = 6; index <= 8; index++) {
    applyOne(first, index, ENTRIES[index - 1]!);
    first.commit(6);
  }
  assert.equal(disk.state.memos.map(([index]) => index), [6, 7, 8]);
  const next = applierOf(disk.plugin);
  assert.equal(next.open(), { index: 8, point: { index: 8, term: 2, chain: 1008 } });
  assert.is(applierOf(disk.plugin).recall(5), false, "entry 5 is known to the snapshot alone");
  assert.ok(next.recall(6));
  next.resume(saved.state, besideOf(saved.pieces));
  assert.is(next.history.oldestIndex, 1);
  applyAll(next, () => true);
  assert.equal(replica(next), replica(reference));
  assert.is(next.history.oldestIndex, 9, "what the machine emitted before it was there is not emitted again");
});

test("a state on disk of another log is refused at the first entry that shows it", () => {
  const disk = new LedgerDisk();
  applyAll(started(disk), (index) => index === 3);
  const applier = started(disk);
  applyOne(applier, 1, ENTRIES[0]!);
  applyOne(applier, 2, ENTRIES[1]!);
  assert.throws(() => applyOne(applier, 3, ENTRIES[2]!, 77), (error: DraftError) => error.code === "DAMAGED" && /is of another log.*index 3 of term 2, chain 1003, the log has term 2, chain 77/.test(error.message));
});

test("restore() leaves what the snapshot says on disk, or the replica stops", () => {
  const disk = new LedgerDisk();
  const applier = started(disk);
  applyAll(applier, () => true);
  const { state, pieces } = savedBy(applier);
  const kept = disk.state;
  const other = new LedgerDisk();
  const fresh = started(other);
  other.state = { ...kept, index: 3, memos: kept.memos.slice(-1) };
  assert.throws(() => fresh.restored(state, besideOf(pieces)), (error: DraftError) => error.code === "DAMAGED" && /must be one commit/.test(error.message));
  other.state = { ...kept, memos: [] };
  assert.throws(() => fresh.restored(state, besideOf(pieces)), /holds index 9, without a memo: must be index 9 of term 2, chain 1009/);
  other.state = kept;
  fresh.restored(state, besideOf(pieces));
  assert.equal(fresh.lastApplied, applier.lastApplied);
});

test("a commit that fails is an error of the storage, and a machine that cannot be read is damage", () => {
  const disk = new LedgerDisk();
  const applier = started(disk);
  applyOne(applier, 1, NOOP);
  disk.failing = true;
  assert.throws(() => applier.commit(1), (error: DraftError) => error.code === "STORAGE_FAILED" && /no space/.test(error.message));
  for (const index of [-1, 0.5, Number.NaN, "1" as never]) {
    disk.state = { ...disk.state, index };
    assert.throws(() => applierOf(disk.plugin).open(), (error: DraftError) => error.code === "DAMAGED" && /must be an index/.test(error.message));
  }
});

test("what is put around a machine on disk leaves it one", () => {
  const methods = Object.keys(new LedgerDisk().machine()).sort();
  assert.equal(Object.keys(boundMachine(new LedgerDisk().machine())).sort(), methods);
});

/** A plugin whose machine fails at its second command as `thrown` says. */
function failing(plugin: AnyPlugin, thrown: Error): AnyPlugin {
  return withMachines(plugin, (machine) => {
    let commands = 0;
    return {
      ...machine,
      apply: (command, entry) => {
        commands += 1;
        if (commands === 2) throw thrown;
        return machine.apply(command, entry);
      },
    };
  });
}

test("a machine whose disk failed in apply ends its node, and the entry is no fault that counts: the next process applies it", () => {
  const disk = new LedgerDisk();
  const broken = applierOf(failing(disk.plugin, Object.assign(new Error("disk I/O error"), { code: "STORAGE_FAILED" })));
  broken.open();
  assert.ok(broken.recall(1));
  assert.throws(() => applyAll(broken, () => true), (error: DraftError) =>
    error.code === "STORAGE_FAILED" && /^the machine '.*' could not apply index 3: disk I\/O error: check the disk/.test(error.message));
  const next = started(disk);
  applyAll(next, () => true);
  assert.equal(replica(next), replica(reference));
});

test("what else it throws is a fault, on every replica alike; and in memory there is no disk that could fail", () => {
  const disk = new LedgerDisk();
  const applier = applierOf(failing(disk.plugin, new Error("odd")));
  applier.open();
  assert.ok(applier.recall(1));
  applyAll(applier, () => true);
  assert.is(applier.lastApplied.index, ENTRIES.length);
  const { run } = rigOf({ apply: () => { throw Object.assign(new Error("no"), { code: "STORAGE_FAILED" }); } });
  assert.is((run("do") as DraftError).code, "MACHINE_FAULT");
});

test.run();
