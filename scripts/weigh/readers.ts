/** Stale reads at one node, and at all at once, each asked by a client in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Read, Reading } from "./reader.ts";

/** What several clients did at once. */
export interface Together {
  readonly perSecond: number;
  readonly errors: number;
  /** Processor time of the clients for one read. */
  readonly clientMicros: number;
}

class Reader {
  readonly #child: ChildProcess;
  #text = "";
  #waiting: ((line: string) => void) | null = null;

  constructor(reading: Reading) {
    this.#child = spawn("bun", [join(import.meta.dirname, "reader.ts"), JSON.stringify(reading)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
      this.#tell();
    });
  }

  line(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#child.once("exit", (code) => {
        if (code !== 0) reject(new Error(`a reader ended with ${code}`));
      });
      this.#waiting = resolve;
      this.#tell();
    });
  }

  go(): void {
    this.#child.stdin?.write("go\n");
  }

  #tell(): void {
    const end = this.#text.indexOf("\n");
    if (end < 0 || this.#waiting === null) return;
    const tell = this.#waiting;
    this.#waiting = null;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    tell(line);
  }
}

/** Has each of these done at the same time. The rate is that of the time from the first one's begin to the last one's end. */
export async function readTogether(readings: readonly Reading[]): Promise<Together> {
  const readers = readings.map((reading) => new Reader(reading));
  await Promise.all(readers.map((reader) => reader.line()));
  for (const reader of readers) reader.go();
  const reads = await Promise.all(readers.map(async (reader) => JSON.parse(await reader.line()) as Read));
  const sum = (of: (read: Read) => number): number => reads.reduce((all, read) => all + of(read), 0);
  const elapsedMs = Math.max(...reads.map(({ endedMs }) => endedMs)) - Math.min(...reads.map(({ beganMs }) => beganMs));
  return { perSecond: sum(({ done }) => done) / elapsedMs * 1000, errors: sum(({ errors }) => errors), clientMicros: sum(({ busyMs }) => busyMs) / sum(({ done }) => done) * 1000 };
}

/** Reads a second that this machine has processors for, if each takes so much of one at the node and the client. */
export function processorsBound(microsEach: number): number {
  return availableParallelism() * 1e6 / microsEach;
}
