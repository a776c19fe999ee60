/**
 * Statements by chance, for checks and the simulator: a few tables, keys and numbers, so that statements meet one another's
 * rows, and now and then one that a constraint, a rule of draft or a missing table refuses.
 */
import type { Command } from "../../src/machine/machine.ts";

type Chance = () => number;

/** A statement and its parameters. */
type Statement = readonly [sql: string, ...parameters: unknown[]];

/** The tables are always made alike: what stands in them differs. */
const TABLES: Readonly<Record<string, string>> = {
  item: "id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER NOT NULL CHECK (n < 50), made TEXT DEFAULT CURRENT_TIMESTAMP, mark INTEGER DEFAULT (random())",
  part: "id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT NOT NULL REFERENCES item (name) ON DELETE CASCADE ON UPDATE CASCADE, bytes BLOB",
  total: "name TEXT PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0",
};
const NAMES = Object.keys(TABLES);

const STATEMENTS_MAX = 4;

/** A command: `exec` and `transaction` mostly, `query` in a quarter. */
export function generate(random: Chance): Command {
  const drawn = below(random, 16);
  if (drawn < 4) return ["query", ...select(random)];
  if (drawn < 10) return ["exec", ...statement(random)];
  const made = drawn < 13 ? NAMES.map(create) : [];
  return ["transaction", [...made, ...Array.from({ length: 1 + below(random, STATEMENTS_MAX) }, () => statement(random))]];
}

function statement(random: Chance): Statement {
  const drawn = below(random, 32);
  if (drawn < 3) return create(oneOf(random, NAMES));
  if (drawn < 15) return insert(random);
  if (drawn < 21) return update(random);
  if (drawn < 24) return remove(random);
  if (drawn < 28) return select(random);
  if (drawn < 31) return schema(random);
  return refused(random);
}

function create(name: string): Statement {
  return [`CREATE TABLE IF NOT EXISTS ${name} (${TABLES[name] ?? ""}) ${name === "total" ? "WITHOUT ROWID, STRICT" : ""}`.trim()];
}

function insert(random: Chance): Statement {
  const [name, n] = [nameFrom(random), below(random, 60)];
  const conflict = oneOf(random, ["", "OR IGNORE ", "OR REPLACE "]);
  const returning = oneOf(random, ["", " RETURNING id, n, typeof(mark) AS t"]);
  return oneOf<Statement>(random, [
    [`INSERT ${conflict}INTO item (name, n) VALUES (?, ?)${returning}`, name, n],
    ["INSERT INTO item (name, n) VALUES (?, ?), (?, ?)", name, n, nameFrom(random), below(random, 60)],
    ["INSERT INTO item (name, n) SELECT name || 'x', n % 7 FROM item WHERE length(name) < 4 ORDER BY id LIMIT 3"],
    ["INSERT INTO part (item, bytes) VALUES (?, randomblob(?))", name, 1 + below(random, 40)],
    ["INSERT INTO part (item) SELECT name FROM item WHERE id = last_insert_rowid()"],
    ["INSERT INTO total (name, n) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n RETURNING n", name, n],
  ]);
}

function update(random: Chance): Statement {
  const name = nameFrom(random);
  return oneOf<Statement>(random, [
    ["UPDATE item SET n = n + ? WHERE name = ?", below(random, 20) - 5, name],
    ["UPDATE item SET made = datetime('now', ?), mark = random() WHERE id % 3 = ?", `${below(random, 90)} minutes`, below(random, 3)],
    ["UPDATE item SET name = ? WHERE name = ?", nameFrom(random), name],
    ["UPDATE total SET n = n + changes() + (SELECT count(*) FROM part) RETURNING name, n"],
    ["UPDATE part SET bytes = randomblob(8) WHERE item = ?", name],
  ]);
}

function remove(random: Chance): Statement {
  return oneOf<Statement>(random, [
    ["DELETE FROM item WHERE name = ? RETURNING id", nameFrom(random)],
    ["DELETE FROM part WHERE id % 2 = ?", below(random, 2)],
    ["DELETE FROM total"],
  ]);
}

function select(random: Chance): Statement {
  return oneOf<Statement>(random, [
    ["SELECT * FROM item ORDER BY id"],
    ["SELECT id, item, hex(bytes) AS h FROM part ORDER BY id DESC LIMIT ?", 1 + below(random, 5)],
    ["SELECT name, n FROM total WHERE n > ? ORDER BY name", below(random, 30)],
    ["SELECT i.name, count(p.id) AS parts, sum(i.n) AS n FROM item AS i LEFT JOIN part AS p ON p.item = i.name GROUP BY i.name ORDER BY i.name"],
    ["SELECT json_group_array(name) AS names FROM (SELECT name FROM item ORDER BY name)"],
    ["SELECT date('now') AS today, upper(?) AS loud", nameFrom(random)],
  ]);
}

/** Changes of the schema, after which statements are prepared anew. */
function schema(random: Chance): Statement {
  return oneOf<Statement>(random, [
    ["CREATE INDEX IF NOT EXISTS item_n ON item (n)"],
    ["DROP INDEX IF EXISTS item_n"],
    [`DROP TABLE IF EXISTS ${oneOf(random, ["part", "total"])}`],
    ["CREATE TRIGGER IF NOT EXISTS counts AFTER INSERT ON item BEGIN UPDATE total SET n = n + 1 WHERE name = new.name; END"],
  ]);
}

/** What is refused, whatever there is. */
function refused(random: Chance): Statement {
  return oneOf<Statement>(random, [
    ["INSERT INTO item (name, n) VALUES (?, NULL)", nameFrom(random)],
    ["SELECT nothing FROM nowhere"],
    ["INSERT INTO total (name, n) VALUES ('text', 'no number')"],
    ["INSERT INTO item (id, name, n) VALUES (9223372036854775807, ?, 1)", nameFrom(random)],
  ]);
}

function nameFrom(random: Chance): string {
  return `i${below(random, 6)}`;
}

function oneOf<T>(random: Chance, choices: readonly T[]): T {
  return choices[below(random, choices.length)] as T;
}

function below(random: Chance, end: number): number {
  return Math.floor(random() * end);
}
