/** `Server-Timing` tells of writes what their node measured, and nothing of what it did not. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serverTiming } from "../../src/gateway/http/server_timing.ts";
import { FrameBatch } from "../../src/net/frame_batch.ts";
import { FrameParser } from "../../src/net/frame.ts";
import { ReplyReader, writeResult } from "../../src/net/client_replies.ts";
import { HttpRig } from "./http_rig.ts";

const test = suite("server timing");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

const TIMING = { fsyncMs: 1.5, replicateMs: 2.5, applyMs: 0.25, sinceMs: 4.5 };

test("serverTiming() tells each step, and leaves out what has not happened or is another request's", () => {
  const own = { tookMs: 5, isForwarded: false, timing: TIMING };
  assert.is(serverTiming(own), "queue;dur=0.5, fsync;dur=1.5, replicate;dur=2.5, apply;dur=0.25");
  assert.is(serverTiming({ ...own, timing: { ...TIMING, fsyncMs: null } }), "queue;dur=0.5, replicate;dur=2.5, apply;dur=0.25");
  assert.is(serverTiming({ ...own, isForwarded: true }), 'queue;dur=0.5;desc="with the way to the leader and back", fsync;dur=1.5, replicate;dur=2.5, apply;dur=0.25');
  assert.is(serverTiming({ ...own, tookMs: 4 }), null);
  assert.is(serverTiming({ ...own, timing: null }), null);
});

test("what a leader tells of a write comes back over a connection that wants to know", () => {
  for (const timing of [TIMING, { ...TIMING, fsyncMs: null }, { fsyncMs: 0, replicateMs: 0, applyMs: 0, sinceMs: 0 }]) {
    for (const result of ["OK", null, { deep: [1, "x"] }]) {
      const batch = new FrameBatch();
      writeResult(batch, { id: 7, index: 9, result, timing }, 1000);
      const frames = new FrameParser(1000);
      frames.feed(batch.take() as Uint8Array);
      assert.equal(new ReplyReader().read(frames.next() as Uint8Array), { id: 7, index: 9, result, timing, error: null });
    }
  }
});

test("a write bears it, and its parts are no longer than the whole", async () => {
  for (const ask of [() => rig.ask("PUT", "/v1/kv/t", { body: "1" }), () => rig.run(["incr", "n"]), () => rig.ask("DELETE", "/v1/kv/t")]) {
    const beganMs = performance.now();
    const { status, headers } = await ask();
    const tookMs = performance.now() - beganMs;
    const [, queue, fsync, replicate, apply] = /^queue;dur=([\d.]+), fsync;dur=([\d.]+), replicate;dur=([\d.]+), apply;dur=([\d.]+)$/.exec(headers["server-timing"] ?? "") ?? [];
    assert.is(status, 200);
    assert.ok(Number(queue) + Number(replicate) + Number(apply) <= tookMs, `${headers["server-timing"]} of ${tookMs}`);
    // Alone, a majority is this node's own disk.
    assert.ok(Number(fsync) > 0 && Number(fsync) <= Number(replicate), headers["server-timing"]);
  }
});

test("what is no write, or was done by an earlier request, bears none", async () => {
  const key = { "idempotency-key": "once" };
  const first = await rig.ask("PUT", "/v1/kv/o", { body: "1", headers: key });
  const again = await rig.ask("PUT", "/v1/kv/o", { body: "1", headers: key });
  assert.equal([first.status, again.status, again.text], [200, 200, first.text]);
  const read = await rig.run(["get", "o"]);
  const refused = await rig.ask("PUT", "/v1/kv/o?if_revision=0", { body: "2" });
  assert.ok(first.headers["server-timing"] !== undefined);
  assert.equal([again, read, refused, await rig.ask("GET", "/v1/kv/o")].map(({ headers }) => headers["server-timing"]), [undefined, undefined, undefined, undefined]);
});

test.run();
