/**
 * What a statement's failure means. Most are the statement's own: every node refuses it, in the same words. SQLite's
 * words for it are passed on where releases of SQLite do not differ in them; a failure of the node's disk or memory is
 * nobody's answer, and ends the node.
 */

/** Primary result codes of sqlite3.h that tell of the node, not of the statement. */
const OF_NODE: ReadonlySet<number> = new Set([2, 3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26]);
/** The same in words, where a runtime gives no code. */
const OF_NODE_WORDS = /^(?:disk I\/O error|database disk image is malformed|database or disk is full|out of memory|unable to open database file|file is not a database|database is locked|attempt to write a readonly database|interrupted)/;

/** `RAISE(ABORT, 'text')` in a trigger: the user's own text. */
const CONSTRAINT_TRIGGER = 1811;
const STEADY = new RegExp(`^(?:${[
  "(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed", "no such (?:table|column|index|view|trigger|function): ", 'near ".*": syntax error$', "incomplete input$",
  "table .* already exists$", "index .* already exists$", "duplicate column name: ", "table .* has \\d+ columns but \\d+ values were supplied$", "\\d+ values for \\d+ columns$",
  "datatype mismatch$", "integer overflow$", "string or blob too big$", "ambiguous column name: ", "cannot store .* value in .* column ", "unrecognized token: ",
].join("|")})`, "s");
const WORDS_MAX = 300;

/** A failure of the node: the statement has no answer. */
export class NodeFailure extends Error {
  override readonly name = "NodeFailure";
  /** What draft ends a node for. */
  readonly code = "STORAGE_FAILED";
}

/** What a caller is told of an error that SQLite threw; the same text on every node. */
export function wordsOf(thrown: unknown): string {
  const { errcode, message } = thrown as { readonly errcode?: number; readonly message?: string };
  const words = String(message ?? thrown);
  const isOfNode = errcode === undefined ? OF_NODE_WORDS.test(words) : OF_NODE.has(errcode & 0xff);
  if (isOfNode) throw new NodeFailure(`SQLite: ${words}`, { cause: thrown });
  const isSteady = errcode === CONSTRAINT_TRIGGER || STEADY.test(words);
  return isSteady ? words.slice(0, WORDS_MAX) : "SQLite refuses the statement";
}
