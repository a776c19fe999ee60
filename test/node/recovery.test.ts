/** `draft admin recover`: one survivor goes on alone, and a crash at any step leaves it as it was or gone on. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { nextU32, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task } from "../../src/base/task.ts";
import { openDataDir } from "../../src/node/data_dir.ts";
import { decodeIdentity, type Identity } from "../../src/node/identity.ts";
import { decideRecovery, isDecided, savedIdentityName, type Survivor, survivorOf } from "../../src/node/recovery.ts";
import { currentConfiguration, type RaftState } from "../../src/raft/state.ts";
import type { Configuration } from "../../src/raft/types.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";
import { SimNodes } from "./sim_nodes.ts";
import { write } from "./workload.ts";

const KEYS = ["k0", "k1", "k2"];

/** What a start and a decision may take, in calls of the disk, before a sweep over all of them ends. */
const CALLS_MAX = 200;

/** Three nodes that hold something, all stopped; `a` is the one that survives. */
function lostMajority(seed: number): { nodes: SimNodes; a: SimMachine; survivor: Survivor } {
  const nodes = new SimNodes({ seed, ids: ["a", "b", "c"] });
  nodes.startAll();
  const leader = nodes.awaitLeader();
  for (const key of KEYS) write(nodes, leader.id, ["set", key, "v"]);
  nodes.run(500);
  const a = nodes.node("a");
  const { trail, term, votedFor, commitIndex } = a.state as RaftState;
  const survivor = {
    identity: a.identity as Identity, lastIndex: trail.lastIndex, hardState: { term, votedFor, commitIndex },
    configuration: currentConfiguration(a.state as RaftState),
  };
  for (const id of ["a", "b", "c"]) nodes.kill(id);
  return { nodes, a, survivor };
}

/** Runs a task on the simulated disk; null if the disk's machine lost its power before the end. */
function run<T>(nodes: SimNodes, task: Task<T>): T | null {
  const result: { value: T | null; error: Error | null } = { value: null, error: null };
  runTask(task, (...[error, value]) => Object.assign(result, { error, value: value ?? null }));
  nodes.run(1000);
  if (result.error !== null) throw result.error;
  return result.value;
}

function decide(nodes: SimNodes, { disk }: SimMachine, survivor: Survivor): Identity | null {
  const random = seedRandom(77);
  const host = { disk: disk.boot(), random: { u32: () => nextU32(random) } };
  return run(nodes, function* (): Task<Identity> {
    const dataDir = yield* openDataDir(host, "/a", { nodeId: null, machine: null });
    const identity = yield* decideRecovery(host, dataDir, survivor);
    dataDir.close();
    return identity;
  }());
}

function identityIn({ disk }: SimMachine, name = "identity"): Identity {
  return decodeIdentity(disk.content(`/a/${name}`) as Uint8Array, name);
}

/** Starts the survivor and waits until it leads alone; then all that it held is there, and it takes writes. */
function goesOn(nodes: SimNodes, { lastIndex, identity, configuration }: Survivor): void {
  nodes.start("a", {});
  const { state, identity: now } = nodes.awaitLeader();
  const { index, members } = currentConfiguration(state as RaftState) as Configuration;
  assert.is(index, lastIndex + 1);
  assert.equal(members.map(({ id, number, incarnation }) => [id, number, incarnation]), [["a", configuration.nextMemberNumber, now?.incarnation]]);
  assert.is.not(now?.clusterId, identity.clusterId);
  assert.is.not(now?.incarnation, identity.incarnation);
  for (const key of KEYS) assert.is(answered(nodes, nodes.read("a", ["get", key])), "v");
  assert.is(answered(nodes, nodes.propose("a", ["set", "after", "1"])), "OK");
}

function answered(nodes: SimNodes, outcome: ReturnType<SimNodes["read"]>): unknown {
  nodes.until("an answer", () => outcome.result !== null);
  if (outcome.result instanceof DraftError) throw outcome.result;
  return outcome.result?.reply;
}

test("the survivor goes on alone with all that it held, under another cluster id, and again after a restart", () => {
  const { nodes, a, survivor } = lostMajority(1);
  decide(nodes, a, survivor);
  assert.equal(identityIn(a, savedIdentityName(survivor.identity)), survivor.identity, "the old identity is kept");
  assert.ok(isDecided({ ...survivor, identity: identityIn(a) }));
  goesOn(nodes, survivor);
  const before = nodes.node("a").state?.trail.lastIndex ?? 0;
  nodes.crash("a");
  nodes.start("a", {});
  nodes.awaitLeader();
  assert.is(nodes.node("a").state?.configurations.at(-1)?.index, survivor.lastIndex + 1, "it is entered once");
  assert.ok((nodes.node("a").state?.trail.lastIndex ?? 0) > before);
});

test("the others, started again, go on as the old cluster: neither hears the other", () => {
  const { nodes, a, survivor } = lostMajority(2);
  decide(nodes, a, survivor);
  goesOn(nodes, survivor);
  const { term } = nodes.node("a").state as RaftState;
  for (const id of ["b", "c"]) nodes.start(id, {});
  nodes.until("b or c leads", () => ["b", "c"].some((id) => nodes.node(id).state?.role === "leader"));
  nodes.run(3000);
  const state = nodes.node("a").state as RaftState;
  assert.equal([state.role, state.term], ["leader", term]);
  for (const id of ["b", "c"]) assert.is(nodes.node(id).identity?.clusterId, survivor.identity.clusterId);
  assert.is(answered(nodes, nodes.read("a", ["get", "after"])), "1");
  const leader = ["b", "c"].find((id) => nodes.node(id).state?.role === "leader") as string;
  assert.is(answered(nodes, nodes.read(leader, ["get", "after"])), null, "what was written since is the new cluster's alone");
});

test("M21: a power cut or a kill at each disk call of the decision leaves the old identity or the new one, and what it starts", () => {
  for (const how of ["crash", "kill"] as const) {
    const seen = new Set<string>();
    for (let at = 1; ; at++) {
      assert.ok(at < CALLS_MAX, "the sweep ends");
      const { nodes, a, survivor } = lostMajority(4);
      if (how === "crash") a.disk.crashAt(a.disk.calls + at);
      else a.disk.endAt(a.disk.calls + at, () => a.disk.crash("kept"));
      const identity = decide(nodes, a, survivor);
      a.disk.endAt(0, () => {});
      if (identity !== null) {
        a.disk.crash("dropped");
        assert.equal(identityIn(a), identity, "what was said to be decided is");
        break;
      }
      const isNew = identityIn(a).recovery !== null;
      seen.add(isNew ? "new" : "old");
      if (isNew) goesOn(nodes, survivor);
      else {
        assert.equal(identityIn(a), survivor.identity, `${how} at call ${at}`);
        nodes.startAll();
        assert.is(answered(nodes, nodes.read(nodes.awaitLeader().id, ["get", "k0"])), "v");
        // What was left half done is in nobody's way.
        for (const id of ["a", "b", "c"]) nodes.kill(id);
      }
    }
    assert.equal([...seen].sort(), ["new", "old"], how);
  }
});

test("M21: a power cut at each disk call of the first start leaves one that starts, and enters it once", () => {
  for (let at = 1; ; at++) {
    assert.ok(at < CALLS_MAX, "the sweep ends");
    const { nodes, a, survivor } = lostMajority(4);
    decide(nodes, a, survivor);
    a.disk.crash("dropped");
    let cut = false;
    a.disk.endAt(a.disk.calls + at, () => {
      cut = true;
      nodes.crash("a");
    });
    nodes.start("a", {});
    nodes.run(100);
    const led = a.state?.role === "leader";
    a.disk.endAt(0, () => {});
    if (!cut || led) break;
    goesOn(nodes, survivor);
  }
});

test("who cannot or need not go on alone is refused", () => {
  const { survivor } = lostMajority(5);
  const { configuration, identity } = survivor;
  const refusal = (changed: Partial<Survivor>): string => {
    try {
      survivorOf({ ...survivor, ...changed }, "d d");
    } catch (error) {
      if (error instanceof DraftError) return `${error.code}: ${error.message}`;
      throw error;
    }
    return "none";
  };
  const among = (change: (id: string) => object, ids = ["a", "b", "c"]): Partial<Survivor> => ({
    configuration: { ...configuration, members: configuration.members.filter(({ id }) => ids.includes(id)).map((member) => ({ ...member, ...change(member.id) })) },
  });
  assert.is(refusal({}), "none");
  assert.is(refusal(among((id) => id === "a" ? { role: "learner" } : {})), "none", "a learner holds all");
  assert.match(refusal({ identity: { ...identity, incarnation: 5 } }), /^WRONG_IDENTITY: a is no member of its cluster any more/);
  assert.match(refusal(among(() => ({}), ["b", "c"])), /^WRONG_IDENTITY: a is no member .*: draft log last --data "d d"$/);
  assert.match(refusal(among((id) => id === "a" ? { role: "witness" } : {})), /^BAD_REQUEST: a is a witness .*: draft log last --data "d d"$/);
  assert.match(refusal(among((id) => id === "a" ? {} : { role: "learner" })), /^BAD_REQUEST: a is the only voter .*: draft serve --data "d d"/);
});

test("a log that went on and was cut before the entry by which it did so is refused: its term would fall", () => {
  const { nodes, a, survivor } = lostMajority(7);
  const entered = { ...survivor, identity: { ...survivor.identity, recovery: { index: survivor.lastIndex + 1, term: 1, logIncarnation: 1 } } };
  assert.not(isDecided({ ...entered, hardState: { ...survivor.hardState, term: 2 } }), "it led in a later term");
  assert.ok(isDecided({ ...entered, hardState: { ...survivor.hardState, term: 1 } }), "the entry is missing yet");
  assert.ok(isDecided({ ...entered, lastIndex: survivor.lastIndex + 1, hardState: { ...survivor.hardState, term: 0 } }), "what stands there is another entry");
  decide(nodes, a, { ...survivor, hardState: { ...survivor.hardState, term: survivor.hardState.term - 2 } });
  nodes.start("a", {});
  nodes.run(1000);
  assert.match(String(a.startError?.message), /ends at index \d+, and by entry \d+ the node went on alone/);
});

test("a log that was set back between the decision and the start is refused, and nothing is entered", () => {
  const { nodes, a, survivor } = lostMajority(6);
  decide(nodes, a, { ...survivor, lastIndex: survivor.lastIndex + 2 });
  nodes.start("a", {});
  nodes.run(1000);
  assert.match(String(a.startError?.message), /ends at index \d+, and held \d+ when draft admin recover ran/);
});

test("the log of one that went on alone, and whose last vote may be lost, is refused with three ways on", () => {
  const { nodes, a, survivor } = lostMajority(15);
  decide(nodes, a, survivor);
  nodes.start("a");
  nodes.until("it leads", () => nodes.leader() !== null);
  nodes.kill("a");
  const path = a.disk.names.files().find((file) => file.startsWith("/a/wal/") && file.endsWith("0001.seg")) as string;
  a.disk.overwrite(path, (a.disk.content(path) as Uint8Array).fill(0xee, 4_500));
  nodes.start("a");
  nodes.run(2_000);
  const message = (a.failure ?? a.startError)?.message ?? "";
  for (const way of ["bring the directory back from a copy", "draft admin replace a a@HOST:PORT", "draft admin restore FILE"]) assert.ok(message.includes(way), message);
});

test.run();
