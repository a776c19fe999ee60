import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import { Lane } from "../../src/net/frame.ts";
import { type Hello } from "../../src/net/hello.ts";
import { type ProbeReply } from "../../src/net/transport.ts";
import type { Message } from "../../src/raft/message.ts";
import { heartbeat, linkAll, peerOf, type SimWorld, simWorld, startSimNode, type TestNode } from "./nodes.ts";
import { APPEND_REQUEST, helloOf, runOf } from "./samples.ts";

function two(world: SimWorld): [TestNode, TestNode] {
  return [world.nodes[0] as TestNode, world.nodes[1] as TestNode];
}

function send(from: TestNode, to: TestNode, message: Message, runs: readonly Uint8Array[] = []): void {
  from.transport.send(to.hello.memberNumber, message, runs);
  from.transport.flush();
}

function append(from: TestNode, bytes: number): { message: Message; runs: Uint8Array[] } {
  const run = runOf(9, 77, [{ kind: EntryKind.command, payload: new Uint8Array(bytes).fill(1), term: 4 }]);
  return { message: { ...APPEND_REQUEST, fromIncarnation: from.hello.incarnation, lastIndex: 10 }, runs: [run] };
}

test("links come up, messages of all kinds of lanes arrive in order", () => {
  const world = simWorld(3);
  linkAll(world.nodes);
  world.run(100);
  const [a, b] = two(world);
  assert.equal(a.links.toSorted(), ["up 2", "up 3"]);
  const { message, runs } = append(a, 5000);
  for (let round = 1; round <= 20; round++) a.transport.send(2, heartbeat(a, b, round));
  a.transport.send(2, message, runs);
  a.transport.flush();
  world.run(100);
  assert.equal(b.heard.flatMap((each) => each.type === "heartbeat" ? [each.round] : []), Array.from({ length: 20 }, (_, i) => i + 1));
  const arrived = b.heard.find((each) => each.type === "appendRequest");
  assert.is(arrived?.type === "appendRequest" ? arrived.entries.length : 0, 1);
  assert.is(b.from[0]?.nodeId, "a");
});

test("nothing leaves before flush(), and then in one write a connection", () => {
  const world = simWorld(2, { cutOneIn: 0 });
  linkAll(world.nodes);
  world.run(100);
  const [a, b] = two(world);
  const before = world.net.counters.get("delivered") ?? 0;
  for (let round = 1; round <= 100; round++) a.transport.send(2, heartbeat(a, b, round));
  world.run(100);
  assert.is(b.heard.length, 0);
  a.transport.flush();
  world.run(100);
  assert.is(b.heard.length, 100);
  assert.is((world.net.counters.get("delivered") ?? 0) - before, 2, "the heartbeats with a ping, and its pong");
});

test("a lost connection is told, dialled again, and told again", () => {
  const world = simWorld(2);
  linkAll(world.nodes);
  world.run(100);
  const [a, b] = two(world);
  world.net.reset("a", "b");
  world.run(500);
  assert.equal(a.links, ["up 2", "down 2", "up 2"]);
  send(a, b, heartbeat(a, b, 1));
  world.run(100);
  assert.is(b.heard.length, 1);
});

test("a link is up only when both of its connections are", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  b.admit = (_hello, lane) => lane === Lane.control ? null : "not on this lane";
  a.transport.setPeers([peerOf(b)]);
  world.run(1000);
  assert.equal([a.links, a.transport.isUp(2)], [[], false]);
  b.admit = () => null;
  world.run(3000);
  assert.equal(a.links, ["up 2"]);
});

test("a peer that is down is dialled with backoff, not in a loop", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  world.net.crash("b");
  a.transport.setPeers([peerOf(b)]);
  world.run(60_000);
  const dials = a.transport.counters.of("dialled");
  assert.ok(dials > 2 * 60 / 2 && dials < 120, `dialled ${dials}`);
  startSimNode(world.scheduler, world.net, b.hello);
  world.run(2100);
  assert.equal(a.links, ["up 2"]);
});

test("a peer that dials is dialled at once, however long the backoff has grown", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  world.net.crash("b");
  a.transport.setPeers([peerOf(b)]);
  world.run(60_000);
  const again = startSimNode(world.scheduler, world.net, b.hello);
  again.transport.setPeers([peerOf(a)]);
  world.run(50);
  assert.equal([a.links, again.links], [["up 2"], ["up 1"]]);
});

test("a silent cut is found by pings, and the link comes back when it heals", () => {
  const world = simWorld(2);
  linkAll(world.nodes);
  world.run(2000);
  const [a, b] = two(world);
  world.net.cut("a", "b");
  for (let i = 0; i < 100; i++) {
    send(a, b, heartbeat(a, b, i));
    world.run(60);
  }
  assert.is(a.transport.counters.of("pingTimeout"), 1);
  assert.equal(a.links.slice(0, 2), ["up 2", "down 2"]);
  world.net.heal("a", "b");
  world.run(8000);
  send(a, b, heartbeat(a, b, 777));
  world.run(100);
  assert.is(a.links.at(-1), "up 2");
  assert.ok(b.heard.some((each) => each.type === "heartbeat" && each.round === 777));
});

test("an idle link sends nothing", () => {
  const world = simWorld(2);
  linkAll(world.nodes);
  world.run(1000);
  const before = world.net.counters.get("bytes");
  world.run(600_000);
  assert.is(world.net.counters.get("bytes"), before);
  assert.equal(world.nodes.map(({ links }) => links.length), [1, 1]);
});

test("N06 a peer that is another node, incarnation, member or cluster gets no messages", () => {
  const changes: Partial<Hello>[] = [{ nodeId: "x" }, { incarnation: 9 }, { memberNumber: 9 }, { clusterId: "other" }];
  for (const change of changes) {
    const world = simWorld(2);
    const [a, b] = two(world);
    const peer = peerOf(b);
    b.hello = { ...b.hello, ...change };
    a.transport.setPeers([peer]);
    for (let i = 0; i < 50; i++) {
      send(a, b, heartbeat(a, b, i));
      world.run(100);
    }
    assert.equal([a.links, b.heard], [[], []], JSON.stringify(change));
    const { counters } = change.clusterId === undefined ? a.transport : b.transport;
    assert.ok(counters.of(change.clusterId === undefined ? "wrongPeer" : "wrongCluster") > 2);
  }
});

test("N06 a node that does not know its number yet may be linked to", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const peer = peerOf(b);
  b.hello = { ...b.hello, memberNumber: 0, clusterId: "" };
  a.transport.setPeers([peer]);
  world.run(100);
  send(a, { ...b, hello: helloOf("b", 2) }, heartbeat(a, { ...b, hello: helloOf("b", 2) }, 1));
  world.run(100);
  assert.equal([a.links, b.heard.length], [["up 2"], 1]);
});

test("N09 while bulk is clogged heartbeats pass, and its queue is bounded", () => {
  const world = simWorld(2, { windowBytes: 64 * 1024 });
  linkAll(world.nodes);
  world.run(100);
  const [a, b] = two(world);
  world.net.clog("a", "b", 20);
  const { message, runs } = append(a, 300_000);
  for (let i = 0; i < 40; i++) a.transport.send(2, message, runs);
  a.transport.flush();
  assert.equal([a.transport.counters.of("queueFull"), a.transport.counters.of("dropped")], [37, 0], "three of 300 KB fit the 1 MiB queue");
  const [control, bulk] = a.transport.queuesTo(2);
  assert.ok(control?.bytes === 0 && bulk !== undefined && bulk.bytes > 800_000 && bulk.bytes <= bulk.bytesMax, `${bulk?.bytes} wait`);
  for (let round = 1; round <= 50; round++) {
    send(a, b, heartbeat(a, b, round));
    world.run(60);
    assert.is(b.heard.length, round);
  }
  assert.ok(b.heard.every(({ type }) => type === "heartbeat"));
  world.net.clog("a", "b", null);
  world.run(200);
  assert.is(b.heard.filter(({ type }) => type === "appendRequest").length, 3);
  send(a, b, message, runs);
  world.run(200);
  assert.is(b.heard.filter(({ type }) => type === "appendRequest").length, 4);
  assert.equal(a.links, ["up 2"]);
});

test("a full control queue drops what is out of date, and sends the newest when there is room", () => {
  const world = simWorld(2, { windowBytes: 1000 });
  linkAll(world.nodes);
  world.run(100);
  const [a, b] = two(world);
  world.net.clog("a", "b", 400);
  for (let round = 1; round <= 60_000; round++) {
    a.transport.send(2, heartbeat(a, b, round));
    if (round % 100 === 0) a.transport.flush();
  }
  assert.ok(a.transport.counters.of("queueFull") > 10_000);
  world.run(2500);
  const last = b.heard.at(-1);
  assert.is(last?.type === "heartbeat" ? last.round : 0, 60_000);
});

test("setPeers() closes whom it does not name, also another incarnation of the same number", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  a.transport.setPeers([peerOf(b)]);
  world.run(100);
  a.transport.setPeers([{ ...peerOf(b), incarnation: 77 }]);
  world.run(100);
  send(a, b, heartbeat(a, b, 1));
  world.run(100);
  assert.equal([a.links, b.heard.length, a.transport.isUp(2)], [["up 2"], 0, false]);
  a.transport.setPeers([]);
  world.run(10_000);
  send(a, b, heartbeat(a, b, 1));
  assert.is(world.net.openSockets, 0);
});

test("a peer that moved is dialled at its new address", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  a.transport.setPeers([{ ...peerOf(b), address: "nowhere:1" }]);
  world.run(7000);
  assert.equal(a.links, []);
  a.transport.setPeers([peerOf(b)]);
  world.run(7000);
  assert.equal(a.links, ["up 2"]);
});

test("probe() brings hello and answer, refusals and silence; anybody may ask", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  a.hello = { ...a.hello, clusterId: "", memberNumber: 0 };
  const outcomes: (ProbeReply | Error)[] = [];
  const ask = (address: string, request: unknown[]): void =>
    a.transport.probe(address, request, 2000, (...[error, reply]) => {
      outcomes.push(error === null ? reply : error);
    });
  ask("b:7100", ["who", 1]);
  world.run(100);
  assert.equal(outcomes[0], { hello: b.hello, reply: ["answer", "who", 1] });
  const later = startSimNode(world.scheduler, world.net, helloOf("c", 3), { probe: () => undefined });
  world.run(10);
  for (const [address, request] of [["b:7100", ["no"]], ["c:7100", ["who"]], ["b:7", []], ["nonsense", []]] as const) ask(address, [...request]);
  world.run(3000);
  b.admit = () => "go away";
  ask("b:7100", ["who"]);
  world.run(100);
  const codes = outcomes.slice(1).map((error) => (error as unknown as { code: string }).code);
  assert.equal(codes.toSorted(), ["ECONNREFUSED", "FORBIDDEN", "FORBIDDEN", "UNREACHABLE", "UNREACHABLE"]);
  later.transport.close();
  world.run(10_000);
  assert.is(world.net.openSockets, 0);
});

test("close() leaves no connection and no timer behind", () => {
  const world = simWorld(3);
  linkAll(world.nodes);
  world.run(1000);
  for (const node of world.nodes) node.transport.close();
  world.run(10_000);
  assert.is(world.net.openSockets, 0);
  assert.is(world.scheduler.step(), false);
});

test.run();
