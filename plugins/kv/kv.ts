/**
 * The machine `kv`: keys and values with Redis's operations and texts, revisions as etcd's, expiry by log time. A key's
 * revision is the index of the entry that last wrote its value; when it expires is no part of the value.
 */
import type { Command, Entry, Machine, OperationRow, Plugin, Reply, View } from "../../src/machine/machine.ts";
import { keyOperations } from "./keys.ts";
import { numberOperations } from "./numbers.ts";
import { refuseRead } from "./operation.ts";
import type { Operation } from "./operation.ts";
import { readOperations } from "./reads.ts";
import { setOperations } from "./set.ts";
import { Store } from "./store.ts";
import type { SavedItem } from "./store.ts";
import { valueOf } from "./text.ts";
import type { Refuse } from "./text.ts";

const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...setOperations,
  ...readOperations,
  ...numberOperations,
  ...keyOperations,
};

const BY_NAME: ReadonlyMap<string, Operation> = new Map(Object.entries(OPERATIONS));

function rows(): Record<string, OperationRow> {
  const entries = Object.entries(OPERATIONS).map(([name, { kind, args, summary }]) => [name, { kind, args, summary }]);
  return Object.fromEntries(entries) as Record<string, OperationRow>;
}

/** The operation of `command`, which has as many arguments as it wants. */
function operationOf(command: Command, refuse: Refuse): Operation {
  const operation = BY_NAME.get(command[0]);
  if (operation === undefined) throw refuse(`unknown command '${command[0]}'`);
  const count = command.length - 1;
  if (count < operation.count[0] || count > operation.count[1]) {
    throw refuse(`wrong number of arguments for '${command[0]}' command`);
  }
  return operation;
}

/** What cannot hold on any state is refused before the log, and arguments become text wherever they are UTF-8. */
function prepare(command: Command): Command {
  const operation = operationOf(command, refuseRead);
  operation.check?.(command, refuseRead);
  let prepared: unknown[] | null = null;
  for (let at = 1; at < command.length; at++) {
    const value = valueOf(command[at], refuseRead);
    const wellFormed = typeof value === "string" ? value.toWellFormed() : value;
    if (wellFormed === command[at]) continue;
    prepared ??= [...command];
    prepared[at] = wellFormed;
  }
  // The same command, where nothing had to change: what the client encoded then goes into the log as it is.
  return prepared === null ? command : prepared as unknown as Command;
}

function create(): Machine<readonly SavedItem[]> {
  const store = new Store();
  return {
    apply(command: Command, entry: Entry): Reply {
      const operation = operationOf(command, entry.reject);
      return operation.run(store, command, entry);
    },
    query(command: Command, view: View): Reply {
      const operation = operationOf(command, refuseRead);
      if (operation.kind === "write") throw refuseRead(`'${command[0]}' is a write`);
      return operation.run(store, command, view);
    },
    wakeAt: () => store.wakeAt(),
    wake: (entry) => store.sweep(entry),
    snapshot: () => store.save(),
    restore: (saved) => store.restore(saved),
  };
}

const kv: Plugin<readonly SavedItem[]> = { name: "kv", version: 1, operations: rows(), prepare, create };
export default kv;
