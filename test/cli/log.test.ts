/** `draft log` on a copy of a real node's directory. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dispatch } from "../../src/cli/dispatch.ts";
import { logLeaves } from "../../src/cli/log.ts";
import { fakeIo } from "./fake_io.ts";

async function withCopy(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-log-"));
  try {
    cpSync(join(import.meta.dirname, "../fixtures/data_1"), directory, { recursive: true });
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Where the log ends, as an edit says. */
function endOf(said: Record<string, unknown> | undefined): number | undefined {
  return (said?.["seal"] as { index: number } | undefined)?.index;
}

test("the prompt runs each line of a pipe on one directory, goes on after an error, and ends with the worst code", () => withCopy(async (data) => {
  const io = fakeIo("at 13 get k2\nchpo 3\nchop 14\nhelp chop\nlast\nexit\nlast\n");
  assert.is(await dispatch(["log", "--data", data, "--json"], logLeaves, io), 2);
  const [at, ...rest] = io.outText().trim().split("\n");
  assert.is(at, '{"result":"again","index":13}');
  assert.is((JSON.parse(rest.at(-1) ?? "") as { lastIndex: number }).lastIndex, 15, "nobody was there to agree, and nothing is read behind exit");
  assert.match(io.errText(), /unknown command "chpo": did you mean "chop"/);
  assert.match(io.errText(), /nobody is there to ask: add --yes/);
}));

test("each verb prints one object a line with --json, and an edit says what it means apart from it", () => withCopy(async (data) => {
  const said = async (...words: readonly string[]): Promise<Record<string, unknown>[]> => {
    const io = fakeIo();
    const [verb = "", ...rest] = words;
    assert.is(await dispatch(["log", verb, "--data", data, "--json", ...rest], logLeaves, io), 0, io.errText());
    return io.outText().trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const [chopped] = await said("chop", "--yes", "15");
  assert.equal([chopped?.["change"], chopped?.["condition"], endOf(chopped)], ["chop", null, 14]);
  const [appended] = await said("append", "--yes", "set", "x", "y");
  assert.is(endOf(appended), 15);
  const shown = await said("show", "--from", "15");
  assert.equal(shown.map(({ index, kind, command }) => [index, kind, command]), [[15, "command", ["set", "x", "y"]]]);
  const [undone] = await said("undo", "--yes");
  assert.is(endOf(undone), 14);
  assert.equal((await said("check")).map(({ ok }) => ok), [true, true]);
  assert.equal((await said("replay", "--machine", "kv"))[0]?.["differs"], null);
}));

test.run();
