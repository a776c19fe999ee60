/** The simulator can fail: what is broken on purpose is found, told and made small. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import counter from "../../plugins/counter/counter.ts";
import kv from "../../plugins/kv/kv.ts";
import type { Event } from "../../src/raft/event.ts";
import type { AnyPlugin } from "../../src/machine/machine.ts";
import { MARKS } from "../../src/sim/marks.ts";
import { type Property, type SimMember, Violation } from "../../src/sim/property.ts";
import { type RunOptions, runScript, runSeed } from "../../src/sim/run_seed.ts";
import { readScript } from "../../src/sim/script_reader.ts";
import { shrink } from "../../src/sim/shrink.ts";
import { tellStory } from "../../src/sim/story.ts";
import { drawScript } from "../../src/sim/swarm.ts";

/** A rule that no cluster obeys whose leader was cut off. */
class NoSecondTerm implements Property {
  readonly name = "no second term";

  stepped({ state }: SimMember): void {
    if (state !== null && state.term > 2) throw new Violation(this.name, `term ${state.term}`);
  }
}

const STRICT: RunOptions = { plugin: kv, membership: false, properties: () => [new NoSecondTerm()] };

test("a broken rule ends the run with its name, and the story tells the last that happened", async () => {
  const outcome = await runSeed(8, STRICT);
  assert.is(outcome.violation?.property, "no second term");
  const lines = await tellStory(drawScript(8, STRICT), STRICT, outcome.events - 1000);
  assert.ok(lines.length > 20 && lines.length <= 207, `${lines.length} lines`);
  assert.ok(lines.some((line) => line.includes("candidate of term 3")), lines.join("\n"));
});

test("the story names members, counts what is repeated, leaves out heartbeats that say nothing, and ends with how all stand", async () => {
  /** A rule that names one of three. */
  class NoFourthSecond implements Property {
    readonly name = "no fourth second";
    #leader: string | null = null;

    stepped({ id, state }: SimMember, event: Event): void {
      if (state?.role === "leader") this.#leader = id;
      if (event.nowMs > 4000 && id !== this.#leader) throw new Violation(this.name, `${id} lives`);
    }
  }
  const options: RunOptions = { plugin: kv, nodes: 3, membership: false, properties: () => [new NoFourthSecond()] };
  let counted = 0;
  for (let seed = 1; seed <= 4; seed++) {
    const script = drawScript(seed, options);
    const { events, violation } = await runScript(script, options);
    const named = violation?.message.at("no fourth second: ".length);
    const lines = await tellStory(script, options, events - 4000);
    const text = lines.join("\n");
    assert.not.match(text, /(from|to|vote) \d\b|heartbeatReply|answer to round/);
    assert.equal(lines.slice(-3).map((line) => /in the end (.), member \d, is /.exec(line)?.[1]), ["a", "b", "c"]);
    const about = lines.slice(0, -63).filter((line) => /^ *[\d.]+ [abc][: ]/.test(line));
    assert.ok(about.every((line) => new RegExp(`^ *[\\d.]+ ${named}[: ]`).test(line)), text);
    counted += lines.filter((line) => /×\d+, until \d/.test(line)).length;
  }
  assert.ok(counted > 0, "nothing was counted");
});

test("shrink() leaves out what is not needed, within its runs", async () => {
  const script = drawScript(8, STRICT);
  const small = await shrink(script, "no second term", STRICT, { runsMax: 60, goOn: () => true });
  assert.ok(small.runs <= 60);
  const parts = small.script.faults.length + small.script.operations.length;
  assert.ok(parts * 4 < script.faults.length + script.operations.length, `${parts} parts are left`);
  assert.ok(small.script.settings.safetyMs < script.settings.safetyMs, `${small.script.settings.safetyMs} ms are left`);
  assert.equal(readScript(JSON.parse(JSON.stringify(small.script))), small.script);
  assert.is((await runScript(small.script, STRICT)).violation?.property, "no second term");
});

test("shrink() leaves of many lossy ways those that are needed", async () => {
  /** Two answers to one round, from one member: nothing but a doubled message does that. */
  class NothingTwice implements Property {
    readonly name = "nothing twice";
    readonly #heard: Set<string> = new Set();

    stepped({ id }: SimMember, event: Event): void {
      if (event.type !== "receive" || event.message.type !== "heartbeat") return;
      const { from, term, round } = event.message;
      const heard = `${id} ${from} ${term} ${round}`;
      if (this.#heard.has(heard)) throw new Violation(this.name, `${id} hears round ${round} of term ${term} twice`);
      this.#heard.add(heard);
    }
  }
  const options: RunOptions = { plugin: kv, ways: true, nodes: 3, safetyMs: 1000, properties: () => [new NothingTwice()] };
  const script = drawScript(2, options);
  assert.ok((script.settings.ways?.length ?? 0) > 3);
  assert.is((await runScript({ ...script, settings: { ...script.settings, ways: [] } }, options)).violation, null);
  const small = await shrink(script, "nothing twice", options, { runsMax: 80, goOn: () => true });
  assert.is(small.script.settings.ways?.length, 1);
  assert.ok((small.script.settings.ways?.[0]?.doubled ?? 0) > 0);
  assert.equal(readScript(JSON.parse(JSON.stringify(small.script))), small.script);
});

test("shrink() finds at once that nothing is needed, then fewer nodes and less time", async () => {
  class Always implements Property {
    readonly name = "never";

    stepped({ state }: SimMember): void {
      if ((state?.commitIndex ?? 0) > 0) throw new Violation(this.name, "something is committed");
    }
  }
  const small = await shrink(drawScript(2, { membership: false }), "never", { plugin: kv, properties: () => [new Always()] }, { runsMax: 30, goOn: () => true });
  const { settings, faults, operations } = small.script;
  assert.equal([settings.nodes, settings.drift.length, faults.length, operations.length], [1, 1, 0, 0]);
  assert.ok(settings.safetyMs <= 200, `${settings.safetyMs} ms`);
  assert.ok(small.runs < 24, `${small.runs} runs`);
});

test("O06: a machine that differs from replica to replica is found", async () => {
  let machines = 0;
  const odd: AnyPlugin = {
    ...kv,
    create: (options) => {
      const machine = kv.create(options);
      const own = machines++;
      return { ...machine, hash: () => own };
    },
  };
  assert.is(((await runSeed(2, { plugin: odd, quiet: true }))).violation?.property, "equal-states");
});

test("a quiet cluster serves, and gives everything back", async () => {
  const outcome = await runSeed(1, { plugin: kv, nodes: 3, quiet: true, safetyMs: 2000 });
  assert.is(outcome.violation, null, outcome.violation?.message);
  assert.ok(outcome.operations > 10, `${outcome.operations} operations`);
  assert.equal(outcome.faults, {});
});

test("a plugin of one's own is asked what its table of operations says", async () => {
  const outcome = await runSeed(3, { plugin: counter, nodes: 3 });
  assert.is(outcome.violation, null, outcome.violation?.message);
});

test("there are at least 80 marks, no two of one name", async () => {
  assert.ok(MARKS.length >= 80, `${MARKS.length}`);
  assert.is(new Set(MARKS).size, MARKS.length);
});

test.run();
