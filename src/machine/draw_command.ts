/** What to ask a machine of which nothing is known but its table of operations. */
import { DraftError } from "../base/errors.ts";
import { nextFloat, type RandomState } from "../base/random.ts";
import type { AnyPlugin, Command, PluginBase } from "./machine.ts";

/** Words of a usage that stand for a number. */
const NUMBER = /^[a-z]?n$|^(s|ms|t|i)$|amount|count|index|limit|number|revision|seconds|ms$/i;

/** Words of a usage that may be meant as they are, `NX`, or stand for a value, `KEY`. */
const CAPITALS = /^[A-Z]{2,}$/;

/** A word with this mark at its end may be given several times. */
const REPEATED = /(…|\.\.\.)$/;

/** Numbers in [0, 1). */
type Chance = () => number;

/** Values are of few, so that commands meet. */
const VALUE_MAX = 4;
const REPEATS_MAX = 3;

/**
 * A command by the plugin's own `generate`, or of an operation and arguments by chance.
 *
 * @throws DraftError BAD_PLUGIN if `generate` makes none
 */
export function drawCommand(plugin: AnyPlugin, random: RandomState): Command {
  if (plugin.generate !== undefined) return generated(plugin, random);
  const chance = (): number => nextFloat(random);
  return commandFrom(plugin.operations, oneOf(chance, Object.keys(plugin.operations)), chance);
}

/** Whether the command only reads. */
export function isRead(plugin: AnyPlugin, [name]: Command): boolean {
  return plugin.operations[name]?.kind === "read";
}

/** A command of the first operation of that kind, one that was there from the beginning if any was; null if there is none. */
export function firstCommand(plugin: AnyPlugin, kind: "read" | "write", random: RandomState): Command | null {
  const names = Object.keys(plugin.operations).filter((each) => plugin.operations[each]?.kind === kind);
  const name = names.find((each) => (plugin.operations[each]?.since ?? 1) === 1) ?? names[0];
  return name === undefined ? null : commandFrom(plugin.operations, name, () => nextFloat(random));
}

function generated(plugin: AnyPlugin, random: RandomState): Command {
  const names = Object.keys(plugin.operations).join(", ");
  const wrong = (what: string, cause?: unknown): DraftError => new DraftError("BAD_PLUGIN", `plugin '${plugin.name}': generate() ${what}, ` +
    `wanted [operation, ...arguments] with one of ${names}; mend it, then type: draft sim --machine FILE`, cause === undefined ? {} : { cause });
  let command: unknown;
  try {
    command = plugin.generate?.(() => nextFloat(random));
  } catch (thrown) {
    throw wrong(`threw "${thrown instanceof Error ? thrown.message : String(thrown)}"`, thrown);
  }
  const isCommand = Array.isArray(command) && typeof command[0] === "string" && Object.hasOwn(plugin.operations, command[0]);
  if (!isCommand) throw wrong(`gave ${JSON.stringify(command) ?? "nothing"}`);
  return command as unknown as Command;
}

/**
 * A command of the operation `name` with arguments as its usage shows them: of `KEY VALUE [EX s|NX]` two, sometimes more.
 *
 * @param random gives numbers in [0, 1)
 */
export function commandFrom(operations: PluginBase["operations"], name: string, random: Chance): Command {
  const usage = operations[name]?.args ?? "";
  return [name, ...(usage.match(/\[[^\]]*\](…|\.\.\.)?|\S+/g) ?? []).flatMap((part) => argumentsOf(part, random))];
}

/** What one part of a usage stands for: a word, or what may be left out. */
function argumentsOf(part: string, random: Chance): unknown[] {
  const isOptional = part.startsWith("[");
  if (isOptional && random() < 0.5) return [];
  const choices = part.replace(REPEATED, "").replaceAll(/^\[|\]$/g, "").split("|");
  const words = oneOf(random, choices).trim().split(/\s+/);
  const isRepeated = REPEATED.test(part) || REPEATED.test(words.at(-1) ?? "");
  const times = isRepeated ? inRange(random, 1, REPEATS_MAX) : 1;
  const isName = (word: string, at: number): boolean => {
    if (!CAPITALS.test(word)) return choices.length > 1 && !isOptional;
    // `[EX s|NX]` has names, `[ROW]` may be one; `KEY` hardly is, `K IFEQ v` is.
    if (isOptional && (choices.length > 1 || words.length > 1)) return at === 0;
    return random() < (isOptional ? 0.5 : 0.25);
  };
  return Array.from({ length: times }, () => words.map((word, at) => isName(word, at) ? word : valueOf(word.replace(REPEATED, ""), random))).flat();
}

function valueOf(word: string, random: Chance): string | number {
  const number = inRange(random, 0, VALUE_MAX);
  return NUMBER.test(word) || random() < 0.5 ? number : `v${number}`;
}

function oneOf<T>(random: Chance, choices: readonly T[]): T {
  return choices[inRange(random, 0, choices.length - 1)] as T;
}

function inRange(random: Chance, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}
