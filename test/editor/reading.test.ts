/** What is found out about stopped nodes' logs: where they part, what the machine held, whether all is sound. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DraftError } from "../../src/base/errors.ts";
import { runTask, type Task } from "../../src/base/task.ts";
import { type Checked, checkDirectory } from "../../src/editor/check_files.ts";
import { compareLogs } from "../../src/editor/compare.ts";
import { type GroupLog, openedLog } from "../../src/editor/offline_log.ts";
import { machineAt } from "../../src/editor/rebuild.ts";
import kv from "../../plugins/kv/kv.ts";
import { command, DATA, EditRig, type Made } from "./rig.ts";

const MADE: Made = { seed: 1, voters: ["a", "b", "c"], entries: 12, commitIndex: 6 };

/** Where the logs part; 0 if they do not. */
function differsAt(one: EditRig, other: EditRig): number | null {
  const far = other.host();
  return one.use(function* (left): Task<number> {
    return yield* openedLog(far, { directory: DATA, group: 1 }, function* (right): Task<number> {
      return (yield* compareLogs(left, right)).differsAt;
    });
  });
}

/** Both disks on one clock: a task that reads both waits for either. */
function compared(one: Made, other: Made, change?: (rig: EditRig) => void): number | string | null {
  const left = new EditRig(one);
  const right = new EditRig(other, left.scheduler);
  change?.(right);
  try {
    return differsAt(left, right);
  } catch (error) {
    return (error as DraftError).code;
  }
}

test("two logs part at the first entry that differs, wherever each begins and ends", () => {
  assert.is(compared(MADE, MADE), 0);
  assert.is(compared(MADE, { ...MADE, entries: 7 }), 0);
  for (let at = 1; at <= 12; at++) {
    assert.is(compared(MADE, MADE, (rig) => {
      rig.edit({ change: "chop", index: at });
      if (at > 1) rig.edit({ change: "append", payload: command("set", "other", "v") });
    }), at === 1 ? 0 : at, `they part at ${at}`);
  }
  assert.is(compared({ ...MADE, compacted: 5 }, MADE), 0);
  assert.is(compared({ ...MADE, compacted: 5 }, MADE, (rig) => {
    rig.edit({ change: "chop", index: 8 });
    rig.edit({ change: "append", payload: command("set", "other", "v") });
  }), 8);
  assert.is(compared({ ...MADE, compacted: 9 }, { ...MADE, entries: 4 }), "COMPACTED");
});

test("logs of which one is damaged are compared where both have entries", () => {
  const damagedAt = (index: number, change?: (rig: EditRig) => void): unknown => {
    const left = new EditRig(MADE);
    const right = new EditRig(MADE, left.scheduler);
    change?.(right);
    const content = left.disk.content(`${DATA}/wal/000000000001.seg`) as Uint8Array;
    const key = new TextEncoder().encode(`k${index}`);
    const at = content.findIndex((_, from) => from > 4_096 && key.every((byte, i) => content[from + i] === byte));
    left.disk.flipBit(`${DATA}/wal/000000000001.seg`, at, 0);
    const far = right.host();
    return left.run(openedLog(left.host(), { directory: DATA, group: 1, onDamage: "read on" }, function* (one): Task<unknown> {
      return yield* openedLog(far, { directory: DATA, group: 1 }, function* (other): Task<unknown> {
        const { differsAt, differsFrom } = yield* compareLogs(one, other);
        return [differsAt, differsFrom];
      });
    }));
  };
  const other = (at: number) => (rig: EditRig): void => {
    rig.edit({ change: "chop", index: at });
    for (let each = at; each <= 12; each++) rig.edit({ change: "append", payload: command("set", "other", "v") });
  };
  for (let index = 2; index <= 9; index++) assert.equal(damagedAt(index), [0, 0], `entry ${index} is lost`);
  assert.equal(damagedAt(5, other(5)), [6, 5]);
  assert.equal(damagedAt(5, other(6)), [6, 5]);
  assert.equal(damagedAt(5, other(4)), [4, 4]);
  assert.equal(damagedAt(5, other(8)), [8, 8]);
});

/** A restore goes by promises: between two calls of the disk they resolve. */
async function stateAt(rig: EditRig, index: number): Promise<string> {
  const told: { state: string; error: Error | null } = { state: "", error: null };
  const host = rig.host();
  runTask(openedLog(host, { directory: DATA, group: 1 }, function* (log: GroupLog): Task<string> {
    return JSON.stringify((yield* machineAt(host, log, kv, index, "unused")).query(["list"]));
  }), (...[error, state]) => Object.assign(told, { error, state: state ?? "" }));
  for (let turns = 0; turns < 1_000 && told.state === "" && told.error === null; turns++) {
    while (rig.scheduler.step());
    await new Promise((done) => setImmediate(done));
  }
  if (told.error !== null) throw told.error;
  return told.state;
}

async function refused(rig: EditRig, index: number): Promise<string> {
  return stateAt(rig, index).then(() => "", (error: DraftError) => error.message);
}

test("the machine as of an index holds what the entries up to it wrote, and nothing of those behind", async () => {
  const rig = new EditRig(MADE);
  for (const index of [1, 5, 12]) {
    const state = await stateAt(rig, index);
    for (let each = 1; each <= 12; each++) assert.is(state.includes(`"v${each}"`), each <= index, `v${each} as of ${index}`);
  }
  assert.match(await refused(rig, 13), /behind the end of the log/);
  const forced = new EditRig({ ...MADE, voters: ["a"] });
  forced.edit({ change: "drop", index: 5, force: true });
  assert.match(await refused(forced, 4), /state as of index 4 is gone/);
  assert.is(await stateAt(forced, 5), "[]");
  assert.match(await stateAt(forced, 6), /"v6"/);
});

function checked(rig: EditRig): Checked[] {
  const all: Checked[] = [];
  rig.run(checkDirectory(rig.host(), DATA, (each) => all.push(each)));
  return all;
}

test("a flipped byte anywhere in what counts of log and snapshot is found, and named", () => {
  const make = (): EditRig => {
    const rig = new EditRig({ ...MADE, voters: ["a"] });
    rig.edit({ change: "drop", index: 5, force: true });
    return rig;
  };
  const sound = checked(make());
  assert.equal(sound.map(({ what, damage }) => [what, damage]), [["log", null], ["snapshot", null]]);
  const [log, snapshot] = sound as [Checked, Checked];
  assert.match(log.holds, /group 1 from index 6 to 12/);
  let found = 0;
  for (let at = 0; at < (snapshot.bytes ?? 0); at += 7) {
    const rig = make();
    rig.disk.flipBit(snapshot.path, at, 3);
    const [, damaged] = checked(rig) as [Checked, Checked];
    assert.ok(damaged.damage?.includes(snapshot.path), `offset ${at} of the snapshot`);
    found += 1;
  }
  const segment = `${DATA}/wal/000000000001.seg`;
  for (let at = 0; at < (log.bytes ?? 0); at += 61) {
    const rig = make();
    rig.disk.flipBit(segment, at, 3);
    const [damaged] = checked(rig) as [Checked];
    assert.ok(damaged.damage?.includes("000000000001.seg") === true, `offset ${at} of the log`);
    found += 1;
  }
  assert.ok(found > 50);
});

test.run();
