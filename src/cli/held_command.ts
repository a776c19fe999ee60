/**
 * A command that runs as long as a lock is held. It ends when we end, however we end: a guard that holds the other end
 * of a pipe of ours kills it then.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";

/** As shells count what could not be run. */
const NOT_FOUND = 127;
const NOT_RUN = 126;
const SIGNALLED = 128;

/** How to run it. */
export interface HeldCommandOptions {
  readonly command: readonly string[];
  /** More variables of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Whether our input is a terminal: then the command shares it, and hears the terminal's own signals with us. Else it
   * has a group of its own, so that signals reach all that it starts.
   */
  readonly atTerminal: boolean;
}

/** The number of `signal` as exit codes have it. */
export function codeOfSignal(signal: NodeJS.Signals): number {
  return SIGNALLED + constants.signals[signal];
}

/** One command. */
export class HeldCommand {
  /** Its exit code as a shell would have it: 128 and the signal's number if a signal ended it. */
  readonly ended: Promise<number>;
  /** Why it could not be run. */
  failure: string | null = null;
  readonly #child: ChildProcess;
  readonly #atTerminal: boolean;
  readonly #hasGroup: boolean;
  readonly #guard: ChildProcess | null;
  #isOver = false;

  constructor({ command: [program = "", ...args], env, atTerminal }: HeldCommandOptions) {
    this.#atTerminal = atTerminal;
    this.#hasGroup = !atTerminal && process.platform !== "win32";
    const child = spawn(program, args, { stdio: "inherit", detached: this.#hasGroup, env: { ...process.env, ...env } });
    this.#child = child;
    this.#guard = this.#guardOf(child.pid);
    this.ended = new Promise((resolve) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        // A signal that could not be delivered is an error too.
        if (child.pid !== undefined) return;
        this.failure = error.message;
        this.#end(resolve, error.code === "ENOENT" ? NOT_FOUND : NOT_RUN);
      });
      child.once("exit", (code, signal) => this.#end(resolve, code ?? (signal === null ? NOT_RUN : codeOfSignal(signal))));
    });
  }

  /** Passes a signal on that we were sent. */
  pass(signal: NodeJS.Signals): void {
    const isTerminals = signal === "SIGINT" || signal === "SIGQUIT";
    if (!isTerminals || !this.#atTerminal) this.signal(signal);
  }

  /** Sends it a signal, and to all that it started if it has a group of its own. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isOver) return;
    try {
      process.kill(this.#hasGroup ? -pid : pid, signal);
    } catch (error) {
      // It has just ended.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  #end(resolve: (code: number) => void, code: number): void {
    this.#isOver = true;
    this.#guard?.kill("SIGKILL");
    resolve(code);
  }

  #guardOf(pid: number | undefined): ChildProcess | null {
    if (pid === undefined || process.platform === "win32") return null;
    const guard = spawn("sh", ["-c", `cat > /dev/null; kill -s KILL -- ${this.#hasGroup ? -pid : pid}`], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    guard.on("error", () => {});
    return guard;
  }
}
