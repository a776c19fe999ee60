/**
 * A node as a process of this same program: started, waited for, paused, killed. It ends when we end, however we end:
 * its standard input is a pipe that we hold.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import process from "node:process";
import { DraftError, type ErrorCode } from "../base/errors.ts";
import { linesOf } from "./lines.ts";
import { selfCommand } from "./self.ts";
import { END_WITH_INPUT } from "./serve.ts";

const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 5000;

/** What a node is started with. */
export interface NodeProcessOptions {
  readonly id: string;
  readonly address: string;
  /** Flags of `draft serve`. */
  readonly flags: readonly string[];
  /** Where its log goes. */
  readonly logFile: string;
  /** More variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** It ran, and ended though nobody here asked it to; how, and what it said, in words. */
  readonly onDeath?: (words: string) => void;
}

/** What a node process is doing. */
export type NodeProcessState = "stopped" | "running" | "paused";

/** One node. */
export class NodeProcess {
  readonly id: string;
  readonly address: string;
  readonly logFile: string;
  readonly #flags: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #onDeath: (words: string) => void;
  #child: ChildProcess | null = null;
  /** Length of the log when the process was started. */
  #logBytes = 0;
  /** Ends that were asked for are no deaths. */
  #isWanted = false;
  #ended: Promise<void> = Promise.resolve();
  /** Kills the node if we die while it is paused and cannot see its input end. */
  #guard: ChildProcess | null = null;

  constructor({ id, address, flags, logFile, env = {}, onDeath = () => {} }: NodeProcessOptions) {
    this.id = id;
    this.address = address;
    this.#flags = flags;
    this.#env = env;
    this.#onDeath = onDeath;
    this.logFile = logFile;
  }

  get state(): NodeProcessState {
    if (this.#child === null) return "stopped";
    return this.#guard === null ? "running" : "paused";
  }

  /** Whether it was started, and ended though nobody here asked it to. */
  get hasDied(): boolean {
    return this.#child === null && this.#isWanted;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts it, or lets it go on; returns when it listens and has recovered.
   *
   * @throws DraftError with what the node said, if it ended instead
   */
  async start(): Promise<void> {
    if (this.#child !== null) {
      this.#goOn();
      return;
    }
    const { program, args } = selfCommand();
    const log = openSync(this.logFile, "a", 0o600);
    this.#logBytes = fstatSync(log).size;
    const child = spawn(program, [...args, "serve", ...this.#flags], {
      stdio: ["pipe", "pipe", log],
      env: { ...process.env, ...this.#env, [END_WITH_INPUT]: "1" },
    });
    closeSync(log);
    this.#child = child;
    this.#isWanted = true;
    this.#ended = new Promise((resolve) => {
      const ended = (): void => {
        if (this.#child === child) this.#child = null;
        this.#releaseGuard();
        resolve();
      };
      child.once("exit", ended).once("error", ended);
    });
    await this.#ready(child);
    child.once("exit", (code, signal) => {
      if (this.#isWanted) this.#onDeath(`node ${this.id} ended by itself, ${signal ?? `exit ${code}`}: ${this.#lastError()?.message ?? `see ${this.logFile}`}`);
    });
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.#isWanted = false;
    this.#child?.kill("SIGKILL");
    await this.#endWithin(KILL_TIMEOUT_MS);
  }

  /** Freezes it: it keeps its connections and answers nothing. */
  pause(): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#guard !== null) return;
    this.#guard = spawn("sh", ["-c", `cat > /dev/null; kill -KILL ${pid}`], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    this.#guard.on("error", () => {});
    this.#child?.kill("SIGSTOP");
  }

  /** Ends it in good order; by force if it takes too long. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#goOn();
    this.#child?.kill("SIGTERM");
    if (!await this.#endWithin(STOP_TIMEOUT_MS)) await this.kill();
  }

  /** Whether it ended in time: a runtime that never tells of an end must not keep us for ever. */
  async #endWithin(timeoutMs: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
    const inTime = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  #goOn(): void {
    if (this.#guard === null) return;
    this.#releaseGuard();
    this.#child?.kill("SIGCONT");
  }

  #releaseGuard(): void {
    this.#guard?.kill("SIGKILL");
    this.#guard = null;
  }

  async #ready(child: ChildProcess): Promise<void> {
    const timer = setTimeout(() => child.kill("SIGKILL"), READY_TIMEOUT_MS);
    try {
      if (child.stdout === null) throw new TypeError("a node's standard output is a pipe");
      for await (const line of linesOf(child.stdout)) if (line.startsWith("ready ")) return;
    } finally {
      clearTimeout(timer);
    }
    await this.#ended;
    throw this.#failure(child.exitCode);
  }

  /** The error that the node ended with. */
  #failure(exitCode: number | null): DraftError {
    const said = this.#lastError();
    const code = said?.code === "BAD_PLUGIN" ? "BAD_PLUGIN" : CODE_OF_EXIT[exitCode ?? -1] ?? "BAD_CONFIG";
    return new DraftError(code, `node ${this.id} did not start: ${said?.message ?? `${this.#lines().at(-1) ?? ""}: see ${this.logFile}`}`);
  }

  /** The last error that the node told. Its last line need not be one: another node on this directory has the same log. */
  #lastError(): { code: string; message: string } | null {
    const last = this.#lines().findLast((line) => line.startsWith("(error) ")) ?? "";
    const [, code, message] = /^\(error\) ([A-Z_]+) (.*)$/.exec(last) ?? [];
    return code === undefined || message === undefined ? null : { code, message };
  }

  /** What was logged since the process was started. */
  #lines(): string[] {
    return readFileSync(this.logFile).subarray(this.#logBytes).toString("utf8").trim().split("\n");
  }
}

const CODE_OF_EXIT: Readonly<Record<number, ErrorCode>> = {
  10: "DAMAGED",
  11: "IN_USE",
  12: "STORAGE_FAILED",
  13: "WRONG_IDENTITY",
  14: "BAD_CONFIG",
  15: "ADDRESS_IN_USE",
};
