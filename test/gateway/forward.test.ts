import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Done } from "../../src/base/task.ts";
import { connect } from "../../src/client/client.ts";
import { Forwarder } from "../../src/gateway/forward.ts";
import type { Net, Socket } from "../../src/host/host.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { type FakeServer, fakeCluster, serveFake } from "./fake_node.ts";

const test = suite("forward");

/** A leader and a follower, and a client that knows the follower alone and is given no hint. */
async function throughFollower(body: (leader: FakeServer, follower: FakeServer) => void, timeoutMs: number = 1000): Promise<unknown> {
  const cluster = fakeCluster();
  const leader = await serveFake(cluster, "a");
  const follower = await serveFake(cluster, "b");
  const client = connect(follower.address, { timeoutMs });
  try {
    // The hello names no leader, so that the client stays here; afterwards the follower knows it.
    follower.node.leaderOf = () => null;
    await client.operations();
    follower.node.leaderOf = () => cluster.leader;
    body(leader, follower);
    return (await client.write(["set", "k", "v"])).result;
  } catch (error) {
    if (error instanceof DraftError) return [error.code, error.outcome];
    throw error;
  } finally {
    await client.close();
    await leader.stop();
    await follower.stop();
  }
}

test("a write at a follower reaches the leader, and its result comes back", async () => {
  let seen: string[][] = [];
  const result = await throughFollower((leader, follower) => {
    seen = [leader.node.seen, follower.node.seen];
  });
  assert.equal([result, seen], ["OK", [["set k v"], []]]);
});

test("the leader's own refusal is passed on", async () => {
  const result = await throughFollower((leader) => {
    leader.node.onPropose = (_, done) => done(new DraftError("CONFLICT", "somebody was faster"));
  });
  assert.equal(result, ["CONFLICT", "not-done"]);
});

test("a leader that goes away with the write in hand leaves it LOST, unknown, sent once", async () => {
  let seen: string[] = [];
  const result = await throughFollower((leader) => {
    seen = leader.node.seen;
    leader.node.onPropose = () => leader.door.close();
  });
  assert.equal([result, seen.length], [["LOST", "unknown"], 1]);
});

test("a leader that does not answer in time leaves the write TIMEOUT, unknown", async () => {
  const result = await throughFollower((leader) => {
    leader.node.onPropose = () => {};
  }, 200);
  assert.equal(result, ["TIMEOUT", "unknown"]);
});

test("a leader that cannot be reached is no leader: definitely not done", async () => {
  const result = await throughFollower((_, follower) => {
    follower.node.leaderOf = () => ({ id: "z", address: "127.0.0.1:1" });
  }, 300);
  assert.equal(result, ["NO_LEADER", "not-done"]);
});

test("what was forwarded once is not forwarded again", async () => {
  const result = await throughFollower((leader, follower) => {
    leader.node.leaderOf = () => ({ id: "b", address: follower.address });
    leader.node.onPropose = (_, done) => done(new DraftError("NO_LEADER", "I lead no more"));
  }, 300);
  assert.equal(result, ["NO_LEADER", "not-done"]);
});

test("a leader that cannot be reached is dialled less and less often, whoever asks; in between requests end at once", () => {
  const scheduler = new Scheduler();
  const clock = scheduler.clock(0);
  const dialled: number[] = [];
  const net = {
    dial: (_address: unknown, _timeoutMs: number, done: Done<Socket>) => {
      dialled.push(Math.round(scheduler.nowMs));
      clock.soon(() => done(new Error("nobody is there")));
    },
  } as unknown as Net;
  const forwarder = new Forwarder({ net, clock }, () => ({ nodeId: "b", clusterId: "c" }));
  const codes: string[] = [];
  let asked = 0;
  for (let ms = 0; ms < 4000; ms += 10) {
    asked += 1;
    forwarder.forward({ id: "a", address: "10.0.0.1:7100" }, () => assert.unreachable("no way is there"), (result) => codes.push((result as DraftError).code));
    scheduler.runUntil(ms + 10);
  }
  assert.equal(dialled, [0, 50, 150, 350, 750, 1550, 2550, 3550]);
  assert.equal([codes.length, [...new Set(codes)]], [asked, ["NO_LEADER"]]);
  forwarder.close();
});

test("requests that were passed on are bounded by bytes; who was answered makes room", () => {
  const scheduler = new Scheduler();
  const clock = scheduler.clock(0);
  const dials: Done<Socket>[] = [];
  const net = { dial: (_address: unknown, _timeoutMs: number, done: Done<Socket>) => void dials.push(done) } as unknown as Net;
  const forwarder = new Forwarder({ net, clock }, () => ({ nodeId: "b", clusterId: "c" }), null, 100);
  const codes: string[] = [];
  const forward = (bytes: number): void =>
    forwarder.forward({ id: "a", address: "10.0.0.1:7100" }, () => {}, (result) => codes.push((result as DraftError).code), bytes);
  forward(60);
  forward(60);
  forward(40);
  forward(1);
  scheduler.runUntil(1);
  assert.equal(codes, ["BUSY", "BUSY"]);
  dials[0]?.(new Error("nobody is there"));
  assert.equal(codes.slice(2), ["NO_LEADER", "NO_LEADER"]);
  forward(100);
  scheduler.runUntil(2);
  assert.is(codes.at(-1), "NO_LEADER");
  forwarder.close();
});

test.run();
