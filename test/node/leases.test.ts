/** Leases among whole nodes: what their directories say, and who answers what without asking. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimNodes } from "./sim_nodes.ts";

const IDS = ["a", "b", "c"];

function three(seed: number, flags: Readonly<Record<string, string>> = {}): SimNodes {
  const nodes = new SimNodes({ seed, ids: IDS, flags });
  nodes.startAll();
  nodes.awaitLeader();
  return nodes;
}

function promiseMaxMs(nodes: SimNodes, id: string): number {
  return nodes.node(id).identity?.promiseMaxMs ?? -1;
}

/** Heartbeats that the leader sends while `act` is answered. */
function roundsWhile(nodes: SimNodes, leader: string, act: () => { result: unknown }): number {
  const before = nodes.node(leader).state!.round;
  const outcome = act();
  nodes.until("an answer", () => outcome.result !== null);
  assert.ok("reply" in (outcome.result as object), String(outcome.result));
  return nodes.node(leader).state!.round - before;
}

test("a lease read costs no round, at the leader and at a follower; the default level does", () => {
  const nodes = three(1, { "heartbeat-ms": "100", "election-ms": "1000-1500" });
  const leader = nodes.awaitLeader().id;
  const follower = IDS.find((id) => id !== leader)!;
  const written = nodes.propose(leader, ["set", "k", "v"]);
  nodes.until("a write", () => written.result !== null);
  nodes.run(500);
  const rounds = (id: string, level: "lease" | "linearizable"): number =>
    roundsWhile(nodes, leader, () => {
      const outcomes = Array.from({ length: 10 }, () => 0);
      let last = nodes.read(id, ["get", "k"], { level });
      for (const _ of outcomes) {
        nodes.until("a read", () => last.result !== null, 2000);
        last = nodes.read(id, ["get", "k"], { level });
      }
      return last;
    });
  for (const id of [leader, follower]) {
    assert.ok(rounds(id, "linearizable") >= 11);
    assert.ok(rounds(id, "lease") <= 2, `heartbeats alone: ${id}`);
  }
});

test("D08: whoever follows says so in its directory first, and waits at its next start; who was alone need not", () => {
  const nodes = three(2, { "election-ms": "200-250", "heartbeat-ms": "40" });
  const leader = nodes.awaitLeader().id;
  const followers = IDS.filter((id) => id !== leader);
  nodes.until("the followers' directories", () => followers.every((id) => promiseMaxMs(nodes, id) === 200));
  assert.is(promiseMaxMs(nodes, leader), 0);
  const [follower] = followers as [string];
  nodes.node(follower).kill();
  nodes.start(follower);
  nodes.until("it is back", () => nodes.node(follower).state !== null);
  const { state, clock } = nodes.node(follower);
  nodes.run(1);
  const leftMs = state!.silentUntilMs - clock.monotonicMs();
  assert.ok(leftMs > 150 && leftMs <= 200, String(leftMs));

  const alone = new SimNodes({ seed: 3, ids: ["a"] });
  alone.startAll();
  alone.awaitLeader();
  alone.run(2000);
  assert.is(promiseMaxMs(alone, "a"), 0);
  assert.is(alone.node("a").state!.config.promisedMs, 0);
});

test("D08: a shorter election timeout counts once the longer promise is over", () => {
  const nodes = three(4, { "election-ms": "400-500", "heartbeat-ms": "40" });
  const leader = nodes.awaitLeader().id;
  const followers = IDS.filter((id) => id !== leader);
  nodes.until("the followers' directories", () => followers.every((id) => promiseMaxMs(nodes, id) === 400));
  const [id] = followers as [string];
  nodes.node(id).kill();
  nodes.start(id, { initial: nodes.initial, "election-ms": "100-150", "heartbeat-ms": "40" });
  nodes.until("it is back", () => nodes.node(id).state !== null);
  nodes.run(1);
  const { state, clock } = nodes.node(id);
  assert.ok(state!.silentUntilMs - clock.monotonicMs() > 350);
  nodes.until("it wrote the shorter one", () => promiseMaxMs(nodes, id) === 100);
  assert.ok(clock.monotonicMs() >= state!.silentUntilMs);
});

test.run();
