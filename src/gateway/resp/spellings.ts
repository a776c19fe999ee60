/**
 * Commands of Redis that say with a word of their own what an operation of the machine says with options. They stand
 * in for an operation that the machine lacks, never for one that it has.
 */
import type { Command } from "../../machine/machine.ts";
import { plain, type Shape } from "./reply_queue.ts";
import type { Argument } from "./request_parser.ts";

/** A command as the machine has it, and how its answer is shown. */
export interface Spelled {
  readonly command: Command;
  readonly shape: Shape;
}

interface Spelling {
  /** How many arguments it has: at least, at most. */
  readonly count: readonly [from: number, to: number];
  readonly command: (args: readonly Argument[]) => Command;
  readonly shape?: Shape;
}

const MANY = Number.MAX_SAFE_INTEGER;

/** `OK` is 1, nil is 0. */
const doneOrNot: Shape = (writer, value) => writer.integer(value === null ? 0 : 1);

const SPELLINGS: ReadonlyMap<string, Spelling> = new Map(Object.entries<Spelling>({
  setex: { count: [3, 3], command: ([key, seconds, value]) => ["set", key, value, "EX", seconds] },
  psetex: { count: [3, 3], command: ([key, ms, value]) => ["set", key, value, "PX", ms] },
  setnx: { count: [2, 2], command: ([key, value]) => ["set", key, value, "NX"], shape: doneOrNot },
  getset: { count: [2, 2], command: ([key, value]) => ["set", key, value, "GET"] },
  unlink: { count: [1, MANY], command: (keys) => ["del", ...keys] },
  touch: { count: [1, MANY], command: (keys) => ["exists", ...keys] },
  flushdb: { count: [0, 1], command: (words) => ["flushall", ...words] },
  type: { count: [1, 1], command: ([key]) => ["exists", key], shape: (writer, value) => writer.simple(value === 0 ? "none" : "string") },
}));

/** What `request` means in the machine's own words; null if that is not known, "count" if its arguments are too few or too many. */
export function spell([name, ...args]: readonly Argument[]): Spelled | "count" | null {
  const spelling = SPELLINGS.get(String(name));
  if (spelling === undefined) return null;
  const [from, to] = spelling.count;
  if (args.length < from || args.length > to) return "count";
  return { command: spelling.command(args), shape: spelling.shape ?? plain };
}
