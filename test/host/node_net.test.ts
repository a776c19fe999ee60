import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Listener, Socket } from "../../src/host/host.ts";
import { NodeClock } from "../../src/host/node_host.ts";
import { NodeNet } from "../../src/host/node_net.ts";

const net = new NodeNet();

interface Heard {
  bytes: number;
  sum: number;
  drained: number;
  closed: (Error | null)[];
}

function hear(socket: Socket): Heard {
  const heard: Heard = { bytes: 0, sum: 0, drained: 0, closed: [] };
  socket.open({
    data: (bytes) => {
      heard.bytes += bytes.length;
      for (const byte of bytes) heard.sum = (heard.sum * 31 + byte) >>> 0;
    },
    drained: () => {
      heard.drained += 1;
    },
    closed: (error) => heard.closed.push(error),
  });
  return heard;
}

function listen(port = 0): Promise<{ listener: Listener; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  return new Promise((resolve, reject) => {
    net.listen({ host: "127.0.0.1", port }, (socket) => accepted.push(socket), (...[error, listener]) => {
      if (error === null) resolve({ listener, accepted });
      else reject(error);
    });
  });
}

function dial(host: string, port: number, timeoutMs = 2000): Promise<Socket> {
  return new Promise((resolve, reject) => {
    net.dial({ host, port }, timeoutMs, (...[error, socket]) => error === null ? resolve(socket) : reject(error));
  });
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  throw new Error(`waited in vain: ${what}`);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(() => null, (reason: unknown) => reason);
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function close(listener: Listener): Promise<void> {
  return new Promise((resolve) => listener.close(() => resolve()));
}

async function pair(): Promise<{ listener: Listener; client: Socket; server: Socket }> {
  const { listener, accepted } = await listen();
  const client = await dial("127.0.0.1", listener.address.port);
  await until("accepted", () => accepted.length === 1);
  return { listener, client, server: accepted[0] as Socket };
}

test("bytes arrive whole and in order, both ways, in parts large and small", async () => {
  const { listener, client, server } = await pair();
  const toServer = hear(server);
  const toClient = hear(client);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < 200; i++) {
    const parts = [new Uint8Array(i * 100).fill(i), Uint8Array.of(1, i), new Uint8Array(i % 9).fill(3)];
    for (const part of parts) for (const byte of part) sum = (sum * 31 + byte) >>> 0;
    total += parts.reduce((bytes, part) => bytes + part.length, 0);
    client.write(parts);
  }
  server.write([Uint8Array.of(5)]);
  await until("all bytes", () => toServer.bytes === total && toClient.bytes === 1);
  assert.is(toServer.sum, sum);
  client.end();
  await until("both closed", () => toServer.closed.length === 1 && toClient.closed.length === 1);
  assert.equal([...toServer.closed, ...toClient.closed], [null, null]);
  server.write([Uint8Array.of(1)]);
  await close(listener);
});

test("buffers that are used again change nothing that is under way: many turns, mixed sizes, a reader that pauses", async () => {
  const { listener, client, server } = await pair();
  const toServer = hear(server);
  hear(client);
  let [sum, total] = [0, 0];
  for (let turn = 0; turn < 300; turn++) {
    for (let i = 0; i < 3; i++) {
      const parts = [new Uint8Array(1 + turn % 50).fill(turn), new Uint8Array((turn * 997 + i * 4001) % 60_000).fill(turn + i)];
      for (const part of parts) for (const byte of part) sum = (sum * 31 + byte) >>> 0;
      total += parts.reduce((bytes, part) => bytes + part.length, 0);
      client.write(parts);
    }
    if (turn % 40 === 5) server.pause();
    if (turn % 40 === 25) server.resume();
    await new Promise((resolve) => void setImmediate(resolve));
  }
  server.resume();
  await until("all bytes", () => toServer.bytes === total);
  assert.is(toServer.sum, sum);
  client.destroy();
  server.destroy();
  await close(listener);
});

test("nothing is read before open(), nor while paused; what waits is counted and its end told", async () => {
  const { listener, client, server } = await pair();
  const heard = hear(client);
  const chunk = new Uint8Array(1 << 20);
  for (let i = 0; i < 32; i++) client.write([chunk]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(client.queuedBytes > 8 << 20, `queued ${client.queuedBytes}`);
  const atServer = hear(server);
  await until("all bytes", () => atServer.bytes === 32 << 20);
  await until("drained", () => heard.drained >= 1 && client.queuedBytes === 0);
  server.pause();
  for (let i = 0; i < 32; i++) client.write([chunk]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(atServer.bytes < 48 << 20, `read while paused: ${atServer.bytes - (32 << 20)}`);
  server.resume();
  await until("the rest", () => atServer.bytes === 64 << 20);
  client.destroy();
  server.destroy();
  await until("closed", () => heard.closed.length === 1 && atServer.closed.length === 1);
  await close(listener);
});

test("closed() is told once after destroy(), also to one that opens later", async () => {
  const { listener, client, server } = await pair();
  const heard = hear(client);
  client.destroy();
  client.destroy();
  client.end();
  await until("closed", () => heard.closed.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const late = hear(server);
  await until("closed late", () => late.closed.length === 1);
  assert.is(heard.closed.length, 1);
  await close(listener);
});

test("a port in use is told by its code", async () => {
  const { listener } = await listen();
  assert.is(await codeOf(listen(listener.address.port)), "EADDRINUSE");
  await close(listener);
});

test("dial() tells refusal and unknown names by code", async () => {
  const { listener } = await listen();
  const { port } = listener.address;
  await close(listener);
  assert.is(await codeOf(dial("127.0.0.1", port)), "ECONNREFUSED");
  assert.match(await codeOf(dial("no-such-name.invalid", 1)), /^(ENOTFOUND|EAI_AGAIN|ETIMEDOUT)$/);
});

test("a closed listener accepts no more, and its sockets stay", async () => {
  const { listener, client, server } = await pair();
  await close(listener);
  assert.is(await codeOf(dial("127.0.0.1", listener.address.port)), "ECONNREFUSED");
  const heard = hear(server);
  client.write([Uint8Array.of(1)]);
  await until("byte", () => heard.bytes === 1);
  client.destroy();
  server.destroy();
});

test("timers are never early and can be cancelled; soon() comes after this turn", async () => {
  const clock = new NodeClock();
  let cancelled = false;
  clock.setTimer(5, () => {
    cancelled = true;
  }).cancel();
  for (const delayMs of [0, 0.4, 1, 2.3, 7.9]) {
    const startMs = clock.monotonicMs();
    await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve));
    assert.ok(clock.monotonicMs() - startMs >= delayMs);
  }
  let within = true;
  await new Promise<void>((resolve) => {
    clock.soon(() => {
      assert.not.ok(within);
      resolve();
    });
    within = false;
  });
  assert.not.ok(cancelled);
});

test.run();
