import { test } from "uvu";
import * as assert from "uvu/assert";
import { Progress } from "../../src/base/progress.ts";

test("progress is told once a second, with its end, and nothing of what is short", () => {
  const told: string[] = [];
  let nowMs = 500;
  const long = new Progress(() => nowMs, (text) => told.push(text));
  for (let done = 0; done < 100; done++) {
    nowMs += 30;
    long.at(() => `${done} of 100`);
  }
  long.end(() => "done");
  assert.equal(told, ["33 of 100", "67 of 100", "done"]);
  const short = new Progress(() => nowMs, (text) => told.push(text));
  nowMs += 999;
  short.at(() => "half");
  short.end(() => "all");
  assert.is(told.length, 3);
});

test.run();
