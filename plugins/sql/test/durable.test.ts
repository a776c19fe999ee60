/** The state on disk: whole entries with index and memo, whenever the process ends (P12); snapshots and restores (S07, S12). */
import * as fs from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decode } from "../../../src/base/codec.ts";
import type { DraftError } from "../../../src/base/errors.ts";
import { NodeFailure, wordsOf } from "../failures.ts";
import { loadSqlite } from "../sqlite.ts";
import { killedAt, newDirectory, removeDirectories, said, SqlRig } from "./rig.ts";

test.after(removeDirectories);

const COMMANDS: readonly (readonly [operation: string, ...args: unknown[]])[] = [
  ["exec", "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, at TEXT DEFAULT CURRENT_TIMESTAMP)"],
  ["exec", "INSERT INTO t (name) VALUES (?)", "ann"],
  ["exec", "INSERT INTO t (name) VALUES (?)", "ann"],
  ["transaction", [["INSERT INTO t (name) VALUES ('bob')"], ["UPDATE t SET name = name || random()"]]],
  ["exec", "INSERT INTO t (name) VALUES (?)", "ann"],
  ["exec", "DELETE FROM t WHERE id = 1"],
];

function run(rig: SqlRig): string {
  const at = rig.applier.lastApplied.index;
  return said(() => rig.apply(...COMMANDS[at]!));
}

function straight(): SqlRig {
  const rig = new SqlRig().start();
  while (rig.applier.lastApplied.index < COMMANDS.length) {
    run(rig);
    rig.commit();
  }
  return rig;
}

test("P12: a process that is killed at any moment leaves whole entries, each applied once in the end", () => {
  const wanted = straight();
  for (let commit = 0; commit <= COMMANDS.length; commit++) {
    for (let dies = commit; dies <= COMMANDS.length; dies++) {
      const first = new SqlRig().start();
      while (first.applier.lastApplied.index < dies) {
        run(first);
        if (first.applier.lastApplied.index === commit) first.commit();
      }
      const next = new SqlRig(killedAt(first.directory));
      assert.equal(next.applier.open()?.index, commit, `killed at ${dies}`);
      next.start();
      while (next.applier.lastApplied.index < COMMANDS.length) run(next);
      next.commit();
      assert.is(next.dump(), wanted.dump());
      assert.is(next.applier.digest, wanted.applier.digest);
      first.close();
      next.close();
    }
  }
});

test("close() undoes what was not committed", () => {
  const rig = new SqlRig().start();
  run(rig);
  rig.commit();
  run(rig);
  rig.close();
  const again = new SqlRig(rig.directory).start();
  assert.equal(again.query("SELECT count(*) AS c FROM t"), [{ c: 0 }]);
  assert.is(again.applier.open()?.index, 1);
});

test("a file that is no database is damage that says what to do", () => {
  const directory = newDirectory();
  fs.mkdirSync(directory);
  fs.writeFileSync(`${directory}/1.db`, "no database at all ".repeat(100));
  assert.match(said(() => new SqlRig(directory).applier.open()), /^DAMAGED .*cannot be read: file is not a database: move its directory away/);
});

async function piecesOf(rig: SqlRig, meanwhile: () => void = () => {}): Promise<Uint8Array[]> {
  const { pieces, sessions } = rig.applier.snapshot();
  sessions.close();
  const all: Uint8Array[] = [];
  for (;;) {
    meanwhile();
    const piece = await new Promise<Uint8Array | null>((resolve, reject) => pieces.next((...[error, bytes]) => error === null ? resolve(bytes) : reject(error)));
    if (piece === null) return all;
    all.push(piece);
  }
}

/** Restores `rig` to a snapshot of `of`; `seen` is told of each piece that was handed over. */
async function restore(rig: SqlRig, of: SqlRig, seen: (count: number) => void = () => {}): Promise<void> {
  const pieces = await piecesOf(of);
  const { pieces: rest, sessions, ...saved } = of.applier.snapshot();
  rest.close();
  sessions.close();
  await new Promise<void>((resolve) => setTimeout(resolve, 5));
  const target = rig.applier.restore(saved, () => {});
  for (const [at, piece] of pieces.entries()) {
    await new Promise<void>((resolve, reject) => target.push(piece, (...[error]) => error === null ? resolve() : reject(error)));
    seen(at + 1);
  }
  await new Promise<void>((resolve, reject) => target.end((...[error]) => error === null ? resolve() : reject(error)));
  rig.applier.restored(saved, rig.applier);
}

test("S12: a snapshot shows the state at its index, whatever is applied while it is read", async () => {
  const rig = straight();
  for (let at = 0; at < 30; at++) rig.exec("INSERT INTO t (name) VALUES (hex(randomblob(50000)))");
  const wanted = rig.dump();
  const index = rig.applier.lastApplied.index;
  const pieces = await piecesOf(rig, () => rig.exec("UPDATE t SET name = name || 'x'"));
  assert.ok(pieces.length > 10, `${pieces.length} pieces`);
  const directory = newDirectory();
  fs.mkdirSync(directory);
  fs.writeFileSync(`${directory}/1.db`, Buffer.concat(pieces.map((piece) => decode(piece) as Uint8Array)));
  const copy = new SqlRig(directory);
  assert.is(copy.applier.open()?.index, index);
  assert.is(copy.dump(), wanted);
  const again = await piecesOf(rig);
  assert.ok(again.length >= pieces.length, "and another one can be taken");
});

test("S07: a restore replaces the state by one rename: killed before it the old one is there, behind it the new", async () => {
  const source = straight();
  for (let at = 0; at < 10; at++) source.exec("INSERT INTO t (name) VALUES (hex(randomblob(50000)))");
  const rig = new SqlRig().start();
  for (let at = 0; at < 3; at++) run(rig);
  rig.commit();
  const old = rig.dump();
  const killed: string[] = [];
  await restore(rig, source, () => killed.push(killedAt(rig.directory)));
  assert.is(rig.dump(), source.dump());
  assert.ok(killed.length > 3);
  for (const directory of killed) {
    const again = new SqlRig(directory);
    assert.is(again.applier.open()?.index, 3);
    assert.is(again.dump(), old);
    assert.ok(fs.readdirSync(directory).every((name) => name.startsWith("1.db")), fs.readdirSync(directory).join());
    again.close();
  }
  const both = killedAt(rig.directory);
  fs.copyFileSync(`${killed[0]!}/1.db`, `${both}/1.db`);
  const again = new SqlRig(both);
  assert.is(again.dump(), source.dump(), "renamed, and the old one still there");
  assert.equal(fs.readdirSync(both).filter((name) => name.endsWith(".db")), ["2.db"]);
  const from = source.applier.lastApplied.index;
  assert.ok(again.applier.recall(from + 1));
});

test("what fails for the node's sake is no refusal, and SQLite's words are passed on where they are steady", () => {
  for (const thrown of [{ errcode: 13, message: "database or disk is full" }, { errcode: 10 + 256 * 3, message: "x" }, { message: "disk I/O error" }, { errcode: 11, message: "no such table: t" }]) {
    assert.throws(() => wordsOf(thrown), (error: unknown) => error instanceof NodeFailure);
  }
  assert.is(wordsOf({ errcode: 1555, message: "UNIQUE constraint failed: t.a" }), "UNIQUE constraint failed: t.a");
  assert.is(wordsOf({ message: "no such table: t" }), "no such table: t");
  assert.is(wordsOf({ errcode: 1811, message: "my own words" }), "my own words");
  assert.is(wordsOf({ errcode: 1, message: "words that a later release may choose otherwise" }), "SQLite refuses the statement");
});

/** Runs `work` while SQLite fails at whatever begins with `sql`, as on a disk that is full. */
function withFullDisk(sql: string, work: () => void): void {
  const { prototype } = loadSqlite().DatabaseSync;
  const { exec } = prototype;
  prototype.exec = function (text: string): void {
    if (text.startsWith(sql)) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    exec.call(this, text);
  };
  try {
    work();
  } finally {
    prototype.exec = exec;
  }
}

for (const [sql, command] of [["SAVEPOINT", "INSERT INTO t (name) VALUES ('x')"], ["RELEASE", "INSERT INTO t (name) VALUES ('x')"], ["ROLLBACK TO", "INSERT INTO none VALUES (1)"]] as const) {
  test(`a disk that is full at ${sql} ends the node, and the entry counts for nothing`, () => {
    const rig = new SqlRig().start();
    run(rig);
    rig.commit();
    const before = rig.dump();
    withFullDisk(sql, () => {
      assert.throws(() => rig.apply("exec", command), (error: DraftError) =>
        error.code === "STORAGE_FAILED" && error.message.startsWith("the machine 'sql' could not apply index 2: database or disk is full: check the disk"));
    });
    assert.throws(() => rig.apply("exec", "DELETE FROM t"), /could not apply index 3/, "nor is anything behind it applied");
    rig.close();
    const again = new SqlRig(rig.directory);
    assert.is(again.applier.open()?.index, 1);
    assert.is(again.dump(), before);
    again.close();
  });
}

test.run();
