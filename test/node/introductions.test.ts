import { test } from "uvu";
import * as assert from "uvu/assert";
import { encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Done } from "../../src/base/task.ts";
import { decodeGenesis, encodeGenesis, type Genesis } from "../../src/node/genesis.ts";
import { Handover } from "../../src/node/handover.ts";
import { Introductions, PROBE_GENESIS } from "../../src/node/introductions.ts";
import type { Hello } from "../../src/net/hello.ts";
import type { ProbeReply } from "../../src/net/transport.ts";
import { encodeConfiguration, genesisConfiguration } from "../../src/raft/configuration.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import kv from "../../plugins/kv/kv.ts";

const FOUNDERS = ["a", "b", "c"].map((id, at) => ({ id, address: `${id}:1`, incarnation: 100 + at }));
const GENESIS: Genesis = { clusterId: "c1", machine: "kv", machineVersion: 1, foundedMs: 5, configuration: genesisConfiguration(FOUNDERS) };

/** A node that is introduced. */
class Node {
  clusterId = "";
  isJoining = false;
  alone: boolean | null = null;
  readonly taken: Uint8Array[] = [];
  readonly failures: DraftError[] = [];
  readonly dialled: string[] = [];
  readonly introductions: Introductions;

  constructor(id = "a", incarnation = 100) {
    const clusterId = (): string => this.clusterId;
    this.introductions = new Introductions({
      settings: { id, address: `${id}:1`, frameBytesMax: 65536, founding: null } as never,
      plugin: kv,
      sourceDigest: "shipped kv 1",
      dataDir: {
        path: "/data",
        get identity() {
          return { nodeId: id, incarnation, clusterId: clusterId(), memberNumber: 0, bootCount: 1 };
        },
      } as never,
      main: () => this.alone === null ? null : { isAlone: this.alone } as never,
      founding: () => ({ dialledBy: (hello: Hello) => this.dialled.push(hello.clusterId) }) as never,
      isJoining: () => this.isJoining,
      take: (genesis) => this.taken.push(genesis),
      failed: (error) => this.failures.push(error),
    });
  }

  give(genesis: Uint8Array): unknown {
    let reply: unknown = "later";
    this.introductions.probed([PROBE_GENESIS, genesis], (answer) => (reply = answer?.[0] ?? null));
    return reply;
  }
}

function helloOf(fields: Partial<Hello>): Hello {
  return { ...new Node().introductions.hello(), ...fields };
}

test("a genesis is taken by the node and incarnation that it names", () => {
  const node = new Node();
  assert.is(node.give(encodeGenesis(GENESIS)), "later");
  assert.is(node.taken.length, 1);
});

test("D01: a genesis that names another incarnation of this node is not taken", () => {
  const node = new Node("a", 999);
  assert.is(node.give(encodeGenesis(GENESIS)), "another incarnation");
  assert.is(node.taken.length, 0);
});

test("a genesis is not taken by a node outside of it, one of a cluster, one that is taking one, or for another machine", () => {
  const member = new Node();
  member.clusterId = "c0";
  const joining = new Node();
  joining.isJoining = true;
  assert.is(new Node("d").give(encodeGenesis(GENESIS)), "another incarnation");
  assert.is(member.give(encodeGenesis(GENESIS)), "not empty");
  assert.is(joining.give(encodeGenesis(GENESIS)), "not empty");
  assert.is(new Node().give(encodeGenesis({ ...GENESIS, machine: "sql" })), "another machine than kv");
});

test("a probe that is none of this version is answered with nothing; a malformed genesis is refused", () => {
  const node = new Node();
  for (const request of [[], ["other"], [PROBE_GENESIS], [PROBE_GENESIS, "text"]]) {
    let reply: unknown = "none";
    node.introductions.probed(request, (answer) => (reply = answer));
    assert.is(reply, null);
  }
  assert.is(node.give(new Uint8Array([1, 2, 3])), "malformed");
});

test("decodeGenesis() reads what encodeGenesis() wrote, and refuses every cut and what no cluster can have", () => {
  const bytes = encodeGenesis(GENESIS);
  assert.equal(decodeGenesis(bytes), GENESIS);
  for (let end = 0; end < bytes.length; end++) assert.throws(() => decodeGenesis(bytes.subarray(0, end)), (error: unknown) => error instanceof DraftError);
  const { configuration } = GENESIS;
  const [a, b] = configuration.members as [never, never];
  const wrong = [[], [a, a], [{ ...(a as object), number: 0 }], [{ ...(b as object), role: "learner" }], [{ ...(a as object), incarnation: 0 }]];
  for (const members of wrong) {
    const tuple = [1, "c1", "kv", 1, 5, encodeConfiguration({ ...configuration, members: members as never })];
    assert.throws(() => decodeGenesis(new Uint8Array(encode(tuple))), /no cluster can have/);
  }
});

test("hello() says that a node is empty only while it is", () => {
  const node = new Node();
  assert.equal(node.introductions.hello().groups.map(({ empty }) => empty), [true]);
  node.isJoining = true;
  assert.equal(node.introductions.hello().groups.map(({ empty }) => empty), [false]);
});

test("admit(): an empty node lets nobody in, and notes who takes it for a member; a member lets its own in", () => {
  const node = new Node();
  assert.match(String(node.introductions.admit(helloOf({ clusterId: "c1" }))), /belongs to no cluster/);
  assert.equal(node.dialled, ["c1"]);
  node.clusterId = "c1";
  assert.match(String(node.introductions.admit(helloOf({ clusterId: "c1" }))), /has not recovered/);
  node.alone = false;
  assert.is(node.introductions.admit(helloOf({ clusterId: "c1" })), null);
});

test("M24: a lone founder that another cluster dials fails; one among others does not", () => {
  for (const alone of [true, false]) {
    const node = new Node();
    node.clusterId = "c1";
    node.alone = alone;
    node.introductions.dialledByStranger(helloOf({ clusterId: "c2", nodeId: "b" }));
    assert.equal(node.failures.map(({ code }) => code), alone ? ["WRONG_IDENTITY"] : []);
  }
});

/** A handover by `a` to nodes that say `hellos`; what it asked them. */
function handover(hellos: Record<string, Partial<Hello> | null>): { asked: string[]; words: string[]; link: Set<number>; scheduler: Scheduler; handover: Handover; rounds: number } {
  const scheduler = new Scheduler();
  const rig = { asked: [] as string[], words: [] as string[], link: new Set<number>(), scheduler, rounds: 0 };
  const made = new Handover({
    genesis: new Uint8Array([1]), configuration: GENESIS.configuration, self: 1, isLinked: (member) => rig.link.has(member),
    transport: {
      probe: (address: string, request: readonly unknown[], _timeoutMs: number, done: Done<ProbeReply>) => {
        const id = address.slice(0, 1);
        rig.asked.push(`${id} ${String(request[0])}`);
        const hello = hellos[id];
        scheduler.after(1, () => {
          if (hello === null || hello === undefined) done(new Error("nobody"));
          else done(null, { hello: helloOf({ nodeId: id, ...hello }), reply: ["taken"] });
        });
      },
    },
    clock: scheduler.clock(0),
    words: { enabled: () => true, write: (_level, message) => rig.words.push(message) },
  });
  made.start(() => rig.rounds++);
  return Object.assign(rig, { handover: made });
}

test("the genesis goes to founders that are empty and bear the incarnation it names, to no others", () => {
  const rig = handover({ b: { incarnation: 101 }, c: { incarnation: 999 } });
  rig.scheduler.runUntil(50);
  assert.equal(rig.asked, ["b hello", "c hello", "b genesis"]);
  assert.is(rig.rounds, 1);
  assert.match(rig.words.join(), /the directory of c was lost.*draft admin replace c/);
  rig.handover.stop();
});

test("the genesis is never given to a node that holds something, of this cluster or another", () => {
  const rig = handover({ b: { incarnation: 101, clusterId: "c1" }, c: { incarnation: 102, clusterId: "c2" } });
  rig.scheduler.runUntil(3000);
  assert.not.ok(rig.asked.some((each) => each.endsWith("genesis")));
  rig.handover.stop();
});

test("founders that do not answer are asked again, less and less often, until they are linked", () => {
  const rig = handover({ b: null, c: null });
  rig.scheduler.runUntil(20_000);
  const asked = rig.asked.length;
  assert.ok(asked > 10 && asked < 40, String(asked));
  rig.link.add(2).add(3);
  rig.scheduler.runUntil(60_000);
  assert.ok(rig.asked.length <= asked + 2);
  assert.not.ok(rig.scheduler.step(), "no timer is left");
});

test("stop() asks nobody any more", () => {
  const rig = handover({ b: { incarnation: 101 }, c: null });
  rig.handover.stop();
  rig.scheduler.runUntil(5000);
  assert.equal(rig.asked, ["b hello", "c hello"]);
  assert.is(rig.rounds, 0);
});

test.run();
