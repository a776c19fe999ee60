/** The list of statements that `transaction` runs. */
import { Refusal } from "./statements.ts";

const STATEMENTS_MAX = 1000;

const USAGE = 'a transaction is a list of statements, each a list of SQL and its parameters: [["INSERT INTO t VALUES (?)", 1]]';

/** One statement of a transaction. */
export interface TransactionStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/**
 * @param list as JSON, or a list
 * @throws Refusal if it is none
 */
export function statementsOf(list: unknown): TransactionStatement[] {
  const statements = typeof list === "string" ? parsed(list) : list;
  if (!Array.isArray(statements) || statements.length === 0) throw new Refusal(USAGE);
  if (statements.length > STATEMENTS_MAX) throw new Refusal(`a transaction has at most ${STATEMENTS_MAX} statements, not ${statements.length}`);
  return statements.map((statement: unknown) => {
    const [sql, ...parameters] = Array.isArray(statement) ? statement as unknown[] : [statement];
    if (typeof sql !== "string") throw new Refusal(USAGE);
    return { sql, parameters };
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(USAGE);
  }
}
