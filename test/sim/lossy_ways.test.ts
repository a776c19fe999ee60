import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../plugins/kv/kv.ts";
import type { Mark } from "../../src/sim/marks.ts";
import type { Rates } from "../../src/sim/lossy_ways.ts";
import { runSeed } from "../../src/sim/run_seed.ts";
import { drawScript } from "../../src/sim/swarm.ts";
import { heartbeat, linkAll, type SimWorld, simWorld, startSimNode, type TestNode } from "../net/nodes.ts";

const SOUND: Rates = { lost: 0, doubled: 0, late: 0, kept: 0, lateMs: 10 };

/** Two linked nodes; what `a` sends to `b` fares by `rates`. */
function lossy(rates: Partial<Rates>, seed = 1): { world: SimWorld; a: TestNode; b: TestNode; how: string[] } {
  const world = simWorld(2, { seed });
  linkAll(world.nodes);
  world.run(100);
  const how: string[] = [];
  world.net.ways.arrived = (each) => how.push(each);
  world.net.ways.spoil("a", "b", { ...SOUND, ...rates });
  return { world, a: world.nodes[0] as TestNode, b: world.nodes[1] as TestNode, how };
}

function talk(world: SimWorld, from: TestNode, to: TestNode, rounds: readonly number[]): void {
  for (const round of rounds) {
    from.transport.send(to.hello.memberNumber, heartbeat(from, to, round));
    from.transport.flush();
    world.run(2);
  }
}

function rounds(node: TestNode): number[] {
  return node.heard.map((message) => message.type === "heartbeat" ? message.round : -1);
}

const ASCENDING: readonly number[] = Array.from({ length: 100 }, (_, at) => at + 1);

test("a way loses what its rate says, in that direction alone, and its connection lives", () => {
  const { world, a, b } = lossy({ lost: 0.3 });
  talk(world, a, b, ASCENDING);
  talk(world, b, a, ASCENDING);
  world.run(100);
  assert.ok(b.heard.length > 55 && b.heard.length < 85, `${b.heard.length} of 100`);
  assert.equal([rounds(a), world.net.ways.counts.get("message-lost")], [ASCENDING, 100 - b.heard.length]);
  const all = lossy({ lost: 1 });
  for (let second = 0; second < 10; second++) {
    talk(all.world, all.a, all.b, [second]);
    all.world.run(1000);
  }
  assert.equal([all.b.heard.length, all.a.links, all.a.transport.counters.of("pingTimeout")], [0, ["up 2"], 0]);
});

test("probes and their answers are no messages of the core", () => {
  const { world, a } = lossy({ lost: 1 });
  let answer: readonly unknown[] | null = null;
  a.transport.probe("b:7100", ["who"], 2000, (...[error, reply]) => {
    if (error === null) answer = reply.reply;
  });
  world.run(100);
  assert.equal(answer, ["answer", "who"]);
});

test("N10 a message comes twice", () => {
  const { world, a, b } = lossy({ doubled: 1 });
  talk(world, a, b, [1, 2, 3]);
  world.run(100);
  assert.equal(rounds(b), [1, 1, 2, 2, 3, 3]);
});

test("a message that is late is overtaken, and comes all the same; the same seed does the same", () => {
  const [one, again, other] = [7, 7, 8].map((seed) => {
    const { world, a, b, how } = lossy({ late: 0.3 }, seed);
    talk(world, a, b, ASCENDING);
    world.run(2000);
    assert.equal(rounds(b).toSorted((x, y) => x - y), ASCENDING);
    assert.ok(how.length > 10 && how.every((each) => each === "overtaken"), `${how.length} overtaken`);
    return rounds(b);
  });
  assert.is.not(one?.join(), ASCENDING.join());
  assert.equal(one, again);
  assert.is.not(one?.join(), other?.join());
});

test("N10 what was written into a connection that is lost comes in the next one, once more or late", () => {
  for (const rates of [{ kept: 1 }, { late: 1, lateMs: 400 }]) {
    const { world, a, b, how } = lossy(rates);
    talk(world, a, b, [1, 2, 3]);
    const before = b.heard.length;
    world.net.reset("a", "b");
    world.run(200);
    world.net.ways.mend();
    talk(world, a, b, [4]);
    world.run(5000);
    assert.equal(rounds(b).slice(before).toSorted((x, y) => x - y), before === 3 ? [1, 2, 3, 4] : [1, 2, 3, 4].slice(before));
    assert.is(how.filter((each) => each === "in a later connection").length, 3, JSON.stringify(rates));
  }
});

test("a message of an earlier boot comes in a connection of the later one", () => {
  const { world, a, b } = lossy({ kept: 1 });
  talk(world, a, b, [1]);
  world.net.crash("a");
  const later = startSimNode(world.scheduler, world.net, { ...a.hello, bootId: a.hello.bootId + 1 });
  later.transport.setPeers([{ number: 2, incarnation: b.hello.incarnation, id: "b", address: "b:7100" }]);
  world.run(500);
  talk(world, later, b, [2]);
  world.run(500);
  assert.equal(rounds(b), [1, 2, 1]);
  assert.equal(b.from.map(({ bootId }) => bootId), [1, 2, 2]);
});

test("of what is kept for a later connection there is a bound", () => {
  const { world, a, b } = lossy({ kept: 1 });
  talk(world, a, b, ASCENDING);
  world.net.reset("a", "b");
  world.run(500);
  talk(world, a, b, [101]);
  world.run(500);
  assert.equal(rounds(b).slice(101).toSorted((x, y) => x - y), [93, 94, 95, 96, 97, 98, 99, 100]);
});

test("ways are drawn for some of the seeds that have faults, and shift nothing else", () => {
  const drawn = Array.from({ length: 300 }, (_, seed) => drawScript(seed));
  const count = drawn.filter(({ settings }) => settings.ways !== undefined).length;
  assert.ok(count > 75 && count < 135, `${count} of 300`);
  const { settings: { ways, ...settings }, ...rest } = drawScript(5, { ways: true });
  assert.ok(ways !== undefined && ways.length > 2 && ways.every(({ lost }) => lost <= 0.3));
  assert.equal({ settings, ...rest }, drawScript(5, { ways: false }));
  assert.is(drawScript(5, { quiet: true }).settings.ways, undefined);
});

/** What whole nodes must have met on lossy ways. */
const MET: readonly Mark[] = [
  "message overtaken", "message came in a later connection", "doubled vote ignored", "late vote ignored",
  "message of an old term came to a leader", "shorter append after a longer one", "late refusal ignored", "stream reopened after lost answers",
  "commit held back to what matched", "late read answer ignored", "forwarded read timed out",
];

test("R06 R07 R08 R11 R19 E05 E09 L02 L03 N10: whole nodes bear lost, doubled, late and old messages", async () => {
  const met = new Set<string>();
  for (let seed = 2000; seed < 2014; seed++) {
    const { violation, marks } = await runSeed(seed, { plugin: kv, ways: true });
    assert.is(violation, null, `seed ${seed}: ${violation?.message}`);
    for (const [mark, count] of Object.entries(marks)) if (count > 0) met.add(mark);
  }
  assert.equal(MET.filter((mark) => !met.has(mark)), []);
});

test.run();
