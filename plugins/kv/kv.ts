/**
 * The machine `kv`: keys and values with Redis's operations and texts, revisions as etcd's, expiry by log time. A key's
 * revision is the index of the entry that last wrote its value; when it expires is no part of the value. The state is
 * one table, whose keys are binary strings (see text.ts), so that their order is that of their bytes.
 */
import type { Command, OperationRow, StreamPlugin } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import { machineOn } from "../../src/machine/table_machine.ts";
import type { TablesPiece } from "../../src/machine/table_machine.ts";
import { generate } from "./generate.ts";
import { keyOperations } from "./keys.ts";
import type { KvMethods } from "./methods.ts";
import { numberOperations } from "./numbers.ts";
import { checkCount, prepared, refuseRead } from "./operation.ts";
import type { Operation } from "./operation.ts";
import { readOperations } from "./reads.ts";
import { scanOperations } from "./scan.ts";
import { setOperations } from "./set.ts";
import { keyEmitted } from "./text.ts";
import type { Refuse, Value } from "./text.ts";
import { txnOperation } from "./txn.ts";

const OPERATIONS: Map<string, Operation> = new Map(Object.entries({
  ...setOperations,
  ...readOperations,
  ...numberOperations,
  ...keyOperations,
  ...scanOperations,
}));
OPERATIONS.set("txn", txnOperation(new Map(OPERATIONS)));

/** The plugin, and its operations as methods of a client: `client.as(kv)`. */
export interface Kv extends StreamPlugin<TablesPiece> {
  readonly operations: Readonly<Record<string, OperationRow>> & { readonly [K in keyof KvMethods]: OperationRow };
  /** Known to the compiler only: no machine has it. */
  readonly methods?: KvMethods;
}

function rows(): Kv["operations"] {
  const entries = [...OPERATIONS].map(([name, { kind, args, summary, frees = false, touches }]) => [
    name, { kind, args, summary, ...(frees ? { frees } : {}), ...(touches === undefined ? {} : { touches }) },
  ]);
  return Object.fromEntries(entries) as Kv["operations"];
}

function operationOf(command: Command, refuse: Refuse): Operation {
  const operation = OPERATIONS.get(command[0]);
  if (operation === undefined) throw refuse(`unknown command '${command[0]}'`);
  return operation;
}

function create(): ReturnType<Kv["create"]> {
  const keys = new Table<Value>({ named: keyEmitted });
  return machineOn({ keys }, {
    apply(command, entry) {
      const operation = operationOf(command, entry.reject);
      checkCount(operation, command, entry.reject);
      return operation.kind === "write" ? operation.run(keys, command, entry) : operation.run(keys, command, entry, entry.reject);
    },
    query(command, view) {
      const operation = operationOf(command, refuseRead);
      checkCount(operation, command, refuseRead);
      if (operation.kind === "write") throw refuseRead(`'${command[0]}' is a write`);
      return operation.run(keys, command, view, refuseRead);
    },
  });
}

const kv: Kv = {
  name: "kv",
  version: 1,
  operations: rows(),
  prepare: (command) => prepared(operationOf(command, refuseRead), command, refuseRead),
  generate: (random) => generate(kv.operations, random),
  create,
};
export default kv;
