import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Applier } from "../../src/machine/applier.ts";
import { GroupReads, type ReadPoint } from "../../src/node/group_reads.ts";
import type { ReadLevel } from "../../src/node/node_api.ts";

class Rig {
  index = 10;
  timeMs = 100;
  wakeAtMs: number | null = null;
  readonly told: string[] = [];
  /** What errors say. */
  readonly words: string[] = [];
  readonly reads: GroupReads;

  constructor() {
    const machine = (): Rig => this;
    this.reads = new GroupReads({
      get readableIndex() {
        return machine().index;
      },
      get lastApplied() {
        return { index: machine().index, term: 1, chain: 0, timeMs: machine().timeMs };
      },
      beginning: { shown: (index: number) => index },
      wakeAt: () => this.wakeAtMs,
      query: (command: readonly unknown[]) => `${String(command[0])}@${this.index}`,
    } as unknown as Applier, 1000);
  }

  add(name: string, options: { level?: ReadLevel; minIndex?: number; timeoutMs?: number } = {}): boolean {
    const all = { level: "linearizable" as ReadLevel, minIndex: 0, timeoutMs: 1000, ...options };
    return this.reads.add([name], all, 0, (result) => {
      if (result instanceof DraftError) this.words.push(result.message);
      this.told.push(result instanceof DraftError ? `${name} ${result.code} ${result.outcome}` : String(result.reply));
    });
  }

  /** Under which id the core is asked for what was gathered without a lease; 0 if nothing was. */
  take(): number {
    return this.reads.takeGathered().find(({ lease }) => !lease)?.readId ?? 0;
  }
}

/** What the leader of term 1 tells. */
function at(index: number, timeMs = 0): ReadPoint {
  return { index, timeMs, term: 1 };
}

test("what a lease will do for is asked apart from the rest of the turn", () => {
  const rig = new Rig();
  rig.add("x");
  rig.add("y", { level: "lease" });
  rig.add("z", { level: "lease" });
  assert.equal(rig.reads.takeGathered(), [{ readId: 1, lease: false }, { readId: 2, lease: true }]);
  rig.reads.answered(2, at(0));
  rig.reads.answerApplied(1);
  assert.equal(rig.told.length, 2);
  assert.equal(rig.reads.takeGathered(), []);
});

test("reads of one turn share an index, and are answered once it is applied", () => {
  const rig = new Rig();
  rig.add("x");
  rig.add("y");
  const readId = rig.take();
  assert.is(rig.take(), 0);
  rig.reads.answered(readId, at(12));
  rig.reads.answerApplied(1);
  rig.index = 11;
  rig.reads.answerApplied(1);
  assert.equal(rig.told, [], "its index is not applied yet");
  rig.index = 12;
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["x@12", "y@12"]);
  assert.is(rig.reads.size, 0);
});

test("each turn has an id of its own, and an answer to another one changes nothing", () => {
  const rig = new Rig();
  rig.add("x");
  const first = rig.take();
  rig.add("y");
  const second = rig.take();
  assert.is.not(first, second);
  rig.reads.answered(second, at(1));
  rig.reads.answered(second, at(1));
  rig.reads.answered(99, at(1));
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["y@10"]);
});

test("L13: a stale read is answered at once; with a least index, when that is applied", () => {
  const rig = new Rig();
  rig.add("x", { level: "stale" });
  rig.add("y", { level: "stale", minIndex: 11 });
  assert.equal(rig.told, ["x@10"]);
  rig.index = 11;
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["x@10", "y@11"]);
});

test("a linearizable read with a least index beyond its read index waits for that", () => {
  const rig = new Rig();
  rig.add("x", { minIndex: 14 });
  rig.reads.answered(rig.take(), at(10));
  rig.reads.answerApplied(1);
  assert.equal(rig.told, []);
  rig.index = 14;
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["x@14"]);
});

test("D10 a read waits while the machine would show what was due by its log time", () => {
  const rig = new Rig();
  rig.wakeAtMs = 150;
  rig.add("sooner");
  rig.reads.answered(rig.take(), at(10, 149));
  rig.add("later");
  rig.reads.answered(rig.take(), at(10, 200));
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["sooner@10"], "nothing is due by then");
  rig.index = 11;
  rig.timeMs = 199;
  rig.reads.answerApplied(1);
  assert.equal(rig.told.length, 1, "time has not come so far");
  rig.index = 12;
  rig.timeMs = 200;
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["sooner@10", "later@12"], "what is due is not shown any more, swept or not");
});

test("D10 a read that waits for log time is answered as soon as nothing is due", () => {
  const rig = new Rig();
  rig.wakeAtMs = 150;
  rig.add("x");
  rig.reads.answered(rig.take(), at(10, 200));
  rig.reads.answerApplied(1);
  rig.index = 11;
  rig.wakeAtMs = null;
  rig.reads.answerApplied(1);
  assert.equal(rig.told, ["x@11"]);
});

test("D10 a read that waits for an earlier leader's log time asks the next one", () => {
  const rig = new Rig();
  rig.wakeAtMs = 150;
  rig.add("x");
  rig.reads.answered(rig.take(), at(10, 200));
  rig.reads.answerApplied(1);
  assert.not(rig.reads.hasGathered);
  rig.reads.answerApplied(2);
  assert.ok(rig.reads.hasGathered);
  rig.reads.answered(rig.take(), { index: 10, timeMs: 140, term: 2 });
  rig.reads.answerApplied(2);
  assert.equal(rig.told, ["x@10"]);
  assert.is(rig.reads.size, 0);
});

test("failed() tells all of that turn, not done", () => {
  const rig = new Rig();
  rig.add("x");
  rig.add("y");
  rig.reads.failed(rig.take(), new DraftError("NO_LEADER", "none"));
  assert.equal(rig.told, ["x NO_LEADER not-done", "y NO_LEADER not-done"]);
  assert.is(rig.reads.size, 0);
});

test("expire() tells TIMEOUT, not done, wherever a read waits, and forgets it", () => {
  const rig = new Rig();
  rig.add("x", { timeoutMs: 100 });
  rig.add("y", { timeoutMs: 200 });
  const asked = rig.take();
  rig.add("z", { level: "stale", minIndex: 99, timeoutMs: 100 });
  rig.reads.expire(100);
  assert.equal(rig.told, ["x TIMEOUT not-done", "z TIMEOUT not-done"]);
  rig.reads.answered(asked, at(10));
  rig.reads.answerApplied(1);
  assert.equal(rig.told.slice(2), ["y@10"]);
  assert.is(rig.reads.size, 0);
});

test("end() tells all that wait, not done", () => {
  const rig = new Rig();
  rig.add("asked");
  rig.take();
  rig.add("gathered");
  rig.add("indexed", { level: "stale", minIndex: 99 });
  rig.reads.end(new DraftError("STOPPING", "ends"));
  assert.equal(rig.told.sort(), ["asked STOPPING not-done", "gathered STOPPING not-done", "indexed STOPPING not-done"]);
  assert.is(rig.reads.size, 0);
});

test("what waits is bounded by bytes, and each way out makes room", () => {
  const rig = new Rig();
  const large = "x".repeat(400);
  assert.equal([rig.add(large), rig.add(large, { timeoutMs: 5 }), rig.add(large), rig.add("y")], [true, true, false, true]);
  assert.ok(rig.add(large, { level: "stale" }), "what is answered at once takes no room");
  rig.reads.answered(rig.take(), at(11));
  rig.reads.expire(6);
  assert.equal([rig.add(large), rig.add(large)], [true, false]);
  rig.index = 11;
  rig.reads.answerApplied(1);
  assert.equal([rig.add(large), rig.add(large)], [true, false]);
  rig.reads.failed(rig.take(), new DraftError("NO_LEADER", "gone"));
  assert.equal([rig.add(large), rig.add(large), rig.add(large)], [true, true, false]);
  rig.reads.end(new DraftError("STOPPING", "ends"));
  assert.equal([rig.add(large), rig.add(large), rig.add(large)], [true, true, false]);
});

test("a read whose time is up is told what it waited for", () => {
  const rig = new Rig();
  rig.add("asked", { timeoutMs: 5 });
  rig.take();
  rig.add("far", { level: "stale", minIndex: 999, timeoutMs: 5 });
  rig.add("behind", { timeoutMs: 5 });
  rig.reads.answered(rig.take(), at(12));
  rig.reads.expire(6);
  assert.equal(rig.words.map((each) => each.replace("the read was not answered in time: ", "")), [
    "no leader confirmed it",
    "this node has applied 10, 999 was asked for: see draft admin states",
    "this node has applied 10, 12 was committed when it was asked: see draft admin states",
  ]);
});

test.run();
