/** Runs in which members come and go: what is drawn, what an operator asks, and that a run asks it of real nodes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../../plugins/kv/kv.ts";
import type { MemberWish } from "../../../src/net/member_wish.ts";
import type { Answer } from "../../../src/node/node_api.ts";
import type { Property, SimMember } from "../../../src/sim/property.ts";
import { runScript, runSeed } from "../../../src/sim/run_seed.ts";
import type { Fault, Script } from "../../../src/sim/script.ts";
import { readScript } from "../../../src/sim/script_reader.ts";
import { allProperties } from "../../../src/sim/properties/index.ts";
import { drawScript } from "../../../src/sim/swarm.ts";

const KINDS: ReadonlySet<string> = new Set(["change", "resize", "lose", "at-change"]);

test("members come and go in a third of the runs, or where that is asked for, and other runs are as they were", () => {
  const changing = Array.from({ length: 60 }, (_, seed) => drawScript(seed, { membership: true }));
  const drawn = Array.from({ length: 300 }, (_, seed) => drawScript(seed));
  // Some others have witnesses, which an operator takes in, and nobody comes or goes.
  const comeAndGo = ({ settings: { membership } }: Script): boolean => membership !== undefined && membership.witnesses !== true;
  const count = drawn.filter(comeAndGo).length;
  assert.ok(count > 80 && count < 120, `${count} of 300`);
  for (const script of changing) {
    const { seed, settings } = script;
    const without = drawScript(seed, { membership: false });
    assert.is(JSON.stringify(drawn[seed]), JSON.stringify(comeAndGo(drawn[seed]!) ? script : without), `seed ${seed}`);
    assert.not(comeAndGo(drawScript(seed, { nodes: 3 })));
    assert.ok(settings.membership !== undefined && settings.membership.founders <= settings.nodes);
  }
  const found = new Set(changing.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
  assert.equal([...KINDS].filter((kind) => !found.has(kind as Fault["kind"])), []);
  assert.is(drawScript(1, { quiet: true, membership: true }).settings.membership, undefined);
  for (const script of changing.slice(0, 20)) assert.equal(readScript(JSON.parse(JSON.stringify(script))), script);
});

/** Hears who votes, as each leader's newest configuration says, and what operators were told. */
class Watcher implements Property {
  readonly name = "watcher";
  readonly voters: string[] = [];
  readonly told: string[] = [];

  stepped({ state }: SimMember): void {
    if (state === null || state.role !== "leader" || state.commitIndex < state.ownTermIndex) return;
    const { joint, members, index } = state.configurations.at(-1)!;
    if (joint || index > state.commitIndex) return;
    const voters = members.filter(({ role }) => role === "voter").map(({ id }) => id).join("");
    if (this.voters.at(-1) !== voters) this.voters.push(voters);
  }

  changeAnswered(wishes: readonly MemberWish[], { reply }: Answer): void {
    this.told.push(`${wishes.map((wish) => wish.type === "cancel" ? wish.type : `${wish.type} ${wish.id}`).join()} ${(reply as { changed: boolean }).changed}`);
  }
}

/** A quiet run of so many machines in which this is asked. */
function quietScript(founders: number, faults: readonly Fault[]): Script {
  const script = drawScript(4, { nodes: 5, quiet: true, library: false });
  return { ...script, settings: { ...script.settings, safetyMs: 9000, membership: { founders, promoteWithinMs: 5000 } }, faults };
}

function resize(atMs: number, voters: number, from: number): Fault {
  return { id: `f${atMs}`, atMs, kind: "resize", voters, from, via: 2, tries: 20 };
}

test("a walk of 3, 5, 3, 1 and 3 voters, the leader among those who go", async () => {
  const watcher = new Watcher();
  const faults = [resize(500, 5, 4), resize(2000, 3, 0), resize(4000, 1, 0), resize(6000, 3, 1)];
  const outcome = await runScript(quietScript(3, faults), { plugin: kv, properties: () => [...allProperties(), watcher] });
  assert.is(outcome.violation, null);
  const sizes = watcher.voters.map(({ length }) => length).filter((size, at, all) => size !== all[at - 1]);
  assert.equal(sizes, [3, 5, 3, 1, 3]);
  assert.is(watcher.told.length, 4);
});

test("a directory that was lost is replaced, and one that was removed comes back empty", async () => {
  const watcher = new Watcher();
  const faults: Fault[] = [
    { id: "f1", atMs: 500, kind: "lose", who: 2, downMs: 50 },
    { id: "f2", atMs: 700, kind: "change", wishes: [{ what: "replace", who: 1, by: 0 }], via: 1, tries: 20 },
    { id: "f3", atMs: 2500, kind: "change", wishes: [{ what: "remove", who: 3, by: 0 }], via: 1, tries: 20 },
    { id: "f4", atMs: 4000, kind: "change", wishes: [{ what: "learn", who: 3, by: 0 }], via: 1, tries: 20 },
    { id: "f5", atMs: 6000, kind: "change", wishes: [{ what: "promote", who: 3, by: 0 }], via: 1, tries: 20 },
  ];
  const outcome = await runScript(quietScript(3, faults), { plugin: kv, properties: () => [...allProperties(), watcher] });
  assert.is(outcome.violation, null);
  assert.equal(watcher.told, ["replace b true", "remove c true", "add c true", "promote c true"]);
  assert.equal([watcher.voters[0], ...watcher.voters.slice(-2).map((each) => each.split("").sort().join(""))], ["abc", "ab", "abc"]);
});

test("O12, M20: seeds with members that come and go break no rule, and what is left lives", async () => {
  for (let seed = 40; seed < 46; seed++) {
    const { violation } = await runSeed(seed, { plugin: kv, membership: true, library: false });
    assert.is(violation, null, `seed ${seed} with members: ${violation?.message}`);
  }
});

test.run();
