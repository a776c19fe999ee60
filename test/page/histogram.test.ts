import { suite } from "uvu";
import * as assert from "uvu/assert";
import { countsIn, quantileMs } from "../../src/page/histogram.ts";

const test = suite("histogram of a page");

function text(counts: readonly number[], group: string = "main"): string {
  const [a, b, c] = counts;
  return `# TYPE draft_commit_seconds histogram
draft_commit_seconds_bucket{le="+Inf",group="${group}"} ${c}
draft_commit_seconds_bucket{le="0.001",group="${group}"} ${a}
draft_commit_seconds_bucket{le="0.01",group="${group}"} ${b}
draft_commit_seconds_sum{group="${group}"} 3
draft_commit_seconds_count{group="${group}"} ${c}
draft_commit_seconds_bucket{le="0.001",group="other"} 999
`;
}

const read = (...counts: number[]): NonNullable<ReturnType<typeof countsIn>> => countsIn(text(counts), "draft_commit_seconds", "main") as NonNullable<ReturnType<typeof countsIn>>;

test("the series of one group, by rising bounds", () => {
  assert.equal(read(1, 2, 3), { boundsSeconds: [0.001, 0.01, Number.POSITIVE_INFINITY], counts: [1, 2, 3] });
  assert.is(countsIn(text([1, 2, 3]), "draft_commit_seconds", "none"), null);
  assert.is(countsIn(text([1, 2, 3]), "draft_commit", "main"), null);
  assert.is(countsIn("", "x", "main"), null);
});

test("a quantile is of what came between two readings", () => {
  assert.is(quantileMs(read(100, 100, 100), read(200, 200, 200), 0.5), 0.5);
  assert.is(quantileMs(read(0, 0, 0), read(50, 100, 100), 0.75)?.toFixed(6), "5.500000");
  assert.is(quantileMs(read(0, 0, 0), read(0, 0, 10), 0.5), 10, "beyond the last bound it is at least that");
});

test("nothing came, or the node began anew: nothing is known", () => {
  assert.is(quantileMs(read(5, 5, 5), read(5, 5, 5), 0.5), null);
  assert.is(quantileMs(read(5, 5, 5), read(1, 1, 1), 0.5), null);
  assert.is(quantileMs(read(5, 5, 5), read(1, 6, 8), 0.5), null, "more in all, and fewer of the short ones: it began anew");
});

test.run();
