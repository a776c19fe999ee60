/** Ten times more than a cluster can take: it refuses what it has no room for, keeps its leader, and is itself again soon after. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Server } from "../../src/gateway/server.ts";
import type { Command, Plugin } from "../../src/machine/machine.ts";
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

/** Asked behind more commands than there is room for: two sessions, and a change of the members. */
function whatGetsThrough(nodes: SimNodes, id: string, command: Command): { commands: Outcome[]; others: Outcome[] } {
  const commands = Array.from({ length: 200 }, () => nodes.propose(id, command));
  nodes.run(1);
  assert.ok(commands.some(({ result }) => result instanceof DraftError && result.code === "BUSY"), "commands are refused");
  const { requests } = nodes.node(id).server as Server;
  const outcomes: Outcome[] = [{ result: null }, { result: null }, { result: null }];
  const answered = (at: number) => (result: Outcome["result"]): void => void (outcomes[at]!.result = result);
  for (const at of [0, 1]) requests.changeSession("main", { type: "open", ordered: false }, 5000, answered(at));
  const other = IDS.find((each) => each !== id) as string;
  requests.changeMembers("main", { kind: "change", wishes: [{ type: "demote", id: other }], force: false, timeoutMs: 5000 }, answered(2));
  return { commands, others: outcomes };
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
  const { others: gettingThrough } = whatGetsThrough(nodes, id, ["set", "k", VALUE]);
  const refused = asked.flatMap(({ outcome }) => outcome.result instanceof DraftError ? [outcome.result] : []);
  assert.ok(refused.length > 100, `${refused.length} of ${asked.length} refused`);
  assert.equal([...new Set(refused.map(({ code, outcome }) => `${code} ${outcome}`))], ["BUSY not-done"]);
  assert.ok(refused.every(({ retryAfterMs }) => (retryAfterMs ?? 0) > 0));
  nodes.until("sessions and members", () => gettingThrough.every(({ result }) => result !== null), 5000);
  for (const { result } of gettingThrough) assert.not(result instanceof DraftError, String(result));
  nodes.until("what was taken is answered", () => asked.every(({ outcome }) => outcome.result !== null), 5000);
  assert.equal([nodes.awaitLeader().id, nodes.awaitLeader().state?.term], [id, term], "it led all the while");
  nodes.until("answers as quick as before", () => Math.max(...Array.from({ length: 20 }, () => took(nodes))) <= 2 * before, 5000);
  nodes.until("all agree", () => new Set(IDS.map((each) => nodes.node(each).state?.lastApplied)).size === 1, 5000);
});

/** How long this machine takes for a command. */
const APPLY_MS = 5;

/**
 * A machine that takes its time: the clock of its node goes on while it applies, and the node does nothing else as long.
 */
function slowMachines(): { plugin: Plugin<{ total: number }>; begin: (nodes: SimNodes) => void } {
  const owedMs = new Map(IDS.map((id) => [id, 0]));
  const plugin: Plugin<{ total: number }> = {
    name: "slow", version: 1,
    operations: { add: { kind: "write" }, total: { kind: "read" } },
    create({ directory }) {
      const id = directory.split("/")[1] as string;
      let total = 0;
      return {
        apply: () => {
          owedMs.set(id, (owedMs.get(id) as number) + APPLY_MS);
          return (total += 1);
        },
        query: () => total,
        snapshot: () => ({ total }),
        restore: (saved) => void ({ total } = saved),
      };
    },
  };
  const begin = (nodes: SimNodes): void => {
    for (const { id, clock } of nodes.nodes.values()) clock.monotonicMs = () => nodes.scheduler.nowMs + (owedMs.get(id) as number);
    const payBack = (id: string, ms: number): void => {
      nodes.scheduler.after(ms, () => {
        const left = (owedMs.get(id) as number) - ms;
        owedMs.set(id, left);
        if (left > 0) payBack(id, left);
        else nodes.node(id).gate.release();
      });
    };
    const { stepped } = nodes.watch;
    nodes.watch.stepped = (machine, state, event) => {
      stepped?.(machine, state, event);
      if (event.type !== "applied" || machine.gate.isShut || owedMs.get(machine.id) === 0) return;
      machine.gate.shut();
      payBack(machine.id, owedMs.get(machine.id) as number);
    };
  };
  return { plugin, begin };
}

test("R14: a machine that is ten times too slow: BUSY before more than a second waits for it, and what is no command gets through", () => {
  const { plugin, begin } = slowMachines();
  const nodes = new SimNodes({ seed: 72, ids: IDS, plugin });
  begin(nodes);
  nodes.startAll();
  const { id, state } = nodes.awaitLeader();
  const add = (): Outcome => nodes.propose(id, ["add"]);
  const took = (): number => {
    const askedMs = nodes.scheduler.nowMs;
    const outcome = add();
    nodes.until("an answer", () => outcome.result !== null);
    assert.not(outcome.result instanceof DraftError, String(outcome.result));
    return nodes.scheduler.nowMs - askedMs;
  };
  const before = Math.max(...Array.from({ length: 20 }, took));
  const { term } = state!;
  const asked: Outcome[] = [];
  let behind = 0;
  let through: Outcome[] = [];
  for (const endMs = nodes.scheduler.nowMs + 3000; nodes.scheduler.nowMs < endMs; nodes.run(APPLY_MS / 10)) {
    asked.push(add());
    behind = Math.max(behind, state!.trail.lastIndex - state!.lastApplied);
    const isRefused = asked.at(-1)?.result instanceof DraftError;
    if (through.length > 0 || !isRefused || nodes.scheduler.nowMs < endMs - 1000) continue;
    const { commands, others } = whatGetsThrough(nodes, id, ["add"]);
    asked.push(...commands);
    through = others;
  }
  const refused = asked.flatMap(({ result }) => result instanceof DraftError ? [result] : []);
  assert.ok(refused.length > asked.length / 2, `${refused.length} of ${asked.length} refused`);
  assert.equal([...new Set(refused.map(({ code, outcome }) => `${code} ${outcome}`))], ["BUSY not-done"]);
  assert.ok(refused.every(({ retryAfterMs }) => (retryAfterMs ?? 0) >= 50));
  assert.ok(behind * APPLY_MS <= 1000, `${behind} entries waited for the machine`);
  nodes.until("sessions and members", () => through.length > 0 && through.every(({ result }) => result !== null), 2000);
  for (const { result } of through) assert.not(result instanceof DraftError, String(result));
  nodes.until("what was taken is answered", () => asked.every(({ result }) => result !== null), 1500);
  assert.equal([nodes.awaitLeader().id, nodes.awaitLeader().state?.term], [id, term], "it led all the while");
  let probes = 20;
  nodes.until("answers as quick as before", () => {
    probes += 20;
    return Math.max(...Array.from({ length: 20 }, took)) <= 2 * before;
  }, 5000);
  const taken = asked.length - refused.length + probes;
  const total = nodes.read(id, ["total"]);
  nodes.until("the total", () => total.result !== null);
  assert.equal(total.result instanceof DraftError ? null : total.result?.reply, taken, "what was taken was done once, what was refused never");
});

test.run();
