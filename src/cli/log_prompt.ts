/**
 * `draft log` without a verb: a prompt, or the lines of a pipe, with each verb of `draft log` on one directory.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { DraftError } from "../base/errors.ts";
import { dispatch, nearestWord } from "./dispatch.ts";
import { type History, openHistory } from "./history.ts";
import { type Io, styleFor } from "./io.ts";
import { type Leaf, type Options, type Parsed, UsageError } from "./leaf.ts";
import { linesOf } from "./lines.ts";
import { directoryOf, LOG_OPTIONS, withPart } from "./log_options.ts";
import { splitWords } from "../base/quoting.ts";
import { renderError } from "./render.ts";
import { worseCode } from "./session.ts";

/** What the prompt knows besides the verbs. */
const OWN_WORDS = ["help", "exit"];

/** The prompt over `leaves`. */
export function logPrompt(leaves: readonly Leaf[]): Leaf {
  return {
    words: ["log"],
    usage: "[VERB …]",
    summary: "a prompt with all verbs of draft log on a stopped node's directory",
    options: LOG_OPTIONS,
    positionals: { min: 0, max: Number.POSITIVE_INFINITY },
    verbatim: true,
    examples: ["draft log --data ./draft-data/a"],
    run: (parsed, io) => runPrompt(parsed, leaves, io),
  };
}

async function runPrompt({ options, positionals: [verb] }: Parsed, leaves: readonly Leaf[], io: Io): Promise<number> {
  const verbs = verbsOf(leaves);
  if (verb !== undefined) {
    const nearest = nearestWord(verb, verbs);
    throw new UsageError(verbs.includes(verb) ? `the verb comes first: draft log ${verb} --data DIR` : `unknown verb "${verb}": did you mean "${nearest}"`);
  }
  const fixed = ["--data", directoryOf(options), ...options.has("json") ? ["--json"] : []];
  const run = (line: string): Promise<number | null> => runLine(line, fixed, leaves, io);
  if (!io.inputIsTerminal) return pipeLines(run, io);
  await greet(options, io);
  return askLines(run, verbs, io);
}

/** Says whose log it is; who named a wrong directory is told at once. A damaged one has its prompt: `check` and `chop` are for that. */
async function greet(options: Options, io: Io): Promise<void> {
  try {
    io.err(await withPart(options, { from: Number.MAX_SAFE_INTEGER, to: 0 }, function* ({ identity: { nodeId }, group: { prefix, lastIndex }, damage }) {
      yield* [];
      const holds = prefix.index === lastIndex ? `nothing behind index ${lastIndex}` : `entries ${prefix.index + 1} to ${lastIndex}`;
      return `the log of ${nodeId} holds ${holds}${damage === null ? "" : ", and is damaged: check"}; help lists the verbs, exit leaves`;
    }));
  } catch (error) {
    if (!(error instanceof DraftError) || error.code !== "DAMAGED") throw error;
    io.err(renderError(error));
  }
}

function verbsOf(leaves: readonly Leaf[]): string[] {
  return leaves.map(({ words }) => words.at(-1) ?? "");
}

/** Runs one line; null if it asks to leave. */
async function runLine(line: string, fixed: readonly string[], leaves: readonly Leaf[], io: Io): Promise<number | null> {
  let words: string[];
  try {
    words = splitWords(line).map((word) => typeof word === "string" ? word : new TextDecoder().decode(word));
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    io.err(renderError(error));
    return error.exitCode;
  }
  const [verb = "", ...rest] = words;
  if (verb === "exit" || verb === ".exit") return null;
  if (verb === "help" || verb === ".help") return dispatch(["help", "log", ...rest], leaves, io);
  return dispatch(["log", verb, ...fixed, ...rest], leaves, io);
}

async function pipeLines(run: (line: string) => Promise<number | null>, io: Io): Promise<number> {
  let worst = 0;
  for await (const line of linesOf(io.input)) {
    if (line.trim() === "") continue;
    const code = await run(line);
    if (code === null) break;
    worst = worseCode(worst, code);
  }
  return worst;
}

/** A reader for each line: what a verb asks in between reads the terminal by itself. */
async function askLines(run: (line: string) => Promise<number | null>, verbs: readonly string[], io: Io): Promise<number> {
  const history = openHistory(io.env, "log_history");
  for (;;) {
    const line = await askLine(history, verbs, io);
    if (line === null) return 0;
    if (line.trim() === "") continue;
    history.add(line);
    if (await run(line) === null) return 0;
  }
}

function completions(line: string, verbs: readonly string[]): string[] {
  return /\s/.test(line) ? [] : [...verbs, ...OWN_WORDS].filter((word) => word.startsWith(line)).map((word) => `${word} `);
}

function askLine(history: History, verbs: readonly string[], io: Io): Promise<string | null> {
  return new Promise((resolve) => {
    const readline = createInterface({
      input: io.input, output: process.stdout, terminal: true, history: history.lines, historySize: 1000, removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => done(null, [completions(line, verbs), line]),
    });
    readline.on("close", () => resolve(null));
    readline.question(styleFor(io.outputIsTerminal, io.env).bold("log> "), (line) => {
      resolve(line);
      readline.close();
    });
  });
}
