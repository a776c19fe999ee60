/** Asks nodes for their stalls: see stalls.ts, which is loaded into each. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory, type TestNode, until } from "../../test/e2e/processes.ts";
import { STALL_BOUNDS_MS, type Stalls } from "./stall_bounds.ts";
import type { Say, WeighOptions } from "./weigh.ts";

const ANSWER_MS = 20_000;

/** The stalls of the nodes of one cluster. */
export class StallMeter {
  readonly #directory: string = temporaryDirectory();
  readonly #program: readonly string[];

  constructor({ program }: WeighOptions) {
    this.#program = program;
  }

  /** What runs node number `i`, with its meter: what Bun runs is metered, other programs are not. */
  program(i: number): readonly string[] {
    const [runtime, ...rest] = this.#program;
    if (runtime !== "bun") return this.#program;
    const meter = join(import.meta.dirname, "stalls.ts");
    return ["env", `STALLS_FILE=${this.#fileOf("abcdefg".charAt(i))}`, runtime, "--preload", meter, ...rest];
  }

  /** What the running ones of `nodes` counted since this was last called; null of those that have no meter. */
  async take(nodes: readonly TestNode[]): Promise<Map<string, Stalls | null>> {
    const all = await Promise.all(nodes.map(async (node) => [node.id, await this.#ask(node)] as const));
    return new Map(all);
  }

  async #ask(node: TestNode): Promise<Stalls | null> {
    if (this.#program[0] !== "bun" || node.running === null) return null;
    const file = this.#fileOf(node.id);
    node.running.kill("SIGUSR2");
    await until(`${node.id} tells of its stalls`, () => existsSync(file), ANSWER_MS);
    const stalls = JSON.parse(readFileSync(file, "utf8")) as Stalls;
    rmSync(file);
    return stalls;
  }

  #fileOf(id: string): string {
    return join(this.#directory, id);
  }
}

/** Tells of each node's stalls. @returns the longest of all, in milliseconds; 0 if none has a meter */
export async function tellStalls(meter: StallMeter, nodes: readonly TestNode[], say: Say): Promise<number> {
  let longestMs = 0;
  for (const [id, stalls] of await meter.take(nodes)) {
    if (stalls === null) continue;
    longestMs = Math.max(longestMs, stalls.longestMs);
    say(`  ${id}: ${stallText(stalls)}`);
  }
  return longestMs;
}

/** `longest 31.4 ms (≤1: 4012, ≤2: 31, …), 2.1 s without a processor`. */
function stallText({ counts, longestMs, waitedMs }: Stalls): string {
  const bins = counts.flatMap((count, at) => count > 0 ? [`≤${STALL_BOUNDS_MS[at] ?? "∞"}: ${count}`] : []);
  return `longest ${longestMs.toFixed(1)} ms (${bins.join(", ")}), ${(waitedMs / 1000).toFixed(1)} s without a processor`;
}
