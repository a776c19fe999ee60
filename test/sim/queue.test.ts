/** `queue` on whole simulated nodes under faults: no job is lost, done twice, or held by two. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Custody } from "../../plugins/queue/test/custody.ts";
import queue from "../../plugins/queue/queue.ts";
import { withMachines } from "../../src/machine/bound_machine.ts";
import type { AnyPlugin, Command, Entry, Reply } from "../../src/machine/machine.ts";
import { EqualStates } from "../../src/sim/properties/equal_states.ts";
import { type Outcome, runSeed } from "../../src/sim/run_seed.ts";
import { AppliedAnswers } from "./applied_answers.ts";

const SEEDS = 3;
const SAFETY_MS = 2000;

function ruled(): AppliedAnswers {
  const custody = new Custody();
  return new AppliedAnswers(
    (command, answer, timeMs) => custody.answered(command, answer, timeMs),
    (members) => {
      for (const { id, applier } of members) {
        if (applier === null) continue;
        const queues = applier.query(["queues"]) as { jobs: number }[];
        assert.is(queues.reduce((sum, { jobs }) => sum + jobs, 0), custody.left, `${id} has all jobs that are left`);
      }
    },
  );
}

/** The first violation of the rule, with nothing else looked at; null if there is none. */
async function broken(apply: (inner: (command: Command, entry: Entry) => Reply, command: Command, entry: Entry) => Reply): Promise<Outcome["violation"]> {
  const plugin: AnyPlugin = withMachines(queue, (machine) => ({
    ...machine, apply: (command: Command, entry: Entry) => apply((given, at) => machine.apply(given, at), command, entry),
  }));
  for (let seed = 1; seed <= 16; seed++) {
    const { violation } = await runSeed(seed, { plugin, nodes: 3, safetyMs: SAFETY_MS, properties: () => [ruled()] });
    if (violation !== null) return violation;
  }
  return null;
}

test(`${SEEDS} seeds: no job is lost, done twice, or held by two, and clients are told what the log says`, async () => {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const rule = ruled();
    const { violation } = await runSeed(seed, { plugin: queue, nodes: 3, versions: false, safetyMs: SAFETY_MS, properties: () => [new EqualStates(), rule] });
    assert.is(violation, null, `draft sim --machine queue --seed ${seed}: ${violation?.message}`);
    for (const [kind, count] of rule.counts) counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  // A number that is drawn is hardly ever the one that is due: what depends on it the histories of the models show.
  for (const kind of ["push string", "take some", "take nil", "ack string", "ack CONFLICT", "nack string", "delete boolean", "requeue number", "purge number"]) {
    assert.ok((counts.get(kind) ?? 0) >= 1, `${kind} was met ${counts.get(kind) ?? 0} times`);
  }
});

test("a queue that takes any receipt lets a job be acked by whoever lost it", async () => {
  const lenient = await broken((inner, command, entry) => command[0] === "ack" ? inner(["delete", command[1], String(command[2])], entry) === true ? String(command[2]) : "none" : inner(command, entry));
  assert.match(lenient?.message ?? "", /latest receipt/);
});

test("a queue that gives out what is hidden has two holders", async () => {
  const hasty = await broken((inner, command, entry) => inner(command, command[0] === "take" ? Object.create(entry, { timeMs: { value: entry.timeMs + 500 } }) as Entry : entry));
  assert.match(hasty?.message ?? "", /has one holder/);
});

test("a queue that forgets what it gave out loses jobs", async () => {
  const careless = await broken((inner, command, entry) => {
    const answer = inner(command, entry);
    if (command[0] === "take" && answer !== null && entry.index % 4 === 0) inner(["delete", command[1], (answer as { id: string }).id], entry);
    return answer;
  });
  assert.match(careless?.message ?? "", /has all jobs that are left/);
});

test.run();
