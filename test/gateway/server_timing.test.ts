/** `Server-Timing` tells of writes what their node measured, and nothing of what it did not. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { serverTiming } from "../../src/gateway/http/server_timing.ts";
import { HttpRig } from "./http_rig.ts";

const test = suite("server timing");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

const TIMES = { proposedMs: 10.5, durableMs: 12, committedMs: 13, appliedMs: 13.25 };

test("serverTiming() tells each step, and leaves out what has not happened or is another request's", () => {
  const own = { beganMs: 10, nowMs: 15, leads: true, times: TIMES };
  assert.is(serverTiming(own), "queue;dur=0.5, fsync;dur=1.5, replicate;dur=2.5, apply;dur=0.25");
  assert.is(serverTiming({ ...own, times: { ...TIMES, durableMs: Number.NaN } }), "queue;dur=0.5, replicate;dur=2.5, apply;dur=0.25");
  assert.is(serverTiming({ ...own, beganMs: 11 }), null);
  assert.is(serverTiming({ ...own, times: null }), null);
  assert.is(serverTiming({ ...own, leads: false, times: null }), "forward;dur=5");
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
