/**
 * Real processes for the end-to-end tests: nodes of the built binary on free ports and directories of their own. All
 * that is started here ends, and all that is made here is removed, when the test file ends, however it ends.
 */
import { type ChildProcess, execFileSync, spawn, type SpawnOptions } from "node:child_process";
import { globSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { DraftError } from "../../src/base/errors.ts";
import { type Client, connect } from "../../src/client/client.ts";
import type { GroupStatus, NodeStatus } from "../../src/net/client_answers.ts";

/** The project's own directory. */
export const ROOT: string = resolve(import.meta.dirname, "../..");

/** How long a node may take to be ready, and a condition to come true, unless a test says otherwise. */
const READY_MS = 15_000;
const CONDITION_MS = 15_000;

/** Ports are taken below those that the system gives to outgoing connections: a node that is restarted gets its own again. */
const PORT_FIRST = 21_000;
const PORT_LAST = 31_900;

const children: Set<ChildProcess> = new Set();
const directories: Set<string> = new Set();

process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories) remove(directory);
});

/** Removes a directory; what is mounted in it goes by itself. */
function remove(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EBUSY")) throw error;
  }
}

/** The built binary; built if it is missing or older than the sources. */
export function draftBinary(): string {
  const path = join(ROOT, "dist/draft");
  const builtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = globSync(["src/**/*.ts", "plugins/**/*.ts"], { cwd: ROOT });
  if (sources.some((file) => statSync(join(ROOT, file)).mtimeMs > builtMs)) {
    execFileSync("bun", ["scripts/build.ts"], { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  }
  return path;
}

/** A directory that is removed in the end. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "draft-e2e-"));
  directories.add(path);
  return path;
}

/** `count` neighbouring ports on which nobody listens. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const first = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST - count));
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
}

export function sleep(delayMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, delayMs));
}

/** Waits until `condition` gives something, and returns it. What it throws of draft's errors means: not yet. */
export async function until<T>(what: string, condition: () => T | null | false | Promise<T | null | false>, limitMs: number = CONDITION_MS): Promise<T> {
  const endMs = performance.now() + limitMs;
  let failure = "";
  for (;;) {
    try {
      const value = await condition();
      if (value !== null && value !== false) return value;
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      failure = `: ${error.message}`;
    }
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain: ${what}${failure}`);
    await sleep(10);
  }
}

/** One process that runs, its output as text. */
export class Running {
  readonly child: ChildProcess;
  out = "";
  err = "";
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;

  constructor(command: readonly string[], options: SpawnOptions = {}) {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { cwd: ROOT, ...options, stdio: ["pipe", "pipe", "pipe"], env: environment(options.env) });
    children.add(child);
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.out += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.err += text));
    // A process that ends early does not read its input.
    child.stdin?.on("error", () => {});
    this.ended = new Promise((done, fail) => {
      child.once("error", fail);
      child.once("close", (code, signal) => {
        children.delete(child);
        done(code ?? signal ?? "ended");
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** How it ended; killed, and a failure, if it runs for longer than `limitMs`. */
  async end(limitMs: number = CONDITION_MS): Promise<number | string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.kill("SIGKILL");
    }, limitMs);
    const end = await this.ended;
    clearTimeout(timer);
    if (late) throw new Error(`still running after ${limitMs} ms\n${this.out}\n${this.err}`);
    return end;
  }
}

function environment(more: NodeJS.ProcessEnv | undefined): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DRAFT_")));
  return { ...own, NO_COLOR: "1", XDG_STATE_HOME: join(tmpdir(), "draft-e2e-no-history"), ...more };
}

/** What a command said and how it ended. */
export interface Result {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

/** How to run a command. */
export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly limitMs?: number;
}

/** Runs a command to its end. */
export async function run(command: readonly string[], { input = "", cwd = ROOT, limitMs = 30_000 }: RunOptions = {}): Promise<Result> {
  const running = new Running(command, { cwd });
  running.child.stdin?.end(input);
  const code = await running.end(limitMs);
  return { code, out: running.out, err: running.err };
}

/** Runs the built binary to its end. */
export function draft(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return run([draftBinary(), ...args], options);
}

/** What a node is started with. */
export interface NodeOptions {
  readonly id: string;
  readonly address: string;
  readonly data: string;
  /** Flags besides --id, --listen and --data. */
  readonly flags: readonly string[];
  /** What runs draft: the built binary unless said otherwise. */
  readonly program?: readonly string[];
}

/** One node, which may be started many times. */
export class TestNode {
  readonly id: string;
  readonly address: string;
  readonly data: string;
  flags: readonly string[];
  program: readonly string[];
  running: Running | null = null;

  constructor({ id, address, data, flags, program = [draftBinary()] }: NodeOptions) {
    this.id = id;
    this.address = address;
    this.data = data;
    this.flags = flags;
    this.program = program;
  }

  /** Starts it without waiting. */
  launch(): Running {
    const { id, address, data, flags, program } = this;
    this.running = new Running([...program, "serve", "--id", id, "--listen", address, "--data", data, ...flags]);
    return this.running;
  }

  /** Starts it; returns when it listens and has recovered. */
  async start(): Promise<Running> {
    const running = this.launch();
    let end: number | string | null = null;
    running.ended.then((how) => (end = how), () => (end = "not started"));
    await until(`${this.id} is ready`, () => {
      if (end !== null) throw new Error(`${this.id} ended with ${end} instead of being ready\n${running.err}`);
      return running.out.includes("ready ");
    }, READY_MS);
    return running;
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.running?.kill("SIGKILL");
    await this.running?.end();
    this.running = null;
  }

  /** Asks it to end; returns how it did. */
  async stop(): Promise<number | string> {
    this.running?.kill("SIGTERM");
    const end = await this.running?.end() ?? 0;
    this.running = null;
    return end;
  }

  /** What it says of itself. */
  async status(timeoutMs: number = 1000): Promise<NodeStatus> {
    await using client = connect(this.address, { timeoutMs });
    return await client.status({ address: this.address, timeoutMs });
  }

  async mainStatus(timeoutMs: number = 1000): Promise<GroupStatus> {
    const status = await this.status(timeoutMs);
    return status.groups.find(({ name }) => name === "main") as GroupStatus;
  }
}

/** What all nodes of a cluster are started with. */
export interface ClusterOptions {
  readonly size?: number;
  readonly flags?: readonly string[];
  /** What runs node number i. */
  readonly program?: (i: number) => readonly string[];
}

/** Nodes a, b, c… founded together. */
export class TestCluster {
  readonly nodes: readonly TestNode[];
  readonly directory: string;

  private constructor(nodes: readonly TestNode[], directory: string) {
    this.nodes = nodes;
    this.directory = directory;
  }

  /** Prepares a cluster that does not run yet. */
  static async prepare({ size = 3, flags = [], program = () => [draftBinary()] }: ClusterOptions = {}): Promise<TestCluster> {
    const port = await freePorts(size);
    const directory = temporaryDirectory();
    const members = Array.from({ length: size }, (_, i) => ({ id: "abcdefg".charAt(i), address: `127.0.0.1:${port + i}` }));
    const initial = members.map(({ id, address }) => `${id}@${address}`).join(",");
    const nodes = members.map(({ id, address }, i) => new TestNode({
      id, address, data: join(directory, id), flags: ["--initial", initial, ...flags], program: program(i),
    }));
    return new TestCluster(nodes, directory);
  }

  /** Starts a cluster; returns when it has a leader. */
  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const cluster = await TestCluster.prepare(options);
    await cluster.startAll();
    return cluster;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
    await this.leader();
  }

  get addresses(): string[] {
    return this.nodes.map(({ address }) => address);
  }

  client(timeoutMs: number = 5000): Client {
    return connect(this.addresses, { timeoutMs });
  }

  /** The node that leads, once one says so of itself. */
  leader(limitMs?: number): Promise<TestNode> {
    return until("a leader", async () => {
      const up = this.nodes.filter(({ running }) => running !== null);
      const roles = await Promise.allSettled(up.map((node) => node.mainStatus(500)));
      return up.find((_, i) => (roles[i]?.status === "fulfilled" ? roles[i].value.role : "") === "leader") ?? null;
    }, limitMs);
  }

  /** The nodes besides `node`. */
  others(node: TestNode): TestNode[] {
    return this.nodes.filter((each) => each !== node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    rmSync(this.directory, { recursive: true, force: true });
    directories.delete(this.directory);
  }
}
