/**
 * From words to the command that they name; help; what to say to words that name none.
 */
import { DraftError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { hintFor } from "./hints.ts";
import type { Io } from "./io.ts";
import { helpOf, type Leaf, parseLeaf, UsageError } from "./leaf.ts";
import { renderError } from "./render.ts";

const EXIT_USAGE = 2;

/** Runs the command that `args` names and returns the exit code. */
export async function dispatch(args: readonly string[], leaves: readonly Leaf[], io: Io): Promise<number> {
  const [first = ""] = args;
  if (first === "--version" || first === "-v" || first === "version") {
    io.out(`draft ${version}`);
    return 0;
  }
  const asked = first === "help" || first === "--help" || first === "-h";
  const words = asked ? args.slice(1) : args;
  const leaf = findLeaf(words, leaves);
  if (leaf !== null) return runLeaf(leaf, asked ? ["--help"] : words.slice(leaf.words.length), io);
  return noLeaf(words, leaves, io, asked);
}

function findLeaf(words: readonly string[], leaves: readonly Leaf[]): Leaf | null {
  return leaves.find((leaf) => leaf.words.every((word, i) => matches(leaf, i, word, words[i]))) ?? null;
}

function matches(leaf: Leaf, at: number, word: string, typed: string | undefined): boolean {
  if (typed === undefined) return false;
  const last = at === leaf.words.length - 1;
  return word === typed || (last && (leaf.aliases ?? []).includes(typed));
}

async function runLeaf(leaf: Leaf, args: readonly string[], io: Io): Promise<number> {
  const name = ["draft", ...leaf.words].join(" ");
  try {
    const parsed = parseLeaf(leaf, args);
    if (parsed !== null) return await leaf.run(parsed, io);
    io.out(helpOf(leaf));
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`${name}: ${error.message}: ${name} --help`);
      return EXIT_USAGE;
    }
    if (!(error instanceof DraftError)) throw error;
    io.err(renderError(hintFor(error)));
    return error.exitCode;
  }
}

/** Words that are no whole command: help for what they begin, or the nearest word. */
function noLeaf(words: readonly string[], leaves: readonly Leaf[], io: Io, asked: boolean): number {
  const [first = "", second = ""] = words;
  const inGroup = leaves.filter((leaf) => leaf.words.length > 1 && leaf.words[0] === first);
  const helpWanted = asked || [first, second].some((word) => word === "--help" || word === "-h");
  const choices = inGroup.length > 0 ? inGroup.flatMap(lastWords) : firstWords(leaves);
  const typed = inGroup.length > 0 ? second : first;
  if (typed === "" || typed.startsWith("-")) {
    io.out(inGroup.length > 0 ? groupHelp(first, inGroup) : overview(leaves));
    if (typed !== "" && !helpWanted) io.err(`draft: unknown option "${typed}": draft help`);
    return helpWanted ? 0 : EXIT_USAGE;
  }
  const prefix = inGroup.length > 0 ? `draft ${first}` : "draft";
  const nearest = nearestWord(typed, choices);
  io.err(`${prefix}: unknown command "${typed}": did you mean "${nearest}"? ${prefix} ${nearest} --help`);
  return EXIT_USAGE;
}

function firstWords(leaves: readonly Leaf[]): string[] {
  return [...new Set(leaves.map((leaf) => leaf.words[0] ?? "")), "help"];
}

function lastWords(leaf: Leaf): string[] {
  return [leaf.words.at(-1) ?? "", ...(leaf.aliases ?? [])];
}

function overview(leaves: readonly Leaf[]): string {
  return [
    "draft runs a state machine written in TypeScript as a fault-tolerant, linearizable cluster",
    "",
    "Usage:",
    "  $ draft <command> [options]",
    "",
    "Commands:",
    ...commandLines(leaves),
    "",
    "draft help COMMAND or draft COMMAND --help tells more. To begin: draft dev; with a machine of your own: draft plugin new NAME",
  ].join("\n");
}

function groupHelp(group: string, leaves: readonly Leaf[]): string {
  return [
    "Usage:",
    `  $ draft ${group} <command> [options]`,
    "",
    "Commands:",
    ...commandLines(leaves),
    "",
    `draft ${group} COMMAND --help tells more`,
  ].join("\n");
}

function commandLines(leaves: readonly Leaf[]): string[] {
  const names = leaves.map((leaf) => leaf.words.join(" "));
  const width = Math.max(...names.map((name) => name.length));
  return leaves.map((leaf, i) => `  ${(names[i] ?? "").padEnd(width)}  ${leaf.summary}`);
}

/** The one of `words` that takes the fewest edits to get from `typed`. */
export function nearestWord(typed: string, words: readonly string[]): string {
  let best = words[0] ?? "";
  for (const word of words) if (editDistance(typed, word) < editDistance(typed, best)) best = word;
  return best;
}

/** Whether one may have been typed for the other: half of the letters are right. */
export function isSimilar(typed: string, word: string): boolean {
  return word !== "" && editDistance(typed, word) <= Math.max(typed.length, word.length) / 2;
}

/** Letters to add, drop or replace, or neighbours to swap. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, i) => i)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : replaced;
      row.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
