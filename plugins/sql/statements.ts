/** Runs statements of users: what they may do, how their failures are told, how much they may answer. */
import type { SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Entry, View } from "../../src/machine/machine.ts";
import { wordsOf } from "./failures.ts";
import { countParameters, type StatementKind } from "./scan.ts";
import { LastRowid } from "./last_rowid.ts";
import type { Store } from "./store.ts";
import { answered, boundValue, sizeOf, type SqlValue } from "./values.ts";

/** What one statement may answer: more is refused. */
export const ROWS_MAX = 10_000;
const ROWS_BYTES_MAX = 4 * 1024 * 1024;

const PREPARED_MAX = 256;

/** A row, by the names of its columns. */
export type SqlRow = Record<string, SqlValue>;

/** What a statement answers. `rows` only of those that return some. */
export interface SqlOutcome {
  /** Rows that it inserted, changed or deleted, without those of its triggers. */
  readonly changes: number;
  /** Of the last row that the entry inserted; null if it inserted none. */
  readonly lastInsertRowid: number | bigint | null;
  readonly rows?: readonly SqlRow[];
}

interface Prepared {
  readonly statement: StatementSync;
  readonly parameters: number;
  readonly columns: readonly string[];
  readonly isSchema: boolean;
  readonly isChange: boolean;
  /** Tables into which it puts rows. */
  readonly written: ReadonlySet<string>;
}

/** The statement is refused, as on every node. */
export class Refusal extends Error {}

/** The statements of one database. */
export class Statements {
  readonly #store: Store;
  readonly #prepared: Map<string, Prepared> = new Map();
  readonly #reset: StatementSync;
  readonly #outcome: StatementSync;
  readonly #lastRowid: LastRowid;

  constructor(store: Store) {
    this.#store = store;
    this.#reset = store.database.prepare("INSERT OR REPLACE INTO temp.draft_reset VALUES (0)");
    this.#outcome = store.database.prepare("SELECT changes() AS changes, last_insert_rowid() AS id");
    this.#outcome.setReadBigInts(true);
    this.#lastRowid = new LastRowid(store.database);
  }

  /** Functions that answer from an entry answer from this one; of entries before it they tell nothing. */
  beginEntry(entry: Entry): void {
    this.#store.functions.moment = { timeMs: entry.timeMs, random: entry.random };
    this.#reset.run();
  }

  /** @throws Refusal; NodeFailure */
  exec(sql: string, parameters: readonly unknown[]): SqlOutcome {
    const prepared = this.#prepare(sql, "write");
    const bound = this.#bind(prepared, parameters);
    const rows = prepared.columns.length > 0 ? this.#rows("write", prepared, bound) : this.#run(prepared, bound);
    if (prepared.isSchema) {
      this.#prepared.clear();
      this.#lastRowid.forget();
    }
    const used = this.#lastRowid.usedIn(prepared.written);
    if (used !== null) throw new Refusal(`row number 9223372036854775807 of ${used} is the last that there is, and is refused: later rows would be numbered by chance`);
    return { ...this.#outcomeOf(prepared), ...(rows === null ? {} : { rows }) };
  }

  /** @throws Refusal; NodeFailure */
  query(sql: string, parameters: readonly unknown[], view: View): readonly SqlRow[] {
    this.#store.functions.moment = { timeMs: view.timeMs, random: null };
    const prepared = this.#prepare(sql, "read");
    return this.#rows("read", prepared, this.#bind(prepared, parameters));
  }

  #prepare(sql: string, kind: StatementKind): Prepared {
    const key = `${kind} ${sql}`;
    const { rules, database } = this.#store;
    const known = this.#prepared.get(key);
    if (known !== undefined) return known;
    const parameters = refusing(() => countParameters(sql, kind));
    const prepared = this.#guard(kind, (): Prepared => {
      const statement = database.prepare(sql);
      statement.setReadBigInts(true);
      statement.setReturnArrays(true);
      const columns = statement.columns().map(({ name }) => name);
      return { statement, parameters, columns, isSchema: rules.isSchema, isChange: rules.isChange, written: rules.written };
    });
    const twice = prepared.columns.find((name, at) => prepared.columns.indexOf(name) !== at);
    if (twice !== undefined) throw new Refusal(`two columns are called "${twice}": name one with AS`);
    if (this.#prepared.size >= PREPARED_MAX) this.#prepared.clear();
    if (!prepared.isSchema) this.#prepared.set(key, prepared);
    return prepared;
  }

  #bind({ parameters }: Prepared, given: readonly unknown[]): SQLInputValue[] {
    if (given.length !== parameters) throw new Refusal(`the statement has ${parameters} parameters, and ${given.length} values are given`);
    return refusing(() => given.map((value, at) => boundValue(value, at + 1)));
  }

  #run({ statement }: Prepared, bound: readonly SQLInputValue[]): null {
    this.#guard("write", () => statement.run(...bound));
    return null;
  }

  #rows(kind: StatementKind, { statement, columns }: Prepared, bound: readonly SQLInputValue[]): SqlRow[] {
    return this.#guard(kind, () => {
      const rows: SqlRow[] = [];
      let bytes = 0;
      for (const values of this.#store.iterates ? statement.iterate(...bound) : statement.all(...bound)) {
        const row = columns.map((name, at): [string, SqlValue] => [name, answered((values as unknown as readonly SQLOutputValue[])[at] ?? null)]);
        for (const [name, value] of row) bytes += sizeOf(value) + name.length;
        // Not by assignment: a column may be called __proto__.
        rows.push(Object.fromEntries(row));
        if (rows.length > ROWS_MAX) throw new Refusal(`the statement answers more than ${ROWS_MAX} rows: add LIMIT`);
        if (bytes > ROWS_BYTES_MAX) throw new Refusal(`the statement answers more than ${ROWS_BYTES_MAX} bytes: add LIMIT, or name the columns`);
      }
      return rows;
    });
  }

  #outcomeOf({ isChange }: Prepared): SqlOutcome {
    if (!isChange) return { changes: 0, lastInsertRowid: null };
    const { changes, id } = this.#outcome.get() as { readonly changes: bigint; readonly id: bigint };
    return { changes: Number(changes), lastInsertRowid: id === 0n ? null : answered(id) as number | bigint };
  }

  /** Runs a call of SQLite for a statement of a user, which it may prepare anew at any time, and tells its failures apart. */
  #guard<T>(kind: StatementKind, call: () => T): T {
    const { rules, functions } = this.#store;
    functions.refusal = null;
    rules.begin(kind);
    let result: T;
    try {
      result = call();
    } catch (thrown) {
      if (thrown instanceof Refusal) throw thrown;
      throw new Refusal(functions.refusal ?? rules.refusal ?? wordsOf(thrown));
    } finally {
      rules.mode = "engine";
    }
    if (functions.refusal !== null) throw new Refusal(functions.refusal);
    return result;
  }
}

function refusing<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw new Refusal((thrown as Error).message);
  }
}
