/**
 * The data directory in `test/fixtures/data_1` was written by draft 0.1.0 in the formats that docs/formats.md draws, and
 * is never written again: every later version must open it, and hold what it holds. A version that changes a format adds
 * a directory of its own beside it.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runTask, type Task } from "../../src/base/task.ts";
import { entriesIn } from "../../src/cli/shown_entry.ts";
import { type Checked, checkDirectory } from "../../src/editor/check_files.ts";
import { withGroupLog } from "../../src/editor/offline_log.ts";
import { startNode } from "../../src/gateway/start_node.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";

const HELD: Readonly<Record<string, string | null>> = { k1: null, k2: "again", k3: "v3", k4: "v4", n: "1", after: "snapshot", edited: "in" };

async function withCopy(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-fixture-"));
  try {
    cpSync(join(import.meta.dirname, "../fixtures/data_1"), directory, { recursive: true });
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("the directory that 0.1.0 wrote is sound, and its log says what it said", () => withCopy(async (directory) => {
  const host = createNodeHost(silentLog);
  const all: Checked[] = [];
  await new Promise<void>((resolve, reject) => {
    runTask(checkDirectory(host, directory, (each) => all.push(each)), (...[error]) => error === null ? resolve() : reject(error));
  });
  assert.equal(all.map(({ what, damage }) => [what, damage]), [["log", null], ["snapshot", null]]);
  await withGroupLog(host, { directory, group: 1 }, function* (log): Task<void> {
    const { runs } = yield* log.read(log.group.prefix.index + 1, log.group.lastIndex);
    const words = runs.flatMap((run) => [...entriesIn(run, false)]).map((entry) => entry.words);
    assert.equal(words, ["opens a session", 'set "after" "snapshot"', 'del "k1"', 'set "k2" "again"', "closes the session", 'set "edited" "in"']);
    assert.equal([log.group.prefix.index, log.group.snapshot.index, log.edit?.number], [9, 9, 1]);
  });
}));

test("a node starts on it, and holds what it held", () => withCopy(async (directory) => {
  await using node = await startNode({ id: "a", listen: "127.0.0.1:0", data: directory, machine: "kv" });
  for (const [key, value] of Object.entries(HELD)) assert.is((await node.client.read(["get", key])).result, value, key);
}));

test.run();
