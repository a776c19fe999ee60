/** Ten times more than a cluster can take: it refuses what it has no room for, keeps its leader, and is itself again soon after. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { type Outcome, SimNodes } from "./sim_nodes.ts";

const IDS = ["a", "b", "c"];
const VALUE = "x".repeat(20_000);
/** What the slowed disks take without a queue: one such value in so many milliseconds. */
const PACE_MS = 40;

/** One write every so often; each with its time to an answer, or null while there is none. */
function load(nodes: SimNodes, everyMs: number, forMs: number): { outcome: Outcome; askedMs: number }[] {
  const asked: { outcome: Outcome; askedMs: number }[] = [];
  const endMs = nodes.scheduler.nowMs + forMs;
  for (let n = 0; nodes.scheduler.nowMs < endMs; n++) {
    const leader = nodes.leader();
    if (leader !== null) asked.push({ outcome: nodes.propose(leader.id, ["set", `k${n % 50}`, VALUE], 5000), askedMs: nodes.scheduler.nowMs });
    nodes.run(everyMs);
  }
  return asked;
}

function took(nodes: SimNodes): number {
  const { nowMs } = nodes.scheduler;
  const outcome = nodes.propose(nodes.awaitLeader().id, ["set", "k", VALUE], 5000);
  nodes.until("an answer", () => outcome.result !== null);
  assert.not(outcome.result instanceof DraftError, String(outcome.result));
  return nodes.scheduler.nowMs - nowMs;
}

test("R14: ten times the load for three seconds: BUSY with a time to wait, the same leader, and as quick as before within five seconds", () => {
  const nodes = new SimNodes({ seed: 71, ids: IDS, flags: { "queue-bytes-max": String(1024 * 1024), "value-bytes-max": "65536" } });
  nodes.startAll();
  nodes.awaitLeader();
  for (const id of IDS) nodes.node(id).disk.slowness = 60;
  nodes.run(1000);
  const before = Math.max(...Array.from({ length: 20 }, () => took(nodes)));
  const { id, state } = nodes.awaitLeader();
  const term = state!.term;
  const asked = load(nodes, PACE_MS / 100, 3000);
  const refused = asked.flatMap(({ outcome }) => outcome.result instanceof DraftError ? [outcome.result] : []);
  assert.ok(refused.length > 100, `${refused.length} of ${asked.length} refused`);
  assert.equal([...new Set(refused.map(({ code, outcome }) => `${code} ${outcome}`))], ["BUSY not-done"]);
  assert.ok(refused.every(({ retryAfterMs }) => (retryAfterMs ?? 0) > 0));
  nodes.until("what was taken is answered", () => asked.every(({ outcome }) => outcome.result !== null), 5000);
  assert.equal([nodes.awaitLeader().id, nodes.awaitLeader().state?.term], [id, term], "it led all the while");
  const after = Math.max(...Array.from({ length: 20 }, () => took(nodes)));
  assert.ok(after <= 2 * before, `${after} ms, ${before} ms before`);
  nodes.until("all agree", () => new Set(IDS.map((each) => nodes.node(each).state?.lastApplied)).size === 1, 5000);
});

test.run();
