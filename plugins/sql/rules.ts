/**
 * What statements may do, by what SQLite says of them while it prepares them: an authorizer hears of each table, column
 * and function that is touched, in views, triggers and defaults too.
 */
import type { StatementKind } from "./scan.ts";

/** `engine`: draft's own statements. */
export type Mode = StatementKind | "engine";

/** Of sqlite3.h: numbers of actions and of answers. */
const OK = 0;
const DENY = 1;
const IGNORE = 2;
const Action = {
  createIndex: 1, createTable: 2, createTrigger: 7, createView: 8, delete: 9, dropIndex: 10, dropTable: 11, dropTrigger: 16, dropView: 17,
  insert: 18, pragma: 19, read: 20, select: 21, update: 23, attach: 24, detach: 25, alterTable: 26, reindex: 27, virtualTable: 29, function: 31, recursive: 33,
} as const;

const READS: ReadonlySet<number> = new Set([Action.read, Action.select, Action.function]);
const SCHEMA: ReadonlySet<number> = new Set([
  Action.createIndex, Action.createTable, Action.createTrigger, Action.createView, Action.dropIndex, Action.dropTable, Action.dropTrigger, Action.dropView,
  Action.alterTable, Action.reindex,
]);
const CHANGES: ReadonlySet<number> = new Set([Action.delete, Action.insert, Action.update]);

const REFUSED: ReadonlyMap<number, string> = new Map([
  [Action.pragma, "PRAGMA is refused: each node would be set by itself"],
  [Action.attach, "ATTACH is refused: a node's files are its own"],
  [Action.detach, "DETACH is refused: a node's files are its own"],
  [Action.virtualTable, "virtual tables are refused"],
  [Action.recursive, "recursive queries are refused: one without an end would stop every node"],
]);

/** Names of tables that are draft's own. */
const OWN = /^draft_/i;
/** Tables that say how a file is laid out. */
const LAYOUT = /^(?:dbstat|sqlite_dbpage|sqlite_stmt|bytecode|tables_used)$/i;

/** Functions whose answers follow from their arguments, on every runtime; see functions.ts for those that are replaced. */
const PURE: ReadonlySet<string> = new Set((
  "-> ->> abs avg char coalesce concat concat_ws count cume_dist dense_rank first_value format glob group_concat hex if ifnull iif instr " +
  "json json_array json_array_length json_each json_error_position json_extract json_group_array json_group_object json_insert json_object json_patch " +
  "json_pretty json_quote json_remove json_replace json_set json_tree json_type json_valid lag last_value lead length like likelihood likely lower ltrim max " +
  "min nth_value ntile nullif octet_length percent_rank printf quote rank replace round row_number rtrim sign string_agg substr substring sum total trim " +
  "typeof unhex unicode unlikely upper zeroblob date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp"
).split(" "));
/** Of the entry that is applied. */
const OF_ENTRY: ReadonlySet<string> = new Set(["random", "randomblob", "changes", "last_insert_rowid"]);
/** Those of them that SQLite answers from the connection. */
const OF_CONNECTION = /^(?:changes|last_insert_rowid)$/i;

/** What a statement turned out to do. */
export class Rules {
  mode: Mode = "engine";
  /** Why the statement was refused; null if it was not. */
  refusal: string | null = null;
  /** It changes the schema. */
  isSchema = false;
  /** It changes rows itself, not by a trigger alone. */
  isChange = false;
  /** The tables into which it puts rows, by a trigger too. */
  written: Set<string> = new Set();

  /** A statement is about to be prepared. */
  begin(mode: Mode): void {
    this.mode = mode;
    this.refusal = null;
    this.isSchema = this.isChange = false;
    this.written = new Set();
  }

  /** What SQLite asks, with its numbers. */
  readonly authorize = (action: number, one: string | null, two: string | null, _database: string | null, by: string | null): number => {
    if (this.mode === "engine") return OK;
    // Where rows stand in the file differs between nodes.
    if (this.mode === "read" && action === Action.read && one === "sqlite_master" && two === "rootpage") return IGNORE;
    const why = this.#whyNot(action, one ?? "", two ?? "");
    if (why !== null) {
      this.refusal ??= why;
      return DENY;
    }
    if ((action === Action.insert || action === Action.update) && one?.startsWith("sqlite_") === false) this.written.add(one);
    if (SCHEMA.has(action)) this.isSchema = true;
    else if (CHANGES.has(action) && by === null && one?.startsWith("sqlite_") !== true) this.isChange = true;
    return OK;
  };

  #whyNot(action: number, one: string, two: string): string | null {
    // Whatever is refused everywhere refuses when it is called (functions.ts): releases of SQLite differ in when they ask.
    if (action === Action.function) return this.mode === "read" && OF_CONNECTION.test(two) ? `${two.toLowerCase()}() is of an entry: a query has none` : null;
    if (OWN.test(one)) return "names that begin with draft_ are draft's own";
    if (action === Action.read && LAYOUT.test(one)) return `${one.toLowerCase()} is refused: nodes differ in it`;
    if (READS.has(action)) return null;
    // SQLite itself only renames in it, and deletes from it.
    if (/^sqlite_sequence$/i.test(one) && (action === Action.insert || (action === Action.update && two === "seq"))) return "sqlite_sequence counts by itself";
    const refused = REFUSED.get(action);
    if (refused !== undefined) return refused;
    if (this.mode === "read") return "a query changes nothing: send this by exec";
    return SCHEMA.has(action) || CHANGES.has(action) ? null : "temporary tables, ANALYZE and the like are refused: they are no part of the state";
  }
}

/** Why a function is refused, wherever it stands; null if it is not. */
export function whyNoFunction(name: string): string | null {
  return PURE.has(name) || OF_ENTRY.has(name) ? null : `${name}() is refused: its answers differ between nodes, or are not known not to`;
}
