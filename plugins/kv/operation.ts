/** How the files of this machine write down their operations: a row of the contract and what runs it. */
import type { Command, Entry, Reply, Touches, View } from "../../src/machine/machine.ts";
import type { Table } from "../../src/machine/table.ts";
import { valueOf } from "./text.ts";
import type { Refuse, Value } from "./text.ts";

/** The state: values by key, the keys as binary strings. */
export type Store = Table<Value>;

interface OperationBase {
  readonly args: string;
  readonly summary: string;
  /** Fewest and most arguments. */
  readonly count: readonly [from: number, to: number];
  /** See the contract's `OperationRow`. */
  readonly frees?: true;
  /** See the contract's `OperationRow`. */
  readonly touches?: (command: Command) => Touches | null;
  /** Reads the arguments as `run` would and refuses what it would refuse whatever the state is. */
  readonly check?: (command: Command, refuse: Refuse) => unknown;
  /** Gives the arguments the form that the log keeps, and refuses as `check` does; texts if left out. */
  readonly prepare?: (command: Command, refuse: Refuse) => Command;
}

/** An operation that goes through the log. What it has changed before it refuses is undone. */
export interface WriteOperation extends OperationBase {
  readonly kind: "write";
  readonly run: (store: Store, command: Command, entry: Entry) => Reply;
}

/** An operation that changes nothing. */
export interface ReadOperation extends OperationBase {
  readonly kind: "read";
  readonly run: (store: Store, command: Command, view: View, refuse: Refuse) => Reply;
}

export type Operation = WriteOperation | ReadOperation;

/** As many arguments as one likes. */
export const MANY: number = Number.MAX_SAFE_INTEGER;

/** What Redis says of options that it does not understand. */
export const SYNTAX = "syntax error";

/** Refuses a command before it is proposed, and a read. */
export function refuseRead(message: string): Error {
  return new Error(message);
}

/** @throws what `refuse` makes, if the command has not as many arguments as its operation wants */
export function checkCount({ count }: Operation, command: Command, refuse: Refuse): void {
  const given = command.length - 1;
  if (given < count[0] || given > count[1]) throw refuse(`wrong number of arguments for '${command[0]}' command`);
}

/** What cannot hold on any state is refused before the log, and arguments become text wherever they are UTF-8. */
export function prepared(operation: Operation, command: Command, refuse: Refuse): Command {
  checkCount(operation, command, refuse);
  if (operation.prepare !== undefined) return operation.prepare(command, refuse);
  operation.check?.(command, refuse);
  let changed: unknown[] | null = null;
  for (let at = 1; at < command.length; at++) {
    const value = valueOf(command[at], refuse);
    const wellFormed = typeof value === "string" ? value.toWellFormed() : value;
    if (wellFormed === command[at]) continue;
    changed ??= [...command];
    changed[at] = wellFormed;
  }
  // The same command, where nothing had to change: what the client encoded then goes into the log as it is.
  return changed === null ? command : changed as unknown as Command;
}

/** The first argument is the one key. */
export function firstKey(command: Command): Touches {
  return { keys: command.slice(1, 2) };
}

/** Every argument is a key. */
export function eachKey(command: Command): Touches {
  return { keys: command.slice(1) };
}
