import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../src/base/codec.ts";
import { ClientDoor } from "../../src/gateway/client_door.ts";
import type { Net, Socket, SocketHandlers } from "../../src/host/host.ts";
import { CLIENT_PROTOCOL, encodeClientHello } from "../../src/net/client_hello.ts";
import { encodeRequest } from "../../src/net/client_protocol.ts";
import { ConnectionKind, FrameParser, Lane, writePreface } from "../../src/net/frame.ts";
import { FrameBatch } from "../../src/net/frame_batch.ts";
import type { AnswerDone } from "../../src/node/node_api.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { FakeNode, fakeCluster } from "./fake_node.ts";

const test = suite("large reads");
const MEBIBYTE = 1024 * 1024;

/** A client that reads when it is told to. */
class SlowSocket implements Socket {
  readonly remote = "fake:1";
  readonly replies: unknown[][] = [];
  readonly #parser: FrameParser = new FrameParser(64 * MEBIBYTE);
  #queued: Uint8Array[] = [];
  #handlers: SocketHandlers | null = null;
  queuedBytesMax = 0;
  destroyed = false;

  get queuedBytes(): number {
    return this.#queued.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  open(handlers: SocketHandlers): void {
    this.#handlers = handlers;
  }

  write(parts: readonly Uint8Array[]): void {
    this.#queued.push(...parts);
    this.queuedBytesMax = Math.max(this.queuedBytesMax, this.queuedBytes);
  }

  send(bodies: readonly Uint8Array[], preface: Uint8Array = new Uint8Array()): void {
    const batch = new FrameBatch();
    for (const body of bodies) batch.append(body);
    this.#handlers?.data(Uint8Array.of(...preface, ...(batch.take() ?? [])));
  }

  /** Reads all that is queued. */
  read(): void {
    const queued = this.#queued;
    this.#queued = [];
    for (const bytes of queued) {
      this.#parser.feed(bytes);
      for (let body = this.#parser.next(); body !== null; body = this.#parser.next()) this.replies.push(decode(body) as unknown[]);
    }
    this.#handlers?.drained();
  }

  pause(): void {}
  resume(): void {}
  end(): void {}

  destroy(): void {
    this.destroyed = true;
    this.#handlers?.closed(null);
  }
}

interface Rig {
  readonly scheduler: Scheduler;
  readonly node: FakeNode;
  readonly socket: SlowSocket;
  /** Reads that the node was asked for and has not answered. */
  readonly asked: AnswerDone[];
}

function rig(): Rig {
  const scheduler = new Scheduler();
  const clock = scheduler.clock(0);
  const node = new FakeNode(fakeCluster(), "a");
  const net: Net = { listen: () => {}, dial: () => {} };
  const log = { enabled: () => false, write: () => {} };
  const socket = new SlowSocket();
  const asked: AnswerDone[] = [];
  node.onRead = (_, done) => void asked.push(done);
  new ClientDoor({ clock, net, log, random: { u32: () => 1 } }, node).accept(socket);
  const hello = encodeClientHello({ protocol: CLIENT_PROTOCOL, clientName: "test", clusterId: "", forwarded: false, isNode: false, timed: false, token: null });
  socket.send([hello], writePreface(ConnectionKind.client, Lane.control));
  scheduler.runUntil(1);
  socket.read();
  return { scheduler, node, socket, asked };
}

function get(id: number): Uint8Array {
  return encodeRequest({ id, kind: "read", group: "main", timeoutMs: 5000, level: "linearizable", minIndex: 0, command: ["get", "k"] });
}

/** The node answers all that it was asked for in one turn. */
function answerAll({ asked }: Rig, reply: unknown): number {
  const dones = asked.splice(0);
  for (const done of dones) done({ index: 1, reply });
  return dones.length;
}

test("a hundred large reads at once are all answered, and no more is held than the client reads", () => {
  const all = rig();
  const { scheduler, socket } = all;
  const value = new Uint8Array(8 * MEBIBYTE);
  socket.send(Array.from({ length: 100 }, (_, at) => get(at + 1)));
  let queries = 0;
  for (let now = 2; now < 400 && socket.replies.length < 101; now++) {
    queries += answerAll(all, value);
    scheduler.runUntil(now);
    socket.read();
  }
  assert.equal(socket.replies.slice(1).map(([id, failed]) => [id, failed]).sort(([a], [b]) => Number(a) - Number(b)),
    Array.from({ length: 100 }, (_, at) => [at + 1, 0]));
  assert.ok(socket.queuedBytesMax <= 13 * MEBIBYTE, `${socket.queuedBytesMax} bytes were queued`);
  assert.ok(queries <= 400, `${queries} queries for 100 reads`);
  assert.not.ok(socket.destroyed);
});

test("a read that waits for room beyond its time is told so; many small ones are asked for at once", () => {
  const all = rig();
  const { scheduler, socket, asked } = all;
  socket.send(Array.from({ length: 1000 }, (_, at) => get(at + 1)));
  assert.is(asked.length, 1000);
  answerAll(all, "short");
  scheduler.runUntil(2);
  socket.read();
  assert.is(socket.replies.length, 1001);
  socket.send([get(2001), get(2002)]);
  answerAll(all, new Uint8Array(5 * MEBIBYTE));
  scheduler.runUntil(6000);
  socket.read();
  scheduler.runUntil(6001);
  socket.read();
  assert.equal(socket.replies.slice(1001).map(([id, failed, code]) => [id, failed === 1 ? code : failed]), [[2001, 0], [2002, "TIMEOUT"]]);
});

test("take() makes room for the next turn as for the last, up to a limit", () => {
  const batch = new FrameBatch();
  batch.append(new Uint8Array(40 * MEBIBYTE));
  assert.is(batch.take()?.length, 40 * MEBIBYTE + 8);
  assert.ok(batch.bytes.length <= MEBIBYTE, `${batch.bytes.length}`);
});

test.run();
