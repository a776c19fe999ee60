import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Task } from "../../src/base/task.ts";
import { backupTo, planBackup } from "../../src/cli/admin_backup.ts";
import { BackupFile } from "../../src/cli/backup_file.ts";
import type { Client } from "../../src/client/client.ts";
import { runOffline } from "../../src/editor/offline_log.ts";
import type { NodeState } from "../../src/gateway/survey.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { USED } from "../../src/machine/origin.ts";
import type { BackupAsk } from "../../src/net/backup_request.ts";
import { PieceKind } from "../../src/wal/snapshot_format.ts";
import { SnapshotWriter } from "../../src/wal/snapshot_writer.ts";
import { membersOf } from "../raft/helpers.ts";
import { fakeIo } from "./fake_io.ts";

const test = suite("admin backup");

function node(nodeId: string, role: string, { appliedIndex = 90, commitIndex = 90, machine = "kv" as string | null } = {}): NodeState {
  return { nodeId, address: `${nodeId}:1`, groups: [{ name: "main", role, appliedIndex, commitIndex, machine }] } as unknown as NodeState;
}

test("planBackup() asks followers first, the furthest one of them, then learners, then the leader, never a witness", () => {
  const plan = planBackup([
    node("a", "leader", { commitIndex: 95 }), node("b", "follower", { appliedIndex: 80 }), node("c", "follower"), node("d", "learner"),
    node("w", "witness", { machine: null, commitIndex: 96 }), { nodeId: "e", address: "e:1", unreachable: true },
  ], "main");
  assert.equal(plan.givers.map(({ nodeId }) => nodeId), ["c", "b", "d", "a"]);
  assert.is(plan.leastIndex, 95, "what anybody who keeps data knows to be committed is in it");
});

test("planBackup() refuses where nobody could give one", () => {
  assert.throws(() => planBackup([node("a", "waiting")], "main"), (error: unknown) => error instanceof DraftError && error.code === "NOT_FOUND");
  assert.throws(() => planBackup([node("w", "witness", { machine: null })], "main"), /only witnesses/);
});

test("a backup file that is given up, or does not verify, leaves nothing; one that is there is never touched", async () => {
  const directory = mkdtempSync(join(tmpdir(), "draft-backup-"));
  try {
    const path = join(directory, "x.draft");
    const file = await BackupFile.create(path);
    await file.append(new TextEncoder().encode("draftsnp, and then nothing of the kind"));
    assert.not.ok(existsSync(path));
    try {
      await file.verify("b");
      assert.unreachable("it does not verify");
    } catch (error) {
      assert.is((error as DraftError).code, "DAMAGED");
    }
    assert.not.ok(existsSync(path), "no half file under the final name");
    await file.abandon();
    assert.equal(readdirSync(directory), []);
    writeFileSync(path, "mine");
    try {
      await BackupFile.create(path);
      assert.unreachable("it is there already");
    } catch (error) {
      assert.match((error as DraftError).message, /is there already/);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** A sound snapshot file, as bytes. */
async function snapshotBytes(directory: string): Promise<Uint8Array> {
  const { disk } = createNodeHost(silentLog);
  await runOffline((function* (): Task<void> {
    const writer = yield* SnapshotWriter.begin(disk, directory, {
      clusterId: "c1", group: 1, point: { index: 90, term: 1, chain: 7 }, featureLevel: 1, machine: "kv", machineVersion: 1, streamed: false, timeMs: 5,
      digest: 0, checks: { points: [], splitIndex: 0 }, configuration: membersOf(["voter"]), origin: USED,
    });
    yield* writer.piece(PieceKind.machine, new Uint8Array(300_000));
    yield* writer.finish();
  })());
  const [name] = readdirSync(directory) as [string];
  const bytes = new Uint8Array(readFileSync(join(directory, name)));
  rmSync(join(directory, name));
  return bytes;
}

/** A cluster of which each node gives its own file. */
function giving(files: Readonly<Record<string, Uint8Array>>): Client {
  const states = new Map(Object.keys(files).map((id) => [`${id}:1`, node(id, "follower")]));
  const fileAt = (address: string): Uint8Array => files[address.slice(0, 1)] as Uint8Array;
  return {
    addresses: [...states.keys()],
    status: ({ address }: { address: string }) => Promise.resolve(states.get(address)),
    members: () => Promise.resolve({ index: 1, members: [] }),
    snapshot: () => Promise.resolve(90),
    backup: (ask: BackupAsk, { address }: { address: string }) =>
      Promise.resolve(ask.type === "which" ? [90, 1, fileAt(address).length, 0] : [fileAt(address).subarray(ask.offset, ask.offset + ask.length)]),
  } as unknown as Client;
}

test("who gives a damaged file is named, and the next one is asked; if all do, the last one is named, and no file that is gone", async () => {
  const directory = mkdtempSync(join(tmpdir(), "draft-backup-"));
  try {
    const sound = await snapshotBytes(directory);
    const rotten = sound.slice();
    rotten[150_000]! ^= 1;
    const settings = { level: "linearizable", minIndex: 0, timeoutMs: 1_000, group: "main", json: false } as const;
    const path = join(directory, "x.draft");
    const io = fakeIo();
    await backupTo(path, giving({ b: rotten, c: sound }), settings, io, false);
    assert.match(io.errText(), /no backup from b: b gives a damaged file: snapshot file at offset \d+ is damaged: a chunk does not fit its sum/);
    assert.match(io.outText(), /bytes from c: draft log check/);
    assert.equal(new Uint8Array(readFileSync(path)), sound);
    rmSync(path);
    const why = await backupTo(path, giving({ b: rotten, c: rotten }), settings, io, false).then(() => null, (error: DraftError) => error);
    assert.is(why?.code, "DAMAGED");
    assert.match(why?.message ?? "", /^c gives a damaged file: .*: draft admin why$/);
    assert.not.match(`${why?.message}${io.errText()}`, /\.part/);
    assert.equal(readdirSync(directory), []);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.run();
