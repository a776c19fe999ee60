import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextFloat, nextInRange } from "../../src/base/random.ts";
import { runScript } from "../../src/sim/run_seed.ts";
import { readScript } from "../../src/sim/script_reader.ts";
import { pick, streamOf } from "../../src/sim/streams.ts";
import { drawScript } from "../../src/sim/swarm.ts";

const test = suite("readScript()");

const FIXTURES = new URL("fixtures/", import.meta.url);

type Loose = Record<string, unknown>;

/** A small sound script, as plain data to be spoiled. */
function sound(): { settings: Loose; faults: Loose[]; operations: Loose[] } & Loose {
  const { operations, faults, ...script } = drawScript(2, { nodes: 3, safetyMs: 300 });
  return JSON.parse(JSON.stringify({ ...script, faults, operations: operations.slice(0, 5) })) as ReturnType<typeof sound>;
}

function refusal(value: unknown): string {
  try {
    readScript(value);
  } catch (error) {
    if (error instanceof DraftError && error.code === "BAD_REQUEST") return error.message;
    throw error;
  }
  return "taken";
}

test("takes what seeds stand for, and the fixtures", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const script: unknown = JSON.parse(JSON.stringify(drawScript(seed)));
    assert.is(refusal(script), "taken", `seed ${seed}`);
  }
  for (const file of readdirSync(FIXTURES)) assert.is(refusal(JSON.parse(readFileSync(new URL(file, FIXTURES), "utf8"))), "taken", file);
});

test("names what is wrong by its place", () => {
  const spoiled = (spoil: (script: ReturnType<typeof sound>) => void): string => {
    const script = sound();
    spoil(script);
    return refusal(script);
  };
  assert.is(refusal(null), "the script null: wants an object");
  assert.is(refusal([]), "the script []: wants an object");
  assert.is(refusal({}), "seed is missing: wants a whole number from 0 on");
  assert.is(refusal({ seeds: 1 }), "seeds is unknown: wants seed, machine, settings, faults, operations");
  assert.is(spoiled((script) => script["machine"] = 7), "machine 7: wants a text");
  assert.is(spoiled((script) => script.settings["nodes"] = 8), "settings.nodes 8: wants a whole number from 1 to 7");
  assert.is(spoiled((script) => delete script.settings["drift"]), "settings.drift is missing: wants a list");
  assert.is(spoiled((script) => script.settings["gentle"] = 1), "settings.gentle 1: wants true or false");
  assert.is(spoiled((script) => script.settings["faultEveryMs"] = 0), "settings.faultEveryMs 0: wants a whole number from 1 on");
  assert.match(spoiled((script) => script.settings["electionMinMs"] = 1), /^settings\.heartbeatMs \d+: wants at most half of electionMinMs, 1$/);
  assert.match(spoiled((script) => script.faults.push({ kind: "flood", id: "f", atMs: 1 })), /^faults\[\d+\]\.kind "flood": wants one of crash, /);
  assert.match(spoiled((script) => script.faults = [{ kind: "kill", id: "f", atMs: 1, who: 4, downMs: 1 }]), /^faults\[0\]\.who 4: wants a whole number from 0 to 3/);
  assert.is(spoiled((script) => script.operations = [{ ...script.operations[0], command: [] }]),
    "operations[0].command []: wants the name of an operation and its arguments, texts or numbers");
  assert.match(spoiled((script) => script.operations = [{ ...script.operations[0], client: 99 }]), /^operations\[0\]\.client 99: wants a whole number from 1 to \d$/);
});

test("ways are between nodes that there are, and their rates are parts", () => {
  const way = { from: 1, to: 3, lost: 0.3, doubled: 0, late: 1, kept: 0, lateMs: 5 };
  const withWay = (change: Loose): string => {
    const script = sound();
    script.settings["ways"] = [way, { ...way, ...change }];
    return refusal(script);
  };
  assert.is(withWay({}), "taken");
  assert.is(withWay({ to: 4 }), "settings.ways[1].to 4: wants a whole number from 1 to 3");
  assert.is(withWay({ lost: 30 }), "settings.ways[1].lost 30: wants a number from 0 to 1");
  assert.is(withWay({ lateMs: -1 }), "settings.ways[1].lateMs -1: wants a number from 0 on");
  assert.is(withWay({ loss: 0 }), "settings.ways[1].loss is unknown: wants from, to, lost, doubled, late, kept, lateMs");
  const script = sound();
  script.settings["ways"] = {};
  assert.is(refusal(script), "settings.ways {}: wants a list");
});

test("what it takes runs, whatever was changed in it", async () => {
  const random = streamOf(1, "spoiled scripts");
  const values = [null, true, "", "x", -1, 0, 1, 2, 2.5, 1e9, [], [1], {}];
  let taken = 0;
  for (let round = 0; round < 400; round++) {
    const script = sound();
    const place = pick<Loose>(random, [script, script.settings, ...script.faults, ...script.operations]);
    const name = pick(random, Object.keys(place));
    // Long runs and crowds are sound, and take their time.
    if (name === "safetyMs" || name === "clients") continue;
    if (nextFloat(random) < 0.1) delete place[name];
    else place[name] = pick<unknown>(random, values);
    if (refusal(script) !== "taken") continue;
    taken += 1;
    if (nextInRange(random, 0, 3) > 0) continue;
    const { violation } = await runScript(readScript(script), { plugin: kv, eventsMax: 200_000 });
    assert.is.not(violation?.property, "nothing is thrown", `${name} ${JSON.stringify(place[name])}: ${violation?.stack}`);
  }
  assert.ok(taken > 20, `${taken} taken`);
});

test.run();
