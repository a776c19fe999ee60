import { test } from "uvu";
import * as assert from "uvu/assert";
import { encode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Done } from "../../src/base/task.ts";
import { decodeGenesis, encodeGenesis, type Genesis } from "../../src/node/genesis.ts";
import { encodeWelcome, Introductions, type Membership, Told, type WelcomeOffer } from "../../src/node/introductions.ts";
import { Neighbours, type NeighboursOptions } from "../../src/node/neighbours.ts";
import type { Hello } from "../../src/net/hello.ts";
import type { ProbeReply } from "../../src/net/transport.ts";
import { encodeConfiguration, genesisConfiguration } from "../../src/raft/configuration.ts";
import type { Configuration } from "../../src/raft/types.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import kv from "../../plugins/kv/kv.ts";

const FOUNDERS = ["a", "b", "c"].map((id, at) => ({ id, address: `${id}:1`, incarnation: 100 + at }));
const GENESIS: Genesis = { clusterId: "c1", machine: "kv", machineVersion: 1, foundedMs: 5, configuration: genesisConfiguration(FOUNDERS) };

/** A node that is introduced. */
class Node {
  clusterId = "";
  isJoining = false;
  alone: boolean | null = null;
  readonly taken: Membership[] = [];
  readonly met: string[] = [];
  whyNotYet: string | null = null;
  /** What its log says, once it is in a cluster. */
  commitIndex = 0;
  configurations: readonly Configuration[] = [GENESIS.configuration];
  isUnused = true;
  readonly failures: DraftError[] = [];
  readonly dialled: string[] = [];
  readonly introductions: Introductions;

  constructor(id = "a", incarnation = 100) {
    const clusterId = (): string => this.clusterId;
    this.introductions = new Introductions({
      settings: { id, address: `${id}:1`, frameBytesMax: 65536, founding: null, priority: 0 } as never,
      plugin: kv,
      sourceDigest: "shipped kv 1",
      dataDir: {
        path: "/data",
        get identity() {
          return { nodeId: id, incarnation, clusterId: clusterId(), memberNumber: 0, welcome: null, bootCount: 1, fallenBack: "" };
        },
      } as never,
      main: () => this.alone === null ? null : { state: { configurations: this.configurations, commitIndex: this.commitIndex }, applier: { checks: { isUnused: this.isUnused } } } as never,
      met: (hello) => {
        this.met.push(hello.nodeId);
        return this.whyNotYet;
      },
      beginnings: () => ({ dialledBy: (hello: Hello) => void this.dialled.push(hello.clusterId) }),
      whyFallenBack: () => "",
      whereabouts: () => ["b:1"],
      join: (_hello, _request, remote, answer) => answer(["join", "no", remote]),
      isJoining: () => this.isJoining,
      take: (membership) => this.taken.push(membership),
      failed: (error) => this.failures.push(error),
    });
  }

  give(genesis: Uint8Array, offer: Partial<WelcomeOffer> = {}): unknown {
    return this.probed(helloOf({}), encodeWelcome({ genesis, clusterId: "", number: 1, incarnation: 100, index: 0, witness: false, ...offer }))?.[0] ?? "later";
  }

  probed(hello: Hello, request: readonly unknown[]): readonly unknown[] | null {
    let reply: readonly unknown[] | null = [];
    this.introductions.probed(hello, request, (answer) => (reply = answer), "10.0.0.9:5");
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

test("a cluster that is called otherwise than it was founded says so, and an older release says nothing of it", () => {
  const node = new Node();
  node.give(encodeGenesis(GENESIS), { clusterId: "c2", number: 7, index: 40 });
  const whole = encodeWelcome({ genesis: encodeGenesis(GENESIS), clusterId: "c2", number: 1, incarnation: 100, index: 0, witness: false });
  node.probed(helloOf({}), whole.slice(0, 5));
  assert.equal(node.taken.map(({ clusterId, number, index }) => [clusterId, number, index]), [["c2", 7, 40], ["", 1, 0]]);
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
  assert.is(new Node().give(encodeGenesis(GENESIS), { number: 2 }), "another incarnation");
  assert.is(member.give(encodeGenesis(GENESIS)), "not empty");
  assert.is(joining.give(encodeGenesis(GENESIS)), "not empty");
  assert.is(new Node().give(encodeGenesis({ ...GENESIS, machine: "sql" })), "another machine than kv");
});

test("a probe that is none of this version is answered with nothing; a malformed genesis is refused", () => {
  const node = new Node();
  const whole = encodeWelcome({ genesis: encodeGenesis(GENESIS), clusterId: "", number: 1, incarnation: 100, index: 0, witness: false });
  const requests = [[], ["other"], ["welcome"], ["welcome", "text"], [...whole.slice(0, 2), 0, ...whole.slice(3)], [...whole.slice(0, 4), -1], [...whole, 7]];
  for (const request of requests) assert.is(node.probed(helloOf({}), request), null);
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
  node.whyNotYet = "b was further than it says";
  assert.is(node.introductions.admit(helloOf({ clusterId: "c1" })), "b was further than it says");
  node.whyNotYet = null;
});

test("M24: a lone founder that another cluster dials fails; one among others, or with something written, does not", () => {
  const lone: Configuration = { ...GENESIS.configuration, members: GENESIS.configuration.members.slice(0, 1) };
  const cases = [
    { configurations: [lone], isUnused: true, fails: true }, { configurations: [lone], isUnused: false, fails: false },
    { configurations: [{ ...lone, index: 7 }], isUnused: true, fails: false }, { configurations: [GENESIS.configuration], isUnused: true, fails: false },
  ];
  for (const { fails, ...says } of cases) {
    const node = new Node();
    Object.assign(node, { clusterId: "c1", alone: true, ...says });
    node.introductions.dialledByStranger(helloOf({ clusterId: "c2", nodeId: "b" }));
    assert.equal(node.failures.map(({ code }) => code), fails ? ["WRONG_IDENTITY"] : []);
  }
});

test("M17: who was removed is not let in, and is told so; who is still to come is", () => {
  const node = new Node();
  Object.assign(node, { clusterId: "c1", alone: false, commitIndex: 20 });
  const members = GENESIS.configuration.members.slice(0, 2);
  node.configurations = [{ index: 12, joint: false, members, nextMemberNumber: 5 }];
  const toldTo = (fields: Partial<Hello>): readonly unknown[] | null => node.probed(helloOf({ clusterId: "c1", ...fields }), ["hello"]);
  const admitted = (fields: Partial<Hello>): string | null => node.introductions.admit(helloOf({ clusterId: "c1", ...fields }));
  const welcomedAt = (welcomeIndex: number): Partial<Hello> => ({ groups: [{ group: 1, empty: false, welcomeIndex, edited: 0, damage: 0, term: 0, durableIndex: 0 }] });
  const gone = [
    { nodeId: "c", memberNumber: 3, incarnation: 102 }, { nodeId: "b", memberNumber: 2, incarnation: 999 },
    // The entry that was to take it in stood at an index where something else was committed.
    { nodeId: "d", memberNumber: 5, incarnation: 103, ...welcomedAt(15) },
  ];
  const present = [
    { nodeId: "b", memberNumber: 2, incarnation: 101 }, { nodeId: "d", memberNumber: 5, incarnation: 103, ...welcomedAt(21) },
    { nodeId: "e", memberNumber: 9, incarnation: 104 },
  ];
  for (const each of gone) {
    assert.equal(toldTo(each), ["hello", Told.gone, 20]);
    assert.match(String(admitted(each)), /is no member any more/);
  }
  for (const each of present) {
    assert.equal(toldTo(each), ["hello", Told.nothing, 20]);
    assert.is(admitted(each), null);
  }
  assert.equal(node.met, ["b", "d", "e"]);
  assert.equal(toldTo({ clusterId: "", memberNumber: 3 }), ["hello", Told.nothing, 0]);
});

test("M17: a removal that is not committed is held against nobody", () => {
  const node = new Node();
  Object.assign(node, { clusterId: "c1", alone: false, commitIndex: 11 });
  node.configurations = [GENESIS.configuration, { index: 12, joint: false, members: GENESIS.configuration.members.slice(0, 2), nextMemberNumber: 4 }];
  assert.is(node.introductions.admit(helloOf({ clusterId: "c1", nodeId: "c", memberNumber: 3, incarnation: 102 })), null);
  node.commitIndex = 12;
  assert.is.not(node.introductions.admit(helloOf({ clusterId: "c1", nodeId: "c", memberNumber: 3, incarnation: 102 })), null);
});

/** What `a`, with members b and c that say `hellos`, asks them. */
function neighbours(hellos: Record<string, Partial<Hello> | null>, options: Partial<NeighboursOptions> = {}, told: readonly unknown[] = []): { asked: string[]; words: string[]; removed: string[]; fallen: string[]; link: Set<number>; scheduler: Scheduler; neighbours: Neighbours; rounds: number } {
  const scheduler = new Scheduler();
  const rig = { asked: [] as string[], words: [] as string[], removed: [] as string[], fallen: [] as string[], link: new Set<number>(), scheduler, rounds: 0 };
  const made = new Neighbours({
    genesis: encodeGenesis(GENESIS), founders: GENESIS.configuration, self: 1, isLinked: (member) => rig.link.has(member),
    configuration: () => GENESIS.configuration,
    leads: () => false,
    clusterId: "c1", hints: [], whereIs: ({ address }) => address, met: () => {},
    removed: (by, index) => rig.removed.push(`${by.id} ${index}`),
    markOf: () => ({ bootId: 0, term: 0, index: 0 }),
    fell: (member, why) => rig.fallen.push(`${member.id} fell: ${why}`),
    fallen: (by, why) => rig.fallen.push(`${by.id} says: ${why}`),
    transport: {
      probe: (address: string, request: readonly unknown[], _timeoutMs: number, done: Done<ProbeReply>) => {
        const id = address.slice(0, 1);
        rig.asked.push([id, request[0], ...request.slice(2)].join(" "));
        const hello = hellos[id];
        scheduler.after(1, () => {
          if (hello === null || hello === undefined) done(new Error("nobody"));
          else done(null, { hello: helloOf({ nodeId: id, ...hello }), reply: request[0] === "hello" ? ["hello", ...told] : ["taken"] });
        });
      },
    },
    clock: scheduler.clock(0),
    words: { enabled: () => true, write: (_level, message) => rig.words.push(message) },
    ...options,
  });
  made.start(() => rig.rounds++);
  return Object.assign(rig, { neighbours: made });
}

test("the genesis goes to founders that are empty and bear the incarnation it names, to no others", () => {
  const rig = neighbours({ b: { incarnation: 101 }, c: { incarnation: 999 } });
  rig.scheduler.runUntil(50);
  assert.equal(rig.asked, ["b hello", "c hello", "b welcome 2 101 0"]);
  assert.is(rig.rounds, 1);
  assert.match(rig.words.join(), /the directory of c was lost.*draft admin replace c/);
  rig.neighbours.stop();
});

test("the genesis is never given to a node that holds something, of this cluster or another", () => {
  const rig = neighbours({ b: { incarnation: 101, clusterId: "c1" }, c: { incarnation: 102, clusterId: "c2" } });
  rig.scheduler.runUntil(3000);
  assert.not.ok(rig.asked.some((each) => each.includes("welcome")));
  rig.neighbours.stop();
});

test("founders that do not answer are asked again, less and less often, until they are linked", () => {
  const rig = neighbours({ b: null, c: null });
  rig.scheduler.runUntil(20_000);
  const asked = rig.asked.length;
  assert.ok(asked > 10 && asked < 40, String(asked));
  rig.link.add(2).add(3);
  rig.scheduler.runUntil(60_000);
  assert.ok(rig.asked.length <= asked + 2);
  assert.not.ok(rig.scheduler.step(), "no timer is left");
});

test("a later member is welcomed by the leader alone, as the configuration in force names it", () => {
  const later = { ...GENESIS.configuration.members[0]!, number: 7, id: "b", address: "b:1", incarnation: 777 };
  const configuration = (): Configuration => ({ index: 40, joint: false, members: [...GENESIS.configuration.members.slice(0, 1), later], nextMemberNumber: 8 });
  for (const leads of [false, true]) {
    const rig = neighbours({ b: { incarnation: 777 } }, { configuration, leads: () => leads });
    rig.scheduler.runUntil(50);
    assert.equal(rig.asked, leads ? ["b hello", "b welcome 7 777 40"] : ["b hello"]);
    rig.neighbours.stop();
  }
});

test("a member that says that this node is none is believed; a stranger under its name is not", () => {
  const told = [Told.gone, 33];
  for (const [fields, removed] of [[{ incarnation: 101 }, ["b 33"]], [{ incarnation: 5 }, []], [{ incarnation: 101, nodeId: "z" }, []]] as const) {
    const rig = neighbours({ b: { clusterId: "c1", ...fields } }, {}, told);
    rig.scheduler.runUntil(50);
    assert.equal(rig.removed, removed);
    rig.neighbours.stop();
  }
});

test("D18: one that holds less than it once did is told of, and who says so of this node is believed", () => {
  const mark = { bootId: 2, term: 5, index: 9 };
  const group = { group: 1, empty: false, welcomeIndex: 0, edited: 0, damage: 0, term: 5, durableIndex: 8 };
  const rig = neighbours({ b: { incarnation: 101, clusterId: "c1", bootId: 3, groups: [group] } }, { markOf: () => mark }, [Told.nothing, 9]);
  rig.scheduler.runUntil(50);
  assert.equal(rig.fallen, ["b fell: it acknowledged entries up to 9, and holds those up to 8"]);
  rig.neighbours.stop();
  const told = neighbours({ b: { incarnation: 101, clusterId: "c1" } }, {}, [Told.fallenBack, 9, "so many"]);
  told.scheduler.runUntil(50);
  assert.equal(told.fallen, ["b says: so many"]);
  told.neighbours.stop();
  const dead = neighbours({ b: { incarnation: 101, clusterId: "c1", groups: [{ ...group, damage: 3 }] } }, { markOf: () => mark });
  dead.scheduler.runUntil(50);
  assert.equal(dead.fallen, []);
  assert.match(dead.words.join(), /the directory of b is an older copy.*empty the directory, start it, then type: draft admin replace b b@b:1/);
  dead.neighbours.stop();
});

test("watch() looks again for who is not linked any more", () => {
  const rig = neighbours({ b: { clusterId: "c1", incarnation: 101 }, c: { clusterId: "c1", incarnation: 102 } });
  rig.link.add(2).add(3);
  rig.scheduler.runUntil(10_000);
  const asked = rig.asked.length;
  rig.link.delete(3);
  rig.neighbours.watch();
  rig.scheduler.runUntil(10_500);
  assert.ok(rig.asked.length > asked);
  assert.ok(rig.asked.slice(asked).every((each) => each === "c hello"));
  rig.neighbours.stop();
});

test("stop() asks nobody any more", () => {
  const rig = neighbours({ b: { incarnation: 101 }, c: null });
  rig.neighbours.stop();
  rig.scheduler.runUntil(5000);
  assert.equal(rig.asked, ["b hello", "c hello"]);
  assert.is(rig.rounds, 0);
});

test.run();
