/** Real commands: how they end, what reaches them, and what is left of them. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeOfSignal, HeldCommand } from "../../src/cli/held_command.ts";

const test = suite("held command");
/** Runs a script as a held command. */
const HOLDER = fileURLToPath(new URL("./holder.ts", import.meta.url));
const PREFIX = process.versions["deno"] === undefined ? [] : ["run", "-A"];
const directory = mkdtempSync(join(tmpdir(), "draft-held-"));
test.after(() => rmSync(directory, { recursive: true }));

function shell(script: string, more: { readonly atTerminal?: boolean } = {}): HeldCommand {
  return new HeldCommand({ command: ["sh", "-c", script], env: { DRAFT_LOCK_TOKEN: "7", DIRECTORY: directory }, atTerminal: false, ...more });
}

/** Waits until a script has written that file, and gives its text. */
async function written(name: string): Promise<string> {
  const path = join(directory, name);
  for (let tries = 0; tries < 2000; tries++) {
    if (existsSync(path) && readFileSync(path, "utf8").endsWith("\n")) return readFileSync(path, "utf8").trim();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${name} was not written`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // What nobody has waited for is dead all the same.
    return !/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "");
  } catch {
    return false;
  }
}

test("a command ends with its own code, that of the signal, or that of what cannot be run", async () => {
  assert.is(await shell("exit 7").ended, 7);
  assert.is(await shell("kill -TERM $$").ended, codeOfSignal("SIGTERM"));
  const missing = new HeldCommand({ command: [join(directory, "no-such-command")], env: {}, atTerminal: false });
  assert.is(await missing.ended, 127);
  assert.is(typeof missing.failure, "string");
});

test("a command finds the variables", async () => {
  await shell('echo "token $DRAFT_LOCK_TOKEN" > "$DIRECTORY/token"').ended;
  assert.is(await written("token"), "token 7");
});

test("a signal reaches all that the command started", async () => {
  const command = shell('sleep 60 & echo $! > "$DIRECTORY/grandchild"; wait');
  const pid = Number(await written("grandchild"));
  command.pass("SIGTERM");
  assert.is(await command.ended, codeOfSignal("SIGTERM"));
  for (let tries = 0; tries < 2000 && isAlive(pid); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(isAlive(pid), false);
});

test("a command at a terminal hears of the terminal's signals from there alone", async () => {
  const trap = (name: string): string => `trap "exit 3" INT; trap "exit 4" TERM; echo $$ > "$DIRECTORY/${name}"; while :; do sleep 0.01; done`;
  const terminal = shell(trap("terminal"), { atTerminal: true });
  await written("terminal");
  terminal.pass("SIGINT");
  terminal.pass("SIGTERM");
  assert.is(await terminal.ended, 4);
  const elsewhere = shell(trap("elsewhere"));
  await written("elsewhere");
  elsewhere.pass("SIGINT");
  assert.is(await elsewhere.ended, 3);
});

test("a command ends when its holder ends, however it ended, and all that it started", async () => {
  const holder = spawn(process.execPath, [...PREFIX, HOLDER, 'sleep 60 & echo $! > "$DIRECTORY/orphan"; wait'], { env: { ...process.env, DIRECTORY: directory }, stdio: "ignore" });
  const pid = Number(await written("orphan"));
  await written("guarded");
  process.kill(holder.pid!, "SIGKILL");
  for (let tries = 0; tries < 2000 && isAlive(pid); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(isAlive(pid), false);
});

test("a signal after the end is nobody's", async () => {
  const command = shell("true");
  await command.ended;
  command.signal("SIGKILL");
});

test.run();
