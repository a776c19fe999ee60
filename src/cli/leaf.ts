/**
 * One command of the command line: its words, options and help. Options are parsed by cac, but words are dispatched
 * before it is asked, and values reach it disguised: cac matches no commands of two words, turns `007` into 7 and takes
 * `-5` for an option.
 */
import { CAC, type Command } from "cac";
import type { Io } from "./io.ts";

/** One option: `--data <dir>` takes a value, `--json` does not. */
export interface OptionSpec {
  readonly raw: string;
  readonly description: string;
  /** What holds if it is left out, for the help. */
  readonly default?: string;
}

/** What was typed behind the words of a command. */
export interface Parsed {
  readonly options: Options;
  readonly positionals: readonly string[];
}

/** One command. */
export interface Leaf {
  readonly words: readonly string[];
  readonly aliases?: readonly string[];
  /** What follows the words and options: `ID`, `[COMMAND…]`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** How many words may follow; the first one ends the options if `verbatim`. */
  readonly positionals: { readonly min: number; readonly max: number };
  readonly verbatim?: boolean;
  readonly examples: readonly string[];
  /** Runs it and returns the exit code. */
  run(parsed: Parsed, io: Io): Promise<number>;
}

/** What was typed cannot be a command. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The options that were given, by their long names. */
export class Options {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Whether `--name` was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The last value of `--name`, as it was typed. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  /** All values of `--name`. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /**
   * The last value of `--name` as a whole number in `from`..`to`, or `otherwise`.
   *
   * @throws UsageError
   */
  number(name: string, range: { otherwise: number; from: number; to: number }): number {
    const text = this.text(name);
    if (text === undefined) return range.otherwise;
    const value = Number(text);
    const sound = /^-?\d+$/.test(text) && value >= range.from && value <= range.to;
    if (!sound) throw new UsageError(`--${name} "${text}": wants a whole number from ${range.from} to ${range.to}`);
    return value;
  }

  /**
   * The last value of `--name`, one of `choices`, or the first of them.
   *
   * @throws UsageError
   */
  choice<const C extends string>(name: string, choices: readonly [C, ...C[]]): C {
    const text = this.text(name) ?? choices[0];
    const chosen = choices.find((choice) => choice === text);
    if (chosen === undefined) throw new UsageError(`--${name} "${text}": wants one of ${choices.join(", ")}`);
    return chosen;
  }
}

/** What stands before each value on its way through cac: so none looks like a number, an option or nothing. */
const DISGUISE = "=";

/**
 * Parses what stands behind the words of `leaf`; null if help was asked for.
 *
 * @throws UsageError
 */
export function parseLeaf(leaf: Leaf, args: readonly string[]): Parsed | null {
  const { cac, command } = cacFor(leaf);
  const { flags, positionals } = separate(command, args, leaf.verbatim === true);
  if (flags.includes("--help") || flags.includes("-h")) return null;
  let options: Record<string, unknown>;
  try {
    options = cac.parse(["", "", ...flags], { run: false }).options;
    command.checkUnknownOptions();
    command.checkOptionValue();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "CACError") throw error;
    throw new UsageError(error.message.charAt(0).toLowerCase() + asTyped(error.message.slice(1)).replaceAll("`", '"'));
  }
  checkCount(leaf, positionals);
  return { options: undisguise(command, options), positionals };
}

/** The help of `leaf`. */
export function helpOf(leaf: Leaf): string {
  const { cac } = cacFor(leaf);
  let text = "";
  cac.globalCommand.helpCallback = (sections) => {
    // The name and version, the list of commands and how to get help on each say nothing here.
    const rest = sections.filter(({ title }) => title === "Usage" || title === "Options" || title === "Examples");
    text = [{ body: leaf.summary }, ...rest]
      .map(({ title, body }: { title?: string; body: string }): string => title === undefined ? body : `${title}:\n${body}`)
      .join("\n\n");
    return [];
  };
  const info = console.info;
  try {
    // cac prints its help itself, whatever the callback returns.
    console.info = () => {};
    cac.parse(["", "", "--help"], { run: false });
  } finally {
    console.info = info;
  }
  return text.split("\n").map((line) => line.trimEnd()).join("\n");
}

function cacFor(leaf: Leaf): { cac: CAC; command: Command } {
  const cac = new CAC(["draft", ...leaf.words].join(" "));
  const command = cac.command("", leaf.summary).usage(`[options] ${leaf.usage}`.trimEnd());
  for (const { raw, description, default: otherwise } of leaf.options) {
    // Given in the text, not as cac's default: what was not typed must stay absent.
    command.option(raw, otherwise === undefined ? description : `${description} (default: ${otherwise})`);
  }
  for (const example of leaf.examples) command.example(`  ${example}`);
  cac.help();
  return { cac, command };
}

/** Parts options from positionals, and disguises each option's value. */
function separate(
  command: Command,
  args: readonly string[],
  verbatim: boolean,
): { flags: string[]; positionals: string[] } {
  const flags: string[] = [];
  const positionals: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--") return { flags, positionals: [...positionals, ...args.slice(i + 1)] };
    if (!looksLikeOption(arg)) {
      if (verbatim) return { flags, positionals: args.slice(i) };
      positionals.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const option = command.hasOption(camelCase(name.replace(/^--?/, "")));
    if (option === undefined || option.isBoolean === true) {
      flags.push(arg);
      continue;
    }
    const next = args[i + 1];
    const separately = equals < 0 && next !== undefined && !looksLikeOption(next);
    const value = separately ? next : arg.slice(equals + 1);
    flags.push(equals < 0 && !separately ? name : `${name}=${DISGUISE}${value}`);
    if (separately) i += 1;
  }
  return { flags, positionals };
}

function looksLikeOption(arg: string): boolean {
  return /^--?[a-zA-Z]/.test(arg);
}

function camelCase(name: string): string {
  return name.replaceAll(/([a-z])-([a-z])/g, (_, before: string, after: string) => before + after.toUpperCase());
}

/** cac names options as it keeps them, in camelCase. */
function asTyped(message: string): string {
  return message.replaceAll(/--\w+/g, (name) => name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`));
}

function undisguise(command: Command, given: Record<string, unknown>): Options {
  const values = new Map<string, string[]>();
  for (const option of command.options) {
    const value = given[option.name];
    if (value === undefined) continue;
    const long = option.name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
    values.set(long, [value].flat().map((each) => String(each).slice(option.isBoolean === true ? 0 : DISGUISE.length)));
  }
  return new Options(values);
}

function checkCount(leaf: Leaf, positionals: readonly string[]): void {
  const { min, max } = leaf.positionals;
  if (positionals.length < min) throw new UsageError(`wants ${leaf.usage}`);
  if (positionals.length > max) throw new UsageError(`does not know what to do with "${positionals[max] ?? ""}"`);
}
