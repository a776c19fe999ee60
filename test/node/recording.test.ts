/** Recordings of whole nodes: fetched as a door would, replayed, searched for what users wrote, damaged. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32 } from "../../src/base/bytes.ts";
import { decode, encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { decodeRecording, mergeStories, readRecordingFile, type Recording, recordingFile } from "../../src/node/recording.ts";
import { replay } from "../../src/sim/replay.ts";
import { SimNodes } from "./sim_nodes.ts";

const test = suite("recording");
const KEY = "xyzzy-secret-key";
const VALUE = "plugh-secret-value";

function bodyOf(nodes: SimNodes, id: string, storyOnly: boolean = false): Uint8Array {
  let body: Uint8Array | DraftError | null = null;
  nodes.node(id).server?.requests.record("main", storyOnly, (recorded) => (body = recorded));
  assert.instance(body, Uint8Array);
  // A copy: the bytes may be a Buffer, whose slice() is a view.
  return new Uint8Array(body as unknown as Uint8Array);
}

/** Three nodes, writes, reads, and the leader dies: those that are left. */
function afterCrash(seed: number): { nodes: SimNodes; dead: string; left: string[] } {
  const nodes = new SimNodes({ seed, ids: ["a", "b", "c"] });
  nodes.startAll();
  const dead = nodes.awaitLeader().id;
  const write = (id: string, i: number): void => {
    nodes.propose(id, ["set", `${KEY}-${i}`, `${VALUE}-${i}`]);
    nodes.read(id, ["get", `${KEY}-${i}`]);
    nodes.run(20);
  };
  for (let i = 0; i < 50; i++) write(dead, i);
  nodes.crash(dead);
  nodes.until("another leads", () => nodes.leader() !== null && nodes.leader()?.id !== dead);
  const now = nodes.awaitLeader().id;
  for (let i = 0; i < 50; i++) write(now, i);
  return { nodes, dead, left: ["a", "b", "c"].filter((id) => id !== dead) };
}

function contains(bytes: Uint8Array, text: string): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(text);
}

test("after the leader's death the others' recordings replay to what they did, and tell of it", () => {
  for (const seed of [1, 2, 3]) {
    const { nodes, dead, left } = afterCrash(seed);
    const file = recordingFile(left.map((id) => bodyOf(nodes, id)));
    const replayed = readRecordingFile(file).map(replay);
    assert.equal(replayed.map(({ nodeId, difference, steps, taken }) => [nodeId, difference, steps === taken && steps > 200]), left.map((id) => [id, null, true]));
    const story = mergeStories(replayed.map((each) => each.story)).map(({ text }) => text).join("\n");
    assert.match(story, new RegExp(`heard nothing from ${dead} for \\d+ ms and asks who would vote for it in term`));
    assert.match(story, new RegExp(`${nodes.awaitLeader().id} leads term \\d+, elected by `));
    // What was told while it happened is what is told afterwards.
    for (const each of replayed) {
      const told = decodeRecording(bodyOf(nodes, each.nodeId, true)).story;
      assert.equal(told, each.story);
    }
  }
});

test("a node that comes back records from its start, with a cut of what it alone had", () => {
  const { nodes, dead } = afterCrash(4);
  nodes.start(dead, {});
  nodes.until("it caught up", () => nodes.node(dead).server?.node.groups.get("main")?.state.lastApplied === nodes.awaitLeader().server?.node.groups.get("main")?.state.lastApplied);
  const replayed = replay(decodeRecording(bodyOf(nodes, dead)));
  assert.is(replayed.difference, null);
  assert.match(replayed.story[0]?.text ?? "", new RegExp(`^${dead} starts in term 1 with \\d+ entries`));
});

test("a recording holds nothing that users wrote", () => {
  const { nodes, left } = afterCrash(5);
  for (const id of left) {
    const body = bodyOf(nodes, id);
    for (const secret of ["xyzzy", "plugh", "secret"]) assert.not(contains(body, secret));
    assert.ok(contains(body, " in term "));
  }
  assert.ok(contains(encode(["set", KEY, VALUE]), "xyzzy"), "the search finds what is there");
});

test("a group that is not there, and a node that belongs to no cluster, are refused", () => {
  const nodes = new SimNodes({ seed: 6, ids: ["a", "b", "c"] });
  nodes.start("a");
  nodes.until("a listens", () => nodes.node("a").server !== null);
  const codes: string[] = [];
  for (const group of ["main", "other"]) {
    nodes.node("a").server?.requests.record(group, false, (refused) => codes.push((refused as DraftError).code));
  }
  assert.equal(codes, ["NO_LEADER", "NOT_FOUND"]);
});

/** One step of the recording bears another digest than it had. */
function withOtherDigest(recording: Recording): Recording {
  const [half] = recording.halves;
  if (half === undefined) throw new Error("no half");
  // The first event is a start: head, nowMs, wallMs, and behind them its digest.
  const bytes = new Uint8Array(half.bytes);
  const digestAt = 1 + 8 + 6;
  bytes[digestAt]! ^= 1;
  return { ...recording, halves: [{ ...half, bytes }, ...recording.halves.slice(1)] };
}

test("a core that decides otherwise is told at its first step that differs", () => {
  const { nodes, left } = afterCrash(7);
  const recording = decodeRecording(bodyOf(nodes, left[0]!));
  const other = replay(withOtherDigest(recording)).difference;
  assert.equal([other?.step, other?.event], [1, "it starts"]);
  assert.match(other?.recorded ?? "", /with other numbers$/);
  // The core of a node that was in term 50 already refuses what was granted.
  const [half] = recording.halves;
  const image = { ...half!.image, numbers: { ...half!.image.numbers, term: 50, storedTerm: 50, toldTerm: 50, durableTerm: 50 } };
  const { difference, taken } = replay({ ...recording, halves: [{ ...half!, image }] });
  assert.is(difference?.step, taken);
  assert.match(difference?.event ?? "", /sends a question whether it would get a vote in term 1/);
  assert.match(difference?.recorded ?? "", /^grants a vote/);
  assert.match(difference?.replayed ?? "", /^sends a no to the question for term 1/);
});

test("a checkpoint that is not what the steps before it lead to is told", () => {
  const { nodes, left } = afterCrash(8);
  const recording = decodeRecording(bodyOf(nodes, left[0]!));
  const [half] = recording.halves;
  const empty = { ...half!, continues: true, steps: 0, bytes: new Uint8Array() };
  const { difference } = replay({ ...recording, halves: [half!, empty] });
  assert.match(difference?.recorded ?? "", /^the state then: .* is /);
});

test("another file, another format and a file that is not whole are refused by name", () => {
  const { nodes, left } = afterCrash(9);
  const file = recordingFile([bodyOf(nodes, left[0]!), bodyOf(nodes, left[1]!)]);
  assert.equal(readRecordingFile(file).map(({ nodeId }) => nodeId), left);
  assert.equal(readRecordingFile(recordingFile([])), []);
  const refusal = (bytes: Uint8Array): string => {
    try {
      readRecordingFile(bytes);
    } catch (error) {
      if (error instanceof DraftError) return `${error.code} ${error.message}`;
      throw error;
    }
    return "";
  };
  assert.match(refusal(new Uint8Array()), "BAD_REQUEST this is no recording");
  assert.match(refusal(new TextEncoder().encode("something else entirely")), "BAD_REQUEST this is no recording");
  assert.match(refusal(Uint8Array.from(file, (byte, i) => i === 7 ? 1 : byte)), "has format 1");
  assert.match(refusal(file.subarray(0, file.length - 1)), "DAMAGED the recording cannot be read, it ends within its recording 2");
  assert.match(refusal(Uint8Array.from(file, (byte, i) => i === 5000 ? byte ^ 1 : byte)), "DAMAGED the recording cannot be read, the sum of its recording 1 is wrong");
  for (let at = 0; at < file.length; at += 97) assert.is.not(refusal(file.subarray(0, at)), "");
});

/** Damage that bears a true sum: what somebody could hand in on purpose. */
test("whatever a body holds, reading and replaying it ends with a verdict or a clean error", () => {
  const { nodes, left } = afterCrash(10);
  const body = bodyOf(nodes, left[0]!);
  const dice = seedRandom(77);
  const ends: Record<string, number> = {};
  for (let i = 0; i < 400; i++) {
    const damaged = new Uint8Array(body);
    // Half of them in the events, which are the last item: there they are read before they are refused.
    const from = i % 2 === 0 ? Math.floor(body.length / 2) : 0;
    for (let k = nextInRange(dice, 1, 3); k > 0; k--) damaged[nextInRange(dice, from, body.length - 1)] = nextInRange(dice, 0, 255);
    const file = recordingFile([damaged]);
    assert.is(crc32(damaged, 0, damaged.length, 0), crc32(file, 16, file.length, 0));
    let end = "equal";
    try {
      end = readRecordingFile(file).map(replay)[0]?.difference === null ? "equal" : "differs";
    } catch (error) {
      assert.instance(error, DraftError);
      end = (error as DraftError).code;
    }
    ends[end] = (ends[end] ?? 0) + 1;
  }
  assert.ok((ends["DAMAGED"] ?? 0) > 20 && (ends["differs"] ?? 0) > 20, JSON.stringify(ends));
  for (const value of [null, 5, [], ["x"], {}, Array.from({ length: 7 }, () => [])]) {
    assert.throws(() => readRecordingFile(recordingFile([encode(value).slice()])), (error: unknown) => error instanceof DraftError && error.code === "DAMAGED");
  }
  assert.ok(decode(body) !== null);
});

test.run();
