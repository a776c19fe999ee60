/**
 * The data directories in `test/fixtures` were written by draft 0.1.0 in the formats that docs/formats.md draws, and are
 * never written again: every later version must open them, and hold what they hold. A version that changes a format adds
 * a directory of its own beside them. `data_2` came with records that `data_1` lacks: bases and a log that begins in a later
 * segment, an end that was cut, a copy of an entry, every edit, members, verdicts, times; and a snapshot with changes and
 * idempotency keys.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { viewOf } from "../../src/base/bytes.ts";
import type { Task } from "../../src/base/task.ts";
import { entriesIn } from "../../src/cli/shown_entry.ts";
import { type Checked, checkDirectory } from "../../src/editor/check_files.ts";
import { runOffline, withGroupLog } from "../../src/editor/offline_log.ts";
import { machineAt } from "../../src/editor/rebuild.ts";
import kv from "../../plugins/kv/kv.ts";
import { startNode } from "../../src/gateway/start_node.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { readEditBody } from "../../src/wal/edit_record.ts";
import { ENVELOPE_BYTES, readEnvelope, RecordType, seedOf, typeName } from "../../src/wal/record.ts";
import { HEADER_BYTES, readSegmentHeader, sequenceOf } from "../../src/wal/segment.ts";

const HELD: Readonly<Record<string, string | null>> = { k1: null, k2: "again", k3: "v3", k4: "v4", n: "1", after: "snapshot", edited: "in" };

async function withCopy(use: (directory: string) => Promise<void>, fixture = "data_1"): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-fixture-"));
  try {
    cpSync(join(import.meta.dirname, "../fixtures", fixture), directory, { recursive: true });
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function checked(directory: string): Promise<Checked[]> {
  const all: Checked[] = [];
  await runOffline(checkDirectory(createNodeHost(silentLog), directory, (each) => all.push(each)));
  return all;
}

test("the directory that 0.1.0 wrote is sound, and its log says what it said", () => withCopy(async (directory) => {
  const host = createNodeHost(silentLog);
  assert.equal((await checked(directory)).map(({ what, damage }) => [what, damage]), [["log", null], ["snapshot", null]]);
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

/** What records a log has, each by its type, and the changes of edits. */
function recordsIn(directory: string): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(join(directory, "wal")).filter((each) => sequenceOf(each) > 0)) {
    const bytes = new Uint8Array(readFileSync(join(directory, "wal", name)));
    const header = readSegmentHeader(bytes.subarray(0, HEADER_BYTES));
    if (header === null) continue;
    for (let at = HEADER_BYTES; ;) {
      const envelope = readEnvelope(bytes, viewOf(bytes), at, seedOf(header.salt, at));
      if (envelope === null) break;
      const body = bytes.subarray(at + ENVELOPE_BYTES, at + envelope.length);
      const edit = envelope.type === RecordType.edit ? readEditBody(body, envelope) : null;
      found.add(edit === null ? typeName(envelope.type) : `edit ${edit.content.change}`);
      at += envelope.length;
    }
  }
  return found;
}

test("the second directory has every record that the first one lacks, is sound, and its log says what it said", () => withCopy(async (directory) => {
  assert.equal((await checked(directory)).map(({ what, damage }) => [what, damage]), [["log", null], ["snapshot", null]]);
  const wanted = ["base", "entries", "hardState", "truncate", "relocated", "compactPrefix", "snapshotMark", "firstSegment",
    ...["none", "chop", "drop", "append", "compared", "cut"].map((change) => `edit ${change}`)];
  const found = recordsIn(directory);
  assert.equal(wanted.filter((each) => !found.has(each)), []);
  await withGroupLog(createNodeHost(silentLog), { directory, group: 1 }, function* (log): Task<void> {
    const { runs } = yield* log.read(242, 254);
    const kinds = runs.flatMap((run) => [...entriesIn(run, false)]).map(({ kind }) => kind);
    assert.equal([...new Set(kinds)].sort(), ["command", "config", "noop", "session", "verdict"]);
    // As of then: a node's log time goes on, and keys are kept for ten minutes.
    const machine = yield* machineAt(createNodeHost(silentLog), log, kv, 254, "");
    assert.is(machine.sessions.keys.count, 2, "requests under an Idempotency-Key");
    assert.equal([log.group.prefix.index, log.group.lastIndex, log.edit, log.scan.lastEdit.isCut], [241, 254, { number: 6, boot: 2, condition: "none" }, true]);
  });
}, "data_2"));

test("a node starts on it too: what it held, and changes from before its snapshot", () => withCopy(async (directory) => {
  await using node = await startNode({ id: "a", listen: "127.0.0.1:0", data: directory, machine: "kv" });
  const held: Readonly<Record<string, string | null>> = { idem: "yes", idem2: "yes", after: "snapshot", n: "4", edited: "in", second: "start", lost: null, regretted: null, short: null };
  for (const [key, value] of Object.entries(held)) assert.is((await node.client.read(["get", key])).result, value, key);
  for await (const change of node.client.watch("k", { from: 220 })) {
    assert.equal([change.index, change.key], [220, "k7"]);
    break;
  }
}, "data_2"));

test.run();
