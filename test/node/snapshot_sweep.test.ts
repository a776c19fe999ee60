/** A snapshot that is superseded while it is in use goes later. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, wait } from "../../src/base/task.ts";
import { GroupSnapshots, type GroupSnapshotsOptions } from "../../src/node/group_snapshots.ts";
import { Gate } from "../../src/sim/gate.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { sealed, Single } from "../raft/helpers.ts";

const LOG = sealed([1, 1, 1, 1, 1, 1]);

function rig(): { scheduler: Scheduler; gate: Gate; inUse: Set<string>; names: () => string[]; take: (index: number) => void; snapshots: GroupSnapshots } {
  const scheduler = new Scheduler();
  const gate = new Gate();
  const hardware = new SimDisk(scheduler, { seed: 1 });
  const disk = gate.disk(hardware.boot());
  const core = new Single({ log: LOG, term: 1, commitIndex: 6 });
  const inUse: Set<string> = new Set();
  let applied = 0;
  const options = {
    clusterId: "c", directory: "s", state: core.state, disk, clock: gate.clock(scheduler.clock(0)), snapshotBytes: 1e9, snapshotEntries: 1e9,
    applier: {
      plugin: { name: "kv" },
      beginning: { isGathering: false },
      get lastApplied() {
        return { index: applied };
      },
      snapshot: () => ({
        point: LOG[applied - 1], timeMs: 0, origin: { used: true, restored: null }, machineVersion: 1, digest: 0, checks: { points: [], splitIndex: 0 }, streamed: true, sessions: { next: () => null, close: () => undefined }, changes: { next: () => null, close: () => undefined }, pieces: { next: (done: (error: null, piece: null) => void) => done(null, null), close: () => undefined },
      }),
    },
    log: { appendSnapshotMark: () => undefined, barrier: (done: (error: null, value: undefined) => void) => done(null, undefined) },
    words: { enabled: () => false, write: () => undefined },
    submit: () => undefined, wake: () => undefined, promised: () => undefined,
    isInUse: (name: string) => inUse.has(name),
  } as unknown as GroupSnapshotsOptions;
  runTask(wait<void>((done) => disk.makeDirectory("s", done)), () => undefined);
  scheduler.runUntil(10);
  const snapshots = new GroupSnapshots(options);
  return {
    scheduler, gate, inUse, snapshots,
    names: () => hardware.names.list("s"),
    take: (index) => {
      applied = index;
      snapshots.request(() => undefined);
      scheduler.runUntil(scheduler.nowMs + 100);
    },
  };
}

test("what is in use when it is superseded is looked at again every 30 s, and goes", () => {
  const { scheduler, gate, inUse, names, take } = rig();
  take(2);
  take(4);
  assert.equal(names(), ["4-1.snap"]);
  inUse.add("4-1.snap");
  take(6);
  assert.equal(names(), ["4-1.snap", "6-1.snap"]);
  scheduler.runUntil(scheduler.nowMs + 31_000);
  assert.equal(names(), ["4-1.snap", "6-1.snap"]);
  inUse.clear();
  scheduler.runUntil(scheduler.nowMs + 31_000);
  assert.equal([names(), gate.holdings.timers], [["6-1.snap"], 0]);
});

test("at the end of the node nobody looks any more", () => {
  const { gate, inUse, take, snapshots } = rig();
  inUse.add("2-1.snap");
  take(2);
  take(4);
  assert.is(gate.holdings.timers, 1);
  snapshots.end();
  assert.is(gate.holdings.timers, 0);
});

test.run();
