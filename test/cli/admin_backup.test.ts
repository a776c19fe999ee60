import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { planBackup } from "../../src/cli/admin_backup.ts";
import { BackupFile } from "../../src/cli/backup_file.ts";
import type { NodeState } from "../../src/gateway/survey.ts";

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
      await file.finish();
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

test.run();
