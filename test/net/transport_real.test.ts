import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import { nextInRange, nextU32, seedRandom } from "../../src/base/random.ts";
import type { Host } from "../../src/host/host.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { ConnectionKind, writePreface } from "../../src/net/frame.ts";
import type { ProbeReply } from "../../src/net/transport.ts";
import { acceptor, heartbeat, linkAll, nodeOn, type TestNode } from "./nodes.ts";
import { APPEND_REQUEST, helloOf, runOf } from "./samples.ts";

const host: Host = createNodeHost(silentLog);

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  throw new Error(`waited in vain: ${what}`);
}

async function nodes(count: number): Promise<TestNode[]> {
  const made = Array.from({ length: count }, (_, i) => nodeOn(host, helloOf("abc".charAt(i), i + 1)));
  for (const node of made) {
    await new Promise<void>((resolve, reject) => {
      host.net.listen({ host: "127.0.0.1", port: 0 }, acceptor(node), (...[error, listener]) => {
        if (error !== null) return reject(error);
        node.listener = listener;
        node.hello = { ...node.hello, address: `127.0.0.1:${listener.address.port}` };
        resolve();
      });
    });
  }
  return made;
}

async function close(made: readonly TestNode[]): Promise<void> {
  for (const node of made) {
    node.transport.close();
    await new Promise<void>((resolve) => node.listener?.close(() => resolve()));
  }
}

test("three nodes link up, exchange heartbeats and large appends, and survive a restart", async () => {
  const made = await nodes(3);
  const [a, b, c] = made as [TestNode, TestNode, TestNode];
  linkAll(made);
  await until("links", () => made.every(({ links }) => links.length === 2));
  const run = runOf(9, 77, [{ kind: EntryKind.command, payload: new Uint8Array(6_000_000).fill(9), term: 4 }]);
  for (const to of [b, c]) {
    const message = { ...APPEND_REQUEST, fromIncarnation: a.hello.incarnation, to: to.hello.memberNumber, lastIndex: 10 };
    a.transport.send(message.to, message, [run.subarray(0, 100), run.subarray(100)]);
    for (let round = 1; round <= 50; round++) a.transport.send(message.to, heartbeat(a, to, round));
  }
  a.transport.flush();
  await until("messages", () => b.heard.length === 51 && c.heard.length === 51);
  b.transport.close();
  await until("down", () => a.links.includes("down 2"));
  await close(made);
  assert.is(a.transport.counters.of("malformed") + b.transport.counters.of("malformed"), 0);
  assert.is(c.transport.counters.of("dropped"), 0);
});

test("probe() works over real sockets", async () => {
  const made = await nodes(2);
  const [a, b] = made as [TestNode, TestNode];
  const answer = await new Promise<ProbeReply>((resolve, reject) => {
    a.transport.probe(b.hello.address, ["who"], 2000, (...[error, reply]) => error === null ? resolve(reply) : reject(error));
  });
  assert.equal([answer.hello.nodeId, answer.reply], ["b", ["answer", "who"]]);
  await close(made);
});

test("a few hundred hostile connections are closed, and peers are served meanwhile", async () => {
  const made = await nodes(2);
  const [a, b] = made as [TestNode, TestNode];
  linkAll(made);
  await until("links", () => made.every(({ links }) => links.length === 1));
  const random = seedRandom(5);
  const port = Number(b.hello.address.split(":")[1]);
  let closed = 0;
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: nextInRange(random, 17, 200) }, () => nextU32(random));
    bytes.set(writePreface(ConnectionKind.peer, round % 4), 0);
    host.net.dial({ host: "127.0.0.1", port }, 1000, (...[error, socket]) => {
      if (error !== null) throw error;
      socket.open({ data: () => undefined, drained: () => undefined, closed: () => closed++ });
      socket.write([bytes]);
    });
    if (round % 20 === 0) await until("closed", () => closed >= round - 1);
  }
  await until("all closed", () => closed === 200);
  a.transport.send(2, heartbeat(a, b, 1));
  a.transport.flush();
  await until("heartbeat", () => b.heard.length === 1);
  assert.is(b.transport.counters.of("malformed"), 200);
  assert.equal(a.links, ["up 2"]);
  await close(made);
});

test.run();
