/** The machine `sql`: one SQLite database, replicated statement by statement. docs/sql.md tells how to use it. */
import type { Command, StreamPlugin } from "../../src/machine/machine.ts";
import { generate } from "./generate.ts";
import { countParameters } from "./scan.ts";
import { SqlMachine } from "./sql_machine.ts";
import { statementsOf } from "./transaction.ts";
import { boundValue } from "./values.ts";

const sql: StreamPlugin<Uint8Array> = {
  name: "sql",
  version: 1,
  operations: {
    exec: { kind: "write", args: "SQL [PARAMETER…]", summary: "runs one statement; answers how many rows it changed, and the rows that it returns" },
    transaction: { kind: "write", args: '[["SQL",PARAMETER…]…]', summary: "runs a list of statements, all or none" },
    query: { kind: "read", args: "SQL [PARAMETER…]", summary: "the rows of a SELECT" },
  },
  prepare,
  create: ({ directory }) => new SqlMachine(directory),
  generate,
};
export default sql;

/** What can be told of a command without the database is told before the log. */
function prepare(command: Command): Command {
  const [operation, ...args] = command;
  if (operation !== "transaction") {
    check(args, operation === "query" ? "read" : "write");
    return command;
  }
  if (args.length !== 1) throw new Error("transaction takes one list of statements, as JSON");
  const statements = statementsOf(args[0]).map(({ sql: text, parameters }) => [text, ...parameters]);
  statements.forEach((statement, at) => {
    try {
      check(statement, "write");
    } catch (error) {
      throw new Error(`statement ${at + 1}: ${(error as Error).message}`);
    }
  });
  return [operation, statements];
}

function check([text, ...parameters]: readonly unknown[], kind: "read" | "write"): void {
  if (typeof text !== "string") throw new Error("SQL is text");
  const count = countParameters(text, kind);
  if (count !== parameters.length) throw new Error(`the statement has ${count} parameters, and ${parameters.length} values are given`);
  parameters.forEach((parameter, at) => boundValue(parameter, at + 1));
}
