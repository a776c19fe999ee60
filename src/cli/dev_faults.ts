/**
 * What broke in a machine, told by `draft dev` as it happens. An answer says only that it broke, for a stack is none of
 * what replicas agree on; the nodes' logs have it, and here is the one who writes the machine.
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { sep } from "node:path";
import process from "node:process";

const LOOK_MS = 200;
/** More than that of one log is not gone through: what broke thousands of times was told long before. */
const READ_BYTES_MAX = 4 * 1_048_576;

/** Faults that are told, until the code changes: one whose words bear the command's arguments would be told for each. */
const TOLD_MAX = 20;

/** A line of a node's log: where the machine broke, and what it threw with its stack, as JSON. */
const FAULT = /^\S+ ERROR (.+ (?:broke|returned)) thrown=("(?:[^"\\]|\\.)*")/;
/** A place in a stack that is none of draft's own. */
const PLACE = /(?:^|[\s(])((?:file:\/\/)?\/[^():]+\.[cm]?[jt]s:\d+:\d+)\)?$/;

/** Looks at the logs of nodes. */
export class FaultWatch {
  readonly #tell: (text: string) => void;
  /** By log file: up to where it was read. */
  readonly #read: Map<string, number>;
  readonly #told: Set<string> = new Set();
  readonly #timer: ReturnType<typeof setInterval>;

  /** From now on. @param tell hears of each fault once, however many nodes and entries show it */
  constructor(logFiles: readonly string[], tell: (text: string) => void) {
    this.#read = new Map(logFiles.map((file) => [file, sizeOf(file)]));
    this.#tell = tell;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** The nodes run other code: what it breaks on is told anew. */
  forget(): void {
    this.#told.clear();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  #look(): void {
    for (const [file, from] of this.#read) {
      const size = sizeOf(file);
      if (size === from) continue;
      // A log that became shorter was begun anew.
      const bytes = readFrom(file, Math.max(size < from ? 0 : from, size - READ_BYTES_MAX), size);
      // The last line may be half written.
      const end = bytes.lastIndexOf(10) + 1;
      this.#read.set(file, size - bytes.length + end);
      for (const line of bytes.subarray(0, end).toString("utf8").split("\n")) this.#show(line, file);
    }
  }

  #show(line: string, file: string): void {
    const text = faultText(line);
    if (text === null || this.#told.has(text) || this.#told.size >= TOLD_MAX) return;
    this.#told.add(text);
    this.#tell(`${text}; the stack: ${file}`);
  }
}

/** The fault in a line of a log, in one sentence that does not depend on the entry; null if there is none. */
export function faultText(line: string): string | null {
  const [, where = "", quoted = ""] = FAULT.exec(line) ?? [];
  if (quoted === "") return null;
  const [thrown = "", ...stack] = (JSON.parse(quoted) as string).split("\n");
  const place = stack.map((each) => PLACE.exec(each.trim())?.[1]).find((each) => each !== undefined);
  const text = `${where.replace(/ at index \d+/, "")}: ${thrown}${place === undefined || thrown.includes(place) ? "" : ` at ${place}`}`;
  return text.replaceAll("file://", "").replaceAll(`${process.cwd()}${sep}`, "");
}

function readFrom(file: string, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  const descriptor = openSync(file, "r");
  try {
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, from));
  } finally {
    closeSync(descriptor);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
