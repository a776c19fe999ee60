/** How long a machine will be busy, as far as it told of late. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ApplyPace } from "../../src/node/apply_pace.ts";

function paceOf(pages: readonly (readonly [entries: number, ms: number])[]): ApplyPace {
  const pace = new ApplyPace();
  for (const [entries, ms] of pages) pace.took(entries, ms);
  return pace;
}

test("took() follows the machine, page by page", () => {
  const slow = paceOf(Array.from({ length: 20 }, () => [2, 10] as const));
  assert.ok(slow.msFor(100) > 490 && slow.msFor(100) <= 500, `${slow.msFor(100)} ms for 100`);
  for (let page = 0; page < 20; page++) slow.took(100, 1);
  assert.ok(slow.msFor(100) < 10, `${slow.msFor(100)} ms for 100 once it is quick`);
});

test("took() passes over a page during which the process was stopped, be it of one entry", () => {
  const quick = Array.from({ length: 20 }, () => [10, 0.1] as const);
  const undisturbed = paceOf([...quick, [10, 0.1], ...quick]).msFor(1000);
  assert.is(paceOf([...quick, [1, 10_000], ...quick]).msFor(1000), undisturbed);
});

test("took() counts what takes long again and again, though quick pages come between", () => {
  const pages = Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? [1, 20] : [1, 0]) as readonly [number, number]);
  const ms = paceOf(pages).msFor(1);
  assert.ok(ms > 5 && ms < 15, `${ms} ms for one`);
});

test.run();
