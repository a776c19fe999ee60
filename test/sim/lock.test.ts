/** `lock` on whole simulated nodes under faults: one holder at a time by log time, tokens that grow for ever. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import lock from "../../plugins/lock/lock.ts";
import { Exclusion } from "../../plugins/lock/test/exclusion.ts";
import { withMachines } from "../../src/machine/bound_machine.ts";
import type { AnyPlugin, Command, Entry, Reply } from "../../src/machine/machine.ts";
import { EqualStates } from "../../src/sim/properties/equal_states.ts";
import { type Outcome, runSeed } from "../../src/sim/run_seed.ts";
import { AppliedAnswers } from "./applied_answers.ts";

const SEEDS = 3;
const SAFETY_MS = 2000;

function ruled(): AppliedAnswers {
  const exclusion = new Exclusion();
  return new AppliedAnswers((command, answer, timeMs) => exclusion.answered(command, answer, timeMs));
}

/** The first seed whose run breaks the rule, with nothing else looked at; null if none does. */
async function broken(plugin: AnyPlugin): Promise<Outcome["violation"]> {
  for (let seed = 1; seed <= 16; seed++) {
    const { violation } = await runSeed(seed, { plugin, nodes: 3, safetyMs: SAFETY_MS, properties: () => [ruled()] });
    if (violation !== null) return violation;
  }
  return null;
}

/** The machine, each of whose writes is done by `apply`. */
function altered(apply: (inner: (command: Command, entry: Entry) => Reply, command: Command, entry: Entry) => Reply): AnyPlugin {
  return withMachines(lock, (machine) => ({ ...machine, apply: (command: Command, entry: Entry) => apply((given, at) => machine.apply(given, at), command, entry) }));
}

test(`${SEEDS} seeds: a lock has one holder at a time, its tokens grow, and clients are told what the log says`, async () => {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const rule = ruled();
    const { violation } = await runSeed(seed, { plugin: lock, nodes: 3, versions: false, safetyMs: SAFETY_MS, properties: () => [new EqualStates(), rule] });
    assert.is(violation, null, `draft sim --machine lock --seed ${seed}: ${violation?.message}`);
    for (const [kind, count] of rule.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  // A number that is drawn is hardly ever the one that is due: what depends on it the histories of the models show.
  for (const kind of ["acquire true", "acquire false", "renew CONFLICT", "release boolean", "leave boolean"]) {
    assert.ok((counts.get(kind) ?? 0) >= 1, `${kind} was met ${counts.get(kind) ?? 0} times`);
  }
});

test("a lock whose leases end early for whoever asks has two holders", async () => {
  const hasty = altered((inner, command, entry) => {
    const early = Object.create(entry, { timeMs: { value: entry.timeMs + 100 } }) as Entry;
    return command[0] === "acquire" ? inner(command, early) : inner(command, entry);
  });
  assert.match((await broken(hasty))?.message ?? "", /has one holder/);
});

test("a lock whose tokens are counted beside the tables counts anew after a restart", async () => {
  const forgetful = withMachines(lock, (machine) => {
    let tokens = 0;
    return { ...machine, apply(command: Command, entry: Entry) {
      const answer = machine.apply(command, entry);
      const isGrant = typeof answer === "object" && answer !== null && "token" in answer && answer.token === entry.index;
      return isGrant ? { ...answer, token: ++tokens } : answer;
    } };
  });
  assert.match((await broken(forgetful))?.message ?? "", /tokens grow|another thing than was answered first/);
});

test.run();
