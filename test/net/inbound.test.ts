import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { encode } from "../../src/base/codec.ts";
import type { Socket } from "../../src/host/host.ts";
import { ConnectionKind, Lane, writePreface } from "../../src/net/frame.ts";
import { FrameWriter } from "../../src/net/frame_writer.ts";
import { encodeHello, type Hello } from "../../src/net/hello.ts";
import { writeMessage } from "../../src/net/message_codec.ts";
import { HANDSHAKES_MAX } from "../../src/net/transport.ts";
import type { Message } from "../../src/raft/message.ts";
import { heartbeat, peerOf, type SimWorld, simWorld, type TestNode } from "./nodes.ts";
import { helloOf } from "./samples.ts";

function two(world: SimWorld): [TestNode, TestNode] {
  return [world.nodes[0] as TestNode, world.nodes[1] as TestNode];
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
  for (const lane of [4, 200]) assert.is(stranger(world, b, [opening(a.hello, lane)]).closed, true);
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

test.run();
