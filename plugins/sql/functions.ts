/**
 * The functions that SQLite would answer from its surroundings, replaced by such as answer from the entry: its time for
 * 'now', its chance for random(). What dates come to is asked of SQLite itself, on a connection without our functions.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { whyNoFunction } from "./rules.ts";

/** What functions answer from. */
export interface Moment {
  /** Log time, Unix milliseconds. */
  readonly timeMs: number;
  /** A number in [0, 1); null where there is no entry. */
  readonly random: (() => number) | null;
}

/** Where a function of dates takes a moment in its arguments. */
const DATES: Readonly<Record<string, readonly number[]>> = { date: [0], time: [0], datetime: [0], julianday: [0], unixepoch: [0], strftime: [1], timediff: [0, 1] };
const CURRENT: Readonly<Record<string, string>> = { current_date: "date", current_time: "time", current_timestamp: "datetime" };

const ARGUMENTS_MAX = 16;
const BLOB_MAX = 65_536;
const TWO_32 = 2 ** 32;

/** The functions of one connection. */
export class Functions {
  moment: Moment = { timeMs: 0, random: null };
  /**
   * Use: why a function refused. They return null then and do not throw: what is thrown within a statement that returns
   * rows does not come out on every runtime.
   */
  refusal: string | null = null;
  readonly #calendar: DatabaseSync;
  readonly #statements: Map<string, StatementSync> = new Map();

  constructor(database: DatabaseSync, calendar: DatabaseSync) {
    this.#calendar = calendar;
    const add = (name: string, answer: (...args: SQLInputValue[]) => SQLInputValue): void =>
      database.function(name, { varargs: true, useBigIntArguments: true }, answer);
    for (const [name, places] of Object.entries(DATES)) add(name, (...args) => this.#date(name, places, args));
    for (const [name, date] of Object.entries(CURRENT)) add(name, () => this.#date(date, [0], []));
    for (const { name } of calendar.prepare("SELECT DISTINCT name FROM pragma_function_list").all() as { readonly name: string }[]) {
      const why = whyNoFunction(name);
      if (why !== null) add(name, () => this.#refuse(why));
    }
    add("random", () => this.#word64());
    add("randomblob", (bytes = 1n) => this.#blob(Number(bytes)));
  }

  /** Ends it. */
  close(): void {
    this.#calendar.close();
  }

  #date(name: string, places: readonly number[], given: readonly SQLInputValue[]): SQLInputValue {
    if (given.length > ARGUMENTS_MAX) return this.#refuse(`${name}() takes at most ${ARGUMENTS_MAX} arguments`);
    const args = [...given];
    for (const place of places) {
      if (args.length === place) args.push("now");
      if (isWord(args[place], "now")) args[place] = this.#now();
    }
    if (args.some((argument, at) => !places.includes(at) && (isWord(argument, "localtime") || isWord(argument, "utc")))) {
      return this.#refuse(`${name}(): 'localtime' and 'utc' are refused, nodes differ in their time zones`);
    }
    return this.#ask(name, args);
  }

  #now(): SQLInputValue {
    return this.#ask("strftime", ["%Y-%m-%d %H:%M:%f", this.moment.timeMs / 1000, "unixepoch"]);
  }

  #ask(name: string, args: readonly SQLInputValue[]): SQLInputValue {
    try {
      return this.#statement(name, args.length).get(...args)?.["answer"] ?? null;
    } catch {
      return this.#refuse(`${name}() does not take these arguments`);
    }
  }

  #statement(name: string, count: number): StatementSync {
    const key = `${name} ${count}`;
    let statement = this.#statements.get(key);
    if (statement === undefined) {
      statement = this.#calendar.prepare(`SELECT ${name}(${new Array(count).fill("?").join(", ")}) AS answer`);
      statement.setReadBigInts(true);
      this.#statements.set(key, statement);
    }
    return statement;
  }

  #word64(): SQLInputValue {
    const { random } = this.moment;
    if (random === null) return this.#refuse("random() is of an entry: a query has none");
    const word = (): bigint => BigInt(Math.floor(random() * TWO_32));
    return BigInt.asIntN(64, (word() << 32n) | word());
  }

  #blob(bytes: number): SQLInputValue {
    const { random } = this.moment;
    if (random === null) return this.#refuse("randomblob() is of an entry: a query has none");
    if (!(bytes <= BLOB_MAX)) return this.#refuse(`randomblob() gives at most ${BLOB_MAX} bytes`);
    return Uint8Array.from({ length: Math.max(1, bytes) }, () => Math.floor(random() * 256));
  }

  #refuse(message: string): null {
    this.refusal ??= message;
    return null;
  }
}

function isWord(value: SQLInputValue | undefined, word: string): boolean {
  return typeof value === "string" && value.toLowerCase() === word;
}
