/** M20: small clusters grow and shrink while one of their nodes is down: done or refused, and never stuck once it is back. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DraftError } from "../../src/base/errors.ts";
import type { MemberWish } from "../../src/net/member_wish.ts";
import type { Answer } from "../../src/node/node_api.ts";
import { SIM_PORT } from "../../src/sim/sim_cluster.ts";
import { membersAt, votersAt } from "./asked.ts";
import { SimNodes } from "./sim_nodes.ts";
import { read, write } from "./workload.ts";

const ALL = ["a", "b", "c", "d"];

function founded(seed: number, voters: readonly string[]): SimNodes {
  const nodes = new SimNodes({ seed, ids: ALL });
  const initial = voters.map((id) => `${id}@${id}:${SIM_PORT}`).join(",");
  for (const id of ALL) nodes.start(id, voters.includes(id) ? { initial } : {});
  nodes.awaitLeader();
  write(nodes, nodes.awaitLeader().id, ["set", "k", "1"]);
  return nodes;
}

function wishesOf(from: readonly string[], to: readonly string[]): MemberWish[] {
  return [
    ...to.filter((id) => !from.includes(id)).map((id): MemberWish => ({ type: "add", id, address: `${id}:${SIM_PORT}`, votes: true })),
    ...from.filter((id) => !to.includes(id)).map((id): MemberWish => ({ type: "remove", id })),
  ];
}

/** Asks whoever leads; null: nobody does. */
function ask(nodes: SimNodes, wishes: readonly MemberWish[]): Answer | DraftError | null {
  const asked = nodes.leader();
  if (asked === null) return null;
  let result: Answer | DraftError | null = null;
  asked.server?.requests.changeMembers("main", { kind: "change", wishes, force: false, timeoutMs: 3000 }, (answer) => (result = answer));
  nodes.until("an answer", () => result !== null);
  return result;
}

function isSettled(nodes: SimNodes, wanted: readonly string[]): boolean {
  const leader = nodes.leader();
  return leader !== null && membersAt(nodes, leader.id).settled && votersAt(nodes, leader.id).sort().join() === wanted.join();
}

const STEPS: readonly (readonly [from: string, to: string])[] = [["ab", "a"], ["ab", "b"], ["a", "ab"], ["ab", "abc"], ["abcd", "abc"], ["abcd", "bcd"], ["abc", "d"]];

for (const [before, after] of STEPS) {
  test(`M20: from ${before} to ${after}, with each of them down: done or refused, and done once it is back`, () => {
    const [from, to] = [before.split(""), after.split("")];
    const wishes = wishesOf(from, to);
    const involved = [...new Set([...from, ...to])];
    for (const [at, down] of involved.entries()) {
      for (const crashBehindMs of [-1, 0, 30]) {
        const nodes = founded(100 + at, from);
        if (crashBehindMs < 0) nodes.crash(down);
        nodes.run(crashBehindMs < 0 ? 2000 : 100);
        // Where it dies in the midst of the change nobody waits for the answer.
        if (crashBehindMs < 0) ask(nodes, wishes);
        else nodes.leader()?.server?.requests.changeMembers("main", { kind: "change", wishes, force: false, timeoutMs: 3000 }, () => {});
        nodes.run(Math.max(crashBehindMs, 0));
        if (crashBehindMs >= 0) nodes.crash(down);
        nodes.run(3000);
        nodes.start(down, {});
        nodes.until("somebody leads", () => nodes.leader() !== null, 30_000);
        for (let tries = 0; tries < 20 && !isSettled(nodes, to); tries++) {
          ask(nodes, wishesOf(votersAt(nodes, nodes.awaitLeader().id), to));
          nodes.run(1000);
        }
        assert.ok(isSettled(nodes, to), `${down} down, ${crashBehindMs}: ${nodes.story().slice(-2000)}`);
        assert.is(read(nodes, nodes.awaitLeader().id, ["get", "k"]), "1");
        write(nodes, nodes.awaitLeader().id, ["set", "k", "2"]);
      }
    }
  });
}

test.run();
