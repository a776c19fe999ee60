/** `draft log` on a copy of a real node's directory. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dispatch } from "../../src/cli/dispatch.ts";
import { logLeaves } from "../../src/cli/log.ts";
import { runOffline } from "../../src/editor/offline_log.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { makeDirectory } from "../editor/rig.ts";
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

/** The directory of a member of three, on a real disk. */
async function withMember(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-log-"));
  try {
    await runOffline(makeDirectory(createNodeHost(silentLog), { seed: 1, voters: ["a", "b", "c"], entries: 8, commitIndex: 6 }, directory));
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Flips a bit of where `key` stands first in the log. */
function spoil(data: string, key: string): void {
  const segment = join(data, "wal/000000000001.seg");
  const content = readFileSync(segment);
  const at = content.indexOf(key);
  content[at] = content[at]! ^ 1;
  writeFileSync(segment, content);
}

test("accept shows the seal to compare before it asks, and clears the mark only then", () => withMember(async (data) => {
  const run = async (...words: readonly string[]): Promise<{ code: number; out: string; err: string }> => {
    const io = fakeIo();
    const [verb = "", ...rest] = words;
    return { code: await dispatch(["log", verb, "--data", data, ...rest], logLeaves, io), out: io.outText(), err: io.errText() };
  };
  assert.is((await run("chop", "--yes", "5")).code, 0);
  const { lastChain, condition } = JSON.parse((await run("last", "--json")).out) as { lastChain: string; condition: string };
  assert.is(condition, "edited");
  const asked = await run("accept");
  assert.is(asked.code, 2, "nobody is there to ask");
  assert.match(asked.out, new RegExp(`the log ends at index 4, term 2, seal ${lastChain}: the same on every member, or do not accept`));
  assert.is((JSON.parse((await run("last", "--json")).out) as { condition: string }).condition, "edited");
  const accepted = await run("accept", "--yes", "--json");
  assert.equal((JSON.parse(accepted.out) as { seal: unknown }).seal, { index: 4, term: 2, chain: lastChain });
  assert.match(accepted.err, new RegExp(lastChain));
  assert.is((JSON.parse((await run("last", "--json")).out) as { condition: null }).condition, null);
}));

test("a damaged log is shown with what is lost in its place, and cut before it: exit 10, then 0", () => withMember(async (data) => {
  spoil(data, "k5");
  const run = async (...words: readonly string[]): Promise<{ code: number; lines: Record<string, unknown>[]; err: string }> => {
    const io = fakeIo();
    const [verb = "", ...rest] = words;
    const code = await dispatch(["log", verb, "--data", data, "--json", ...rest], logLeaves, io);
    return { code, lines: io.outText().trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>), err: io.errText() };
  };
  const shown = await run("show");
  assert.is(shown.code, 10);
  assert.equal(shown.lines[4], { lost: true, from: 5, to: 5 });
  assert.equal(shown.lines.map(({ index }) => index ?? null), [1, 2, 3, 4, null, 6, 7, 8]);
  assert.match(shown.err, /000000000001\.seg" at offset \d+ \(group 1, index 5\) is damaged/);
  assert.is((await run("at", "4", "get", "k4")).lines[0]?.["result"], "v4");
  const late = await run("at", "8", "get", "k4");
  assert.equal([late.code, /entry 5 is lost: the state can be made up to index 4/.test(late.err)], [10, true]);
  const replayed = await run("replay", "--machine", "kv");
  assert.equal([replayed.code, replayed.lines[0]?.["from"], replayed.lines[0]?.["to"]], [10, 1, 4]);
  const [place, log] = (await run("check")).lines;
  assert.equal([place?.["ok"], log?.["ok"], log?.["lost"]], [false, false, [{ from: 5, to: 5 }]]);
  assert.is((await run("append", "--yes", "set", "a", "b")).code, 10);
  const high = await run("chop", "--yes", "7");
  assert.equal([high.code, /chop 5 at the highest/.test(high.err)], [1, true]);
  assert.is((await run("chop", "--yes", "5")).code, 0);
  assert.equal((await run("check")).lines.map(({ ok }) => ok), [true]);
  assert.equal((await run("show")).lines.map(({ index }) => index), [1, 2, 3, 4]);
}));

test("chop of a damaged log keeps what the machine holds on disk, and says where: it may be the last that shows what is lost", () => withMember(async (data) => {
  spoil(data, "k5");
  mkdirSync(join(data, "machines/main"), { recursive: true });
  writeFileSync(join(data, "machines/main/1.db"), "the state behind entry 8");
  const io = fakeIo();
  assert.is(await dispatch(["log", "chop", "--data", data, "--yes", "5"], logLeaves, io), 0);
  assert.ok(io.outText().includes(`goes to "${join(data, "edits/1-damaged/machine")}"`), io.outText());
  assert.is(readFileSync(join(data, "edits/1-damaged/machine/1.db"), "utf8"), "the state behind entry 8");
  assert.not(existsSync(join(data, "machines/main")), "a machine that is ahead of its log is not gone on from");
}));

test("replay holds a machine of one's own against an older build, and says when there is nothing to compare with", () => withCopy(async (data) => {
  const io = fakeIo();
  assert.is(await dispatch(["log", "replay", "--data", data, "--machine", "counter"], logLeaves, io), 14);
  assert.match(io.errText(), /--machine counter is the machine "counter", the log is of "kv"/);
  const same = fakeIo();
  assert.is(await dispatch(["log", "replay", "--data", data, "--older", "kv", "--machine", "kv", "--json"], logLeaves, same), 0);
  assert.equal(JSON.parse(same.outText()), { from: 10, to: 15, against: "build", verdicts: null, differs: null, entry: null });
}));

test.run();
