/** Cores under faults, each with a recorder so small that its halves turn over many times. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AssertionFailed } from "../../src/base/assert.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import type { Effect, EventBody } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";
import { FlightRecorder } from "../../src/node/flight_recorder.ts";
import { decodeRecording, encodeRecording, type Recording } from "../../src/node/recording.ts";
import { replay } from "../../src/sim/replay.ts";
import { type Core, Cores, type CoresOptions } from "../raft/cores.ts";
import { Single, unstamped } from "../raft/helpers.ts";

const test = suite("flight_recorder");
const HEAD = { version: "0.0.0", clusterId: "c", nodeId: "n", group: "main", wallMs: 1 };

interface Recorded {
  readonly of: RaftState;
  readonly recorder: FlightRecorder;
}

/** A recorder hears of an event once the core has taken it, as a group tells it. */
class RecordedCores extends Cores {
  readonly halfBytes: number;
  readonly recorded: Map<Core, Recorded> = new Map();

  constructor(options: CoresOptions, halfBytes: number) {
    super(options);
    this.halfBytes = halfBytes;
  }

  override event(core: Core, body: EventBody): readonly Effect[] {
    // The constructor of the base class has events already; recorders join at the next one.
    if (!core.up || this.recorded === undefined) return super.event(core, body);
    let at = this.recorded.get(core);
    if (at?.of !== core.state) {
      at = { of: core.state, recorder: new FlightRecorder(this.halfBytes) };
      at.recorder.opened(core.state);
      this.recorded.set(core, at);
    }
    const { recorder } = at;
    const now = { nowMs: this.scheduler.nowMs, wallMs: 1_700_000_000_000 + Math.floor(this.scheduler.nowMs) };
    const effects = super.event(core, body);
    recorder.stepped(core.state, { ...body, ...now }, effects);
    return effects;
  }
}

function taken(recorder: FlightRecorder): Recording {
  return decodeRecording(encodeRecording(HEAD, recorder, false).slice());
}

function checkReplay(recorder: FlightRecorder): number {
  const replayed = replay(taken(recorder));
  assert.is(replayed.difference, null, JSON.stringify(replayed.difference));
  assert.is(replayed.taken, replayed.steps);
  return replayed.taken;
}

test("whatever happens, a recording replays to the same effects and to the next half's checkpoint", () => {
  let steps = 0;
  let turns = 0;
  for (let seed = 1; seed <= 5; seed++) {
    const cores = new RecordedCores({ members: 3, seed, lossPercent: 4, duplicatePercent: 4, wakeMs: seed === 2 ? 60 : null }, 8192);
    const dice = seedRandom(seed);
    for (let round = 0; round < 300; round++) {
      const core = cores.core(nextInRange(dice, 1, 3));
      const what = nextInRange(dice, 1, 24);
      if (what === 1) cores.crash(core.number);
      else if (what < 5 && !core.up) cores.start(core.number);
      else if (what === 5) cores.partition([core.number], [1, 2, 3].filter((each) => each !== core.number));
      else if (what < 9) cores.heal();
      else if (what === 9) cores.event(core, { type: "transfer", to: nextInRange(dice, 1, 3) });
      else if (what === 10) cores.event(core, { type: "diskStalled" });
      else if (what < 14) cores.read(core);
      else cores.propose(core, nextInRange(dice, 1, 40));
      cores.run(nextInRange(dice, 1, 80));
      if (round % 25 !== 0) continue;
      for (const { recorder } of cores.recorded.values()) {
        steps += checkReplay(recorder);
        turns += recorder.halves().length - 1;
      }
    }
  }
  assert.ok(steps > 10_000 && turns > 30, `${steps} steps, ${turns} times two halves`);
});

test("memory is bounded, and what is kept is the newest", () => {
  const cores = new RecordedCores({ members: 3, seed: 8 }, 16_384);
  const leader = cores.awaitLeader();
  let most = 0;
  for (let i = 0; i < 3000; i++) {
    cores.propose(leader, 3);
    cores.run(5);
    for (const { recorder } of cores.recorded.values()) {
      for (const { bytes } of recorder.halves()) most = Math.max(most, bytes.buffer.byteLength);
    }
  }
  assert.ok(most <= 2 * 16_384, `${most} bytes`);
  const { recorder } = cores.recorded.get(leader) as Recorded;
  const halves = recorder.halves();
  assert.equal(halves.map(({ continues }) => continues), [false, true]);
  assert.ok(halves[1]!.image.trail.lastIndex > 8000);
  checkReplay(recorder);
});

test("an event with more entries than a half has room for leaves a gap, and the rest is recorded", () => {
  const single = new Single({ config: { uncommittedBytesMax: 1 << 30 } });
  single.lead();
  const recorder = new FlightRecorder();
  recorder.opened(single.state);
  const step = (body: EventBody): void => {
    const effects = single.event(body);
    recorder.stepped(single.state, { ...body, nowMs: single.nowMs, wallMs: 1_700_000_000_000 + single.nowMs }, effects);
  };
  step({ type: "propose", entries: [unstamped()] });
  step({ type: "propose", entries: Array.from({ length: 70_000 }, () => unstamped()) });
  step({ type: "stored", store: single.state.lastStore });
  assert.equal(recorder.halves().map(({ continues, steps }) => [continues, steps]), [[false, 1], [false, 1]]);
  checkReplay(recorder);
});

test("the story is bounded, newest last, and outlives the halves", () => {
  const single = new Single();
  const recorder = new FlightRecorder(4096);
  recorder.opened(single.state);
  for (let i = 0; i < 2000; i++) {
    const body: EventBody = { type: "linkUp", peer: i % 2 === 0 ? 2 : 3 };
    recorder.stepped(single.state, { ...body, nowMs: i, wallMs: i }, single.event(body));
  }
  assert.is(recorder.story.length, 512);
  assert.equal(recorder.story.at(-1), { wallMs: 1999, text: "n1 is connected to n3" });
  const { story, halves } = decodeRecording(encodeRecording(HEAD, recorder, true).slice());
  assert.equal([story.length, halves.length], [512, 0]);
});

/** A core that broke at an event, as its group shows it, and the recording of it. */
function broken(body: EventBody): Recording {
  const single = new Single();
  const recorder = new FlightRecorder();
  recorder.opened(single.state);
  const link: EventBody = { type: "linkUp", peer: 2 };
  recorder.stepped(single.state, { ...link, nowMs: 1, wallMs: 1 }, single.event(link));
  let message = "";
  try {
    single.event(body);
  } catch (error) {
    if (!(error instanceof AssertionFailed)) throw error;
    ({ message } = error);
  }
  recorder.broke({ ...body, nowMs: 2, wallMs: 2 });
  recorder.ended("n1", message, 3);
  recorder.ended("n1", "told twice", 4);
  return taken(recorder);
}

test("a core that broke breaks again where it did, and one that no longer does differs there", () => {
  const recording = broken({ type: "applied", index: 7, wakeAtMs: null });
  const text = "n1 breaks off: assertion failed: only what was asked for is applied: 7, 0";
  assert.equal(recording.ending, { wallMs: 3, text, brokeOff: true });
  const { difference, steps, story, ...counted } = replay(recording);
  assert.equal([difference, steps, counted.taken], [null, 2, 2]);
  assert.equal(story.at(-1), { wallMs: 3, text });
  const mended = replay(broken({ type: "linkUp", peer: 3 })).difference;
  assert.equal([mended?.step, mended?.event, mended?.replayed], [2, "it is connected to n3", "does nothing"]);
  assert.match(replay({ ...recording, ending: { ...recording.ending!, text: "n1 breaks off: assertion failed: another" } }).difference?.replayed ?? "", "breaks off: assertion failed: only");
  assert.throws(() => replay({ ...recording, ending: null }), "has more");
});

test.run();
