import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import type { Disk } from "../../src/host/host.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import {
  fetchingName, fetchingNamed, removeAllBut, removeFetchedBut, removeOlder, snapshotName, snapshotNamed,
} from "../../src/wal/snapshot_directory.ts";

const NAMES = [
  "3-1.snap", "5-1.snap", "7-2.snap", "9-2.writing", "fetching",
  "4-1-10-1.fetching", "5-1-10-1.fetching", "8-2-10-1.fetching", "note.txt",
];

/** What is left of the names after the task. */
function left(task: (disk: Disk) => Task<unknown>, during: (disk: SimDisk) => void = () => undefined): string[] {
  const scheduler = new Scheduler();
  const disk = new SimDisk(scheduler, { seed: 1 });
  const port = disk.boot();
  let isDone = false;
  runTask(function* () {
    yield* wait<void>((done) => port.makeDirectory("s", done));
    for (const name of NAMES) yield* wait((done) => port.open(`s/${name}`, { create: true }, done));
    during(disk);
    yield* task(port);
  }(), (...[error]) => {
    if (error !== null) throw error;
    isDone = true;
  });
  scheduler.runUntil(1000);
  assert.ok(isDone);
  return disk.names.list("s");
}

test("names say what they hold, and are read as they were written", () => {
  const fetching = { index: 2 ** 53 - 1, term: 7, bytes: 2 ** 40, sum: 2 ** 32 - 1 };
  assert.equal(fetchingNamed(fetchingName(fetching)), fetching);
  assert.equal(snapshotNamed(snapshotName({ index: 5, term: 2 })), { index: 5, term: 2 });
  for (const name of ["fetching", "1-2-3.fetching", "1-2-3-4.snap", "1-2.fetching", "a-2-3-4.fetching", "1-2-3-4.fetching.tmp"]) {
    assert.is(fetchingNamed(name), null, name);
  }
});

test("removeAllBut() keeps the snapshot that the log names, and what was fetched of a later one", () => {
  assert.equal(left((disk) => removeAllBut(disk, "s", { index: 5, term: 1 })), ["5-1.snap", "8-2-10-1.fetching", "fetching", "note.txt"]);
  assert.equal(
    left((disk) => removeAllBut(disk, "s", null)),
    ["4-1-10-1.fetching", "5-1-10-1.fetching", "8-2-10-1.fetching", "fetching", "note.txt"],
  );
});

test("removeOlder() removes what is superseded, whole or being fetched, but for what is in use", () => {
  let staying = -1;
  const names = left(function* (disk) {
    staying = yield* removeOlder(disk, "s", 7, (name) => name === "5-1.snap" || name === "5-1-10-1.fetching" || name === "8-2-10-1.fetching");
  });
  assert.equal(names, ["5-1-10-1.fetching", "5-1.snap", "7-2.snap", "8-2-10-1.fetching", "9-2.writing", "fetching", "note.txt"]);
  assert.is(staying, 2);
});

test("removeFetchedBut() removes what was fetched of others; who is slower finds nothing, and goes on", () => {
  const names = left(
    (disk) => removeFetchedBut(disk, "s", "8-2-10-1.fetching"),
    (disk) => {
      disk.fault = ({ kind, path }) => {
        if (kind === "unlink") disk.move(path, null);
        return null;
      };
    },
  );
  assert.equal(names, ["3-1.snap", "5-1.snap", "7-2.snap", "8-2-10-1.fetching", "9-2.writing", "fetching", "note.txt"]);
});

test.run();
