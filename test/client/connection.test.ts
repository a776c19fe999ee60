import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Connection } from "../../src/client/connection.ts";
import type { RequestDone } from "../../src/client/node_connection.ts";
import type { Net, Socket } from "../../src/host/host.ts";
import type { NodeHello } from "../../src/net/client_hello.ts";
import { encodeResult } from "../net/result_body.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";

const test = suite("connection");
const ENVELOPE = Uint8Array.of(1, 2, 3);

interface Rig {
  readonly scheduler: Scheduler;
  readonly connection: Connection;
  /** How many times the socket was written to. */
  readonly writes: () => number;
  /** What became of each request: a result, or code and outcome. */
  readonly ends: unknown[];
  readonly done: RequestDone;
}

function rig(inflightMax: number = 100, frameBytesMax: number = 1000, queue: { bytes: number } | null = null): Rig {
  const scheduler = new Scheduler();
  let written = 0;
  const socket: Socket = {
    remote: "fake:1",
    get queuedBytes() {
      return queue?.bytes ?? 0;
    },
    open: () => {}, pause: () => {}, resume: () => {}, end: () => {}, destroy: () => {},
    write: (parts) => {
      written += 1;
      for (const part of parts) if (queue !== null) queue.bytes += part.length;
    },
  };
  const hello: NodeHello = {
    protocol: 1, clusterId: "c", nodeId: "a", address: "h:1", version: "0", frameBytesMax, valueBytesMax: 1000,
    inflightMax, leader: null,
  };
  const net: Net = { listen: () => {}, dial: () => {} };
  const connection = new Connection({ net, clock: scheduler.clock(0) }, "h:1", socket, hello);
  const ends: unknown[] = [];
  const done: RequestDone = (error, _, result) => void ends.push(error === null ? result : [error.code, error.outcome]);
  return { scheduler, connection, writes: () => written, ends, done };
}

test("requests of one turn leave in one write", () => {
  const { scheduler, connection, writes, done } = rig();
  for (let i = 0; i < 10; i++) connection.write("main", ENVELOPE, 1000, done);
  assert.is(writes(), 0);
  scheduler.runUntil(1);
  assert.is(writes(), 1);
});

test("a write whose connection breaks before it went out is definitely not done", () => {
  const { connection, ends, done } = rig();
  connection.write("main", ENVELOPE, 1000, done);
  connection.lost(null);
  assert.equal(ends, [["UNREACHABLE", "not-done"]]);
});

test("a write whose connection breaks after it went out is unknown, a read not done, what waited not done", () => {
  const { scheduler, connection, ends, done } = rig(2);
  connection.write("main", ENVELOPE, 1000, done);
  connection.read("main", ["get"], { level: "stale", minIndex: 0, timeoutMs: 1000 }, done);
  connection.write("main", ENVELOPE, 1000, done);
  scheduler.runUntil(1);
  connection.lost(null);
  assert.equal(ends, [["LOST", "unknown"], ["UNREACHABLE", "not-done"], ["UNREACHABLE", "not-done"]]);
});

test("a request beyond the node's limit waits for its turn", () => {
  const { scheduler, connection, writes, ends, done } = rig(1);
  connection.write("main", ENVELOPE, 1000, done);
  connection.write("main", ENVELOPE, 1000, done);
  scheduler.runUntil(1);
  assert.equal([writes(), connection.pendingCount], [1, 2]);
  connection.receive(encodeResult(1, 1, "first"));
  scheduler.runUntil(2);
  connection.receive(encodeResult(2, 2, "second"));
  assert.equal([writes(), ends, connection.pendingCount], [2, ["first", "second"], 0]);
});

test("deadlines: sent writes are unknown, unsent ones and reads not done; a late reply is nobody's", () => {
  const { scheduler, connection, ends, done } = rig(2);
  connection.write("main", ENVELOPE, 50, done);
  connection.ask("status", "main", 60, done);
  connection.write("main", ENVELOPE, 70, done);
  scheduler.runUntil(55);
  assert.equal(ends, [["TIMEOUT", "unknown"]]);
  connection.receive(encodeResult(1, 1, "late"));
  scheduler.runUntil(100);
  assert.equal(ends.slice(1), [["TIMEOUT", "not-done"], ["TIMEOUT", "not-done"]]);
  assert.is(connection.pendingCount, 0);
});

test("a closed connection refuses, later, and tells its owner once", () => {
  const { scheduler, connection, ends, done } = rig();
  let told = 0;
  connection.onClosed = () => void (told += 1);
  connection.close();
  connection.lost(null);
  connection.write("main", ENVELOPE, 1000, done);
  assert.equal([told, ends], [1, []]);
  scheduler.runUntil(1);
  assert.equal(ends, [["UNREACHABLE", "not-done"]]);
});

test("what the system has not taken is bounded: requests beyond wait until it has", () => {
  const queue = { bytes: 0 };
  const { scheduler, connection, ends, done } = rig(1000, 1 << 24, queue);
  const large = new Uint8Array(1 << 20);
  for (let i = 0; i < 40; i++) connection.write("main", large, 1000, done);
  scheduler.runUntil(1);
  let queuedMax = 0;
  let rounds = 0;
  for (; queue.bytes > 0 && rounds < 100; rounds++) {
    queuedMax = Math.max(queuedMax, queue.bytes);
    queue.bytes = 0;
    connection.drained();
  }
  assert.ok(queuedMax <= 5 << 20, `${queuedMax} bytes were queued`);
  assert.is(rounds, 10);
  connection.lost(null);
  assert.equal([...new Set(ends.map(String))], ["LOST,unknown"]);
});

test.run();
