/** Offline tools on a log that is damaged: what is there is shown, what is not is named, and it can be cut before it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readRun } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Task } from "../../src/base/task.ts";
import { type Checked, checkDirectory } from "../../src/editor/check_files.ts";
import { firstLost, partsOf } from "../../src/editor/damage.ts";
import { planEdit } from "../../src/editor/edit_plan.ts";
import { type GroupLog, openedLog } from "../../src/editor/offline_log.ts";
import type { EditMark } from "../../src/wal/edit_record.ts";
import { renewMark } from "../../src/wal/mark.ts";
import { DATA, EditRig, type Made } from "./rig.ts";

const ALONE: Made = { seed: 1, voters: ["a"], entries: 12, commitIndex: 10 };
const CLUSTER: Made = { ...ALONE, voters: ["a", "b", "c"] };
const SEGMENT = `${DATA}/wal/000000000001.seg`;

/** Where the value of an entry stands in the segment. */
function placeOf(rig: EditRig, index: number): number {
  const at = placeIn(rig, SEGMENT, index);
  if (at > 0) return at;
  throw new Error(`no k${index}`);
}

/** The same in a segment that need not have the entry: 0 then. */
function placeIn(rig: EditRig, path: string, index: number): number {
  const content = rig.disk.content(path) as Uint8Array;
  const wanted = new TextEncoder().encode(`\0k${index}`).subarray(1);
  for (let at = 4_096; at < content.length; at++) if (wanted.every((byte, i) => content[at + i] === byte) && content[at + wanted.length] !== 0x30) return at;
  return 0;
}

/** A log whose entry `index` rotted, or whose mark did; where the mark lags, what stands behind tells that it is damage. */
function damaged(made: Made, index: number, lags = false): EditRig {
  const rig = new EditRig(made);
  const { disk } = rig.host();
  if (lags) rig.use(({ owner: { incarnation } }) => renewMark(disk, `${DATA}/wal`, incarnation, { batch: 1, sequence: 1, offset: 4_096, firstSegment: 1 }));
  if (index > 0) rig.disk.flipBit(SEGMENT, placeOf(rig, index), 0);
  else for (const at of [20, 4_116]) rig.disk.flipBit(`${DATA}/wal/mark`, at, 0);
  return rig;
}

function readable(rig: EditRig): { indexes: number[]; lost: number; text: string } {
  const found = rig.run(openedLog(rig.host(), { directory: DATA, group: 1, onDamage: "read on" }, function* (log: GroupLog): Task<{ indexes: number[]; lost: number; text: string }> {
    const indexes: number[] = [];
    const { prefix, lastIndex } = log.group;
    for (const part of partsOf(log.damage, prefix.index + 1, lastIndex)) {
      for (let next = part.from; !part.isAbsent && next <= part.to;) {
        const { runs, to } = yield* log.read(next, part.to);
        indexes.push(...runs.flatMap((run) => readRun(run).entries.map((head) => head.index)));
        next = to + 1;
      }
    }
    return { indexes, lost: log.damage === null ? 0 : firstLost(log.damage, lastIndex), text: log.damage?.places.map(({ words }) => words).join() ?? "" };
  }));
  return found ?? { indexes: [], lost: 0, text: "the power was cut" };
}

function codeOf(act: () => void): string {
  try {
    act();
    return "";
  } catch (error) {
    return error instanceof DraftError ? error.code : String(error);
  }
}

test("every entry but the one that rotted is shown, and the place is named; nothing but chop edits such a log", () => {
  for (let index = 1; index <= 12; index++) {
    const rig = damaged(CLUSTER, index);
    const { indexes, lost, text } = readable(rig);
    assert.equal(indexes, Array.from({ length: 12 }, (_, at) => at + 1).filter((each) => each !== index), `entry ${index}`);
    assert.is(lost, index);
    assert.match(text, /000000000001\.seg" at offset \d+ \(group 1, index \d+\) is damaged/);
    assert.is(codeOf(() => rig.edit({ change: "chop", index: 3 })), "DAMAGED");
    assert.is(codeOf(() => rig.edit({ change: "drop", index: 3, force: true })), "DAMAGED");
    assert.is(codeOf(() => rig.undo()), "DAMAGED");
  }
});

test("check names each place, what is lost, what a start makes of it, and what to type", () => {
  const said = (made: Made, index: number): Checked[] => {
    const rig = damaged(made, index);
    const all: Checked[] = [];
    rig.run(checkDirectory(rig.host(), DATA, (each) => all.push(each)));
    return all;
  };
  const [place, log] = said(CLUSTER, 5) as [Checked, Checked];
  assert.is(place.what, "place");
  assert.ok((place.offset ?? 0) > 4_096 && (place.bytes ?? 0) > 0);
  assert.equal(log.lost, [{ from: 5, to: 5 }]);
  assert.match(log.damage ?? "", /^entry 5 is lost/);
  assert.match(log.next ?? "", /nor|gives up this incarnation.*draft serve/s);
  assert.match(said(ALONE, 5)[1]?.next ?? "", /exit 10.*draft log chop 5 --data data$/);
  const [mark, whole] = said(CLUSTER, 0) as [Checked, Checked];
  assert.match(mark.path, /wal\/mark$/);
  assert.match(whole.damage ?? "", /what stood behind entry 12, if anything did, is not known, nor which term and vote/);
});

test("chop cuts before the damage; a power cut at each disk call leaves a damaged log or the cut one, and what it was can be copied back", () => {
  for (const made of [ALONE, CLUSTER]) {
    for (const [index, chopped, lags] of [[5, 5, false], [9, 4, true], [0, 13, false]] as const) {
      const model = damaged(made, index, lags);
      const before = model.disk.content(SEGMENT)?.slice();
      const calls = model.callsOf(() => model.cut(chopped));
      const after = model.text();
      const { last, edit } = JSON.parse(after) as { last: number; edit: EditMark };
      assert.is(last, chopped - 1);
      assert.is(edit.condition, made === ALONE ? "none" : "voteless");
      assert.equal(model.disk.content(`${DATA}/edits/1-damaged/000000000001.seg`), before);
      assert.is(codeOf(() => model.undo()), "CONFLICT");
      let [damages, cuts] = [0, 0];
      for (let at = 1; at <= calls + 1; at += lags || at > calls - 30 ? 1 : 3) {
        const rig = damaged(made, index, lags);
        rig.crashIn(() => rig.cut(chopped), at);
        const code = codeOf(() => rig.text());
        if (code === "DAMAGED") {
          damages += 1;
          const { last: sound } = JSON.parse(soundText(rig)) as { last: number };
          rig.cut(Math.min(chopped, sound + 1));
        } else cuts += 1;
        const now = JSON.parse(rig.text()) as { last: number; edit: EditMark };
        assert.equal([code === "" || code === "DAMAGED", now.last, now.edit.condition], [true, chopped - 1, edit.condition], `crash at ${at} of ${calls}`);
      }
      assert.ok(damages > 5 && cuts > 0, `${damages} damaged, ${cuts} cut`);
    }
  }
});

function refusal(act: () => void): string {
  try {
    act();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

test("undo of a cut says how to copy the files back, and not once the node was started", () => {
  const rig = damaged(ALONE, 5);
  const mark = rig.disk.content(`${DATA}/wal/mark`)!.slice();
  rig.cut(5);
  assert.match(refusal(() => rig.undo()), /cut what was damaged.*: rm data\/wal\/mark && cp data\/edits\/1-damaged\/mark data\/edits\/1-damaged\/\*\.seg data\/wal\/$/);
  assert.equal(rig.disk.content(`${DATA}/edits/1-damaged/mark`), mark);
  rig.started();
  const words = refusal(() => rig.undo());
  assert.match(words, /the node was started since, and others may rely on what it said.*they are in data\/edits\/1-damaged$/);
  assert.not.match(words, /\bcp\b|\brm\b/);
});

test("to accept a log whose end was lost is told as what it is, and no word of an edit", () => {
  const rig = new EditRig(CLUSTER);
  rig.endLost();
  const meaning = rig.use(function* (log): Task<string> {
    return (yield* planEdit(log, { change: "accept" })).meaning.join("; ");
  }) ?? "";
  assert.match(meaning, /entries that this node acknowledged may be missing.*the node votes without them/);
  assert.not.match(meaning, /edit/);
});

const VOTED = { entries: 12, commitIndex: 10, valueBytes: 3_000, votesLast: true };

/** A log of several segments, of which entries rotted, and the last vote too if that is so. */
function rotten(made: Made, indexes: readonly number[], votes: boolean): EditRig {
  const rig = new EditRig(made);
  const paths = rig.disk.names.files().filter((path) => path.endsWith(".seg"));
  for (const index of indexes) {
    const path = paths.find((each) => placeIn(rig, each, index) > 0) ?? "";
    rig.disk.flipBit(path, placeIn(rig, path, index), 0);
  }
  const used = paths.filter((path) => (rig.disk.content(path) as Uint8Array)[0] !== 0).at(-1) ?? "";
  if (votes) rig.disk.flipBit(used, (rig.disk.content(used) as Uint8Array).findLastIndex((byte) => byte !== 0), 0);
  return rig;
}

test("chop of a damaged log of several segments: what a start finds after a power cut is refused, or all that was, or the cut log; never less that votes", () => {
  const seen = { refused: 0, old: 0, cut: 0 };
  const [alone, three] = [["a"], ["a", "b", "c"]];
  const rows = [[three, [5], 5, false], [three, [5], 2, false], [three, [5, 8], 5, false], [three, [5], 5, true], [three, [11], 11, false], [three, [10], 10, true], [alone, [5], 2, false], [alone, [10], 10, true]] as const;
  for (const [row, [voters, rots, chopped, votes]] of rows.entries()) {
    const made: Made = { ...VOTED, seed: row + 1, voters };
    const model = rotten(made, rots, votes);
    const calls = model.callsOf(() => model.cut(chopped));
    const { edit } = JSON.parse(model.text()) as { edit: EditMark };
    assert.is(edit.condition, voters.length === 1 ? "none" : votes ? "voteless" : "edited");
    // First the files are read and saved, by most of the calls; the cut itself is made by the last ones.
    for (let at = 1; at <= calls + 1; at += at < calls - 50 ? 15 : 1) {
      const rig = rotten(made, rots, votes);
      rig.crashIn(() => rig.cut(chopped), at);
      const what = `row ${row}, crash at ${at} of ${calls}`;
      const started = rig.start();
      if (started === null) seen.refused += 1;
      else if (started.edit !== null) {
        seen.cut += 1;
        assert.equal([started.last, started.edit, started.isDamaged], [chopped - 1, edit, false], what);
      } else {
        seen.old += 1;
        assert.equal(started, { last: 12, term: 3, edit: null, isDamaged: true }, what);
      }
      if (codeOf(() => rig.text()) === "DAMAGED") rig.cut(Math.min(chopped, (JSON.parse(soundText(rig)) as { last: number }).last + 1));
      const now = JSON.parse(rig.text()) as { last: number; edit: EditMark; hardState: { term: number } };
      assert.is(now.last, chopped - 1, what);
      if (voters.length > 1) assert.ok(now.edit.condition === "voteless" || (now.edit.condition === edit.condition && now.hardState.term === 3), what);
    }
  }
  assert.ok(Math.min(seen.refused, seen.old, seen.cut) >= rows.length, JSON.stringify(seen));
});

/** What stands before the damage. */
function soundText(rig: EditRig): string {
  return rig.run(openedLog(rig.host(), { directory: DATA, group: 1, onDamage: "stop" }, function* ({ group }): Task<string> {
    yield* [];
    return JSON.stringify({ last: group.lastIndex });
  })) ?? "";
}

test("a cut that the disk has no room for is refused and leaves nothing; the next try saves its copies where it says", () => {
  const rig = damaged(ALONE, 7);
  const before = readable(rig);
  rig.disk.capacityBytes = rig.disk.usedBytes + 100;
  assert.is(codeOf(() => rig.cut(7)), "DISK_FULL");
  assert.equal(rig.disk.names.files().filter((path) => path.includes("/edits/")), []);
  assert.equal(readable(rig), before);
  rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
  assert.is(rig.cut(7), `${DATA}/edits/1-damaged`);
});

test.run();
