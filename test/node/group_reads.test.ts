import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Applier } from "../../src/machine/applier.ts";
import { GroupReads } from "../../src/node/group_reads.ts";
import type { ReadLevel } from "../../src/node/node_api.ts";

class Rig {
  index = 10;
  readonly told: string[] = [];
  readonly reads: GroupReads;

  constructor() {
    const index = (): number => this.index;
    this.reads = new GroupReads({
      get readableIndex() {
        return index();
      },
      query: (command: readonly unknown[]) => `${String(command[0])}@${index()}`,
    } as unknown as Applier);
  }

  add(name: string, options: { level?: ReadLevel; minIndex?: number; timeoutMs?: number } = {}): void {
    const all = { level: "linearizable" as ReadLevel, minIndex: 0, timeoutMs: 1000, ...options };
    this.reads.add([name], all, 0, (result) => {
      this.told.push(result instanceof DraftError ? `${name} ${result.code} ${result.outcome}` : String(result.reply));
    });
  }
}

test("reads of one turn share an index, and are answered once it is applied", () => {
  const rig = new Rig();
  rig.add("x");
  rig.add("y");
  const readId = rig.reads.takeGathered();
  assert.is(rig.reads.takeGathered(), 0);
  rig.reads.answered(readId, 12);
  rig.reads.answerApplied();
  rig.index = 11;
  rig.reads.answerApplied();
  assert.equal(rig.told, [], "its index is not applied yet");
  rig.index = 12;
  rig.reads.answerApplied();
  assert.equal(rig.told, ["x@12", "y@12"]);
  assert.is(rig.reads.size, 0);
});

test("each turn has an id of its own, and an answer to another one changes nothing", () => {
  const rig = new Rig();
  rig.add("x");
  const first = rig.reads.takeGathered();
  rig.add("y");
  const second = rig.reads.takeGathered();
  assert.is.not(first, second);
  rig.reads.answered(second, 1);
  rig.reads.answered(second, 1);
  rig.reads.answered(99, 1);
  rig.reads.answerApplied();
  assert.equal(rig.told, ["y@10"]);
});

test("L13: a stale read is answered at once; with a least index, when that is applied", () => {
  const rig = new Rig();
  rig.add("x", { level: "stale" });
  rig.add("y", { level: "stale", minIndex: 11 });
  assert.equal(rig.told, ["x@10"]);
  rig.index = 11;
  rig.reads.answerApplied();
  assert.equal(rig.told, ["x@10", "y@11"]);
});

test("a linearizable read with a least index beyond its read index waits for that", () => {
  const rig = new Rig();
  rig.add("x", { minIndex: 14 });
  rig.reads.answered(rig.reads.takeGathered(), 10);
  rig.reads.answerApplied();
  assert.equal(rig.told, []);
  rig.index = 14;
  rig.reads.answerApplied();
  assert.equal(rig.told, ["x@14"]);
});

test("failed() tells all of that turn, not done", () => {
  const rig = new Rig();
  rig.add("x");
  rig.add("y");
  rig.reads.failed(rig.reads.takeGathered(), new DraftError("NO_LEADER", "none"));
  assert.equal(rig.told, ["x NO_LEADER not-done", "y NO_LEADER not-done"]);
  assert.is(rig.reads.size, 0);
});

test("expire() tells TIMEOUT, not done, wherever a read waits, and forgets it", () => {
  const rig = new Rig();
  rig.add("x", { timeoutMs: 100 });
  rig.add("y", { timeoutMs: 200 });
  const asked = rig.reads.takeGathered();
  rig.add("z", { level: "stale", minIndex: 99, timeoutMs: 100 });
  rig.reads.expire(100);
  assert.equal(rig.told, ["x TIMEOUT not-done", "z TIMEOUT not-done"]);
  rig.reads.answered(asked, 10);
  rig.reads.answerApplied();
  assert.equal(rig.told.slice(2), ["y@10"]);
  assert.is(rig.reads.size, 0);
});

test("end() tells all that wait, not done", () => {
  const rig = new Rig();
  rig.add("asked");
  rig.reads.takeGathered();
  rig.add("gathered");
  rig.add("indexed", { level: "stale", minIndex: 99 });
  rig.reads.end(new DraftError("STOPPING", "ends"));
  assert.equal(rig.told.sort(), ["asked STOPPING not-done", "gathered STOPPING not-done", "indexed STOPPING not-done"]);
  assert.is(rig.reads.size, 0);
});

test.run();
