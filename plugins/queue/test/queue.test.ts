/** Every operation of `queue`, every refusal, and what time alone does to jobs. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DraftError } from "../../../src/base/errors.ts";
import { BEGIN_MS, isBad, PluginRig, refuses } from "../../../test/machine/plugin_rig.ts";
import queue from "../queue.ts";

const rigged = (): PluginRig => new PluginRig(queue);

function taken(id: string, body: string, receipt: number, more: object = {}): object {
  return { id, body, receipt, attempts: 1, maxAttempts: 25, pushedAtMs: BEGIN_MS, dueMs: BEGIN_MS + 30_000, ...more };
}

function stateOf(rig: PluginRig, id: string): string | null {
  return (rig.run("get", "q", id) as { state: string } | null)?.state ?? null;
}

function idsOf(answer: unknown): string[] {
  return (answer as { id: string }[]).map(({ id }) => id);
}

const GONE = "it was acked, given back, taken again or deleted";

test("push, take, ack: the job is the taker's, then gone", () => {
  const rig = rigged();
  assert.is(rig.run("push", "q", "a body"), "1");
  assert.equal(rig.run("take", "q"), taken("1", "a body", 2));
  assert.is(rig.run("take", "q"), null);
  assert.is(rig.run("ack", "q", 2), "1");
  assert.is(rig.run("get", "q", "1"), null);
  refuses(rig, ["ack", "q", 2], "CONFLICT", `receipt 2 holds no job of queue 'q': ${GONE}`);
  assert.equal(rig.run("queues"), []);
});

test("jobs are taken in the order in which they were pushed, each queue on its own", () => {
  const rig = rigged();
  for (let i = 0; i < 12; i++) rig.run("push", i % 3 === 2 ? "other" : "q", `job ${i}`);
  const bodies = (name: string): string[] => {
    const all: string[] = [];
    for (let job = rig.run("take", name); job !== null; job = rig.run("take", name)) all.push((job as { body: string }).body);
    return all;
  };
  assert.equal(bodies("q"), [0, 1, 3, 4, 6, 7, 9, 10].map((i) => `job ${i}`));
  assert.equal(bodies("other"), [2, 5, 8, 11].map((i) => `job ${i}`));
});

test("a delayed job is ready at its moment and not before, behind those that were ready earlier", () => {
  for (const wake of [false, true]) {
    const rig = rigged();
    rig.run("push", "q", "late", 100);
    assert.is(stateOf(rig, "1"), "delayed");
    rig.pass(99, wake);
    assert.is(rig.run("take", "q"), null);
    rig.run("push", "q", "soon");
    rig.pass(1, wake);
    rig.run("push", "q", "later");
    assert.is(stateOf(rig, "1"), "ready");
    const bodies = [0, 1, 2].map(() => (rig.run("take", "q") as { body: string }).body);
    assert.equal(bodies, ["soon", "late", "later"]);
  }
});

test("a job that is neither acked nor extended in time is there again, and the late ack is fenced once it is taken", () => {
  for (const wake of [false, true]) {
    const rig = rigged();
    rig.run("push", "q", "b");
    rig.run("take", "q", 100);
    rig.pass(99, wake);
    assert.equal([rig.run("take", "q"), stateOf(rig, "1")], [null, "taken"]);
    rig.pass(1, wake);
    assert.is(stateOf(rig, "1"), "ready");
    const receipt = rig.index + 1;
    assert.equal(rig.run("take", "q", 100), taken("1", "b", receipt, { attempts: 2, dueMs: BEGIN_MS + 200 }));
    for (const late of [["ack", "q", 2], ["nack", "q", 2], ["extend", "q", 2, 50]] as const) {
      refuses(rig, late, "CONFLICT", `receipt 2 holds no job of queue 'q': ${GONE}`);
    }
    assert.is(rig.run("ack", "q", receipt), "1");
  }
});

test("an ack that comes late but before anybody else took the job counts", () => {
  const rig = rigged();
  rig.run("push", "q", "b");
  rig.run("take", "q", 100);
  rig.pass(500, true);
  assert.is(rig.run("ack", "q", 2), "1");
  assert.is(rig.run("take", "q"), null);
});

test("a receipt is good in its own queue alone", () => {
  const rig = rigged();
  rig.run("push", "q", "b");
  rig.run("take", "q");
  refuses(rig, ["ack", "p", 2], "CONFLICT", `receipt 2 holds no job of queue 'p': ${GONE}`);
  assert.is(rig.run("delete", "p", "1"), false);
});

test("extend begins the time anew, also a shorter one", () => {
  const rig = rigged();
  rig.run("push", "q", "b");
  rig.run("take", "q", 100);
  rig.pass(90);
  assert.is(rig.run("extend", "q", 2, 100), BEGIN_MS + 190);
  rig.pass(90);
  assert.is(rig.run("take", "q"), null);
  assert.is(rig.run("extend", "q", 2, 5), BEGIN_MS + 185);
  rig.pass(5);
  assert.is((rig.run("take", "q") as { attempts: number }).attempts, 2);
});

test("nack gives the job back, at once or after a delay, and its receipt holds nothing any more", () => {
  const rig = rigged();
  rig.run("push", "q", "b");
  rig.run("take", "q");
  assert.is(rig.run("nack", "q", 2), "ready");
  refuses(rig, ["ack", "q", 2], "CONFLICT", `receipt 2 holds no job of queue 'q': ${GONE}`);
  const { receipt } = rig.run("take", "q") as { receipt: number };
  assert.is(rig.run("nack", "q", receipt, 50), "delayed");
  assert.is(rig.run("take", "q"), null);
  rig.pass(50);
  assert.is((rig.run("take", "q") as { attempts: number }).attempts, 3);
});

test("a job is dead after its last try, given back or not, and stays aside until it is requeued", () => {
  const rig = rigged();
  for (const body of ["nacked", "left"]) rig.run("push", "q", body, 0, 1);
  rig.run("take", "q");
  assert.is(rig.run("nack", "q", 3, 1000), "dead");
  rig.pass(1);
  rig.run("take", "q", 100);
  assert.is(stateOf(rig, "2"), "taken");
  rig.pass(100);
  assert.is(stateOf(rig, "2"), "dead");
  assert.is(rig.run("take", "q"), null);
  assert.equal(rig.run("dead", "q"), [
    { id: "1", state: "dead", body: "nacked", attempts: 1, maxAttempts: 1, pushedAtMs: BEGIN_MS, dueMs: BEGIN_MS },
    { id: "2", state: "dead", body: "left", attempts: 1, maxAttempts: 1, pushedAtMs: BEGIN_MS, dueMs: BEGIN_MS + 101 },
  ]);
  assert.is(rig.run("requeue", "q", "2", "7"), 1);
  assert.equal(idsOf(rig.run("dead", "q")), ["1"]);
  const again = rig.run("take", "q") as { body: string; attempts: number };
  assert.equal([again.body, again.attempts], ["left", 1]);
});

test("requeue and purge are about dead jobs alone: all, or those named", () => {
  const rig = rigged();
  for (const body of ["a", "b", "c", "d"]) rig.run("push", "q", body, 0, 1);
  for (const _ of ["a", "b", "c"]) rig.run("nack", "q", (rig.run("take", "q") as { receipt: number }).receipt);
  assert.equal([rig.run("purge", "q", "4"), rig.run("requeue", "q", "4", "99")], [0, 0]);
  assert.is(rig.run("purge", "q", "2", "2"), 1);
  assert.equal(idsOf(rig.run("dead", "q")), ["1", "3"]);
  assert.equal([rig.run("requeue", "q"), rig.run("requeue", "q"), rig.run("purge", "q")], [2, 0, 0]);
  assert.equal(rig.run("stats", "q"), { jobs: 3, ready: 3, delayed: 0, taken: 0, dead: 0 });
});

test("requeue lets receipts of dead jobs hold nothing", () => {
  const rig = rigged();
  rig.run("push", "q", "b", 0, 1);
  rig.run("take", "q", 10);
  rig.pass(10);
  assert.is(rig.run("requeue", "q"), 1);
  refuses(rig, ["ack", "q", 2], "CONFLICT", `receipt 2 holds no job of queue 'q': ${GONE}`);
});

test("dead goes on behind a job that is dead", () => {
  const rig = rigged();
  for (let i = 0; i < 4; i++) rig.run("push", "q", "b", 0, 1);
  for (let i = 0; i < 4; i++) rig.run("nack", "q", (rig.run("take", "q") as { receipt: number }).receipt);
  assert.equal(idsOf(rig.run("dead", "q", 2)), ["1", "2"]);
  assert.equal(idsOf(rig.run("dead", "q", 2, "2")), ["3", "4"]);
  rig.run("purge", "q", "2");
  const { code, message } = rig.run("dead", "q", 2, "2") as DraftError;
  assert.equal([code, message], ["BAD_REQUEST", "dead QUEUE [LIMIT] [AFTER]: job 2 is not dead: begin anew without AFTER"]);
});

test("delete takes a job in whatever state, and its taker's ack is refused", () => {
  const rig = rigged();
  for (let i = 0; i < 3; i++) rig.run("push", "q", "b", i === 2 ? 50 : 0);
  rig.run("take", "q");
  assert.equal(["1", "2", "3", "3"].map((id) => rig.run("delete", "q", id)), [true, true, true, false]);
  refuses(rig, ["ack", "q", 4], "CONFLICT", `receipt 4 holds no job of queue 'q': ${GONE}`);
  assert.equal([rig.run("take", "q"), rig.run("queues")], [null, []]);
  assert.is(rig.applier.wakeAt(), null);
});

test("stats, queues and peek tell what there is", () => {
  const rig = rigged();
  rig.run("push", "q", "four", 0, 1);
  rig.run("push", "q", "later", 70);
  rig.run("push", "p", "x");
  rig.run("take", "q", 50);
  rig.run("push", "q", "now");
  assert.equal(rig.run("stats", "q"), { jobs: 3, ready: 1, delayed: 1, taken: 1, dead: 0 });
  assert.is((rig.run("peek", "q") as { body: string }).body, "now");
  rig.pass(60);
  assert.equal(rig.run("stats", "q"), { jobs: 3, ready: 1, delayed: 1, taken: 0, dead: 1 });
  rig.run("ack", "q", (rig.run("take", "q") as { receipt: number }).receipt);
  assert.equal(rig.run("peek", "q"), { id: "2", state: "delayed", body: "later", attempts: 0, maxAttempts: 25, pushedAtMs: BEGIN_MS, dueMs: BEGIN_MS + 70 });
  assert.is(rig.run("peek", "nothing"), null);
  assert.equal(rig.run("stats", "nothing"), { jobs: 0, ready: 0, delayed: 0, taken: 0, dead: 0 });
  assert.equal(rig.run("queues"), [{ name: "p", jobs: 1, length: 1 }, { name: "q", jobs: 2, length: 9 }]);
  assert.equal([rig.run("queues", "q"), rig.run("queues", "", 1, "p")], [[{ name: "q", jobs: 2, length: 9 }], [{ name: "q", jobs: 2, length: 9 }]]);
});

test("watchers hear what became of a job, by whoever or by the time, each change once", () => {
  const rig = rigged();
  rig.run("push", "q", "b", 10, 2);
  assert.equal(rig.taken(), [["q/1", "delayed"]]);
  rig.pass(10, true);
  assert.equal(rig.taken(), [["q/1", "ready"]]);
  rig.run("take", "q", 10);
  assert.equal(rig.taken(), [["q/1", "taken"]]);
  rig.run("nack", "q", rig.index);
  assert.equal(rig.taken(), [["q/1", "ready"]]);
  rig.run("take", "q", 10);
  rig.pass(10, true);
  assert.equal(rig.taken(), [["q/1", "taken"], ["q/1", "dead"]]);
  rig.run("requeue", "q");
  rig.run("take", "q", 10);
  rig.run("ack", "q", rig.index);
  assert.equal(rig.taken(), [["q/1", "ready"], ["q/1", "taken"], ["q/1", undefined]]);
});

test("the leader is asked for a time entry when a job falls due, and not for one that is gone", () => {
  const rig = rigged();
  rig.run("push", "q", "b");
  assert.is(rig.applier.wakeAt(), null);
  rig.run("take", "q", 100);
  assert.is(rig.applier.wakeAt(), BEGIN_MS + 100);
  rig.run("push", "q", "c", 50);
  assert.is(rig.applier.wakeAt(), BEGIN_MS + 50);
  rig.pass(50, true);
  assert.is(rig.applier.wakeAt(), BEGIN_MS + 100);
  rig.run("ack", "q", 2);
  assert.is(rig.applier.wakeAt(), null);
});

test("what could not be right in any state is refused before the log", () => {
  const rig = rigged();
  const push = "push QUEUE BODY [DELAYMS] [MAXATTEMPTS]";
  isBad(rig, ["push", "", "b"], `${push}: QUEUE is "", wanted 1 to 256 characters, none of them a control character`);
  isBad(rig, ["push", "q\u0000", "b"], `${push}: QUEUE is "q\\u0000", wanted 1 to 256 characters, none of them a control character`);
  isBad(rig, ["push", "q", 7], `${push}: BODY is 7, wanted a text of up to 262144 characters`);
  isBad(rig, ["push", "q", "b".repeat(262_145)], `${push}: BODY is "${"b".repeat(39)}…, wanted a text of up to 262144 characters`);
  isBad(rig, ["push", "q", "b", -1], `${push}: DELAYMS is -1, wanted a whole number from 0 to 86400000`);
  isBad(rig, ["push", "q", "b", 0, 1001], `${push}: MAXATTEMPTS is 1001, wanted a whole number from 1 to 1000`);
  isBad(rig, ["take", "q", 0], "take QUEUE [FORMS]: FORMS is 0, wanted a whole number from 1 to 86400000");
  isBad(rig, ["ack", "q", "x"], 'ack QUEUE RECEIPT: RECEIPT is "x", wanted a whole number from 1 to 9007199254740991');
  isBad(rig, ["delete", "q", "007"], 'delete QUEUE ID: ID is "007", wanted the id of a job');
  isBad(rig, ["dead", "q", 1001], "dead QUEUE [LIMIT] [AFTER]: LIMIT is 1001, wanted a whole number from 1 to 1000");
});

test("more than so much is refused, until some of it is gone", () => {
  const rig = rigged();
  const body = "b".repeat(262_144);
  for (let i = 0; i < 1024; i++) rig.run("push", "q", body);
  refuses(rig, ["push", "p", "b"], "REJECTED", "268435456 characters are queued already: have some jobs done first");
  rig.run("delete", "q", "5");
  assert.is(typeof rig.run("push", "p", "b"), "string");
  refuses(rig, ["purge", "q", ...Array.from({ length: 1001 }, (_, i) => String(i + 1))], "REJECTED", "1001 jobs are named: must be 1000 at most");
});

test.run();
