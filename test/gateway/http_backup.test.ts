/** `/v1/backup`: the file that `draft admin backup` writes, whole or told not to be. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verifyBackup } from "../../src/cli/backup_file.ts";
import { HttpRig } from "./http_rig.ts";

const test = suite("http backup");
let rig: HttpRig;
let directory: string;

test.before(async () => {
  rig = await HttpRig.start();
  directory = mkdtempSync(join(tmpdir(), "draft-http-backup-"));
});
test.after(async () => {
  await rig.stop();
  rmSync(directory, { recursive: true, force: true });
});

function fetched(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${rig.port}${path}`, init);
}

test("it verifies, holds what was written before, and is as long as it says", async () => {
  for (let at = 0; at < 40; at++) await rig.ask("PUT", `/v1/kv/b${at}`, { body: "x".repeat(64 * 1024) });
  const { json } = await rig.ask("PUT", "/v1/kv/last", { body: "1" });
  const { index } = json as { index: number };
  const response = await fetched("/v1/backup");
  assert.is(response.status, 200);
  const bytes = new Uint8Array(await response.arrayBuffer());
  assert.ok(bytes.length > 40 * 64 * 1024);
  assert.equal([response.headers.get("content-length"), response.headers.get("content-type")], [String(bytes.length), "application/octet-stream"]);
  assert.match(response.headers.get("content-disposition") ?? "", /^attachment; filename="main-\d+\.draft"$/);
  const path = join(directory, "main.draft");
  writeFileSync(path, bytes);
  const { point, machine } = await verifyBackup(path);
  assert.is(machine, "kv");
  assert.ok(point.index >= index && response.headers.get("draft-index") === String(point.index), `${point.index} ${index}`);
});

test("a damaged byte is seen by who checks the file", async () => {
  const bytes = new Uint8Array(await (await fetched("/v1/backup")).arrayBuffer());
  bytes[bytes.length >> 1]! ^= 1;
  const path = join(directory, "damaged.draft");
  writeFileSync(path, bytes);
  await verifyBackup(path).then(() => assert.unreachable("it verified"), (error: Error & { code?: string }) => assert.is(error.code, "DAMAGED"));
});

test("who goes away in the midst of it leaves nothing open", async () => {
  for (let round = 0; round < 5; round++) {
    const response = await fetched("/v1/backup");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
  }
  for (let tries = 0; tries < 200; tries++) {
    if (/^draft_http_streams 0$/m.test((await rig.ask("GET", "/metrics")).text)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.unreachable("a stream is still open");
});

test("what is asked wrongly is refused", async () => {
  assert.is((await rig.ask("GET", "/v1/backup?group=none")).status, 404);
  assert.is((await rig.ask("GET", "/v1/backup?file=x")).status, 400);
  assert.is((await rig.ask("POST", "/v1/backup")).status, 405);
  assert.is((await rig.ask("HEAD", "/v1/backup")).status, 200);
});

test.run();
