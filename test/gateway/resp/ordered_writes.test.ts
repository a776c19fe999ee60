import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError, type ErrorCode, type LeaderHint } from "../../../src/base/errors.ts";
import { Forwarder } from "../../../src/gateway/forward.ts";
import { leaderWay, OrderedSessions } from "../../../src/gateway/resp/ordered_session.ts";
import { OrderedWrites } from "../../../src/gateway/resp/ordered_writes.ts";
import { decodeEnvelope } from "../../../src/machine/command.ts";
import type { SessionAsk } from "../../../src/net/client_protocol.ts";
import type { Answer, AnswerDone } from "../../../src/node/node_api.ts";
import { Scheduler } from "../../../src/sim/scheduler.ts";
import { FakeNode, fakeCluster } from "../fake_node.ts";

const test = suite("resp ordered writes");

/** What was asked of a node that leads, in words, and how each question is answered. */
class Rig {
  readonly scheduler: Scheduler = new Scheduler();
  /** Writes as `SEQUENCE of SESSION: command`, sessions as `open`, `close N`; those that wait for their answer. */
  readonly asked: string[] = [];
  readonly waiting: { readonly what: string; readonly done: AnswerDone }[] = [];
  readonly told: string[] = [];
  readonly sessions: OrderedSessions;
  readonly writes: OrderedWrites;
  resolved = 0;
  #opened = 0;

  constructor() {
    const clock = this.scheduler.clock(0);
    const node = new FakeNode(fakeCluster(), "a");
    node.cluster.leader = { id: "a", address: "h:1" };
    const wait = (what: string, done: AnswerDone): void => {
      this.asked.push(what);
      this.waiting.push({ what, done });
    };
    node.onPropose = (envelope, done) => {
      const { session, sequence, answeredBelow, command } = decodeEnvelope(envelope);
      wait(`${sequence} of ${Number(session)}: ${command.join(" ")}${answeredBelow === 1 ? "" : ` (below ${answeredBelow})`}`, done);
    };
    node.changeSession = (_group: string, ask: SessionAsk, _timeoutMs: number, done: AnswerDone) => {
      wait(ask.type === "open" ? `open${ask.ordered ? "" : " without order"}` : `close ${Number(ask.session)}`, done);
    };
    const net = { listen: () => {}, dial: () => {} };
    this.sessions = new OrderedSessions(leaderWay(node, clock, new Forwarder({ net, clock }, () => node.identity())));
    this.writes = new OrderedWrites(this.sessions, "main", () => (this.resolved += 1));
  }

  run(...commands: string[]): void {
    for (const command of commands) {
      this.writes.run(["set", command], 1000, (result) => {
        this.told.push(result instanceof DraftError ? `${command}: ${result.code} ${result.outcome}` : `${command}: ${String(result.reply)}`);
      });
    }
  }

  /** Answers the question that waits longest. */
  answer(result: Answer | DraftError | string = "OK"): void {
    const { done } = this.waiting.shift() ?? { done: () => assert.unreachable("nothing waits") };
    done(typeof result === "string" ? { index: 1, reply: result } : result);
  }

  answerOpen(): void {
    assert.match(this.waiting[0]?.what ?? "", /^open$/);
    this.answer((++this.#opened).toString().padStart(32, "0"));
  }

  fail(code: ErrorCode, outcome: "not-done" | "unknown" = "not-done", leader: LeaderHint | null = null): void {
    this.answer(new DraftError(code, "so", { outcome, leader }));
  }

  takeAsked(): string[] {
    return this.asked.splice(0);
  }

  /** Lets so much time pass. */
  pass(ms: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + ms);
  }
}

/** A rig with a session, whose writes a, b and c are under way. */
function threeUnderWay(): Rig {
  const rig = new Rig();
  rig.run("a", "b", "c");
  assert.equal(rig.takeAsked(), ["open"]);
  rig.answerOpen();
  assert.equal(rig.takeAsked(), ["1 of 1: set a", "2 of 1: set b", "3 of 1: set c"]);
  return rig;
}

test("writes are numbered in their order, and all of them are under way at once", () => {
  const rig = threeUnderWay();
  for (const _ of [1, 2, 3]) rig.answer();
  rig.run("d");
  assert.equal([rig.told, rig.takeAsked()], [["a: OK", "b: OK", "c: OK"], ["4 of 1: set d (below 4)"]]);
  assert.not.ok(rig.writes.isQuiet);
  rig.answer();
  assert.ok(rig.writes.isQuiet);
});

test("what apply refused is told, and goes on", () => {
  const rig = threeUnderWay();
  rig.fail("REJECTED");
  rig.fail("CONFLICT");
  rig.fail("MACHINE_FAULT", "unknown");
  assert.equal([rig.told, rig.takeAsked(), rig.writes.isQuiet], [["a: REJECTED not-done", "b: CONFLICT not-done", "c: MACHINE_FAULT unknown"], [], true]);
});

test("one that was not done is sent again, with all behind it, as they were, once all came back", () => {
  const rig = threeUnderWay();
  rig.fail("BUSY");
  rig.fail("LOST");
  rig.pass(200);
  rig.run("d");
  assert.equal(rig.takeAsked(), [], "c is still under way");
  rig.fail("LOST", "unknown");
  rig.pass(50);
  assert.equal(rig.takeAsked(), ["1 of 1: set a", "2 of 1: set b", "3 of 1: set c", "4 of 1: set d"]);
  for (const _ of [1, 2, 3, 4]) rig.answer();
  assert.equal([rig.told, rig.writes.isQuiet], [["a: OK", "b: OK", "c: OK", "d: OK"], true]);
});

test("what another one leads is sent there at once", () => {
  const rig = threeUnderWay();
  const leader = { id: "a", address: "h:1" };
  for (const _ of [1, 2, 3]) rig.fail("NOT_LEADER", "not-done", leader);
  rig.pass(0);
  assert.is(rig.takeAsked().length, 3);
});

test("behind a write of unknown end nothing is sent until its session is ended in the log", () => {
  const rig = threeUnderWay();
  rig.fail("LOST", "unknown");
  rig.fail("LOST");
  rig.fail("LOST");
  for (let i = 0; i < 20 && rig.told.length === 0; i++) {
    rig.pass(160);
    if (rig.told.length === 0 && rig.waiting.length > 0) {
      assert.match(rig.takeAsked()[0] ?? "", /^1 of 1: set a/);
      rig.fail("TIMEOUT", "unknown");
      while (rig.waiting.length > 0) rig.fail("LOST");
    }
  }
  assert.equal(rig.told[0], "a: TIMEOUT unknown");
  rig.run("d");
  assert.equal(rig.takeAsked().at(-1), "close 1");
  assert.not.ok(rig.writes.isQuiet);
  rig.answer("true");
  rig.answerOpen();
  assert.equal(rig.takeAsked().filter((what) => !what.startsWith("open")), ["1 of 2: set d"], "b and c, which could not run, were late too");
  assert.equal(rig.told.slice(1), ["b: LOST not-done", "c: LOST not-done"]);
});

test("what stands behind one that is given up, and ran no more than that, goes on under another session", () => {
  const rig = threeUnderWay();
  rig.fail("DISK_FULL");
  rig.fail("LOST", "unknown");
  rig.fail("LOST");
  assert.equal([rig.told, rig.takeAsked()], [["a: DISK_FULL not-done"], ["close 1"]]);
  rig.fail("NO_LEADER");
  rig.pass(10);
  assert.equal(rig.takeAsked(), ["close 1"]);
  rig.answer("true");
  rig.answerOpen();
  assert.equal(rig.takeAsked(), ["open", "1 of 2: set b", "2 of 2: set c"]);
  rig.answer();
  rig.answer();
  assert.equal(rig.told.slice(1), ["b: OK", "c: OK"]);
});

test("a session that nobody knows any more: what was in doubt stays so, the rest is sent under another", () => {
  const rig = threeUnderWay();
  rig.fail("LOST", "unknown");
  rig.fail("LOST", "unknown");
  rig.fail("LOST");
  rig.pass(20);
  for (const _ of [1, 2, 3]) rig.fail("SESSION_EXPIRED", "unknown");
  rig.takeAsked();
  rig.answer("false");
  rig.answerOpen();
  assert.equal([rig.told, rig.takeAsked()], [["a: LOST unknown", "b: LOST unknown"], ["open", "1 of 2: set c"]]);
});

test("a session that expired while it was idle costs nothing but another", () => {
  const rig = threeUnderWay();
  for (const _ of [1, 2, 3]) rig.fail("SESSION_EXPIRED", "unknown");
  rig.answer("false");
  rig.answerOpen();
  assert.equal([rig.told, rig.takeAsked()], [[], ["close 1", "open", "1 of 2: set a", "2 of 2: set b", "3 of 2: set c"]]);
});

test("without a leader writes end in time, not done, and the doubt of none is forgotten", () => {
  const rig = new Rig();
  rig.run("a", "b");
  for (let i = 0; i < 40; i++) {
    if (rig.waiting.length > 0) rig.fail("NO_LEADER");
    rig.pass(100);
  }
  assert.equal(rig.told, ["a: NO_LEADER not-done", "b: NO_LEADER not-done"]);
  assert.not.ok(rig.writes.isQuiet);
  assert.is(rig.resolved, 0);
  while (rig.waiting.length === 0) rig.pass(10);
  rig.answerOpen();
  assert.ok(rig.writes.isQuiet);
  assert.is(rig.resolved, 1);
});

test("a command that is larger than any takes no number", () => {
  const rig = new Rig();
  rig.run("a");
  rig.answerOpen();
  rig.writes.run(["set", "x".repeat(1024 * 1024)], 1000, (result) => rig.told.push(result instanceof DraftError ? result.code : "done"));
  rig.run("b");
  assert.equal([rig.told, rig.takeAsked()], [["TOO_LARGE"], ["open", "1 of 1: set a", "2 of 1: set b"]]);
});

test("a connection that ends in good order leaves its session to the next one", () => {
  const rig = threeUnderWay();
  for (const _ of [1, 2, 3]) rig.answer();
  rig.writes.close();
  const next = new OrderedWrites(rig.sessions, "main", () => {});
  next.run(["set", "z"], 1000, () => {});
  assert.equal(rig.takeAsked(), ["4 of 1: set z (below 4)"]);
  next.close();
  new OrderedWrites(rig.sessions, "main", () => {}).run(["set", "y"], 1000, () => {});
  assert.equal(rig.takeAsked(), ["open"], "what is under way under a session is nobody else's");
});

test.run();
