import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Mux } from "../../src/gateway/mux.ts";
import type { Net, Socket, SocketHandlers } from "../../src/host/host.ts";
import { ConnectionKind, Lane, writePreface } from "../../src/net/frame.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";

const test = suite("mux");

class FakeSocket implements Socket {
  readonly remote: string;
  readonly queuedBytes = 0;
  handlers: SocketHandlers | null = null;
  destroyed = false;
  paused = false;

  constructor(remote: string) {
    this.remote = remote;
  }

  open(handlers: SocketHandlers): void {
    this.handlers = handlers;
  }

  write(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {}

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.handlers?.closed(null);
  }
}

interface Rig {
  readonly scheduler: Scheduler;
  readonly logged: string[];
  readonly peers: Socket[];
  readonly clients: Socket[];
  /** What was read of connections for HTTP. */
  readonly pages: string[];
  /** Connections of Redis's clients. */
  readonly redis: Socket[];
  readonly mux: Mux;
  arrive(remote?: string): FakeSocket;
}

function rig(): Rig {
  const scheduler = new Scheduler();
  let accept: (socket: Socket) => void = () => {};
  const net: Net = {
    listen: (address, accepting, done) => {
      accept = accepting;
      done(null, { address, close: (closed) => closed(null, undefined) });
    },
    dial: () => {},
  };
  const logged: string[] = [];
  const log = { enabled: () => true, write: (_: unknown, message: string) => void logged.push(message) };
  const peers: Socket[] = [];
  const clients: Socket[] = [];
  const pages: string[] = [];
  const redis: Socket[] = [];
  const doors = {
    peer: (socket: Socket) => void peers.push(socket),
    client: (socket: Socket) => void clients.push(socket),
    http: (_: Socket, first: Uint8Array) => void pages.push(new TextDecoder().decode(first)),
    resp: (socket: Socket) => void redis.push(socket),
  };
  const mux = new Mux({ net, clock: scheduler.clock(0), log }, doors);
  mux.listen({ host: "h", port: 1 }, () => {});
  const arrive = (remote = "10.0.0.1:1"): FakeSocket => {
    const socket = new FakeSocket(remote);
    accept(socket);
    return socket;
  };
  return { scheduler, logged, peers, clients, pages, redis, mux, arrive };
}

const PEER = writePreface(ConnectionKind.peer, Lane.bulk);
const CLIENT = writePreface(ConnectionKind.client, Lane.control);

test("a connection that says nothing is closed after 10 s", () => {
  const { scheduler, logged, arrive } = rig();
  const socket = arrive();
  scheduler.runUntil(9_999);
  assert.not.ok(socket.destroyed);
  scheduler.runUntil(10_001);
  assert.ok(socket.destroyed);
  assert.is(logged.length, 1);
});

test("peers and clients go to their doors, first byte included, and are not timed out", () => {
  const { scheduler, peers, clients, arrive } = rig();
  const [peer, client] = [arrive(), arrive()];
  peer.handlers?.data(PEER);
  client.handlers?.data(Uint8Array.of(...CLIENT, 1, 2, 3));
  assert.equal([peers.length, clients.length], [1, 1]);
  const heard: number[] = [];
  assert.ok(client.paused);
  clients[0]?.open({ data: (bytes) => void heard.push(...bytes), drained: () => {}, closed: () => {} });
  scheduler.runUntil(20_000);
  client.handlers?.data(Uint8Array.of(4));
  assert.equal(heard, [...CLIENT, 1, 2, 3, 4]);
  assert.equal([client.paused, client.destroyed, peer.destroyed], [false, false, false]);
});

test("HTTP goes to its door by its first line, with all that was read of it", () => {
  const { pages, clients, peers, arrive, logged } = rig();
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const slow = arrive();
  for (const part of ["G", "ET /v1/kv/a", " HTTP/1", ".1", "\r"]) slow.handlers?.data(bytes(part));
  assert.equal(pages, []);
  slow.handlers?.data(bytes("\nhost: x\r\n"));
  assert.equal(pages, ["GET /v1/kv/a HTTP/1.1\r\nhost: x\r\n"]);
  const long = arrive();
  long.handlers?.data(bytes(`PUT /${"a".repeat(8192)}`));
  assert.is(pages.length, 2);
  assert.equal([logged.length, slow.destroyed, long.destroyed, clients.length, peers.length], [0, false, false, 0, 0]);
});

test("Redis's clients go to theirs: by the first byte of an array, or by a line that HTTP does not end", () => {
  const { redis, pages, arrive, logged } = rig();
  const send = (text: string): void => arrive().handlers?.data(new TextEncoder().encode(text));
  for (const text of ["*", "*1\r\n$4\r\nPING\r\n", "PING\r\n", "GET a\n", "get / http\n", `set ${"a".repeat(8192)}`]) send(text);
  assert.equal([redis.length, pages.length, logged.length], [6, 0, 0]);
  const slow = arrive();
  for (const part of ["P", "I", "NG", "\r"]) slow.handlers?.data(new TextEncoder().encode(part));
  assert.is(redis.length, 6);
  slow.handlers?.data(new TextEncoder().encode("\n"));
  assert.equal([redis.length, pages.length, slow.destroyed], [7, 0, false]);
});

test("what is nobody's is closed at once, with a line that shows how it began", () => {
  for (const text of ["GE\u0001T a\r\n", "\u0016\u0003\u0001", "hello / HTTP/1.1\r\n", "\n", "$4\r\nPING", "+OK\r\n", "a\u0000b"]) {
    const { pages, redis, arrive, logged } = rig();
    const socket = arrive();
    socket.handlers?.data(new TextEncoder().encode(text));
    assert.equal([socket.destroyed, logged.length, pages.length, redis.length], [true, 1, 0, 0], JSON.stringify(text));
  }
});

test("bytes and the end that come before the door opens are told in order", () => {
  const { scheduler, clients, arrive } = rig();
  const socket = arrive();
  socket.handlers?.data(CLIENT.subarray(0, 3));
  socket.handlers?.data(CLIENT.subarray(3));
  socket.handlers?.data(Uint8Array.of(9));
  socket.handlers?.closed(null);
  const heard: unknown[] = [];
  clients[0]?.open({ data: (bytes) => void heard.push([...bytes]), drained: () => {}, closed: () => void heard.push("closed") });
  scheduler.runUntil(1);
  assert.equal(heard, [[...CLIENT, 9], "closed"]);
});

test("close() closes what has not told what it is", () => {
  const { arrive, mux } = rig();
  const socket = arrive();
  mux.close(() => {});
  assert.ok(socket.destroyed);
});

test("however many say nothing, who tells what it is gets in: the oldest makes room", () => {
  const { peers, logged, arrive } = rig();
  const silent = Array.from({ length: 1050 }, () => arrive());
  arrive().handlers?.data(PEER);
  assert.is(peers.length, 1);
  assert.equal(silent.map(({ destroyed }) => destroyed).lastIndexOf(true), 50);
  assert.is(logged.length, 51);
});

test("clients leave room for peers, and those from elsewhere for this machine's own", () => {
  const { clients, peers, redis, pages, logged, arrive } = rig();
  const from = (bytes: Uint8Array, remote?: string): FakeSocket => {
    const socket = arrive(remote);
    socket.handlers?.data(bytes);
    return socket;
  };
  const open = Array.from({ length: 8000 }, () => from(CLIENT));
  const ping = new TextEncoder().encode("*");
  const get = new TextEncoder().encode("GET / HTTP/1.1\r\n");
  assert.equal([CLIENT, ping, get].map((bytes) => from(bytes).destroyed), [true, true, true]);
  assert.equal(from(CLIENT, "::1:7").destroyed, false);
  assert.equal(from(get, "::ffff:127.0.0.1:7").destroyed, false);
  assert.equal(from(PEER).destroyed, false);
  assert.equal([clients.length, redis.length, pages.length, peers.length, logged.length], [8001, 0, 1, 1, 3]);
  for (const socket of open.slice(0, 3)) socket.destroy();
  assert.equal(from(CLIENT).destroyed, false);
  for (let i = 0; i < 499; i++) from(PEER);
  assert.equal([from(PEER).destroyed, from(CLIENT, "127.0.0.1:7").destroyed], [true, false]);
});

test.run();
