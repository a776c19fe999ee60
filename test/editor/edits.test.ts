/** Offline edits on a disk that loses its power: the log is the old one or the new one, and undo takes either back. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Wanted } from "../../src/editor/edit_plan.ts";
import type { DraftError } from "../../src/base/errors.ts";
import { command, EditRig, type Made } from "./rig.ts";

const CLUSTER: Made = { seed: 1, voters: ["a", "b", "c"], entries: 8, commitIndex: 6 };
const ALONE: Made = { ...CLUSTER, voters: ["a"] };

const EDITS: readonly (readonly [name: string, made: Made, wanted: Wanted])[] = [
  ["chop", CLUSTER, { change: "chop", index: 5 }],
  ["chop of all", ALONE, { change: "chop", index: 1 }],
  ["append", CLUSTER, { change: "append", payload: command("set", "k", "v") }],
  ["append of much", ALONE, { change: "append", payload: command("set", "k", "v".repeat(5_000)) }],
  ["append that begins a segment", { ...CLUSTER, fillsSegment: true }, { change: "append", payload: command("set", "k", "v".repeat(1_500)) }],
  ["drop", { ...CLUSTER, compacted: 3 }, { change: "drop", index: 6, force: true }],
  ["drop by force", ALONE, { change: "drop", index: 4, force: true }],
];

function trying(what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
  }
}

function removes({ change }: Wanted): boolean {
  return change !== "append";
}

for (const [name, made, wanted] of EDITS) {
  test(`${name}: a power cut at each disk call leaves the log as it was or as it shall be, and undo takes it back`, () => {
    const model = new EditRig(made);
    const before = model.text();
    const calls = model.callsOf(() => model.edit(wanted));
    const after = model.text();
    assert.is.not(after, before);
    model.undo();
    assert.is(model.text(), before);
    const undoCalls = (() => {
      model.edit(wanted);
      assert.is(model.text(), after);
      return model.callsOf(() => model.undo());
    })();
    if (removes(wanted)) assert.match(model.saved(1, wanted.change), /^\d+ entries/);
    let [olds, news] = [0, 0];
    for (const [seed, every] of [[1, 1], [2, 7], [3, 7]] as const) {
      for (let at = 1; at <= calls + 1; at += every) {
        trying(`seed ${seed}, crash at ${at} of ${calls}`, () => {
          const rig = new EditRig({ ...made, seed });
          const [old, shall] = [rig.text(), seed === made.seed ? after : null];
          rig.crashIn(() => rig.edit(wanted), at);
          const now = rig.text();
          if (now === old) olds += 1;
          else {
            news += 1;
            if (removes(wanted)) assert.is(rig.saved(1, wanted.change), model.saved(1, wanted.change));
            if (shall !== null) assert.is(now, shall);
            rig.undo();
            assert.is(rig.text(), old);
          }
          rig.edit(wanted);
          if (shall !== null) assert.is(rig.text(), shall);
        });
      }
    }
    assert.ok(olds > 0 && news > 0, `${olds} old, ${news} new`);
    for (let at = 1; at <= undoCalls; at++) {
      trying(`crash at ${at} of ${undoCalls} of undo`, () => {
        const rig = new EditRig(made);
        rig.edit(wanted);
        rig.crashIn(() => rig.undo(), at);
        const now = rig.text();
        assert.ok(now === before || now === after, now);
        if (now === after) rig.undo();
        assert.is(rig.text(), before);
      });
    }
  });
}

test("the snapshot that an edit wrote goes with it, and stays while the log names it", () => {
  const rig = new EditRig(ALONE);
  rig.edit({ change: "drop", index: 4, force: true });
  assert.equal(rig.snapshots(), ["4-2.snap"]);
  rig.edit({ change: "append", payload: command("set", "k", "v") });
  rig.undo();
  assert.equal(rig.snapshots(), ["4-2.snap"], "the log begins with it");
  rig.edit({ change: "drop", index: 6, force: true });
  assert.equal(rig.snapshots(), ["4-2.snap", "6-2.snap"]);
  const calls = rig.callsOf(() => rig.undo());
  assert.equal(rig.snapshots(), ["4-2.snap"]);
  rig.edit({ change: "drop", index: 6, force: true });
  rig.undo();
  rig.disk.crash();
  assert.equal(rig.snapshots(), ["4-2.snap"], "durably");
  let left = 0;
  for (let at = 1; at <= calls + 1; at++) {
    rig.edit({ change: "drop", index: 6, force: true });
    rig.crashIn(() => rig.undo(), at);
    if ((JSON.parse(rig.text()) as { snapshot: number }).snapshot === 4) continue;
    left += 1;
    assert.equal(rig.snapshots(), ["4-2.snap", "6-2.snap"], `crash at ${at} of ${calls}: what the log names is there`);
    rig.undo();
  }
  assert.ok(left > 0 && left < calls, `${left} of ${calls}`);
});

function refusal(made: Made, wanted: Wanted): string {
  try {
    new EditRig(made).edit(wanted);
    return "";
  } catch (error) {
    return `${(error as DraftError).code} ${(error as DraftError).message}`;
  }
}

test("what cannot be done is refused, and says what can", () => {
  const made = { ...CLUSTER, compacted: 3 };
  assert.match(refusal(made, { change: "chop", index: 9 }), /^BAD_REQUEST index 9 is behind the end of the log, 8/);
  assert.match(refusal(made, { change: "chop", index: 3 }), /^COMPACTED index 3 left the log, which begins at 4/);
  assert.match(refusal(made, { change: "drop", index: 6, force: false }), /^CONFLICT the snapshot ends at index 3: to drop through 6 would lose/);
  assert.match(refusal(CLUSTER, { change: "drop", index: 2, force: false }), /^CONFLICT there is no snapshot/);
  assert.match(refusal({ ...CLUSTER, entries: 0 }, { change: "append", payload: command("set", "k", "v") }), /^CONFLICT the log has no entry yet/);
  assert.match(refusal(CLUSTER, { change: "accept" }), /^CONFLICT the log is not marked/);
  assert.throws(() => new EditRig(CLUSTER).undo(), /never edited/);
});

test("an edit marks the group where others vote, and only there; accept clears the mark; undo brings it back", () => {
  const conditionOf = (rig: EditRig): unknown => (JSON.parse(rig.text()) as { edit: { condition: string } | null }).edit?.condition;
  const alone = new EditRig(ALONE);
  alone.edit({ change: "chop", index: 5 });
  assert.is(conditionOf(alone), "none");
  const rig = new EditRig(CLUSTER);
  rig.edit({ change: "chop", index: 5 });
  rig.edit({ change: "append", payload: command("set", "a", "b") });
  assert.is(conditionOf(rig), "edited");
  rig.edit({ change: "accept" });
  assert.is(conditionOf(rig), "none");
  rig.undo();
  assert.is(conditionOf(rig), "edited");
  const emptied = new EditRig(CLUSTER);
  emptied.edit({ change: "drop", index: 5, force: true });
  assert.is(conditionOf(emptied), "emptied");
  // Whoever learns does not vote, and one other decides what the log holds.
  const learner = new EditRig({ ...CLUSTER, voters: ["b"], learns: true });
  learner.edit({ change: "chop", index: 7 });
  assert.is(conditionOf(learner), "edited");
  learner.undo();
  learner.edit({ change: "drop", index: 4, force: true });
  assert.is(conditionOf(learner), "emptied");
});

test("what an edit removed is committed no more", () => {
  const rig = new EditRig(CLUSTER);
  rig.edit({ change: "chop", index: 5 });
  assert.is((JSON.parse(rig.text()) as { hardState: { commitIndex: number } }).hardState.commitIndex, 4);
});

test("the same edit on every member has the same seal, and the commit index never reaches what was edited", () => {
  const edits: Wanted[] = [{ change: "chop", index: 5 }, { change: "append", payload: command("set", "a", "b") }];
  const logs = [1, 2, 3].map((seed) => {
    const rig = new EditRig({ ...CLUSTER, seed });
    for (const wanted of edits) rig.edit(wanted);
    return JSON.parse(rig.text()) as { last: number; chains: number[]; hardState: { commitIndex: number } };
  });
  assert.equal(logs.map(({ last }) => last), [5, 5, 5]);
  assert.is(new Set(logs.map(({ chains }) => chains.at(-1))).size, 1);
  assert.equal(logs.map(({ hardState }) => hardState.commitIndex), [4, 4, 4]);
});

test("on a disk with too little room an edit is refused: the log is as it was, nothing of a save is left, and with room it is made", () => {
  for (const [name, made, wanted] of EDITS) {
    trying(name, () => {
      const model = new EditRig(made);
      model.edit(wanted);
      let [refused, done] = [0, 0];
      for (let room = 0; done === 0; room += 512) {
        const rig = new EditRig(made);
        const before = rig.text();
        rig.disk.capacityBytes = rig.disk.usedBytes + room;
        try {
          // Null is one that never ends.
          assert.is.not(rig.edit(wanted), null);
          done += 1;
        } catch (error) {
          assert.is((error as DraftError).code, "DISK_FULL", String(error));
          refused += 1;
          assert.is(rig.text(), before);
          assert.equal(rig.disk.names.files().filter((path) => path.includes("/edits/")), [], `with ${room} bytes of room`);
          rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
          rig.edit(wanted);
        }
        assert.is(rig.text(), model.text());
        assert.ok(room < 100_000);
      }
      assert.ok(refused > 0);
    });
  }
});

test.run();
