import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blocksOf, firstMissing, type Result, runDocument } from "../../scripts/readme.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Fenced blocks, each behind its mark. */
function document(...blocks: readonly (readonly [mark: string, body: string])[]): string {
  return ["# Title", ...blocks.map(([mark, body]) => `${mark}\n\`\`\`sh\n${body}\n\`\`\`\n`)].join("\n\n");
}

function run(...blocks: readonly (readonly [mark: string, body: string])[]): Promise<Result> {
  return runDocument(document(...blocks), root);
}

test("blocksOf() takes marked blocks alone", () => {
  const text = document(["<!-- run seconds=5 -->", "a\n\n  b"], ["<!-- a comment -->", "c"], [
    "<!-- file x.ts -->",
    "d",
  ]);
  assert.equal(blocksOf(text), [
    { kind: "run", options: "seconds=5", text: "a\n\n  b\n", line: 3 },
    { kind: "file", options: "x.ts", text: "d\n", line: 17 },
  ]);
});

test("blocksOf() refuses a mark without a block", () => {
  assert.throws(() => blocksOf("<!-- run -->\n\ntext"), /line 1: no fenced block/);
  assert.throws(() => blocksOf("<!-- run -->\n```sh\ntrue"), /line 1: no fenced block/);
});

test("firstMissing() wants the lines in order, with … for anything", () => {
  assert.is(firstMissing("a\nc", "a\nb\nc\n"), null);
  assert.is(firstMissing("c\na", "a\nb\nc\n"), "a");
  assert.is(firstMissing("ready id=a …role=follower", "x\nready id=a port=7 role=follower\n"), null);
  assert.is(firstMissing("a.c", "abc\n"), "a.c");
  assert.is(firstMissing("…\n", ""), null);
});

test("runDocument() shares a directory, files and what runs in the background", async () => {
  const result = await run(
    ["<!-- file a.txt -->", "hello"],
    ["<!-- run -->", "(while sleep 0.02; do echo >> ticks; done) &\ncat a.txt"],
    ["<!-- expect -->", "hello"],
    [
      "<!-- run -->",
      "before=$(cat ticks | wc -l || true); sleep 0.3; after=$(cat ticks | wc -l); test $after -gt $before",
    ],
  );
  assert.equal(result, { passed: 3, failures: [] });
});

test("runDocument() finds the project's runtimes, and its directory if asked", async () => {
  const result = await run(["<!-- run in=project -->", "test -f package.json; node --version"], [
    "<!-- expect -->",
    "v24.…",
  ]);
  assert.equal(result, { passed: 2, failures: [] });
});

test("runDocument() reports a command that fails, in a pipe too", async () => {
  const { passed, failures } = await run(["<!-- run -->", "false | cat\necho unreached"]);
  assert.is(passed, 0);
  assert.match(failures[0] ?? "", "line 3: exit 1");
});

test("runDocument() reports output that is missing", async () => {
  const { passed, failures } = await run(["<!-- run -->", "echo a"], ["<!-- expect -->", "b"]);
  assert.is(passed, 1);
  assert.match(failures[0] ?? "", "not printed: b");
});

test("runDocument() ends a script at its limit, and what runs in the background at the end", async () => {
  const trace = `${tmpdir()}/draft-readme-test-${Math.random().toString(36).slice(2)}`;
  const { failures } = await run(["<!-- run seconds=1 -->", `while sleep 0.02; do echo >> ${trace}; done & wait`]);
  assert.match(failures[0] ?? "", "still running after 1 s");
  const bytes = readFileSync(trace).length;
  await sleep(200);
  assert.is(readFileSync(trace).length, bytes);
});

test.run();
