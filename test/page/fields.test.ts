import { suite } from "uvu";
import * as assert from "uvu/assert";
import { argumentsOf, fieldsOf, OPTIONS, optionsHint } from "../../src/page/fields.ts";
import counter from "../../plugins/counter/counter.ts";
import kv from "../../plugins/kv/kv.ts";
import lock from "../../plugins/lock/lock.ts";
import queue from "../../plugins/queue/queue.ts";

const test = suite("fields of a form");

function told(args: string): string {
  return fieldsOf(args).map(({ name, kind, required }) => `${name}:${kind}${required ? "" : "?"}`).join(" ");
}

test("what must be there gets a field each, and what is simple, too", () => {
  assert.is(told("K V"), "K:one V:one");
  assert.is(told("K V [EX s|PX ms] [GET]"), "K:one V:one options:line?");
  assert.is(told("[PREFIX] [LIMIT n] [AFTER K]"), "PREFIX:one? options:line?");
  assert.is(told("NAME OWNER TTLMS [WAITMS]"), "NAME:one OWNER:one TTLMS:one WAITMS:one?");
  assert.is(told("K…"), "K:many");
  assert.is(told("QUEUE [ID…]"), "QUEUE:one ID:many?");
  assert.is(told("K IFEQ v"), "K:one IFEQ:literal v:one");
  assert.is(told("K n"), "K:one n:one", "one capital is no word that has to be typed");
  assert.is(told("K V [K V…]"), "K:one V:one options:line?");
  assert.is(told('[["SQL",PARAMETER…]…]'), "options:line?");
  assert.is(told(""), "");
  assert.is(told("A A"), "A:one A 2:one");
  assert.is(optionsHint("K V [EX s|PX ms] [GET]"), "[EX s|PX ms] [GET]");
});

test("a filled form is the command's arguments", () => {
  const fields = fieldsOf("K V [EX s] [GET]");
  assert.equal(argumentsOf(fields, { K: "a b", V: "", [OPTIONS]: 'EX 5 "x y"' }), ["a b", "", "EX", "5", "x y"]);
  assert.equal(argumentsOf(fieldsOf("K IFEQ v"), { K: "k", v: "1" }), ["k", "IFEQ", "1"]);
  assert.equal(argumentsOf(fieldsOf("K…"), { K: "a\n\nb c\n" }), ["a", "b c"]);
  assert.throws(() => argumentsOf(fieldsOf("K…"), { K: "\n" }), /K has to be filled in/);
  assert.equal(argumentsOf(fieldsOf("A [B] [C]"), { A: "1", B: "2" }), ["1", "2"]);
  assert.throws(() => argumentsOf(fieldsOf("A [B] [C]"), { A: "1", C: "3" }), /B has to be filled in if C is/);
  assert.throws(() => argumentsOf(fields, { K: "k", V: "v", [OPTIONS]: '"open' }), /do not balance/);
});

test("every operation of the machines that ship has a form, and no field twice", () => {
  for (const { name, operations } of [kv, lock, queue, counter]) {
    for (const [operation, row] of Object.entries(operations)) {
      const { args = "" } = row as { args?: string };
      const fields = fieldsOf(args);
      assert.is(new Set(fields.map((field) => field.name)).size, fields.length, `${name} ${operation}`);
      if (args !== "") assert.ok(fields.length > 0, `${name} ${operation}`);
    }
  }
});

test.run();
