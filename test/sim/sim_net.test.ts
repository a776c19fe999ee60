import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Listener, Net, Socket } from "../../src/host/host.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimNet, type SimNetOptions } from "../../src/sim/sim_net.ts";

interface Side {
  readonly socket: Socket;
  received: number[];
  pieces: number[];
  drained: number;
  closed: string[];
}

function hear(socket: Socket): Side {
  const side: Side = { socket, received: [], pieces: [], drained: 0, closed: [] };
  socket.open({
    data: (bytes) => {
      side.pieces.push(bytes.length);
      side.received.push(...bytes.slice(0, 100));
    },
    drained: () => {
      side.drained += 1;
    },
    closed: (error) => side.closed.push(error === null ? "end" : String((error as { code?: string }).code)),
  });
  return side;
}

interface World {
  readonly scheduler: Scheduler;
  readonly net: SimNet;
  readonly accepted: Side[];
  readonly dialled: Side[];
  readonly errors: string[];
  readonly a: Net;
  dial(): void;
  run(ms: number): void;
}

function world(options: Partial<SimNetOptions> = {}): World {
  const scheduler = new Scheduler();
  const net = new SimNet(scheduler, options);
  const accepted: Side[] = [];
  const dialled: Side[] = [];
  const errors: string[] = [];
  const listeners: Listener[] = [];
  net.host("b").listen({ host: "b", port: 7 }, (socket) => accepted.push(hear(socket)), (...[error, listener]) => {
    if (error === null) listeners.push(listener);
  });
  scheduler.runUntil(1);
  const a = net.host("a");
  const dial = (): void => {
    a.dial({ host: "b", port: 7 }, 1000, (...[error, socket]) => {
      if (error === null) dialled.push(hear(socket));
      else errors.push(String((error as { code?: string }).code));
    });
  };
  return { scheduler, net, accepted, dialled, errors, a, dial, run: (ms) => scheduler.runUntil(scheduler.nowMs + ms) };
}

function connected(options: Partial<SimNetOptions> = {}): World & { near: Side; far: Side } {
  const made = world(options);
  made.dial();
  made.run(100);
  return { ...made, near: made.dialled[0] as Side, far: made.accepted[0] as Side };
}

test("bytes arrive in order, in pieces that differ from what was written, the same for the same seed", () => {
  const runs = [3, 3, 4].map((seed) => {
    const { near, far, run, net } = connected({ seed, cutOneIn: 2 });
    for (let i = 0; i < 50; i++) near.socket.write([Uint8Array.of(2 * i), Uint8Array.of(2 * i + 1)]);
    run(100);
    assert.equal(far.received, Array.from({ length: 100 }, (_, i) => i));
    assert.ok(far.pieces.length > 50);
    return `${far.pieces.join("")} ${net.scheduler.events}`;
  });
  assert.is(runs[0], runs[1]);
  assert.is.not(runs[0], runs[2]);
});

test("what was written is copied: a later change of it does not arrive", () => {
  const { near, far, run } = connected();
  const bytes = Uint8Array.of(1);
  near.socket.write([bytes]);
  bytes[0] = 2;
  run(100);
  assert.equal(far.received, [1]);
});

test("dial() is refused where nobody listens, and times out across a cut of either direction", () => {
  const { net, a, errors, dial, run, accepted } = world();
  a.dial({ host: "b", port: 8 }, 1000, (...[error]) => {
    errors.push(String((error as { code?: string } | null)?.code));
  });
  run(100);
  net.cut("b", "a");
  dial();
  run(2000);
  net.healAll();
  net.cut("a", "b");
  dial();
  run(2000);
  assert.equal(errors, ["ECONNREFUSED", "ETIMEDOUT", "ETIMEDOUT"]);
  assert.is(accepted.length, 0);
});

test("a cut holds one direction only, and what waited arrives after it", () => {
  const { net, near, far, run } = connected();
  net.cut("a", "b");
  near.socket.write([Uint8Array.of(1)]);
  far.socket.write([Uint8Array.of(2)]);
  run(1000);
  assert.equal([far.received, near.received], [[], [2]]);
  net.heal("a", "b");
  run(100);
  assert.equal(far.received, [1]);
  near.socket.write([Uint8Array.of(3)]);
  net.cut("a", "b");
  run(1000);
  assert.equal(far.received, [1], "what was under way is held, too");
});

test("beyond the window bytes wait, are counted, and drained() is told", () => {
  const { net, near, far, run } = connected({ windowBytes: 1000 });
  net.clog("a", "b", 10);
  near.socket.write([new Uint8Array(200_000)]);
  assert.is(near.socket.queuedBytes, 199_000);
  run(10_000);
  assert.ok(near.socket.queuedBytes > 100_000);
  net.clog("a", "b", null);
  run(100);
  assert.equal([near.socket.queuedBytes, near.drained], [0, 1]);
  assert.is(net.counters.get("bytes"), 200_000);
  assert.ok(far.pieces.length > 1);
});

test("a paused side gets nothing until it resumes", () => {
  const { near, far, run } = connected();
  far.socket.pause();
  near.socket.write([Uint8Array.of(1)]);
  run(1000);
  assert.is(far.received.length, 0);
  far.socket.resume();
  run(100);
  assert.equal(far.received, [1]);
});

test("end() delivers what is queued, then both sides hear of the end once", () => {
  const { net, near, far, run } = connected({ windowBytes: 10 });
  near.socket.write([new Uint8Array(500).fill(7)]);
  near.socket.end();
  near.socket.write([Uint8Array.of(1)]);
  run(1000);
  assert.is(net.counters.get("bytes"), 500);
  assert.equal([near.closed, far.closed], [["end"], ["end"]]);
  assert.is(net.openSockets, 0);
});

test("destroy() loses what waited and tells both sides, also across a cut that heals", () => {
  const { net, near, far, run } = connected({ windowBytes: 10 });
  net.cut("a", "b");
  near.socket.write([new Uint8Array(500)]);
  near.socket.destroy();
  run(1000);
  assert.equal([near.closed, far.closed], [["end"], []]);
  net.heal("a", "b");
  run(100);
  assert.equal([far.closed, net.counters.get("bytes")], [["end"], 10]);
  assert.is(net.openSockets, 0);
});

test("reset() fails both sides", () => {
  const { net, near, far, run } = connected();
  near.socket.write([Uint8Array.of(1)]);
  net.reset("b", "a");
  run(100);
  assert.equal([near.closed, far.closed, far.received], [["ECONNRESET"], ["ECONNRESET"], []]);
  assert.is(net.openSockets, 0);
});

test("a crash tells the other side; a dead machine says nothing until something listens there again", () => {
  const first = connected();
  first.net.crash("b");
  first.run(3000);
  assert.is(first.near.closed.length, 1);
  assert.equal(first.far.closed, []);
  first.dial();
  first.run(2000);
  assert.equal(first.errors, ["ECONNREFUSED"]);

  const second = connected();
  second.net.crash("b", "silent");
  second.near.socket.write([Uint8Array.of(1)]);
  second.dial();
  second.run(2000);
  assert.equal([second.near.closed, second.errors], [[], ["ETIMEDOUT"]]);
  second.net.host("b").listen({ host: "b", port: 7 }, () => undefined, () => undefined);
  second.run(10);
  second.near.socket.write([Uint8Array.of(1)]);
  second.run(100);
  assert.equal(second.near.closed, ["ECONNRESET"]);
});

test("what a process had sent before it was killed arrives, then an end or a reset; what waited in its queue does not", () => {
  const ends = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const { net, near, far, run } = connected({ seed, windowBytes: 4 });
    near.socket.write([Uint8Array.of(1, 2, 3, 4, 5, 6)]);
    net.crash("a");
    assert.equal([far.received, far.closed], [[], []]);
    run(0.4);
    assert.equal([far.received, far.closed], [[], []], "it takes its time");
    run(3000);
    assert.equal(far.received, [1, 2, 3, 4]);
    assert.is(far.closed.length, 1);
    ends.add(far.closed[0] as string);
    assert.is(net.openSockets, 0);
  }
  assert.equal([...ends].sort(), ["ECONNRESET", "end"]);
});

test("a message of an earlier boot arrives when a cut heals, after the next process has listened and been dialled", () => {
  const { net, near, far, run, dial } = connected();
  net.cut("b", "a");
  far.socket.write([Uint8Array.of(1)]);
  net.crash("b");
  net.host("b").listen({ host: "b", port: 7 }, () => undefined, () => undefined);
  run(1000);
  assert.equal([near.received, near.closed], [[], []]);
  net.heal("b", "a");
  dial();
  run(3000);
  assert.equal([near.received, near.closed.length], [[1], 1]);
});

test("of a machine that dies silently only what was on the wire arrives, and no end", () => {
  const { net, near, far, run } = connected({ bytesPerMs: 1000, cutOneIn: 0 });
  far.socket.write([Uint8Array.of(1)]);
  run(0.25);
  far.socket.write([new Uint8Array(60_000)]);
  net.crash("b", "silent");
  run(1000);
  assert.equal([near.received, near.closed], [[1], []]);
  const cut = connected();
  cut.net.cut("b", "a");
  cut.far.socket.write([Uint8Array.of(1)]);
  cut.run(10);
  cut.net.crash("b", "silent");
  cut.net.heal("b", "a");
  cut.run(1000);
  assert.equal([cut.near.received, cut.near.closed], [[], []], "nobody sends it again");
});

test("each side hears of a reset in its own time, and nothing passes from then on", () => {
  const { net, near, far, run } = connected();
  net.reset("a", "b");
  let isApart = false;
  for (let i = 0; i < 1000 && near.closed.length + far.closed.length < 2; i++) {
    near.socket.write([Uint8Array.of(1)]);
    run(0.01);
    isApart ||= near.closed.length !== far.closed.length;
  }
  run(100);
  assert.ok(isApart, "one knows before the other");
  assert.equal([near.closed, far.closed, far.received], [["ECONNRESET"], ["ECONNRESET"], []]);
  assert.is(net.openSockets, 0);
});

test("what a crashed process dialled never completes", () => {
  const { net, dial, run, dialled, errors } = world();
  dial();
  net.crash("a");
  run(5000);
  assert.equal([dialled.length, errors.length], [0, 0]);
});

test("a port is in use once", () => {
  const { net, run } = world();
  const outcomes: string[] = [];
  net.host("b").listen({ host: "b", port: 7 }, () => undefined, (...[error]) => {
    outcomes.push(String((error as { code?: string } | null)?.code));
  });
  run(1);
  assert.equal(outcomes, ["EADDRINUSE"]);
});

test.run();
