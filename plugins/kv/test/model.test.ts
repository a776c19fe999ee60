/**
 * Random histories of all operations against the model. Three replicas run each history: one as it is, one whose machine
 * is restored from its snapshot now and then, and one that sees no wake; what they answer must agree with the model, and
 * their digests and hashes with one another.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../../src/base/errors.ts";
import { nextInRange, seedRandom } from "../../../src/base/random.ts";
import kv from "../kv.ts";
import { drawArguments, drawWrite, Model, pick, READS, WRITES } from "./model.ts";
import { Rig } from "./rig.ts";

/** Runs a history; says which operations were answered, and with which errors. */
async function history(seed: number, steps: number, seen: Set<string>): Promise<void> {
  const random = seedRandom(seed);
  const model = new Model();
  const [plain, restored, unwoken] = [new Rig(), new Rig(), new Rig()];
  const rigs = [plain, restored, unwoken];
  model.timeMs = plain.timeMs;
  for (let step = 0; step < steps; step++) {
    const reads = nextInRange(random, 0, 2) === 0;
    const name = reads ? pick(random, READS) : drawWrite(random);
    const args = drawArguments(name, random, model);
    if (!reads) model.index += 1;
    const wanted = model.run(name, args);
    const what = `seed ${seed} step ${step}: ${name} ${args.join(" ")}`;
    for (const rig of rigs) compare(rig, [name, ...(rig === restored ? args.map((text) => new TextEncoder().encode(text)) : args)], wanted, what);
    seen.add(wanted === "REJECTED" || wanted === "CONFLICT" ? `${name} ${wanted}` : name);
    if (nextInRange(random, 0, 4) === 0) {
      const ms = pick(random, [1, 3, 30]);
      model.index += 1;
      model.timeMs += ms;
      const wake = nextInRange(random, 0, 1) === 0;
      for (const rig of rigs) rig.pass(ms, wake && rig !== unwoken);
    }
    if (nextInRange(random, 0, 20) === 0) await restored.restart();
    assert.is(restored.applier.digest, plain.applier.digest, `${what}: a restored machine digests as one that never stopped`);
    assert.is(restored.applier.stateHash(), plain.applier.stateHash(), `${what}: and hashes as one`);
    assert.is(restored.applier.wakeAt(), plain.applier.wakeAt());
  }
  model.timeMs += 1000;
  for (const rig of rigs) rig.pass(1000, true);
  model.purge();
  compareEnds(rigs, model, `seed ${seed}`);
}

/** Runs a command on a replica; one that is refused must leave no trace. */
function compare(rig: Rig, [name, ...args]: readonly unknown[], wanted: unknown, what: string): void {
  const [hash, told] = [rig.applier.stateHash(), rig.changes.length];
  const answer = rig.run(name as string, ...args);
  if (name === "scan") assert.equal([(answer as string[])[0], [...(answer as string[][])[1]!].sort()], wanted, what);
  else assert.equal(answer instanceof DraftError ? answer.code : answer, wanted, what);
  if (answer instanceof DraftError) assert.equal([rig.applier.stateHash(), rig.changes.length], [hash, told], `${what}: changes nothing`);
}

/** All that was told adds up to the state, and all hold the same. */
function compareEnds([plain, restored, unwoken]: Rig[], model: Model, what: string): void {
  const shown: Map<string, unknown> = new Map();
  for (const [key, value] of plain!.taken()) {
    if (value === undefined) shown.delete(key);
    else shown.set(key, value);
  }
  assert.equal(sorted([...shown]), sorted([...model.rows].map(([key, row]) => [key, row.value] as const)), `${what}: changes add up to the state`);
  assert.equal(plain!.save(), restored!.save());
  // Keys that were swept and came again are younger than those that were overwritten: that shows in scans alone.
  assert.is(unwoken!.applier.stateHash(), plain!.applier.stateHash());
}

test("kv answers as the model does, restored or not, swept or not, and a refusal changes nothing", async () => {
  const seen: Set<string> = new Set();
  for (let seed = 1; seed <= 40; seed++) await history(seed, 200, seen);
  const refusals = ["cas CONFLICT", "incr REJECTED", "decr REJECTED", "incrby REJECTED", "decrby REJECTED", "txn REJECTED", "txn CONFLICT"];
  assert.equal([...seen].sort(), [...Object.keys(kv.operations), ...refusals].sort());
});

test("one history has one digest and one hash, on every runtime", () => {
  const rig = new Rig();
  const random = seedRandom(7);
  const model = new Model();
  for (let step = 0; step < 500; step++) {
    const name = pick(random, WRITES);
    model.timeMs = rig.timeMs;
    rig.run(name, ...drawArguments(name, random, model));
    if (step % 10 === 0) rig.pass(7, true);
  }
  assert.is(rig.applier.digest.toString(16), "c4d144da");
  assert.is(rig.applier.stateHash(), "aecf6922");
});

function sorted<V>(rows: readonly (readonly [string, V])[]): (readonly [string, V])[] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
}

test.run();
