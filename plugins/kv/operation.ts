/** How the files of this machine write down their operations: a row of the contract and what runs it. */
import type { Command, Entry, Reply, View } from "../../src/machine/machine.ts";
import type { Store } from "./store.ts";
import type { Refuse } from "./text.ts";

interface Row {
  readonly args: string;
  readonly summary: string;
  /** Fewest and most arguments. */
  readonly count: readonly [from: number, to: number];
  /** Reads the arguments as `run` would and refuses what it would refuse whatever the state is. */
  readonly check?: (command: Command, refuse: Refuse) => unknown;
}

/** An operation that goes through the log. It refuses before it changes anything. */
export interface WriteOperation extends Row {
  readonly kind: "write";
  readonly run: (store: Store, command: Command, entry: Entry) => Reply;
}

/** An operation that changes nothing. */
export interface ReadOperation extends Row {
  readonly kind: "read";
  readonly run: (store: Store, command: Command, view: View) => Reply;
}

export type Operation = WriteOperation | ReadOperation;

/** As many arguments as one likes. */
export const MANY: number = Number.MAX_SAFE_INTEGER;

/** Refuses a read's arguments. */
export function refuseRead(message: string): Error {
  return new Error(message);
}
