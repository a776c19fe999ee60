/** What a connection asks of its node, when, and how much of it is held. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../../src/base/errors.ts";
import { RespDoor } from "../../../src/gateway/resp/resp_door.ts";
import type { Socket, SocketHandlers } from "../../../src/host/host.ts";
import { silentLog } from "../../../src/host/node_host.ts";
import { decodeEnvelope } from "../../../src/machine/command.ts";
import type { SessionAsk } from "../../../src/net/client_protocol.ts";
import type { AnswerDone } from "../../../src/node/node_api.ts";
import { Scheduler } from "../../../src/sim/scheduler.ts";
import { FakeNode, fakeCluster } from "../fake_node.ts";

const test = suite("resp conversation");

class FakeSocket implements Socket {
  readonly remote = "fake:1";
  queuedBytes = 0;
  handlers: SocketHandlers | null = null;
  isPaused = false;
  isEnded = false;
  text = "";

  open(handlers: SocketHandlers): void {
    this.handlers = handlers;
  }

  write(parts: readonly Uint8Array[]): void {
    for (const part of parts) this.text += Buffer.from(part).toString("latin1");
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isEnded = true;
    this.handlers?.closed(null);
  }

  send(text: string): void {
    this.handlers?.data(Uint8Array.from(text, (char) => char.charCodeAt(0)));
  }
}

/** A node that leads, whose answers the test gives. */
class Rig {
  readonly scheduler: Scheduler = new Scheduler();
  readonly node: FakeNode = new FakeNode(fakeCluster(), "a");
  readonly waiting: { readonly what: string; readonly done: AnswerDone }[] = [];
  readonly door: RespDoor;

  constructor(roomBytesMax?: number) {
    const { node, scheduler } = this;
    node.cluster.leader = { id: "a", address: "127.0.0.1:1" };
    node.address = "127.0.0.1:1";
    node.onPropose = (envelope, done) => void this.waiting.push({ what: decodeEnvelope(envelope).command.join(" ").slice(0, 20), done });
    node.onRead = (command, done) => void this.waiting.push({ what: command.join(" "), done });
    node.changeSession = (_group: string, ask: SessionAsk, _timeoutMs: number, done: AnswerDone) => void this.waiting.push({ what: ask.type, done });
    this.door = new RespDoor({ net: { listen: () => {}, dial: () => {} }, clock: scheduler.clock(0), log: silentLog }, node, undefined, roomBytesMax);
  }

  connect(): FakeSocket {
    const socket = new FakeSocket();
    this.door.accept(socket);
    return socket;
  }

  get asked(): string[] {
    return this.waiting.map(({ what }) => what);
  }

  answer(reply: unknown = "OK"): void {
    const { what, done } = this.waiting.shift() ?? { what: "", done: () => assert.unreachable("nothing waits") };
    done(reply instanceof DraftError ? reply : { index: 1, reply: what === "open" ? "1".padStart(32, "0") : reply });
  }

  pass(ms: number = 1): void {
    this.scheduler.runUntil(this.scheduler.nowMs + ms);
  }
}

test("a read waits for the writes ahead of it, and a write for the reads; runs of one kind are under way together", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send("set a 1\r\nset b 2\r\nget a\r\nping\r\nget b\r\nset c 3\r\n");
  assert.equal(rig.asked, ["open"]);
  rig.answer();
  assert.equal(rig.asked, ["set a 1", "set b 2"]);
  rig.answer();
  assert.equal(rig.asked, ["set b 2"], "the other write is not over");
  rig.answer();
  assert.equal(rig.asked, ["get a", "get b"]);
  rig.answer("1");
  assert.equal(rig.asked, ["get b"], "the write waits for both");
  rig.answer("2");
  assert.equal(rig.asked, ["set c 3"]);
  rig.answer();
  rig.pass();
  assert.is(socket.text, "+OK\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n$1\r\n2\r\n+OK\r\n");
});

test("reads that cannot be answered yet are asked again, with all behind them", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send("get a\r\nget b\r\nget c\r\n");
  rig.answer("old a");
  rig.answer(new DraftError("NO_LEADER", "nobody"));
  rig.answer("old c");
  rig.pass(50);
  assert.equal(rig.asked, ["get b", "get c"]);
  rig.answer("new b");
  rig.answer("new c");
  rig.pass();
  assert.is(socket.text, "$5\r\nold a\r\n$5\r\nnew b\r\n$5\r\nnew c\r\n");
});

test("behind a write that is given up in doubt nothing begins before its session is ended, or time is up", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send("set a 1\r\nget a\r\n");
  rig.answer();
  for (let i = 0; i < 200 && rig.asked[0] !== "close"; i++) {
    if (rig.waiting.length > 0) rig.answer(new DraftError("LOST", "so"));
    rig.pass(100);
  }
  assert.match(socket.text, /^-LOST so\r\n$/);
  assert.equal(rig.asked, ["close"]);
  rig.answer(true);
  assert.equal(rig.asked, ["open"]);
  rig.answer();
  assert.equal(rig.asked, ["get a"]);
  rig.answer(null);

  socket.send("set b 1\r\nget b\r\n");
  rig.answer(new DraftError("DISK_FULL", "full"));
  assert.equal(rig.asked, ["close"]);
  rig.pass(6000);
  assert.match(socket.text, /-DISK_FULL full\r\n-NO_LEADER nobody can say yet/);
});

test("so many commands are under way, and the rest is not read", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send("get a\r\n".repeat(2500));
  assert.equal([rig.waiting.length, socket.isPaused], [1000, true]);
  for (let i = 0; i < 1500; i++) rig.answer("v");
  assert.equal([rig.waiting.length, socket.isPaused], [1000, true]);
  for (let i = 0; i < 1000; i++) rig.answer("v");
  rig.pass();
  assert.equal([socket.text.length, socket.isPaused], [2500 * "$1\r\nv\r\n".length, false]);
});

test("commands that the door answers later make room too", () => {
  const rig = new Rig();
  const socket = rig.connect();
  rig.node.cluster.leader = null;
  socket.send("cluster info\r\n".repeat(2100));
  assert.ok(socket.isPaused);
  rig.pass(3000);
  assert.equal([socket.text.split("\r\n").filter((line) => line.startsWith("-CLUSTERDOWN")).length, socket.isPaused], [2100, false]);
});

test("so many bytes of commands are under way", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send(`set k ${"v".repeat(60_000)}\r\n`.repeat(100));
  rig.answer();
  assert.ok(rig.waiting.length < 80 && rig.waiting.length > 60, `${rig.waiting.length} writes under way`);
  assert.ok(socket.isPaused);
  while (rig.waiting.length > 0) rig.answer();
  rig.pass();
  assert.equal([socket.text, socket.isPaused], ["+OK\r\n".repeat(100), false]);
});

test("who does not read his replies is not read", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.queuedBytes = 2 * 1024 * 1024;
  socket.send("ping\r\n".repeat(10));
  rig.pass();
  assert.equal([socket.text, socket.isPaused], ["", true]);
  socket.queuedBytes = 0;
  socket.handlers?.drained();
  rig.pass();
  assert.equal([socket.text, socket.isPaused], ["+PONG\r\n".repeat(10), false]);
});

test("all connections together hold so much: who holds little waits, who holds much of a command is told BUSY", () => {
  const rig = new Rig(100_000);
  const [large, small, late] = [rig.connect(), rig.connect(), rig.connect()];
  large.send(`*2\r\n$4\r\nECHO\r\n$500000\r\n${"x".repeat(60_000)}`);
  assert.equal([large.isPaused, rig.door.room.isFull], [false, false]);
  small.send(`*2\r\n$3\r\nGET\r\n$50000\r\n${"x".repeat(45_000)}`);
  assert.equal([small.isPaused, small.isEnded, rig.door.room.isFull], [true, false, true]);
  late.send("PING\r\n");
  large.send("x".repeat(60_000));
  rig.pass();
  assert.match(large.text, /^-BUSY too many bytes/);
  assert.ok(large.isEnded);
  assert.equal([small.isPaused, rig.door.room.isFull, late.text], [false, false, "+PONG\r\n"]);
  small.destroy();
  late.destroy();
  assert.is(rig.door.room.held, 0);
});

test("stop() takes no more, answers what is under way, and closes", () => {
  const rig = new Rig();
  const [busy, idle] = [rig.connect(), rig.connect()];
  busy.send("get a\r\nset b 1\r\n");
  rig.door.stop();
  assert.equal([busy.isEnded, idle.isEnded, rig.door.connectionCount], [false, true, 1]);
  rig.answer("v");
  rig.pass();
  assert.equal([busy.text, busy.isEnded, rig.asked, rig.door.connectionCount], ["$1\r\nv\r\n", true, [], 0]);
});

test("what a client that is gone had under way is not sent again", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send("set a 1\r\nset b 2\r\n");
  rig.answer();
  const [first, second] = rig.waiting.splice(0);
  socket.destroy();
  let asked = 0;
  rig.node.onPropose = (_, done) => {
    asked += 1;
    done(new DraftError("NO_LEADER", "nobody"));
  };
  first?.done(new DraftError("LOST", "so"));
  second?.done(new DraftError("LOST", "so"));
  rig.pass(10_000);
  assert.equal([asked, rig.asked, rig.door.connectionCount, rig.door.room.held], [0, [], 0, 0]);
});

test("MOVED is for who asked how slots lie", () => {
  const rig = new Rig();
  const socket = rig.connect();
  rig.node.cluster.members.push({ id: "a", address: "127.0.0.1:1" }, { id: "b", address: "127.0.0.1:2" });
  socket.send("cluster info\r\nget foo\r\n");
  assert.equal(rig.asked, ["get foo"]);
  rig.answer("v");
  socket.send("cluster slots\r\n");
  rig.node.cluster.leader = { id: "b", address: "127.0.0.1:2" };
  socket.text = "";
  socket.send("get foo\r\nset foo 1\r\nreadonly\r\nget foo\r\n");
  assert.equal(rig.asked, ["get foo"]);
  rig.answer("v");
  rig.pass();
  assert.ok(socket.text.endsWith("-MOVED 12182 127.0.0.1:2\r\n-MOVED 12182 127.0.0.1:2\r\n+OK\r\n$1\r\nv\r\n"), socket.text);
});

test("who subscribes hears of another leader, as from Redis's sentinels", () => {
  const rig = new Rig();
  const socket = rig.connect();
  socket.send("psubscribe [-+]switch-m* nothing\r\nsubscribe +slave\r\nping\r\n");
  rig.node.cluster.leader = { id: "b", address: "127.0.0.1:2" };
  rig.pass(200);
  const lines = socket.text.split("\r\n").filter((line) => !line.startsWith("$"));
  assert.equal(lines, [
    "*3", "psubscribe", "[-+]switch-m*", ":1", "*3", "psubscribe", "nothing", ":2", "*3", "subscribe", "+slave", ":3", "*2", "pong", "",
    "*4", "pmessage", "[-+]switch-m*", "+switch-master", "main 127.0.0.1 1 127.0.0.1 2", "*3", "message", "+slave", "slave 127.0.0.1:1 127.0.0.1 1 @ main 127.0.0.1 2", "",
  ]);
  socket.send("punsubscribe\r\nunsubscribe\r\nping\r\n");
  rig.pass(1);
  assert.ok(socket.text.endsWith(":0\r\n+PONG\r\n"), socket.text.slice(-40));
});

test.run();
