/** What nodes take of the machine: memory as the system counts it, files by walking their directories. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TestNode } from "../../test/e2e/processes.ts";

export const MIB: number = 1024 * 1024;

/** How often memory and files are looked at. */
const LOOK_MS = 1000;

/** Bytes of memory of a process; 0 where the system does not tell (only Linux does, in /proc). */
export function residentBytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** How long a process's first thread has waited for a processor, in milliseconds; 0 where the system does not tell. */
export function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** How long the threads of a process have been on a processor, in milliseconds; 0 where the system does not tell. */
export function busyMs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6, 0);
  } catch {
    return 0;
  }
}

/** Names of the files below a directory; none if it is not there. What goes meanwhile is left out. */
export function filesBelow(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  } catch {
    return [];
  }
}

/** Bytes of the files below a directory. */
export function bytesBelow(path: string): number {
  return filesBelow(path).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** The most that one node took. */
export interface Most {
  memoryBytes: number;
  logBytes: number;
  snapshotBytes: number;
}

/** Looks at nodes each second. */
export class Usage {
  readonly most: Map<string, Most> = new Map();
  readonly #nodes: readonly TestNode[];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(nodes: readonly TestNode[]) {
    this.#nodes = nodes;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.look();
  }

  /** Looks now. */
  look(): void {
    for (const node of this.#nodes) {
      const most = this.most.get(node.id) ?? { memoryBytes: 0, logBytes: 0, snapshotBytes: 0 };
      this.most.set(node.id, most);
      const { memoryBytes, logBytes, snapshotBytes } = usageOf(node);
      most.memoryBytes = Math.max(most.memoryBytes, memoryBytes);
      most.logBytes = Math.max(most.logBytes, logBytes);
      most.snapshotBytes = Math.max(most.snapshotBytes, snapshotBytes);
    }
  }

  /** Begins anew: what was most so far is forgotten. */
  reset(): void {
    this.most.clear();
    this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** `a 312 MiB, b …` */
  text(field: keyof Most): string {
    return [...this.most].map(([id, most]) => `${id} ${Math.round(most[field] / MIB)}`).join(", ") + " MiB";
  }
}

/** What a node takes now. */
export function usageOf(node: TestNode): Most {
  return {
    memoryBytes: node.running === null ? 0 : residentBytes(node.running.pid),
    logBytes: bytesBelow(join(node.data, "wal")),
    snapshotBytes: bytesBelow(join(node.data, "snapshots")),
  };
}
