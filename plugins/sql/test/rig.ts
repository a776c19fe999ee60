/** A machine in a directory of its own, with entries of the test's. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { EntryKind, payloadSumOf } from "../../../src/base/entry.ts";
import { DraftError } from "../../../src/base/errors.ts";
import { Applier } from "../../../src/machine/applier.ts";
import { encodeCommand } from "../../../src/machine/command.ts";
import type { Command, Reply } from "../../../src/machine/machine.ts";
import sql from "../sql.ts";

/** Log time of entry `index`. */
export const START_MS = 1_700_000_000_000;

const made: string[] = [];

export function newDirectory(): string {
  const directory = fs.mkdtempSync(`${tmpdir()}/draft-sql-`);
  made.push(directory);
  return `${directory}/main`;
}

/** A copy of the files as they are: what a process that is killed now leaves. */
export function killedAt(directory: string): string {
  const copy = newDirectory();
  fs.cpSync(directory, copy, { recursive: true });
  return copy;
}

export function removeDirectories(): void {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
}

export class SqlRig {
  readonly directory: string;
  readonly applier: Applier;
  readonly logged: string[] = [];
  term = 1;

  constructor(directory: string = newDirectory()) {
    this.directory = directory;
    this.applier = new Applier({ plugin: sql, group: 1, directory, log: (message, thrown) => this.logged.push(`${message} ${String(thrown)}`) });
  }

  /** As a node starts on a log without a snapshot. */
  start(): this {
    this.applier.open();
    if (!this.applier.recall(1)) throw new Error("memos are missing");
    return this;
  }

  /** Applies a command as it came from a client. */
  apply(...command: Command): Reply | DraftError {
    const payload = encodeCommand(this.applier.operations.prepare(command));
    const index = this.applier.lastApplied.index + 1;
    const head = { kind: EntryKind.command, group: 1, index, term: this.term, timeMs: START_MS + index, chain: index, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    return this.applier.apply(head, payload, 0, null);
  }

  commit(): void {
    this.applier.commit(1);
  }

  exec(...args: readonly unknown[]): Reply | DraftError {
    const answer = this.apply("exec", ...args);
    this.commit();
    return answer;
  }

  query(...args: readonly unknown[]): Reply | DraftError {
    return this.applier.query(this.applier.operations.prepare(["query", ...args]));
  }

  /** What is in a table, to compare nodes by. */
  dump(table: string = "t"): string {
    return JSON.stringify(this.query(`SELECT rowid AS id_, * FROM ${table} ORDER BY rowid`), (_, value: unknown) => typeof value === "bigint" ? String(value) : value);
  }

  close(): void {
    this.applier.close(() => {});
  }
}

/** Code and message of an error; an answer as it is. */
export function told(answer: () => unknown): unknown {
  let given: unknown;
  try {
    given = answer();
  } catch (thrown) {
    given = thrown;
  }
  return given instanceof DraftError ? `${given.code} ${given.message}` : given;
}

/** The same, of what must be an error. */
export function said(answer: () => unknown): string {
  const words = told(answer);
  return typeof words === "string" ? words : `no error: ${JSON.stringify(words)}`;
}
