/** Every core has a twin that was made from its image and is fed with unpacked copies of its events. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextFloat, nextInRange, seedRandom } from "../../src/base/random.ts";
import { EffectDigest } from "../../src/raft/effect_digest.ts";
import type { Effect, Event, EventBody } from "../../src/raft/event.ts";
import { EventReader } from "../../src/raft/event_reader.ts";
import { EventWriter } from "../../src/raft/event_writer.ts";
import { imageFrom } from "../../src/raft/image_check.ts";
import { imageOf, NUMBERS, stateOf } from "../../src/raft/image.ts";
import { checkState } from "../../src/raft/invariants.ts";
import type { RaftState } from "../../src/raft/state.ts";
import { step } from "../../src/raft/step.ts";
import { type Core, Cores } from "./cores.ts";

const test = suite("image");

/** As it comes back from a file. */
function afterTravel(state: RaftState): RaftState {
  const image = imageOf(state);
  const read = imageFrom(decode(encode(image).slice()));
  assert.equal(read, image);
  const rebuilt = stateOf(read);
  assert.equal(imageOf(rebuilt), image);
  checkState(rebuilt);
  return rebuilt;
}

interface Twin {
  readonly of: RaftState;
  state: RaftState;
  readonly digest: EffectDigest;
}

const twins: Map<Core, Twin> = new Map();
let compared = 0;

class TwinCores extends Cores {
  readonly dice = seedRandom(99);

  override event(core: Core, body: EventBody): readonly Effect[] {
    // The constructor of the base class has events already.
    if (!core.up || this.dice === undefined) return super.event(core, body);
    const twin = this.#twinOf(core);
    const now = { nowMs: this.scheduler.nowMs, wallMs: 1_700_000_000_000 + Math.floor(this.scheduler.nowMs) };
    const told = structuredClone(step(twin.state, unpacked(core.state, { ...body, ...now })));
    twin.digest.take(told);
    const { digest } = twin.digest;
    const image = imageOf(twin.state);
    const ours = super.event(core, body);
    twin.digest.take(ours);
    assert.is(digest, twin.digest.digest);
    assert.equal(told.length, ours.length);
    compared += 1;
    if (compared % 50 !== 0 || twin.of !== core.state) return ours;
    assert.equal(told, withoutSeals(ours));
    if (core.state.lastStore === image.numbers.lastStore && core.state.round === image.numbers.round) assert.equal(image, imageOf(core.state));
    return ours;
  }

  #twinOf(core: Core): Twin {
    let twin = twins.get(core);
    if (twin?.of !== core.state) twin = { of: core.state, state: afterTravel(core.state), digest: new EffectDigest() };
    else if (nextFloat(this.dice) < 0.01) twin.state = afterTravel(twin.state);
    twins.set(core, twin);
    return twin;
  }
}

function withoutSeals(effects: readonly Effect[]): unknown {
  return JSON.parse(JSON.stringify(effects));
}

function unpacked(state: RaftState, event: Event): Event {
  const writer = new EventWriter(state.config, 64);
  writer.write(event);
  return new EventReader(state.config, writer.packed.bytes.subarray(0, writer.packed.at), writer.configurations).read();
}

/** Proposals, reads, transfers, crashes, partitions and failing disks, by chance. */
function disturb(cores: TwinCores, number: number): void {
  const core = cores.core(number);
  const dice = nextInRange(cores.dice, 1, 40);
  if (dice === 1) cores.crash(number);
  else if (dice < 5 && !core.up) cores.start(number);
  else if (dice === 5) cores.partition([number], [1, 2, 3].filter((each) => each !== number));
  else if (dice < 9) cores.heal();
  else if (dice === 9) cores.event(core, { type: "transfer", to: nextInRange(cores.dice, 1, 4) });
  else if (dice === 10) cores.event(core, { type: "diskStalled" });
  else if (dice === 11) cores.event(core, { type: "diskFull", full: nextFloat(cores.dice) < 0.3 });
  else if (dice === 12) cores.event(core, { type: "linkDown", peer: nextInRange(cores.dice, 1, 3) });
  else if (dice === 13) cores.event(core, { type: "readFailed", from: 1, to: 2 });
  else if (dice < 20) cores.read(core);
  else cores.propose(core, nextInRange(cores.dice, 1, 30));
}

test("a state made from an image does what the one of the image does, event for event", () => {
  compared = 0;
  for (let seed = 1; seed <= 6; seed++) {
    twins.clear();
    const cores = new TwinCores({ members: 3, seed, lossPercent: 5, duplicatePercent: 5, wakeMs: seed % 2 === 0 ? 40 : null });
    for (let round = 0; round < 400; round++) {
      cores.run(nextInRange(cores.dice, 5, 60));
      disturb(cores, nextInRange(cores.dice, 1, 3));
    }
  }
  assert.ok(compared > 12_000, `${compared} events`);
});

test("an image of a log with more entries than chains are known of comes back", () => {
  const cores = new Cores({ members: 1, seed: 3, config: { uncommittedBytesMax: 1 << 30, appendEntriesMax: 8192 } });
  const leader = cores.awaitLeader();
  for (let i = 0; i < 9; i++) {
    cores.propose(leader, 1000);
    cores.run(20);
  }
  assert.ok(leader.state.trail.recentFirst > 1);
  afterTravel(leader.state);
  cores.propose(leader, 5000);
  afterTravel(leader.state);
});

test("imageOf() covers every field of a state", () => {
  const { state } = new Cores({ members: 1, seed: 1 }).core(1);
  const derived = ["voters", "step", "effects"];
  assert.equal(Object.keys(state).sort(), [...Object.keys(imageOf(state)).filter((key) => key !== "numbers"), ...NUMBERS, ...derived].sort());
  const { trail, config } = imageOf(state);
  assert.equal(Object.keys(trail).filter((key) => key !== "capacity").sort(), Object.keys(state.trail).sort());
  assert.equal(config, state.config);
});

test("imageOf() shares nothing that a later step changes", () => {
  const cores = new Cores({ members: 3, seed: 5 });
  const leader = cores.awaitLeader();
  const follower = cores.cores.find(({ number }) => number !== leader.number) as Core;
  // A round of reads is out and another waits, entries are in flight, a transfer is under way.
  for (const core of [leader, follower, leader]) cores.read(core);
  cores.propose(leader, 20);
  cores.event(leader, { type: "transfer", to: follower.number });
  const images = cores.cores.map(({ state }) => imageOf(state));
  assert.ok(images.some(({ reads, transfer }) => reads.confirming.length > 0 && reads.waiting.length > 0 && transfer !== null));
  const before = JSON.stringify(images, asLists);
  cores.run(3000);
  cores.crash(cores.awaitLeader().number);
  cores.run(3000);
  assert.is(JSON.stringify(images, asLists), before);
});

/** Typed arrays as lists, infinities as text. */
function asLists(_key: string, value: unknown): unknown {
  if (value instanceof Uint32Array || value instanceof Float64Array) return [...value];
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

test("imageFrom() refuses what is no image, whatever is wrong with it", () => {
  const cores = new Cores({ members: 3, seed: 5 });
  const { state } = cores.awaitLeader();
  cores.propose(cores.awaitLeader(), 3);
  const good = imageOf(state);
  const wrong: unknown[] = [null, 1, "x", [], {}, { ...good, role: "king" }, { ...good, numbers: { ...good.numbers, term: "7" } }];
  for (const key of Object.keys(good)) {
    const { [key]: _gone, ...rest } = good as unknown as Record<string, unknown>;
    wrong.push(rest, { ...good, [key]: [[{}]] });
    if (key !== "wakeAtMs") wrong.push({ ...good, [key]: 1.5 });
  }
  for (const change of [{ recentFirst: 0 }, { capacity: 3 }, { lastIndex: 2 ** 40 }, { runs: new Float64Array(3) }, { chains: new Uint32Array(0) }]) {
    wrong.push({ ...good, trail: { ...good.trail, ...change } });
  }
  for (const value of wrong) {
    assert.throws(() => imageFrom(value), (error: unknown) => error instanceof DraftError && error.code === "DAMAGED");
  }
});

test.run();
