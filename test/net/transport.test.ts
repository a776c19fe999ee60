import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { encode } from "../../src/base/codec.ts";
import { EntryKind } from "../../src/base/entry.ts";
import type { Socket } from "../../src/host/host.ts";
import { ConnectionKind, Lane, writePreface } from "../../src/net/frame.ts";
import { FrameWriter } from "../../src/net/frame_writer.ts";
import { encodeHello, type Hello } from "../../src/net/hello.ts";
import { writeMessage } from "../../src/net/message_codec.ts";
import { HANDSHAKES_MAX, type ProbeReply } from "../../src/net/transport.ts";
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

interface Dialled {
  readonly socket: Socket;
  received: number;
  closed: boolean;
}

/** Connects to `to` and writes `parts`, from a host that is no node. */
function stranger(world: SimWorld, to: TestNode, parts: readonly Uint8Array[]): Dialled {
  let dialled: Dialled | null = null;
  world.net.host("stranger").dial({ host: to.hello.nodeId, port: 7100 }, 1000, (...[error, socket]) => {
    if (error !== null) throw error;
    const made: Dialled = { socket, received: 0, closed: false };
    socket.open({
      data: (bytes) => {
        made.received += bytes.length;
      },
      drained: () => undefined,
      closed: () => {
        made.closed = true;
      },
    });
    socket.write(parts);
    dialled = made;
  });
  world.run(100);
  return dialled as unknown as Dialled;
}

function frames(...bodies: Uint8Array[]): Uint8Array {
  const writer = new FrameWriter();
  for (const body of bodies) writer.add(body);
  return concatBytes(writer.take());
}

function opening(hello: Hello, lane: number = Lane.control): Uint8Array {
  return concatBytes([writePreface(ConnectionKind.peer, lane), frames(encodeHello(hello))]);
}

function frameOf(message: Message): Uint8Array {
  const writer = new FrameWriter();
  writeMessage(writer, message, []);
  return concatBytes(writer.take());
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

test("N06 unknown senders are refused by the node's own rule, and told why", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  b.admit = (hello) => hello.incarnation === a.hello.incarnation ? null : `no member ${hello.memberNumber} of incarnation ${hello.incarnation}`;
  a.transport.setPeers([peerOf(b)]);
  world.run(100);
  assert.equal(a.links, ["up 2"]);
  const refused = stranger(world, b, [opening(helloOf("a", 1, { incarnation: 5 })), frameOf(heartbeat(a, b, 1))]);
  assert.equal([refused.closed, b.heard.length, b.transport.counters.of("refused")], [true, 0, 1]);
  assert.ok(refused.received > 20);
});

test("N06 messages of or for somebody else are dropped and counted, one by one", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const good = heartbeat(a, b, 1);
  const { counters } = b.transport;
  stranger(world, b, [
    opening(a.hello),
    frameOf({ ...good, from: 3 }),
    frameOf({ ...good, fromIncarnation: 3 }),
    frameOf({ ...good, to: 3 }),
    frameOf(good),
  ]);
  assert.equal([counters.of("wrongSender"), counters.of("wrongAddressee"), b.heard.length], [2, 1, 1]);
});

test("N07 messages of unknown kinds are ignored, malformed ones close the connection", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const good = frameOf(heartbeat(a, b, 1));
  const unknown = stranger(world, b, [opening(a.hello), frames(encode([63, { x: 1 }])), good]);
  assert.equal([unknown.closed, b.heard.length, b.transport.counters.of("unknownKind")], [false, 1, 1]);
  const bads = [frames(encode([5, "x"])), frames(encode({})), frames(Uint8Array.of(0xff)), new Uint8Array(8), new Uint8Array(100).fill(255)];
  for (const bad of bads) assert.is(stranger(world, b, [opening(a.hello), bad, good]).closed, true);
  assert.equal([b.transport.counters.of("malformed"), b.heard.length], [bads.length, 1]);
});

test("prefaces of other kinds and versions, old protocols and lanes that are not served are refused", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const hello = opening(a.hello);
  for (const [at, value] of [[0, 0x16], [4, 2], [5, 2]] as const) {
    const bad = hello.slice();
    bad[at] = value;
    assert.is(stranger(world, b, [bad]).closed, true);
  }
  assert.is(b.transport.counters.of("malformed"), 3);
  assert.is(stranger(world, b, [opening({ ...a.hello, protocolVersion: 0 })]).closed, true);
  assert.is(b.transport.counters.of("oldProtocol"), 1);
  for (const lane of [Lane.snapshot, 200]) assert.is(stranger(world, b, [opening(a.hello, lane)]).closed, true);
  assert.is(stranger(world, b, [opening({ ...a.hello, protocolVersion: 99, featureLevel: 99 })]).closed, false);
});

test("silent connections end after ten seconds, and their number is bounded", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const silent = Array.from({ length: HANDSHAKES_MAX }, (_, i) => stranger(world, b, [opening(a.hello).subarray(0, 1 + i % 40)]));
  assert.equal(silent.map(({ closed }) => closed), silent.map(() => false));
  assert.is(stranger(world, b, [opening(a.hello)]).closed, true);
  assert.is(b.transport.counters.of("handshakesFull"), 1);
  world.run(11_000);
  assert.equal(silent.map(({ closed }) => closed), silent.map(() => true));
  assert.is(b.transport.counters.of("handshakeTimeout"), HANDSHAKES_MAX);
  assert.is(stranger(world, b, [opening(a.hello)]).closed, false);
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
  assert.is(a.transport.counters.of("dropped"), 37, "three of 300 KB fit the 1 MiB queue");
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
  assert.ok(a.transport.counters.of("dropped") > 10_000);
  world.run(2500);
  const last = b.heard.at(-1);
  assert.is(last?.type === "heartbeat" ? last.round : 0, 60_000);
});

test("N10 of two connections of one peer the newer serves, and doubled frames arrive twice", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const good = frameOf(heartbeat(a, b, 1));
  const first = stranger(world, b, [opening(a.hello), good]);
  const second = stranger(world, b, [opening(a.hello), good, good]);
  const bulk = stranger(world, b, [opening(a.hello, Lane.bulk)]);
  assert.equal([first.closed, second.closed, bulk.closed], [true, false, false]);
  assert.is(b.heard.length, 3);
  assert.is(b.transport.counters.of("replaced"), 1);
});

test("a newer boot closes all connections of the older, which gets none any more", () => {
  const world = simWorld(2);
  const [a, b] = two(world);
  const control = stranger(world, b, [opening(a.hello)]);
  const bulk = stranger(world, b, [opening(a.hello, Lane.bulk)]);
  const newer = stranger(world, b, [opening({ ...a.hello, bootId: 2 })]);
  assert.equal([control.closed, bulk.closed, newer.closed], [true, true, false]);
  assert.is(stranger(world, b, [opening(a.hello, Lane.bulk)]).closed, true);
  assert.equal([newer.closed, b.transport.counters.of("oldBoot")], [false, 1]);
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
