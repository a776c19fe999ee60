/**
 * The real world behind the ports of host.ts, the same source on Bun, Deno and Node. Only the files node_*.ts of this
 * folder touch files, sockets and timers.
 */
import process from "node:process";
import { NodeDisk } from "./node_disk.ts";
import { NodeNet } from "./node_net.ts";
import type { Clock, Host, Log, Random, Timer } from "./host.ts";

// Not imported, so that the guard of machines can still change what a plugin imports: see node_guard.ts.
const { randomFillSync } = process.getBuiltinModule("node:crypto");

/** The longest delay that the runtimes' timers take, in milliseconds. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const RANDOM_WORDS = 64;

/** The ports of this process. `log` is where its words go: the command line decides that. */
export function createNodeHost(log: Log): Host {
  return { clock: new NodeClock(), disk: new NodeDisk(), net: new NodeNet(), random: new NodeRandom(), log };
}

/** A log that keeps nothing. */
export const silentLog: Log = { enabled: () => false, write: () => undefined };

/** The process's clocks. `performance.now()` is CLOCK_MONOTONIC, which stands still while the machine is suspended. */
export class NodeClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    return new NodeTimer(performance.now() + delayMs, fire);
  }

  soon(run: () => void): void {
    setImmediate(run);
  }
}

/** A timer that keeps its word: the runtimes fire up to a millisecond early, and at once beyond 2^31 ms. */
class NodeTimer implements Timer {
  readonly #dueMs: number;
  readonly #fire: () => void;
  #timeout: ReturnType<typeof setTimeout>;

  constructor(dueMs: number, fire: () => void) {
    this.#dueMs = dueMs;
    this.#fire = fire;
    this.#timeout = this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #arm(): ReturnType<typeof setTimeout> {
    const restMs = Math.max(0, Math.ceil(this.#dueMs - performance.now()));
    return setTimeout(() => this.#expired(), Math.min(restMs, TIMER_MS_MAX));
  }

  #expired(): void {
    if (performance.now() >= this.#dueMs) this.#fire();
    else this.#timeout = this.#arm();
  }
}

/** Entropy of the operating system, fetched some words at a time. */
class NodeRandom implements Random {
  readonly #words = new Uint32Array(RANDOM_WORDS);
  #used = RANDOM_WORDS;

  u32(): number {
    if (this.#used === RANDOM_WORDS) {
      randomFillSync(this.#words);
      this.#used = 0;
    }
    const word = this.#words[this.#used] as number;
    this.#words[this.#used] = 0;
    this.#used += 1;
    return word;
  }
}
