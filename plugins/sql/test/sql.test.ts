import { test } from "uvu";
import * as assert from "uvu/assert";
import { removeDirectories, said, SqlRig, START_MS, told } from "./rig.ts";

test.after(removeDirectories);

function withTable(): SqlRig {
  const rig = new SqlRig().start();
  rig.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n REAL)");
  return rig;
}

test("exec answers changes and rowid, query the rows", () => {
  const rig = withTable();
  assert.equal(rig.exec("INSERT INTO t (name, n) VALUES (?, ?), (?, ?)", "ann", 1, "bob", "2.5"), { changes: 2, lastInsertRowid: 2 });
  assert.equal(rig.exec("UPDATE t SET n = n + 1"), { changes: 2, lastInsertRowid: null });
  assert.equal(rig.exec("DELETE FROM t WHERE id = ? RETURNING name", 1), { changes: 1, lastInsertRowid: null, rows: [{ name: "ann" }] });
  assert.equal(rig.exec("CREATE INDEX i ON t (n)"), { changes: 0, lastInsertRowid: null });
  assert.equal(rig.query("SELECT * FROM t WHERE name = ?", "bob"), [{ id: 2, name: "bob", n: 3.5 }]);
  assert.equal(rig.query("SELECT count(*) AS c FROM t WHERE id = ?", "2"), [{ c: 1 }]);
});

test("values are what SQLite has, whole numbers are integers on every runtime", () => {
  const rig = withTable();
  const types = (...values: unknown[]) => rig.query(`SELECT ${values.map((_, at) => `typeof(?) AS c${at}`).join(", ")}`, ...values);
  assert.equal(types(5, 5.5, "5", true, null, 5n, Uint8Array.of(1)), [{ c0: "integer", c1: "real", c2: "text", c3: "integer", c4: "null", c5: "integer", c6: "blob" }]);
  assert.equal(rig.query("SELECT ? AS a, ? AS b, x'00ff' AS c, 9007199254740993 AS d", 2n ** 62n, -1), [{ a: 2n ** 62n, b: -1, c: Uint8Array.of(0, 255), d: 9007199254740993n }]);
  assert.match(said(() => rig.query("SELECT ?", 2n ** 63n)), /^BAD_REQUEST parameter 1 must be/);
  assert.match(said(() => rig.query("SELECT ?", [1])), /^BAD_REQUEST parameter 1 must be/);
  assert.match(said(() => rig.query("SELECT 1 AS a, 2 AS a")), /^BAD_REQUEST two columns are called "a"/);
});

test("no row gets the last number that there is: later ones would be numbered by chance, and AUTOINCREMENT would end", () => {
  const rig = new SqlRig().start();
  const last = /row number 9223372036854775807 of \w+ is the last/;
  rig.exec("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, n)");
  rig.exec("CREATE TABLE plain (n)");
  rig.exec("CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID");
  rig.exec("CREATE TRIGGER spreads AFTER INSERT ON keyed BEGIN INSERT INTO plain (rowid, n) VALUES (new.k + 0, 1); END");
  rig.exec("INSERT INTO counted (n) VALUES (1)");
  const before = ["counted", "plain"].map((table) => rig.dump(table));
  for (const sql of [
    "INSERT INTO counted VALUES (9223372036854775807, 1)", "INSERT INTO plain (rowid, n) VALUES (9223372036854775806 + 1, 1), (5, 2)",
    "UPDATE counted SET id = 9223372036854775807", "INSERT INTO keyed VALUES ('9223372036854775807')",
  ]) assert.match(String(told(() => rig.exec(sql))), last);
  assert.match(String(told(() => rig.exec("UPDATE sqlite_sequence SET seq = 9223372036854775807"))), /sqlite_sequence counts by itself/);
  assert.match(String(told(() => rig.exec("INSERT INTO sqlite_sequence VALUES ('counted', 9223372036854775807)"))), /sqlite_sequence counts by itself/);
  assert.equal(["counted", "plain"].map((table) => rig.dump(table)), before);
  rig.exec("INSERT INTO counted (n) VALUES (2)");
  rig.exec("ALTER TABLE counted RENAME TO numbered");
  rig.exec("INSERT INTO numbered VALUES (9223372036854775806, 1)");
  rig.exec("DROP TABLE numbered");
});

test("a statement that fails is refused and changes nothing, nor does the transaction that it is in", () => {
  const rig = withTable();
  rig.exec("INSERT INTO t VALUES (1, 'ann', 1)");
  const before = rig.dump();
  assert.is(told(() => rig.exec("INSERT INTO t VALUES (2, 'eve', 1), (3, 'ann', 2)")), "REJECTED UNIQUE constraint failed: t.name");
  assert.is(told(() => rig.exec("INSERT OR FAIL INTO t VALUES (2, 'eve', 1), (3, 'ann', 2)")), "REJECTED UNIQUE constraint failed: t.name");
  assert.is(told(() => rig.exec("INSERT INTO nowhere VALUES (1)")), "REJECTED no such table: nowhere");
  assert.is(told(() => rig.exec("INSERT INTO t VALUES (2, 'eve', abs(-9223372036854775807 - 1))")), "REJECTED integer overflow");
  assert.is(told(() => rig.exec("UPDATE t SET n = abs(-9223372036854775807 - 1) RETURNING n")), "REJECTED integer overflow");
  const list = [["INSERT INTO t VALUES (?, ?, 1)", 2, "eve"], ["CREATE TABLE u (a)"], ["INSERT INTO t VALUES (3, 'ann', 1)"]];
  assert.is(told(() => rig.apply("transaction", list)), "REJECTED statement 3: UNIQUE constraint failed: t.name");
  rig.commit();
  assert.is(rig.dump(), before);
  assert.match(said(() => rig.query("SELECT * FROM u")), /^BAD_REQUEST no such table: u/);
});

test("transaction runs a list of statements, from JSON or not", () => {
  const rig = withTable();
  const list = [["INSERT INTO t (name) VALUES (?)", "ann"], ["INSERT INTO t (name) SELECT 'child of ' || last_insert_rowid()"], ["SELECT count(*) AS c FROM t"]];
  const answers = [{ changes: 1, lastInsertRowid: 1 }, { changes: 1, lastInsertRowid: 2 }, { changes: 0, lastInsertRowid: null, rows: [{ c: 2 }] }];
  assert.equal(rig.apply("transaction", list), answers);
  rig.commit();
  assert.equal(rig.query("SELECT name FROM t"), [{ name: "ann" }, { name: "child of 1" }]);
  assert.equal(rig.apply("transaction", '[["DELETE FROM t WHERE id > ?", 0]]'), [{ changes: 2, lastInsertRowid: null }]);
  for (const bad of ["", "[]", "{}", "[5]", [[1]], 5, [["SELECT ?"]], [["SELECT 1; SELECT 2"]]]) assert.match(said(() => rig.apply("transaction", bad)), /^BAD_REQUEST /, JSON.stringify(bad));
});

const REFUSED: readonly (readonly [sql: string, why: RegExp])[] = [
  ["PRAGMA user_version = 5", /begins with one of/], ["ATTACH 'x.db' AS x", /begins with one of/], ["VACUUM", /begins with one of/], ["ANALYZE", /begins with one of/],
  ["BEGIN", /runs a list of statements/], ["COMMIT", /runs a list of statements/], ["SAVEPOINT a", /runs a list of statements/], ["ROLLBACK", /begins with one of/],
  ["INSERT OR ROLLBACK INTO t VALUES (1, 'a', 1)", /ROLLBACK is refused/], ["SELECT 1; SELECT 2", /one statement at a time/], ["", /statement is missing/], ["-- only", /statement is missing/],
  ["CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'x'); END", /ROLLBACK is refused/],
  ["CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; DROP TABLE t", /one statement at a time/], ["DROP TRIGGER g; SELECT 1", /one statement at a time/],
  ["INSERT INTO t VALUES (?1, 'a', 1)", /plain '\?'/], ["INSERT INTO t VALUES (:a, 'a', 1)", /plain '\?'/], ["SELECT 1\0", /no NUL/],
  ["CREATE TEMP TABLE x (a)", /temporary tables/], ["CREATE TABLE draft_x (a)", /draft's own/], ["DELETE FROM draft_memos", /draft's own/], ["SELECT * FROM 'draft_state'", /draft's own/],
  ["CREATE VIRTUAL TABLE x USING fts5(a)", /virtual tables/], ["WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c", /recursive/],
  ["CREATE TABLE x AS SELECT rootpage FROM sqlite_master", /read by query alone/], ["CREATE TABLE x AS SELECT * FROM \"sqlite_schema\"", /read by query alone/],
  ["SELECT * FROM pragma_table_info('t')", /PRAGMA is refused/], ["SELECT sqlite_version()", /sqlite_version\(\) is refused/], ["SELECT total_changes()", /refused/], ["SELECT exp(1)", /exp\(\) is refused|no such function: exp/],
  ["INSERT INTO t VALUES (1, 'a', ceil(1.5))", /ceil\(\) is refused|no such function/], ["SELECT load_extension('x')", /refused/], ["SELECT datetime('now', 'localtime')", /time zones/],
  ["SELECT timediff('now', 'now', 'now')", /does not take/], ["SELECT randomblob(1000000000)", /at most/], ["SELECT zeroblob(100000000)", /too big/], ["SELECT soundex('a')", /refused|no such function/],
];

for (const [sql, why] of REFUSED) {
  test(`refused: ${sql}`, () => {
    const rig = withTable();
    const words = said(() => rig.exec(sql));
    assert.match(words, /^(?:BAD_REQUEST|REJECTED) /);
    assert.match(words, why);
    assert.equal(rig.logged, []);
    assert.equal(rig.exec("INSERT INTO t VALUES (9, 'z', 1)"), { changes: 1, lastInsertRowid: 9 }, "and it goes on");
  });
}

test("what stands in the schema is held to the same rules when it runs", () => {
  const rig = withTable();
  rig.exec("CREATE VIEW v AS SELECT sqlite_version() AS x");
  assert.match(said(() => rig.query("SELECT * FROM v")), /sqlite_version\(\) is refused/);
  rig.exec("CREATE TABLE d (a, b DEFAULT (sqlite_version()))");
  assert.match(said(() => rig.exec("INSERT INTO d (a) VALUES (1)")), /^REJECTED sqlite_version\(\) is refused/);
  rig.exec("CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = random() WHERE id = new.id; SELECT CASE WHEN new.id = 7 THEN RAISE(ABORT, 'no sevens') END; END;");
  assert.is(told(() => rig.exec("INSERT INTO t VALUES (7, 'a', 1)")), "REJECTED no sevens");
  assert.equal(rig.exec("INSERT INTO t VALUES (8, 'a', 1)"), { changes: 1, lastInsertRowid: 8 });
});

test("queries change nothing", () => {
  const rig = withTable();
  for (const sql of ["INSERT INTO t VALUES (1, 'a', 1)", "WITH x AS (SELECT 1) DELETE FROM t", "DROP TABLE t", "SELECT random()", "SELECT last_insert_rowid()"]) {
    assert.match(said(() => rig.query(sql)), /^BAD_REQUEST .*(?:exec|has none)/, sql);
  }
  assert.equal(rig.query("SELECT name, rootpage FROM sqlite_master WHERE name = 't'"), [{ name: "t", rootpage: null }], "where it stands in the file is the node's own");
});

test("time is that of the entry, chance too: the same on every replica, another in every entry", () => {
  const [one, other] = [withTable(), withTable()];
  for (const rig of [one, other]) {
    rig.exec("CREATE TABLE m (at TEXT DEFAULT CURRENT_TIMESTAMP, ms REAL, r INTEGER DEFAULT (random()), b BLOB)");
    rig.exec("INSERT INTO m (ms, b) VALUES (unixepoch('now', 'subsec'), randomblob(4)), (julianday(), randomblob(4))");
    rig.exec("INSERT INTO m (ms, b) VALUES (strftime('%s'), datetime('2020-02-30', '+1 day'))");
  }
  assert.is(one.dump("m"), other.dump("m"));
  assert.is(one.applier.digest, other.applier.digest);
  const rows = one.query("SELECT at, ms, r FROM m") as { at: string; ms: number; r: number }[];
  assert.is(rows[0]!.at, "2023-11-14 22:13:20");
  assert.is(rows[0]!.ms, (START_MS + 3) / 1000);
  assert.is(new Set(rows.map(({ r }) => r)).size, 3);
  assert.equal(one.query("SELECT datetime() AS a, CURRENT_DATE AS b, date('now', '+1 day') AS c, datetime('2001-02-03 04:05:06.7', 'subsec') AS d"),
    [{ a: "2023-11-14 22:13:20", b: "2023-11-14", c: "2023-11-15", d: "2001-02-03 04:05:06.700" }]);
});

test("what an earlier entry did to the connection shows in no answer", () => {
  const [straight, restarted] = [withTable(), withTable()];
  for (const rig of [straight, restarted]) rig.exec("INSERT INTO t VALUES (5, 'a', 1)");
  restarted.close();
  const again = new SqlRig(restarted.directory).start();
  const log = again.applier;
  for (let index = 1; index <= 2; index++) log.apply({ kind: 2, group: 1, index, term: 1, timeMs: START_MS + index, chain: index, payloadBytes: 0, payloadSum: 0 }, new Uint8Array(0), 0, null);
  const late = "INSERT INTO t VALUES (5, 'b', 1) ON CONFLICT DO UPDATE SET n = last_insert_rowid() + changes()";
  assert.equal([again.exec(late), again.dump()], [straight.exec(late), straight.dump()]);
});

test("what a statement answers is bounded", () => {
  const rig = withTable();
  rig.exec("CREATE TABLE d (a)");
  rig.exec("INSERT INTO d VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)");
  const many = "SELECT a.a FROM d AS a, d AS b, d AS c, d AS d1, d AS e";
  assert.match(said(() => rig.query(many)), /more than 10000 rows: add LIMIT/);
  assert.is((rig.query(`${many} LIMIT 10000`) as unknown[]).length, 10_000);
  assert.match(said(() => rig.query("SELECT zeroblob(1000000) AS z FROM d")), /more than 4194304 bytes/);
  assert.match(said(() => rig.exec(`SELECT '${"x".repeat(1_000_001)}'`)), /at most 1000000 characters/);
});

test.run();
