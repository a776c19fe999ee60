/** Real processes whose node breaks: what it recorded is in a file, and says where and why it ended. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readRecordingFile } from "../../src/node/recording.ts";
import { replay, type Replayed } from "../../src/sim/replay.ts";

const test = suite("last_flight");
const MAIN = fileURLToPath(new URL("breaking_node.ts", import.meta.url));
const PREFIX = process.versions["deno"] === undefined ? [MAIN] : ["run", "-A", MAIN];

const LIMIT_MS = 20_000;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const child = spawn(process.execPath, [...PREFIX, ...args], { stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS, killSignal: "SIGKILL", env: { ...process.env, NO_COLOR: "1", ...env } });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

function serve(data: string, env: Readonly<Record<string, string>>): Promise<Ran> {
  return run(["serve", "--id", "a", "--data", data, "--listen", "127.0.0.1:0", "--bootstrap", "--heartbeat-ms", "10", "--election-ms", "30-60"], env);
}

async function inTemporary(body: (data: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-test-"));
  try {
    // A path that a shell would take for two words.
    await body(join(directory, "node a"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function replayed(file: string): Replayed {
  const [recording, ...others] = readRecordingFile(new Uint8Array(readFileSync(file))).map(replay);
  assert.is(others.length, 0);
  return recording as Replayed;
}

test("a broken fact of the core ends draft serve; the file holds the event at which it broke, and breaks again there", () =>
  inTemporary(async (data) => {
    const { code, err } = await serve(data, { BREAK: "assertion 1" });
    const file = `${data}/flight/1.rec`;
    assert.is(code, 1, err);
    assert.match(err, "assertion failed: only what was asked for is applied: 1000000, ");
    assert.match(err, JSON.stringify({ message: `what it decided of late is kept, see: draft sim --replay "${file}"` }).slice(1, -1));
    const { difference, story, steps, taken } = replayed(file);
    assert.equal([difference, steps === taken && steps > 3], [null, true]);
    assert.match(story.at(-1)?.text ?? "", /^a breaks off: assertion failed: only what was asked for is applied: 1000000, \d+$/);
    assert.ok(story.some(({ text }) => text.startsWith("a leads term 1")));
    if (process.platform !== "win32") assert.equal([statSync(file).mode & 0o777, statSync(`${data}/flight`).mode & 0o777], [0o600, 0o700]);
  }));

test("a program's own node leaves the file too, and prints nothing", () =>
  inTemporary(async (data) => {
    const { code, out, err } = await run(["library", data], { BREAK: "assertion 40" });
    assert.equal([code, out], [1, ""], err);
    assert.not.match(err, "--replay");
    const { difference, steps, story } = replayed(`${data}/flight/1.rec`);
    assert.equal([difference, steps > 40], [null, true]);
    assert.match(story.at(-1)?.text ?? "", "a breaks off: assertion failed: ");
    assert.not(readFileSync(`${data}/flight/1.rec`).toString("latin1").includes("secret"));
  }));

test("a node that fails leaves the file, with the reason, before its exit code is known", () =>
  inTemporary(async (data) => {
    const { code, err } = await serve(data, { BREAK: "failed 1" });
    assert.is(code, 12, err);
    assert.match(err, /draft sim --replay .*\n\(error\) STORAGE_FAILED the disk said no: .*\n$/);
    const { difference, story } = replayed(`${data}/flight/1.rec`);
    assert.equal([difference, story.at(-1)?.text], [null, "a ends: STORAGE_FAILED, the disk said no"]);
    assert.is((await run(["library", data], { BREAK: "failed 50" })).code, 12);
    assert.equal(readdirSync(`${data}/flight`).sort(), ["1.rec", "2.rec"]);
  }));

test("an error that nobody caught leaves the file, without the error's words, which may be a user's", () =>
  inTemporary(async (data) => {
    const { code, err } = await run(["library", data], { BREAK: "uncaught 30" });
    assert.is(code, 1);
    assert.match(err, "a secret of the user");
    const { difference, story } = replayed(`${data}/flight/1.rec`);
    assert.equal([difference, story.at(-1)?.text], [null, "a ends: TypeError that nobody caught"]);
    assert.not(readFileSync(`${data}/flight/1.rec`).toString("latin1").includes("secret"));
  }));

test("what draft says of a plugin's error, which may be a user's, is left out too", () =>
  inTemporary(async (data) => {
    const { err } = await serve(data, { BREAK: "wrapped 1" });
    assert.match(err, "a secret of the user");
    assert.is(replayed(`${data}/flight/1.rec`).story.at(-1)?.text, "a ends: DAMAGED");
    assert.not(readFileSync(`${data}/flight/1.rec`).toString("latin1").includes("secret"));
  }));

test("a program that lives on with its own errors gets no file; one whose node broke does", () =>
  inTemporary(async (data) => {
    assert.is((await run(["library", data], { BREAK: "uncaught 30", SURVIVE: "1" })).code, 98);
    assert.not(existsSync(`${data}/flight`));
    assert.is((await run(["library", data], { BREAK: "assertion 60", SURVIVE: "1" })).code, 98);
    assert.equal(readdirSync(`${data}/flight`), ["2.rec"]);
  }));

test("the newest four are kept, and what is not ours is left alone", () =>
  inTemporary(async (data) => {
    mkdirSync(`${data}/flight`, { recursive: true });
    for (const name of ["0.rec", "-1.rec", "note.txt", "x.rec", "3.rec.old"]) writeFileSync(`${data}/flight/${name}`, "");
    for (let boot = 1; boot <= 5; boot++) assert.is((await serve(data, { BREAK: "failed 1" })).code, 12);
    assert.equal(readdirSync(`${data}/flight`).sort(), ["-1.rec", "2.rec", "3.rec", "3.rec.old", "4.rec", "5.rec", "note.txt", "x.rec"]);
  }));

test("a file that cannot be written changes nothing of how the node ends", () =>
  inTemporary(async (data) => {
    mkdirSync(data, { recursive: true });
    writeFileSync(`${data}/flight`, "in the way");
    const { code, err } = await serve(data, { BREAK: "failed 1" });
    assert.is(code, 12, err);
    assert.match(err, /what it decided of late is lost: E(EXIST|NOTDIR)/);
    assert.match(err, /\(error\) STORAGE_FAILED the disk said no: .*\n$/);
  }));

test.run();
