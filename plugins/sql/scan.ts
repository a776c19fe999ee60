/**
 * A look at the text of a statement before SQLite sees it: SQLite prepares the first statement of a text and says nothing
 * of the rest, and does not tell how many parameters it wants.
 */

/** Characters of one statement, at most. */
export const SQL_MAX = 1_000_000;

/** Values of one statement, at most; the least that SQLite is built with on any runtime. */
export const PARAMETERS_MAX = 32_766;

const FIRST: Readonly<Record<StatementKind, ReadonlySet<string>>> = {
  write: new Set(["select", "values", "with", "insert", "replace", "update", "delete", "create", "drop", "alter"]),
  read: new Set(["select", "values", "with"]),
};

/** Tables whose content differs between nodes that hold the same: they say where in the file things stand. */
const PHYSICAL: ReadonlySet<string> = new Set(["sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"]);

const TOKEN = /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\p{L}_\u0080-\uffff][\p{L}\p{N}_$\u0080-\uffff]*|[0-9](?:[\p{L}\p{N}_.]|[eE][+-])*|[\s\S]/gu;
const BLANK = /^(?:\s|--|\/\*)/;

/** Whether a statement may change the state. */
export type StatementKind = "read" | "write";

/**
 * Counts the parameters of one statement.
 *
 * @throws Error that says what is wrong, the same text on every node
 */
export function countParameters(sql: string, kind: StatementKind): number {
  if (sql.length > SQL_MAX) throw new Error(`a statement has at most ${SQL_MAX} characters, not ${sql.length}`);
  if (sql.includes("\0")) throw new Error("a statement holds no NUL");
  const scan: Scan = { kind, tokens: 0, first: "", isTrigger: false, hasEnded: false, last: "", parameters: 0 };
  for (const [token] of sql.matchAll(TOKEN)) {
    if (!BLANK.test(token)) see(scan, token);
  }
  if (scan.tokens === 0) throw new Error("a statement is missing");
  if (scan.parameters > PARAMETERS_MAX) throw new Error(`a statement has at most ${PARAMETERS_MAX} parameters, not ${scan.parameters}`);
  return scan.parameters;
}

interface Scan {
  readonly kind: StatementKind;
  tokens: number;
  first: string;
  /** Use: its body holds statements, each with its semicolon, and ends with END behind one. */
  isTrigger: boolean;
  hasEnded: boolean;
  last: string;
  parameters: number;
}

function see(scan: Scan, token: string): void {
  const word = token.toLowerCase();
  if (scan.hasEnded && token !== ";") throw new Error("one statement at a time: for several in one entry there is 'transaction'");
  if (scan.tokens === 0 && !FIRST[scan.kind].has(word)) throw new Error(whyNotFirst(word, scan.kind));
  if (scan.tokens === 0) scan.first = word;
  if (word === "trigger" && scan.first === "create" && scan.tokens <= 2) scan.isTrigger = true;
  if (word === "rollback") throw new Error("ROLLBACK is refused: a statement that fails is undone by itself, and with it its transaction");
  if (scan.kind === "write" && PHYSICAL.has(bare(word))) throw new Error(`${bare(word)} is read by query alone`);
  if (token === "?") scan.parameters += 1;
  if (scan.last === "?" && /^[0-9]/.test(token)) throw new Error("parameters are plain '?', without a number");
  if (/^[:@$]$/.test(token)) throw new Error("parameters are plain '?', without a name");
  scan.hasEnded ||= token === ";" && !scan.isTrigger;
  if (scan.isTrigger && word === "end" && scan.last === ";") scan.hasEnded = true;
  scan.tokens += 1;
  scan.last = word;
}

/** A name without its quotes. */
function bare(word: string): string {
  return /^['"`[]/.test(word) ? word.slice(1, -1) : word;
}

function whyNotFirst(word: string, kind: StatementKind): string {
  if (kind === "read" && FIRST.write.has(word)) return `${word.toUpperCase()} changes the state: must be sent by exec`;
  if (/^(begin|commit|end|savepoint|release)$/.test(word)) return `${word.toUpperCase()} is refused: 'transaction' runs a list of statements, all or none`;
  const words = [...FIRST[kind]].map((each) => each.toUpperCase()).join(", ");
  return `a statement begins with one of ${words}, not with ${word.length <= 40 ? word.toUpperCase() : "this"}`;
}
