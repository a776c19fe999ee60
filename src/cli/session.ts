/**
 * What one types to a cluster, line by line: commands of its machine, and words for the prompt itself. The cluster's
 * own list of operations says what is a read, what is a write, and what help there is.
 */
import { DraftError } from "../base/errors.ts";
import { toJsonValue } from "../base/json_value.ts";
import type { Client } from "../client/client.ts";
import { survey } from "../gateway/survey.ts";
import type { OperationInfo } from "../net/client_answers.ts";
import type { RequestSettings } from "./client_options.ts";
import { isSimilar, nearestWord } from "./dispatch.ts";
import { hintFor } from "./hints.ts";
import type { Io } from "./io.ts";
import type { Word } from "../base/quoting.ts";
import { showStory } from "./recording.ts";
import { renderError, renderJson, renderText } from "./render.ts";
import { statesText } from "./states_text.ts";
import { showWatch } from "./watch.ts";

/** A word of the prompt. It is typed with a dot, and without one unless the machine has such an operation. */
export interface PromptWord {
  readonly name: string;
  readonly args: string;
  readonly summary: string;
  /** Returns the exit code. */
  run(args: readonly string[], signal?: AbortSignal): Promise<number>;
}

/** Exit codes from best to worst, as piped input counts them. */
const WORSE: readonly number[] = [0, 1, 4, 3];

/** The worse of two exit codes. What is not listed ends everything, so it is worst. */
export function worseCode(a: number, b: number): number {
  const rank = (code: number): number => WORSE.includes(code) ? WORSE.indexOf(code) : WORSE.length;
  return rank(b) > rank(a) ? b : a;
}

/** One user's conversation with a cluster. */
export class Session {
  readonly #client: Client;
  readonly #settings: RequestSettings;
  readonly #io: Io;
  readonly #words: readonly PromptWord[];
  readonly #operations: Map<string, readonly OperationInfo[]> = new Map();
  #group: string;
  /** `.exit` was typed. */
  ended = false;
  /** Whether line follows line, so that what to type next is a line too. */
  isPrompt = false;

  constructor(client: Client, settings: RequestSettings, io: Io, more: readonly PromptWord[] = []) {
    this.#client = client;
    this.#settings = settings;
    this.#io = io;
    this.#group = settings.group;
    this.#words = [...this.#ownWords(), ...more];
  }

  /** The group that commands go to. */
  get group(): string {
    return this.#group;
  }

  /** Runs the words of one line and prints the answer. Returns the exit code; throws nothing of draft's. */
  async run(words: readonly Word[], signal?: AbortSignal): Promise<number> {
    const [first] = words;
    if (first === undefined) return 0;
    try {
      const word = await this.#wordFor(String(first), signal);
      if (word !== null) return await word.run(words.slice(1).map(String), signal);
      if (typeof first !== "string") throw new DraftError("BAD_REQUEST", "the name of an operation is text: .help lists them");
      return await this.#command([first, ...words.slice(1)], signal);
    } catch (error) {
      if (error instanceof DraftError) return this.report(error);
      if (signal?.aborted !== true) throw error;
      return this.report(new DraftError("TIMEOUT", "interrupted"));
    }
  }

  /** The nodes run another version of their machine perhaps: what there is is asked again. */
  forgetOperations(): void {
    this.#operations.clear();
  }

  /** Prints `error` and returns its exit code. */
  report(error: DraftError): number {
    if (this.#settings.json) this.#io.out(JSON.stringify(error));
    else this.#io.err(renderError(hintFor(error, this.isPrompt)));
    return error.exitCode;
  }

  /** The operation or word that begins a line, and what may follow it; null if there is none. */
  async usageOf(first: string): Promise<string | null> {
    const operations: readonly { readonly name: string; readonly args: string }[] = await this.#operationsOf(undefined);
    const words = this.#words.map(({ name, args }) => ({ name: `.${name}`, args }));
    const found = [...operations, ...words].find(({ name }) => name === first.toLowerCase());
    return found === undefined ? null : `${found.name} ${found.args}`.trimEnd();
  }

  /** What may be typed as the first word, and as the word behind `.help`. */
  async completions(signal?: AbortSignal): Promise<{ readonly commands: string[]; readonly words: string[] }> {
    const operations = await this.#operationsOf(signal);
    return { commands: operations.map(({ name }) => name), words: this.#words.map(({ name }) => `.${name}`) };
  }

  async #command(command: readonly [string, ...Word[]], signal: AbortSignal | undefined): Promise<number> {
    const { level, minIndex, timeoutMs } = this.#settings;
    const operation = await this.#operation(command[0], signal);
    const options = { level, minIndex, timeoutMs, group: this.#group, ...(signal === undefined ? {} : { signal }) };
    const { result, index } = operation.kind === "read"
      ? await this.#client.read(command, options)
      : await this.#client.write(command, options);
    const isStale = operation.kind === "read" && level === "stale";
    this.#io.out(this.#settings.json ? renderJson(result, index, isStale) : renderText(result));
    return 0;
  }

  async #operation(typed: string, signal: AbortSignal | undefined): Promise<OperationInfo> {
    let operations = await this.#operationsOf(signal);
    const byName = ({ name }: OperationInfo): boolean => name === typed.toLowerCase();
    const known = operations.find(byName);
    if (known !== undefined) return known;
    // It may have come with a version that was raised since.
    this.#operations.delete(this.#group);
    operations = await this.#operationsOf(signal);
    const found = operations.find(byName);
    if (found !== undefined) return found;
    const nearest = nearestWord(typed.toLowerCase(), operations.map(({ name }) => name));
    const unknown = `the machine of group ${this.#group} has no operation "${typed}"`;
    if (isSimilar(typed.toLowerCase(), nearest)) throw new DraftError("UNKNOWN_OPERATION", `${unknown}: did you mean "${nearest}"?`);
    throw await this.#refusalOf(typed, signal) ?? new DraftError("UNKNOWN_OPERATION", unknown);
  }

  /** What the node says that would run it: it may come with a version which some members do not run yet. Asked as a read, it changes nothing. */
  async #refusalOf(typed: string, signal: AbortSignal | undefined): Promise<DraftError | null> {
    const { timeoutMs } = this.#settings;
    try {
      await this.#client.read([typed], { group: this.#group, timeoutMs, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      if (error.code === "UNKNOWN_OPERATION") return error;
    }
    return null;
  }

  async #operationsOf(signal: AbortSignal | undefined): Promise<readonly OperationInfo[]> {
    const known = this.#operations.get(this.#group);
    if (known !== undefined) return known;
    const { timeoutMs } = this.#settings;
    const options = { group: this.#group, timeoutMs, ...(signal === undefined ? {} : { signal }) };
    const operations = await this.#client.operations(options);
    this.#operations.set(this.#group, operations);
    return operations;
  }

  /** The prompt's own word that is meant, if the machine has no operation of that name. */
  async #wordFor(typed: string, signal: AbortSignal | undefined): Promise<PromptWord | null> {
    const dotted = typed.startsWith(".");
    const name = dotted ? typed.slice(1) : typed;
    const word = this.#words.find((each) => each.name === name.toLowerCase());
    if (dotted && word === undefined) {
      const nearest = nearestWord(name, this.#words.map((each) => each.name));
      throw new DraftError("BAD_REQUEST", `the prompt has no word "${typed}": did you mean ".${nearest}"?`);
    }
    if (word === undefined || dotted || name.toLowerCase() === "exit") return word ?? null;
    return await this.#machineHas(name, signal) ? null : word;
  }

  /** Whether the machine has such an operation; where nobody can tell, it has not. */
  async #machineHas(name: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return (await this.#operationsOf(signal)).some((each) => each.name === name.toLowerCase());
    } catch (error) {
      if (error instanceof DraftError) return false;
      throw error;
    }
  }

  #ownWords(): PromptWord[] {
    return [
      { name: "status", args: "", summary: "the nodes, their roles and positions", run: () => this.#status() },
      { name: "story", args: "", summary: "what happened of late, in words", run: () => this.#story() },
      { name: "watch", args: "[PREFIX] [FROM i]", summary: "shows changes as they come, until ^C", run: (args, signal) => this.#watch(args, signal) },
      { name: "use", args: "GROUP", summary: "sends what follows to another group", run: (args) => this.#use(args) },
      { name: "help", args: "[OPERATION]", summary: "what can be typed", run: (args) => this.#help(args) },
      { name: "exit", args: "", summary: "leaves", run: () => this.#exit() },
    ];
  }

  async #status(): Promise<number> {
    const states = await survey(this.#client, { group: this.#group, timeoutMs: this.#settings.timeoutMs });
    this.#io.out(this.#settings.json ? JSON.stringify(toJsonValue(states)) : statesText(states, this.#group));
    return 0;
  }

  async #story(): Promise<number> {
    await showStory(this.#client, { ...this.#settings, group: this.#group }, this.#io);
    return 0;
  }

  async #watch(args: readonly string[], signal: AbortSignal | undefined): Promise<number> {
    return showWatch(this.#client, args, { ...this.#settings, group: this.#group }, this.#io, signal);
  }

  async #use([group, ...rest]: readonly string[]): Promise<number> {
    if (group === undefined || rest.length > 0) throw new DraftError("BAD_REQUEST", ".use wants one group: .use main");
    const operations = await this.#client.operations({ group, timeoutMs: this.#settings.timeoutMs });
    this.#operations.set(group, operations);
    this.#group = group;
    if (!this.#settings.json) this.#io.out(`commands go to group ${group} now`);
    return 0;
  }

  async #help([wanted]: readonly string[]): Promise<number> {
    const operations = await this.#operationsOf(undefined);
    if (wanted !== undefined) {
      const word = this.#words.find(({ name }) => name === wanted.replace(/^\./, ""));
      const isWord = word !== undefined && (wanted.startsWith(".") || !operations.some(({ name }) => name === wanted));
      const { name, args, summary } = isWord ? { ...word, name: `.${word.name}` } : await this.#operation(wanted, undefined);
      this.#io.out(`${name} ${args}`.trimEnd() + (summary === "" ? "" : `\n  ${summary}`));
      return 0;
    }
    const lines = [
      ...operations.map(({ name, args, summary }) => [`${name} ${args}`.trimEnd(), summary] as const),
      ["", ""] as const,
      ...this.#words.map(({ name, args, summary }) => [`.${name} ${args}`.trimEnd(), summary] as const),
    ];
    this.#io.out(columns(lines));
    return 0;
  }

  #exit(): Promise<number> {
    this.ended = true;
    return Promise.resolve(0);
  }
}

/** A long left side has its line to itself. */
const LEFT_MAX = 40;

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(LEFT_MAX, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => {
    const gap = left.length > width ? `\n${" ".repeat(width)}` : " ".repeat(width - left.length);
    return right === "" ? left : `${left}${gap}  ${right}`;
  }).join("\n");
}
