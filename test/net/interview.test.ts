import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import type { DraftError } from "../../src/base/errors.ts";
import type { Socket } from "../../src/host/host.ts";
import { ConnectionKind, Lane, writePreface } from "../../src/net/frame.ts";
import { FrameWriter } from "../../src/net/frame_writer.ts";
import { ConnectionFrame, encodeHello, encodeProbe, type Hello } from "../../src/net/hello.ts";
import { QUESTIONS_MAX } from "../../src/net/inbound.ts";
import type { Interview } from "../../src/net/interview.ts";
import type { TransportHandlers } from "../../src/net/transport.ts";
import { peerOf, type SimWorld, simWorld, startSimNode, type TestNode } from "./nodes.ts";
import { helloOf } from "./samples.ts";

type Result = Interview | DraftError;

/** `a`, and `b` which answers as `handlers` say. */
function two(handlers: Partial<TransportHandlers> = {}): { world: SimWorld; a: TestNode; b: TestNode } {
  const world = simWorld(1);
  const b = startSimNode(world.scheduler, world.net, helloOf("b", 2), handlers);
  world.run(1);
  return { world, a: world.nodes[0] as TestNode, b };
}

function dial(world: SimWorld, from: TestNode, to: TestNode): Result {
  let result: Result | null = null;
  from.transport.interview(peerOf(to), (...[error, interview]) => {
    result = error === null ? interview : error as DraftError;
  });
  world.run(100);
  return result as unknown as Result;
}

function connected(world: SimWorld, from: TestNode, to: TestNode): Interview {
  const result = dial(world, from, to);
  if (result instanceof Error) throw result;
  return result;
}

/** Waits for so many answers, or the error that ends them. */
function hear(interview: Interview, count: number): unknown[] {
  const heard: unknown[] = [];
  const next = (): void => interview.next((...[error, answer]) => {
    heard.push(error === null ? answer : (error as DraftError).code);
    if (error === null && heard.length < count) next();
  });
  next();
  return heard;
}

/** A connection of the snapshot lane by hand. */
function stranger(world: SimWorld, hello: Hello): { socket: Socket; closed: boolean; received: number; ask: (count: number) => void } {
  const made = { closed: false, received: 0 } as ReturnType<typeof stranger>;
  world.net.host("stranger").dial({ host: "b", port: 7100 }, 1000, (...[error, socket]) => {
    if (error !== null) throw error;
    made.socket = socket;
    socket.open({
      data: (bytes) => {
        made.received += bytes.length;
      },
      drained: () => undefined,
      closed: () => {
        made.closed = true;
      },
    });
    const writer = new FrameWriter();
    writer.add(encodeHello(hello));
    socket.write([writePreface(ConnectionKind.peer, Lane.snapshot), ...writer.take()]);
  });
  world.run(100);
  made.ask = (count) => {
    const writer = new FrameWriter();
    for (let i = 0; i < count; i++) writer.add(encodeProbe(ConnectionFrame.request, [i]));
    made.socket.write([concatBytes(writer.take())]);
  };
  return made;
}

test("questions are answered in their order, also those that were asked ahead", () => {
  const { world, a, b } = two();
  const interview = connected(world, a, b);
  for (let i = 0; i < QUESTIONS_MAX; i++) interview.ask([i]);
  world.run(100);
  assert.equal(hear(interview, QUESTIONS_MAX), [0, 1, 2, 3].map((i) => ["answer", i]));
  interview.ask([7]);
  const heard = hear(interview, 1);
  world.run(100);
  assert.equal(heard, [["answer", 7]]);
  interview.close();
  world.run(100);
  assert.is(world.net.openSockets, 0);
});

test("a refusal ends the connection, and is counted", () => {
  const { world, a, b } = two();
  const interview = connected(world, a, b);
  interview.ask(["no"]);
  interview.ask(["yes"]);
  world.run(100);
  assert.equal(hear(interview, 2), ["FORBIDDEN"]);
  assert.equal([b.transport.counters.of("questionsRefused"), world.net.openSockets], [1, 0]);
});

test("who is not the peer that was meant is asked nothing; a node that refuses says why", () => {
  for (const change of [{ nodeId: "x" }, { incarnation: 9 }, { memberNumber: 9 }]) {
    const { world, a, b } = two();
    const peer = peerOf(b);
    b.hello = { ...b.hello, ...change };
    let code = "";
    a.transport.interview(peer, (...[error]) => {
      code = (error as DraftError | null)?.code ?? "none";
    });
    world.run(100);
    assert.equal([code, a.transport.counters.of("wrongPeer"), world.net.openSockets], ["FORBIDDEN", 1, 0]);
  }
  const { world, a, b } = two();
  b.hello = { ...b.hello, clusterId: "other" };
  assert.is((dial(world, a, b) as DraftError).code, "FORBIDDEN");
  world.net.crash("b");
  assert.is((dial(world, a, b) as DraftError).code, "UNREACHABLE");
});

test("a line that breaks, is silent for ten seconds or says what nobody asked is given up", () => {
  const cases: readonly [string, (world: SimWorld, interview: Interview) => void][] = [
    ["UNREACHABLE", (world) => world.net.reset("a", "b")],
    ["UNREACHABLE", (world) => world.net.cut("b", "a")],
    ["UNREACHABLE", (_world, interview) => interview.close()],
  ];
  for (const [code, act] of cases) {
    const { world, a, b } = two({ snapshot: () => undefined });
    const interview = connected(world, a, b);
    interview.ask([1]);
    const heard = hear(interview, 1);
    act(world, interview);
    world.run(9000);
    world.run(1200);
    assert.equal(heard, [code]);
    assert.equal(hear(interview, 1), [code], "and stays so");
  }
  const { world, a, b } = two({ snapshot: () => undefined });
  const interview = connected(world, a, b);
  world.run(20_000);
  interview.ask([1]);
  const heard = hear(interview, 1);
  world.run(9000);
  assert.equal(heard, [], "it is patient while nothing is late");
});

test("an answer that nobody asked for is nonsense", () => {
  const world = simWorld(1);
  const a = world.nodes[0] as TestNode;
  const hello = helloOf("b", 2);
  world.net.host("b").listen({ host: "b", port: 7100 }, (socket) => {
    socket.open({
      data: () => {
        const writer = new FrameWriter();
        writer.add(encodeHello(hello));
        writer.add(encodeProbe(ConnectionFrame.reply, [1]));
        socket.write(writer.take());
      },
      drained: () => undefined,
      closed: () => undefined,
    });
  }, () => undefined);
  world.run(1);
  const interview = connected(world, a, { ...a, hello });
  assert.equal(hear(interview, 1), ["BAD_REQUEST"]);
});

test("an answer is made only when the one before has left; more questions than may wait are refused", () => {
  let made = 0;
  const { world, b } = two({
    snapshot: (_from, _question, answer) => {
      made += 1;
      answer([new Uint8Array(1 << 20)]);
    },
  });
  const slow = stranger(world, helloOf("a", 1));
  slow.socket.pause();
  slow.ask(QUESTIONS_MAX);
  world.run(1000);
  assert.is(made, 1, "nobody takes the first");
  slow.socket.resume();
  world.run(1000);
  assert.is(made, QUESTIONS_MAX);
  slow.socket.pause();
  slow.ask(QUESTIONS_MAX + 2);
  world.run(1000);
  assert.equal([made, b.transport.counters.of("malformed")], [QUESTIONS_MAX + 1, 1]);
});

test("a connection on which nothing is asked for 30 s is closed, and one whose answers nobody takes", () => {
  const { world } = two({ snapshot: (_from, _question, answer) => answer([new Uint8Array(1 << 20)]) });
  const idle = stranger(world, helloOf("a", 1));
  world.run(20_000);
  idle.ask(1);
  world.run(25_000);
  assert.is(idle.closed, false);
  world.run(6000);
  assert.is(idle.closed, true);
  const mute = stranger(world, helloOf("a", 1));
  world.run(29_000);
  assert.is(mute.closed, false);
  world.run(2000);
  assert.is(mute.closed, true);
  const deaf = stranger(world, helloOf("a", 1));
  deaf.socket.pause();
  deaf.ask(2);
  world.run(31_000);
  deaf.socket.resume();
  world.run(1000);
  assert.is(deaf.closed, true);
});

test("a peer's newer snapshot connection replaces its older one and leaves its others alone", () => {
  const { world, a, b } = two();
  a.transport.setPeers([peerOf(b)]);
  world.run(100);
  const first = connected(world, a, b);
  const second = connected(world, a, b);
  world.run(100);
  second.ask([1]);
  world.run(100);
  assert.equal([hear(first, 1), hear(second, 1), a.links], [["UNREACHABLE"], [["answer", 1]], ["up 2"]]);
});

test("close() of the transport ends what is being dialled", () => {
  const { world, a, b } = two();
  let code = "";
  a.transport.interview(peerOf(b), (...[error]) => {
    code = (error as DraftError | null)?.code ?? "none";
  });
  a.transport.close();
  world.run(100);
  assert.equal([code, world.net.openSockets], ["FORBIDDEN", 0]);
});

test.run();
