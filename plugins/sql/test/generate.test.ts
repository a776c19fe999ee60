/** What checks and the simulator ask of `sql`: statements that do something, and some that are refused. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../../src/base/errors.ts";
import { nextFloat, seedRandom } from "../../../src/base/random.ts";
import sql from "../sql.ts";
import { removeDirectories, SqlRig } from "./rig.ts";

test.after(removeDirectories);

const COMMANDS = 1500;

test("generate() draws each kind of statement, most of which do something, and refusals of each kind", () => {
  const random = seedRandom(7);
  const rig = new SqlRig().start();
  const done: Map<string, number> = new Map();
  const refusals: string[] = [];
  let changed = 0;
  for (let at = 0; at < COMMANDS; at++) {
    const command = sql.generate!(() => nextFloat(random));
    const [operation, ...args] = command;
    const answer = operation === "query" ? rig.query(...args) : rig.apply(...command);
    if (at % 50 === 0) rig.commit();
    if (answer instanceof DraftError) {
      refusals.push(answer.message);
      continue;
    }
    const kind = operation === "exec" ? String(args[0]).split(" ")[0]! : operation;
    done.set(kind, (done.get(kind) ?? 0) + 1);
    changed += JSON.stringify(answer, (_, value: unknown) => typeof value === "bigint" ? String(value) : value).includes('"changes":0') ? 0 : 1;
  }
  for (const kind of ["CREATE", "DROP", "INSERT", "UPDATE", "DELETE", "SELECT", "transaction", "query"]) assert.ok((done.get(kind) ?? 0) > 5, `${kind}: ${done.get(kind) ?? 0}`);
  assert.ok(changed > COMMANDS / 4, `${changed} changed something`);
  assert.ok(refusals.length < COMMANDS / 2, `${refusals.length} refused`);
  for (const words of ["UNIQUE constraint", "CHECK constraint", "FOREIGN KEY", "NOT NULL", "no such table", "is the last that there is"]) {
    assert.ok(refusals.some((message) => message.includes(words)), `${words} of ${[...new Set(refusals)].join("; ")}`);
  }
  assert.equal(rig.logged, []);
  rig.close();
});

test("generate() says the same for the same chance", () => {
  const drawn = (): unknown[] => {
    const random = seedRandom(3);
    return Array.from({ length: 200 }, () => sql.generate!(() => nextFloat(random)));
  };
  assert.equal(drawn(), drawn());
});

test.run();
