/** What comes over a connection of HTTP byte by byte: good, odd and hostile. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HttpDoor } from "../../src/gateway/http/http_door.ts";
import { Mux } from "../../src/gateway/mux.ts";
import type { Clock } from "../../src/host/host.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { answersIn, errorIn, HttpRig } from "./http_rig.ts";

const test = suite("http wire");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

/** Whether `count` answers have come whole. */
function answers(count: number): (text: string) => boolean {
  return (text) => text.split("HTTP/1.1 200").length > count && text.endsWith("\n");
}

test("requests that are sent ahead take effect and are answered in their order", async () => {
  const puts = Array.from({ length: 20 }, (_, at) => `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 29\r\n\r\n{"command":["append","p","${String.fromCharCode(97 + at)}"]}`);
  const text = await rig.raw([`${puts.join("").replaceAll("content-length: 29", "content-length: 30")}GET /v1/kv/p HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`]);
  const all = answersIn(text);
  assert.equal(all.map(({ status }) => status), Array.from({ length: 21 }, () => 200));
  assert.is(all.at(-1)?.text, "abcdefghijklmnopqrst");
});

test("a connection is kept, and a head may come byte by byte", async () => {
  const request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
  const text = await rig.raw(`${request}${request}`.split(""), answers(2));
  assert.is(answersIn(text).length, 2);
});

test("a body may come in chunks, and its sender may wait to be asked for it", async () => {
  await rig.raw(["PUT /v1/kv/ch HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "2\r\nde\r\n0\r\n\r\n"], answers(1));
  assert.is((await rig.ask("GET", "/v1/kv/ch")).text, "abcde");
  const asked = await rig.raw(["PUT /v1/kv/ex HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n", "ok"], answers(1));
  assert.match(asked, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  assert.is((await rig.ask("GET", "/v1/kv/ex")).text, "ok");
});

test("a body that would be refused is not asked for, and the connection closed", async () => {
  const text = await rig.raw(["PUT /v1/kv/ex?nope=1 HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"]);
  assert.match(text, /^HTTP\/1\.1 400 /);
  const large = await rig.raw(["PUT /v1/kv/ex HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n"]);
  assert.match(large, /^HTTP\/1\.1 413 /);
});

test("two ways to say where a request ends are no request, and nothing of it is done", async () => {
  const smuggled = "PUT /v1/kv/smuggled HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx";
  const tries = [
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: ${smuggled.length}\r\n\r\n0\r\n\r\n${smuggled}`,
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`,
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: xchunked\r\n\r\n${smuggled}`,
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ncontent-length: +1\r\n\r\nx${smuggled}`,
    `POST /v1/run HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1;x\nx\r\n0\r\n\r\n${smuggled}`,
    `GET /livez HTTP/1.1\r\nhost: localhost\r\nx: a\r\n content-length: 1\r\n\r\n`.replace("\r\n content", "\n\n content"),
  ];
  for (const bytes of tries) {
    const [first, ...more] = answersIn(await rig.raw([bytes]));
    assert.equal([first === undefined || first.status === 400, more.length], [true, 0], `${JSON.stringify(bytes)}: ${first?.status}`);
  }
  assert.is((await rig.ask("GET", "/v1/kv/smuggled")).status, 404);
});

test("what is no HTTP/1.1 is told so, and the connection closed", async () => {
  const odd: [bytes: string, status: number][] = [
    ["GET /livez HTTP/1.1\r\n\r\n", 400],
    ["GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n", 400],
    ["GET http://localhost/livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", 400],
    ["GET /livez HTTP/1.1\r\nhost: localhost\r\nx: a\u0000b\r\n\r\n", 400],
    [`GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    [`GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 431],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["GET /livez HTTP/1.0\r\n\r\n", 200],
  ];
  for (const [bytes, status] of odd) {
    const end = bytes.includes("connection: close") || status !== 400 ? undefined : (text: string): boolean => text.endsWith("}\n");
    assert.is(answersIn(await rig.raw([bytes], end))[0]?.status, status, bytes.slice(0, 60));
  }
});

test("a client that goes away in the midst of a body has done nothing, and others go on", async () => {
  for (let round = 0; round < 20; round++) {
    await new Promise<void>((resolve) => {
      const socket = rig.dial();
      socket.on("close", () => resolve()).on("error", () => undefined);
      socket.write("PUT /v1/kv/half HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n0123456789", () => socket.destroy());
    });
  }
  assert.is((await rig.ask("GET", "/v1/kv/half")).status, 404);
  assert.is((await rig.ask("PUT", "/v1/kv/whole", { body: "x" })).status, 200);
});

test("who holds a connection by being slow loses it", async () => {
  let nowMs = 0;
  const timers: (() => void)[] = [];
  const real = createNodeHost(silentLog);
  const clock: Clock = {
    ...real.clock, soon: (run) => real.clock.soon(run), wallMs: () => 0, monotonicMs: () => nowMs,
    setTimer: (_, fire) => {
      timers.push(fire);
      return { cancel: () => undefined };
    },
  };
  const door = new HttpDoor({ clock, log: silentLog }, { ownHost: "localhost", roomBytesMax: 1024 });
  const mux = new Mux(real, { peer: (socket) => socket.destroy(), client: (socket) => socket.destroy(), http: (socket, first) => door.accept(socket, first), resp: (socket) => socket.destroy() });
  const port = await new Promise<number>((resolve, reject) => {
    mux.listen({ host: "127.0.0.1", port: 0 }, (...[error, address]) => (error === null ? resolve(address.port) : reject(error)));
  });
  const slow = Object.assign(Object.create(rig) as HttpRig, { port });
  // A head that goes on and on, and an answer behind which nothing more is asked.
  const ended = [slow.raw(["GET /livez HTTP/1.1\r\nhost: localhost\r\nx: "]), slow.raw(["GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"])];
  const passes = async (ms: number): Promise<void> => {
    nowMs += ms;
    for (const fire of timers.splice(0)) fire();
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  while (door.connectionCount < 2) await passes(0);
  await passes(9_000);
  assert.is(door.connectionCount, 2);
  await passes(2_000);
  assert.is(door.connectionCount, 1);
  assert.is(await ended[0], "");
  await passes(60_000);
  assert.is(door.connectionCount, 0);
  assert.match(await ended[1] ?? "", /^HTTP\/1\.1 200/);
  door.close();
  await new Promise<void>((resolve) => mux.close(() => resolve()));
});

test("one address has so many connections and no more, and room again once some are closed", async () => {
  const real = createNodeHost(silentLog);
  const door = new HttpDoor(real, { ownHost: "localhost", roomBytesMax: 1024, addressConnectionsMax: 2 });
  const mux = new Mux(real, { peer: (socket) => socket.destroy(), client: (socket) => socket.destroy(), resp: (socket) => socket.destroy(), http: (socket, first) => door.accept(socket, first) });
  const port = await new Promise<number>((resolve, reject) => {
    mux.listen({ host: "127.0.0.1", port: 0 }, (...[error, address]) => (error === null ? resolve(address.port) : reject(error)));
  });
  const own = Object.assign(Object.create(rig) as HttpRig, { port });
  const request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
  const held = [own.dial(), own.dial()];
  await Promise.all(held.map((socket) => new Promise<void>((resolve) => socket.once("data", () => resolve()).write(request))));
  const [refused] = answersIn(await own.raw([request]));
  assert.equal([refused?.status, refused === undefined ? "" : errorIn(refused), refused?.headers["retry-after"]], [429, "BUSY not-done", "1"]);
  assert.is(door.connectionCount, 2);
  held[0]?.destroy();
  while (door.connectionCount === 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(await own.raw([request], answers(1)), /^HTTP\/1\.1 200/);
  door.close();
  await new Promise<void>((resolve) => mux.close(() => resolve()));
});

test("a node that stops answers what it took, and refuses the rest", async () => {
  const own = await HttpRig.start();
  const held = own.dial();
  await new Promise<void>((resolve) => held.on("connect", resolve).on("error", () => undefined));
  const answered = own.ask("PUT", "/v1/kv/last", { body: "1" });
  const { status } = await answered;
  const closed = new Promise<void>((resolve) => held.on("close", () => resolve()));
  await own.stop();
  await closed;
  assert.is(status, 200);
});

test("too many bytes of bodies at once are refused, with a time to come again", async () => {
  const own = await HttpRig.start({ valueBytesMax: 48 * 1024 * 1024, frameBytesMax: 49 * 1024 * 1024, queueBytesMax: 256 * 1024 * 1024 });
  try {
    const size = 47 * 1024 * 1024;
    const sockets = Array.from({ length: 6 }, () => own.dial());
    const said = sockets.map((socket) => new Promise<string>((resolve) => {
      let text = "";
      socket.setEncoding("latin1").on("data", (part: string) => {
        text += part;
        if (text.includes("\n")) resolve(text);
      }).on("error", () => resolve(text)).on("close", () => resolve(text));
    }));
    for (const socket of sockets) {
      socket.write(`PUT /v1/kv/large HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${size}\r\n\r\n`);
      // All but the last byte: nobody's body is whole.
      socket.write(new Uint8Array(size - 1));
    }
    const first = await Promise.race(said);
    assert.match(first, /^HTTP\/1\.1 429 /);
    assert.match(first, /\r\nretry-after: 1\r\n/i);
    for (const socket of sockets) socket.destroy();
    assert.is((await own.ask("PUT", "/v1/kv/small", { body: "x" })).status, 200);
  } finally {
    await own.stop();
  }
});

test("an error has its code in a body of JSON", async () => {
  const [answer] = answersIn(await rig.raw([`GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${"a".repeat(20_000)}\r\n\r\n`]));
  assert.is(answer === undefined ? "" : errorIn(answer), "BAD_REQUEST not-done");
});

test.run();
