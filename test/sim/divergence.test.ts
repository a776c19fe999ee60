/** What the author of a plugin is told whose machines go apart. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import counter from "../../plugins/counter/counter.ts";
import type { AnyPlugin, Machine, Plugin } from "../../src/machine/machine.ts";
import { explainDivergence } from "../../src/sim/divergence.ts";
import { type RunOptions, runScript } from "../../src/sim/run_seed.ts";
import { drawScript } from "../../src/sim/swarm.ts";

type State = readonly unknown[];

function plugin(create: () => Omit<Machine<State>, "restore"> & Partial<Machine<State>>): AnyPlugin {
  const made: Plugin<State> = {
    name: "tried", version: 1, operations: { add: { kind: "write", args: "WORD" }, has: { kind: "read", args: "WORD" } },
    create: () => ({ restore: () => {}, ...create() }),
  };
  return made;
}

/** The rule that breaks and the sentence that explains it. */
async function explain(tried: AnyPlugin): Promise<[rule: string | undefined, why: string | null]> {
  const options: RunOptions = { plugin: tried, nodes: 3, quiet: true, safetyMs: 3000 };
  const script = drawScript(1, options);
  const { violation } = await runScript(script, options);
  return [violation?.property, await explainDivergence(script, options, violation?.property ?? "")];
}

test("O06: answers that differ from replica to replica are found, and the first entry told with both", async () => {
  let time = 1000;
  const [rule, why] = await explain(plugin(() => ({ apply: () => time++, query: () => null, snapshot: () => [] })));
  assert.is(rule, "equal-states");
  assert.match(why ?? "", /first entry that differs is \["add",.*\] at index 2, answered \d+ by [abc] and \d+ by [abc]: apply\(\) may use .*entry\.timeMs/);
});

test("states that differ are found although the answers do not, and neither has a hash", async () => {
  let chance = 0;
  const [rule, why] = await explain(plugin(() => {
    let last = 0;
    return { apply: () => void (last = chance++), query: () => null, snapshot: () => [last] };
  }));
  assert.is(rule, "equal-states");
  assert.match(why ?? "", /at index 2, answered nothing by both, but it leaves the snapshot [0-9a-f]{8} on [abc] and the snapshot [0-9a-f]{8} on [abc]/);
});

test("a read that changes the order of a Set is named, not the write that showed it", async () => {
  const [rule, why] = await explain(plugin(() => {
    const words = new Set<unknown>();
    return {
      apply: ([, word]) => {
        words.add(word);
        return [...words].join(" ");
      },
      query: ([, word]) => words.add(word).size,
      snapshot: () => [...words],
    };
  }));
  assert.is(rule, "equal-states");
  assert.match(why ?? "", /^query\(\) is not to change anything, and the state of [abc] behind index \d+ is another after \["has",/);
});

test("what the same run does not show again is told as that", async () => {
  const script = drawScript(1, { plugin: counter, nodes: 3, quiet: true, safetyMs: 500 });
  assert.match(await explainDivergence(script, { plugin: counter }, "equal-states") ?? "", /does not do the same twice/);
  assert.is(await explainDivergence(script, { plugin: counter }, "index-oracle"), null);
  assert.is(await explainDivergence(script, { plugin: counter }, "one leader a term"), null);
});

test("a machine of a class is watched as one of an object is, and breaks nothing", async () => {
  class Words implements Machine<State> {
    readonly #words: Map<unknown, number> = new Map();
    apply([, word]: readonly unknown[]): number {
      this.#words.set(word, this.#words.size);
      return this.#words.size;
    }
    query([, word]: readonly unknown[]): boolean {
      return this.#words.has(word);
    }
    snapshot(): State {
      return [...this.#words];
    }
    restore(): void {}
  }
  const tried = plugin(() => new Words());
  assert.equal(await explain({ ...tried, create: () => new Words() } as AnyPlugin), [undefined, null]);
});

test.run();
