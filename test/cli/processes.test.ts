import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("processes");
const MAIN = fileURLToPath(new URL("./fake_main.ts", import.meta.url));
const PREFIX = process.versions["deno"] === undefined ? [MAIN] : ["run", "-A", MAIN];

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [...PREFIX, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  // A child that ended early does not read: what it printed tells more than the broken pipe.
  child.stdin.on("error", () => {});
  return child;
}

function ended(child: ChildProcess): Promise<Ran> {
  let out = "";
  let err = "";
  child.stdout?.on("data", (bytes: Uint8Array) => (out += new TextDecoder().decode(bytes)));
  child.stderr?.on("data", (bytes: Uint8Array) => (err += new TextDecoder().decode(bytes)));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

/** The first of three ports in a row that nobody listens on, below those that the system gives to connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all([port, port + 1, port + 2].map(isFree));
    if (free.every(Boolean)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

async function inTemporary(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-test-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Waits until nobody listens on `port` any more. */
async function untilFree(port: number): Promise<void> {
  while (!await isFree(port)) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("serve prints one ready line, and ends with exit 0 on SIGTERM", async () => {
  const child = start(["serve", "--id", "a", "--listen", "127.0.0.1:0"]);
  const ran = ended(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  // Not child.kill(): Deno then reports the signal as the end, whatever the process made of it.
  process.kill(child.pid ?? 0, "SIGTERM");
  const { code, out } = await ran;
  assert.match(out, /^ready id=a listen=127\.0\.0\.1:\d+ address=127\.0\.0\.1:\d+ cluster=fake group=main role=\w+\n$/);
  assert.is(code, 0);
});

test("serve with a bad flag says which, exit 14; with an unknown one, exit 2", async () => {
  const bad = await ended(start(["serve", "--id", "a", "--heartbeat-ms", "x"]));
  assert.is(bad.code, 14);
  assert.match(bad.err, /^\(error\) BAD_CONFIG --heartbeat-ms "x"/);
  assert.is((await ended(start(["serve", "--nonsense"]))).code, 2);
});

test("dev reads piped lines, then its nodes stop", () =>
  inTemporary(async (directory) => {
    const port = await freePort();
    const child = start(["dev", "--port", String(port), "--data", directory]);
    child.stdin?.end("set k v\nget k\n.kill b\n.start b\nlist\n");
    const { code, out, err } = await ended(child);
    assert.is(out, 'OK\n"v"\nb is dead: .start b brings it back\nb runs\n1) "k"\n');
    assert.is(code, 0);
    assert.match(err, `127.0.0.1:${port}`);
    for (const each of [port, port + 1, port + 2]) await untilFree(each);
  }));

test("dev without a line serves, and its nodes end when it is killed, a paused one too", () =>
  inTemporary(async (directory) => {
    const port = await freePort();
    const child = start(["dev", "--nodes", "2", "--port", String(port), "--data", directory]);
    const ran = ended(child);
    child.stdin?.write(".pause b\n");
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGKILL");
    await ran;
    for (const each of [port, port + 1]) await untilFree(each);
  }));

test.run();
