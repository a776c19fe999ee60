import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseAddress } from "../../src/base/address.ts";
import { decode } from "../../src/base/codec.ts";
import { DraftError } from "../../src/base/errors.ts";
import type { Socket } from "../../src/host/host.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import { CLIENT_PROTOCOL, encodeClientHello } from "../../src/net/client_hello.ts";
import { encodeRequest, writeRequestBytesMax, writeWriteRequest } from "../../src/net/client_protocol.ts";
import { ConnectionKind, FrameParser, Lane, writePreface } from "../../src/net/frame.ts";
import { FrameBatch } from "../../src/net/frame_batch.ts";
import { type FakeServer, fakeCluster, serveFake } from "./fake_node.ts";

const test = suite("door");

/** A connection that speaks in frames, by hand. */
class RawClient {
  readonly socket: Socket;
  readonly #parser: FrameParser = new FrameParser(1 << 24);
  readonly bodies: unknown[][] = [];
  /** Pieces in which bytes arrived. */
  pieces = 0;
  closed = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.open({
      data: (bytes) => {
        this.pieces += 1;
        this.#parser.feed(bytes);
        for (let body = this.#parser.next(); body !== null; body = this.#parser.next()) {
          this.bodies.push(decode(new Uint8Array(body)) as unknown[]);
        }
        this.#wake();
      },
      drained: () => {},
      closed: () => {
        this.closed = true;
        this.#wake();
      },
    });
  }

  send(...bodies: Uint8Array[]): void {
    const batch = new FrameBatch();
    for (const body of bodies) batch.append(body);
    this.socket.write([batch.take() ?? new Uint8Array()]);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

function dial(server: FakeServer): Promise<RawClient> {
  const host = createNodeHost(silentLog);
  return new Promise((resolve, reject) => {
    host.net.dial(parseAddress(server.address), 1000, (...[error, socket]) => {
      if (error !== null) reject(error);
      else resolve(new RawClient(socket));
    });
  });
}

function hello(clusterId: string = ""): Uint8Array {
  return encodeClientHello({ protocol: CLIENT_PROTOCOL, clientName: "test", clusterId, forwarded: false, isNode: false, timed: false, token: null });
}

async function greeted(server: FakeServer): Promise<RawClient> {
  const client = await dial(server);
  client.socket.write([writePreface(ConnectionKind.client, Lane.control)]);
  client.send(hello());
  await client.until(() => client.bodies.length === 1);
  return client;
}

function writeRequest(id: number, ...command: [string, ...unknown[]]): Uint8Array {
  const group = new TextEncoder().encode("main");
  const envelope = encodeCommand(command);
  const into = new Uint8Array(writeRequestBytesMax(group.length, envelope.length));
  return into.subarray(0, writeWriteRequest(into, 0, { id, group, timeoutMs: 1000, envelope }));
}

async function withServer(body: (server: FakeServer) => Promise<void>): Promise<void> {
  const server = await serveFake(fakeCluster(), "a");
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

test("a hello is answered with who the node is, its limits and the leader", () =>
  withServer(async (server) => {
    const { bodies, socket } = await greeted(server);
    const { address } = server;
    assert.equal(bodies[0], [1, "c1", "a", address, "0.0.0", [1048576, 1048576, 1024], ["a", address]]);
    socket.destroy();
  }));

test("replies bear the request's id, and leave in one write a turn", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    server.node.onPropose = (_, done) => done({ index: 5, reply: null });
    client.send(...Array.from({ length: 50 }, (_, i) => writeRequest(i + 10, "set", "k", "v")));
    await client.until(() => client.bodies.length === 51);
    assert.equal(client.bodies[1], [10, 0, 5, null]);
    assert.equal(client.bodies[50], [59, 0, 5, null]);
    assert.is(client.pieces, 2);
    client.socket.destroy();
  }));

test("an error bears code, message, outcome, leader and when to try again", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    const leader = { id: "b", address: "h:1" };
    server.node.onPropose = (_, done) => done(new DraftError("TIMEOUT", "too late", { leader, retryAfterMs: 9 }));
    client.send(writeRequest(3, "set", "k", "v"));
    await client.until(() => client.bodies.length === 2);
    assert.equal(client.bodies[1], [3, 1, "TIMEOUT", "too late", 1, "b", "h:1", 9]);
    client.socket.destroy();
  }));

test("requests beyond the limit of the connection are BUSY", () =>
  withServer(async (server) => {
    server.node.inflightMax = 2;
    server.node.onPropose = () => {};
    const client = await greeted(server);
    client.send(...[1, 2, 3].map((id) => writeRequest(id, "set", "k", "v")));
    await client.until(() => client.bodies.length === 2);
    assert.equal(client.bodies[1]?.slice(0, 3), [3, 1, "BUSY"]);
    assert.is(server.node.seen.length, 2);
    client.socket.destroy();
  }));

test("an unknown kind of request is refused, and the connection goes on", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    const unknown = Uint8Array.of(0x84, 7, 0x18, 99, 0x64, 0x6d, 0x61, 0x69, 0x6e, 5);
    client.send(unknown, encodeRequest({ id: 8, kind: "operations", group: "main", timeoutMs: 5 }));
    await client.until(() => client.bodies.length === 3);
    assert.equal(client.bodies[1]?.slice(0, 3), [7, 1, "BAD_REQUEST"]);
    assert.equal(client.bodies[2]?.slice(0, 2), [8, 0]);
    client.socket.destroy();
  }));

for (const [what, bytes] of [
  ["no CBOR", Uint8Array.of(0xff, 0xff)],
  ["no tuple", Uint8Array.of(0x05)],
  ["a negative id", Uint8Array.of(0x84, 0x20, 1, 0x60, 5)],
  ["a group that is no text", Uint8Array.of(0x84, 1, 4, 1, 5)],
  ["a read without command", Uint8Array.of(0x86, 1, 2, 0x60, 5, 0, 0)],
] as const) {
  test(`a request with ${what} ends the connection with one reply and one line in the log`, () =>
    withServer(async (server) => {
      const client = await greeted(server);
      client.send(bytes, bytes);
      await client.until(() => client.closed);
      assert.equal(client.bodies[1]?.slice(0, 3), [0, 1, "BAD_REQUEST"]);
      assert.is(client.bodies.length, 2);
      assert.is(server.logged.length, 1);
    }));
}

test("a frame whose sum does not fit ends the connection", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    client.socket.write([Uint8Array.of(1, 0, 0, 0, 9, 9, 9, 9, 0x05)]);
    await client.until(() => client.closed);
    assert.match(server.logged[0] ?? "", "checksum");
  }));

test("a frame that claims to be longer than the limit ends the connection", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    client.socket.write([Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0)]);
    await client.until(() => client.closed);
    assert.match(server.logged[0] ?? "", "too long");
  }));

test("a client of another cluster is refused", () =>
  withServer(async (server) => {
    const client = await dial(server);
    client.socket.write([writePreface(ConnectionKind.client, Lane.control)]);
    client.send(hello("c9"));
    await client.until(() => client.closed);
    assert.equal(client.bodies[0]?.slice(0, 3), [0, 1, "WRONG_IDENTITY"]);
  }));

for (const [what, bytes] of [
  ["a line that is no request", new TextEncoder().encode("hello, world\r\n")],
  ["TLS", Uint8Array.of(0x16, 3, 1, 0, 200)],
  ["another magic", Uint8Array.of(0xd7, 1, 2, 3, 4, 5, 6, 7)],
  ["a newer version", Uint8Array.of(0xd7, 0x44, 0x52, 0x46, 2, 9, 0, 0)],
] as const) {
  test(`a connection that opens with ${what} is closed with one line in the log`, () =>
    withServer(async (server) => {
      const client = await dial(server);
      client.socket.write([bytes]);
      await client.until(() => client.closed);
      assert.is(server.logged.length, 1);
      assert.is(client.bodies.length, 0);
    }));
}

test("a preface and a hello may come byte by byte", () =>
  withServer(async (server) => {
    const client = await dial(server);
    const batch = new FrameBatch();
    batch.append(hello());
    for (const byte of [...writePreface(ConnectionKind.client, Lane.control), ...(batch.take() ?? [])]) {
      client.socket.write([Uint8Array.of(byte)]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await client.until(() => client.bodies.length === 1);
    assert.is(client.bodies[0]?.[2], "a");
    client.socket.destroy();
  }));

test("stop() refuses new requests and closes after the last reply", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    let finish = (): void => {};
    server.node.onPropose = (_, done) => {
      finish = () => done({ index: 1, reply: "OK" });
    };
    client.send(writeRequest(1, "set", "k", "v"));
    while (server.node.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    server.door.stop();
    client.send(writeRequest(2, "set", "k", "v"));
    await client.until(() => client.bodies.length === 2);
    assert.equal(client.bodies[1]?.slice(0, 3), [2, 1, "STOPPING"]);
    assert.not.ok(client.closed);
    finish();
    await client.until(() => client.closed);
    assert.equal(client.bodies[2], [1, 0, 1, "OK"]);
    assert.equal(client.bodies[3]?.slice(0, 3), [0, 1, "STOPPING"]);
  }));

test("a client that does not read its replies is not read from either", () =>
  withServer(async (server) => {
    const client = await greeted(server);
    const large = "x".repeat(1 << 20);
    server.node.onPropose = (_, done) => done({ index: 1, reply: large });
    client.socket.pause();
    const rounds = 200;
    for (let i = 0; i < rounds; i++) {
      client.send(writeRequest(i + 1, "set", "k", "v"));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const taken = server.node.seen.length;
    assert.ok(taken < rounds / 2, `${taken} of ${rounds} requests were taken`);
    client.socket.resume();
    await client.until(() => client.bodies.length === rounds + 1);
  }));

test("L05: a witness takes reads of every level to the leader, once; without one it says so", async () => {
  const cluster = fakeCluster();
  const leader = await serveFake(cluster, "a");
  const witness = await serveFake(cluster, "w");
  witness.node.isWitness = true;
  try {
    const client = await greeted(witness);
    leader.node.onRead = (command, done) => done({ index: 7, reply: command.join(" ") });
    witness.node.onRead = (_, done) => done(new DraftError("NO_LEADER", "nothing is read here"));
    const levels = ["linearizable", "lease", "stale"] as const;
    client.send(...levels.map((level, at) => encodeRequest({ id: at + 1, kind: "read", group: "main", timeoutMs: 500, level, minIndex: 0, command: ["get", level] })));
    await client.until(() => client.bodies.length === 4);
    assert.equal(client.bodies.slice(1).map((body) => body.slice(1)), levels.map((level) => [0, 7, `get ${level}`]));
    cluster.leader = null;
    client.send(encodeRequest({ id: 9, kind: "read", group: "main", timeoutMs: 500, level: "stale", minIndex: 0, command: ["get", "k"] }));
    await client.until(() => client.bodies.length === 5);
    assert.equal(client.bodies[4]?.slice(0, 3), [9, 1, "NO_LEADER"]);
    client.socket.destroy();
  } finally {
    await leader.stop();
    await witness.stop();
  }
});

test.run();
