/**
 * The prompt: one line at a time, with history and completion. Lines that were pasted wait for those before them;
 * ^C interrupts what runs, ^D leaves.
 */
import process from "node:process";
import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import { DraftError } from "../base/errors.ts";
import { openHistory } from "./history.ts";
import { type Io, type Style, styleFor } from "./io.ts";
import { linesOf } from "./lines.ts";
import { splitWords } from "../base/quoting.ts";
import { type Session, worseCode } from "./session.ts";

/**
 * Reads lines until the user leaves. Returns the exit code: 0, whatever the commands returned.
 *
 * @param notices what happens meanwhile is told above the line that is being typed
 */
export async function runPrompt(session: Session, io: Io, notices?: Notices): Promise<number> {
  session.isPrompt = true;
  try {
    return await new Promise((resolve, reject) => {
      const prompt = new Prompt(session, io, (error) => error === null ? resolve(0) : reject(error));
      notices?.showBy((text) => prompt.show(text));
      prompt.start();
    });
  } finally {
    notices?.showBy(null);
  }
}

/** What is told though nobody asked: on standard error, or by a prompt while there is one. */
export class Notices {
  readonly #io: Io;
  #show: ((text: string) => void) | null = null;

  constructor(io: Io) {
    this.#io = io;
  }

  showBy(show: ((text: string) => void) | null): void {
    this.#show = show;
  }

  tell(text: string): void {
    if (this.#show === null) this.#io.err(text);
    else this.#show(text);
  }
}

/**
 * Reads lines of input that is no terminal, one reply after the other.
 *
 * @returns how many lines there were, and the worst exit code met
 */
export async function runPiped(session: Session, io: Io): Promise<{ lines: number; code: number }> {
  session.isPrompt = true;
  let lines = 0;
  let code = 0;
  for await (const line of linesOf(io.input)) {
    if (line.trim() === "") continue;
    lines += 1;
    code = worseCode(code, await runLine(session, line));
    // No later line can be sent either.
    if (session.ended || code > 4) break;
  }
  return { lines, code };
}

async function runLine(session: Session, line: string, signal?: AbortSignal): Promise<number> {
  try {
    return await session.run(splitWords(line), signal);
  } catch (error) {
    if (error instanceof DraftError) return session.report(error);
    throw error;
  }
}

class Prompt {
  readonly #session: Session;
  readonly #style: Style;
  readonly #io: Io;
  readonly #onEnd: (error: Error | null) => void;
  readonly #readline: Interface;
  readonly #typed: string[] = [];
  #running: AbortController | null = null;
  #closed = false;

  constructor(session: Session, io: Io, onEnd: (error: Error | null) => void) {
    this.#session = session;
    this.#io = io;
    this.#onEnd = onEnd;
    this.#style = styleFor(io.outputIsTerminal, io.env);
    const history = openHistory(io.env);
    this.#readline = createInterface({
      input: io.input,
      output: process.stdout,
      terminal: true,
      history: history.lines,
      historySize: 1000,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
        this.#completeFor(line, done).catch((error: unknown) => this.#onEnd(error as Error));
      },
    });
    this.#readline.on("line", (line) => {
      history.add(line);
      this.#typed.push(line);
      this.#drain().catch((error: unknown) => this.#onEnd(error as Error));
    });
    this.#readline.on("SIGINT", () => this.#interrupt());
    this.#readline.on("close", () => this.#close());
  }

  start(): void {
    this.#ask();
  }

  /** Prints above the line that is being typed. */
  show(text: string): void {
    const isAsking = this.#running === null && !this.#closed;
    if (isAsking) clearLines(this.#readline.getCursorPos().rows);
    this.#io.out(text);
    if (isAsking) this.#readline.prompt(true);
  }

  #ask(): void {
    const { group } = this.#session;
    this.#readline.setPrompt(this.#style.bold(group === "main" ? "draft> " : `draft ${group}> `));
    this.#readline.prompt();
  }

  async #drain(): Promise<void> {
    if (this.#running !== null) return;
    for (let line = this.#typed.shift(); line !== undefined; line = this.#typed.shift()) {
      this.#running = new AbortController();
      await runLine(this.#session, line, this.#running.signal);
      this.#running = null;
      if (this.#session.ended) this.#readline.close();
      if (this.#closed) break;
    }
    if (this.#closed) this.#onEnd(null);
    else this.#ask();
  }

  #interrupt(): void {
    if (this.#running !== null) {
      this.#running.abort(new DraftError("TIMEOUT", "interrupted"));
      return;
    }
    if (this.#readline.line === "") this.#io.out("\n.exit or ^D leaves");
    else this.#io.out("");
    // Clears what was typed.
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
    this.#ask();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#session.ended) this.#io.out("");
    if (this.#running === null) this.#onEnd(null);
  }

  async #completeFor(line: string, done: (error: null, result: [string[], string]) => void): Promise<void> {
    let result: [string[], string] = [[], line];
    try {
      result = await this.#complete(line);
    } catch (error) {
      // Where nobody answers there is nothing to complete.
      if (!(error instanceof DraftError)) throw error;
    }
    done(null, result);
  }

  async #complete(line: string): Promise<[string[], string]> {
    const { commands, words } = await this.#session.completions();
    const inHelp = /^\.?help\s+(\S*)$/i.exec(line);
    const typed = inHelp?.[1] ?? line;
    if (/\s/.test(typed)) {
      // Values are nothing to complete, but what they stand for can be shown.
      const usage = await this.#session.usageOf(typed.trimStart().split(/\s/)[0] ?? "");
      if (usage !== null) this.show(this.#style.dim(usage));
      return [[], line];
    }
    const begun = typed.toLowerCase();
    const found = [...commands, ...words].filter((each) => each.startsWith(begun));
    // help knows its words without their dots, too.
    const matches = inHelp !== null && found.length === 0 ? words.map((word) => word.slice(1)).filter((each) => each.startsWith(begun)) : found;
    return [matches.map((each) => `${each} `), typed];
  }
}

/** Clears the line of the cursor and the `rows` above it. */
function clearLines(rows: number): void {
  moveCursor(process.stdout, 0, -rows);
  cursorTo(process.stdout, 0);
  clearScreenDown(process.stdout);
}
