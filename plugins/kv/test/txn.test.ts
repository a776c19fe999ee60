import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../kv.ts";
import { Rig, isError } from "./rig.ts";

/** Runs a txn whose parts are written as JSON, as at a prompt. */
function txn(rig: Rig, comparisons: unknown, then: unknown = [], otherwise: unknown = []): unknown {
  return rig.run("txn", JSON.stringify(comparisons), JSON.stringify(then), JSON.stringify(otherwise));
}

function refusesTxn(rig: Rig, parts: readonly unknown[], message: string): void {
  const before = rig.index;
  let said: unknown = null;
  try {
    rig.run("txn", ...parts);
  } catch (error) {
    said = (error as Error).message;
  }
  assert.equal([said, rig.index], [message, before]);
  isError(rig.force("txn", ...parts), "REJECTED", message);
}

test("txn runs THEN if all comparisons hold, else ELSE, under one revision", () => {
  const rig = new Rig();
  rig.run("set k v");
  const answer = txn(rig, [["revision", "k", "=", 1], ["value", "k", "=", "v"], ["exists", "k"]], [["set", "k", "w"], ["get", "k"], ["incr", "n"]], [["get", "k"]]);
  assert.equal(answer, { succeeded: true, results: ["OK", "w", 1] });
  assert.equal([rig.run("getrev k"), rig.run("getrev n")], [["w", 2], ["1", 2]]);
  assert.equal(txn(rig, [["revision", "k", "=", 1], ["exists", "k"]], [["set", "k", "x"]], [["getrev", "k"], ["get", "no"]]), { succeeded: false, results: [["w", 2], null] });
  assert.equal(txn(rig, [], [["dbsize"]]), { succeeded: true, results: [2] });
  assert.equal(txn(rig, []), { succeeded: true, results: [] });
  assert.equal(rig.taken(), [["k", "v"], ["k", "w"], ["n", "1"]]);
});

test("txn compares revisions as numbers, values as bytes, and what is not there as revision 0", () => {
  const rig = new Rig();
  rig.run("set k m");
  rig.run("set bin", Uint8Array.of(0xff));
  rig.run("set astral \u{1f600}");
  const holds = (...comparison: unknown[]): unknown => (rig.run("txn", [comparison], [], []) as { succeeded: boolean }).succeeded;
  const row = (kind: string, key: string, wanted: unknown): unknown[] => ["=", "!=", "<", ">"].map((order) => holds(kind, key, order, wanted));
  assert.equal(row("revision", "k", 1), [true, false, false, false]);
  assert.equal(row("revision", "k", 2), [false, true, true, false]);
  assert.equal(row("revision", "k", "0"), [false, true, false, true]);
  assert.equal(row("revision", "no", 0), [true, false, false, false]);
  assert.equal(row("value", "k", "m"), [true, false, false, false]);
  assert.equal(row("value", "k", "mm"), [false, true, true, false]);
  assert.equal(row("value", "k", ""), [false, true, false, true]);
  // As in etcd, nothing is true of a value that is not there.
  assert.equal(row("value", "no", ""), [false, false, false, false]);
  assert.equal(row("value", "bin", "é"), [false, true, false, true]);
  // By UTF-16 U+1F600 would stand before U+FB01.
  assert.equal(row("value", "astral", "\ufb01"), [false, true, false, true]);
  assert.equal(row("value", "k", 5), [false, true, false, true]);
  assert.equal([holds("exists", "k"), holds("exists", "no")], [true, false]);
});

test("an operation of a txn that is refused undoes all before it, and says which one it was", () => {
  const rig = new Rig();
  rig.run("mset k v text x");
  rig.run("set t 1 PX 500");
  rig.taken();
  const before = [rig.applier.stateHash(), rig.run("list")];
  isError(txn(rig, [], [["set", "k", "w"], ["del", "t"], ["incr", "text"]]), "REJECTED", "txn THEN 3: value is not an integer or out of range");
  isError(txn(rig, [["exists", "no"]], [], [["mset", "a", "1", "b", "2"], ["cas", "k", "7", "w"]]), "CONFLICT", "txn ELSE 2: cas lost: the key is at revision 1, wanted 7");
  isError(txn(rig, [], [["flushall"], ["set", "k", "w"], ["incr", "k"]]), "REJECTED", "txn THEN 3: value is not an integer or out of range");
  assert.equal([rig.applier.stateHash(), rig.run("list")], before);
  assert.equal([rig.taken(), rig.run("pttl t"), rig.applier.wakeAt()], [[], 500, 1_000_500]);
  assert.equal(txn(rig, [], [["del", "k"], ["set", "k", "1"], ["incr", "k"], ["flushall"], ["set", "n", "1"]]), { succeeded: true, results: [1, "OK", 2, "OK", "OK"] });
  assert.equal([rig.run("list"), rig.taken()], [[["n", "1", 6]], [["k", undefined], ["t", undefined], ["text", undefined], ["n", "1"]]]);
});

test("txn refuses before the log, and in it, what no state makes right", () => {
  const rig = new Rig();
  const shape = 'must be ["revision", key, "=", n], ["value", key, "=", v], with =, !=, < or >, or ["exists", key]';
  refusesTxn(rig, ["{", "[]", "[]"], "txn IF: is no JSON");
  refusesTxn(rig, ["[]", "5", "[]"], "txn THEN: must be a list of lists, as JSON");
  refusesTxn(rig, ["[]", "[]", '["get","k"]'], "txn ELSE: must be a list of lists, as JSON");
  refusesTxn(rig, ["[]", "[]"], "wrong number of arguments for 'txn' command");
  refusesTxn(rig, ["[]", "[]", "[]", "[]"], "wrong number of arguments for 'txn' command");
  for (const comparison of [[], ["what", "k", "=", 1], ["revision", "k", "==", 1], ["revision", "k", "=", 1, 2], ["exists", "k", "=", true]]) {
    refusesTxn(rig, [[comparison], [], []], `txn IF 1: ${shape}`);
  }
  refusesTxn(rig, [[["exists", "k"], ["revision", "k", "=", -1]], [], []], "txn IF 2: value is not an integer or out of range");
  refusesTxn(rig, [[["value", "k", "=", null]], [], []], "txn IF 1: an argument must be text, bytes or a number, not null");
  refusesTxn(rig, [[], [["get", "k"], ["what"]], []], "txn THEN 2: unknown command 'what'");
  refusesTxn(rig, [[], [[5]], []], "txn THEN 1: unknown command 'number'");
  refusesTxn(rig, [[], [["txn", [], [], []]], []], "txn THEN 1: 'txn' cannot be within a txn");
  refusesTxn(rig, [[], [["SCAN", 0]], []], "txn THEN 1: 'scan' cannot be within a txn");
  refusesTxn(rig, [[], [["set", "k"]], []], "txn THEN 1: wrong number of arguments for 'set' command");
  refusesTxn(rig, [[], [["set", "k", "v", "WHAT"]], []], "txn THEN 1: syntax error");
  refusesTxn(rig, [[], [["set", "k", {}]], []], "txn THEN 1: an argument must be text, bytes or a number, not object");
  refusesTxn(rig, [[], Array(1001).fill(["get", "k"]), []], "txn THEN: has 1001 items, at most 1000");
  assert.is(rig.run("dbsize"), 0);
});

test("a branch that is not taken is checked before the log as well", () => {
  const rig = new Rig();
  assert.throws(() => txn(rig, [], [], [["set", "k"]]), "txn ELSE 1: wrong number of arguments for 'set' command");
});

test("txn takes lists, JSON and bytes of JSON alike, {\"base64\"} for bytes, numbers as typed", () => {
  const rig = new Rig();
  const bytes = Uint8Array.of(0xff, 0xfe);
  rig.run("txn", "[]", '[["set","a",{"base64":"//4="}],["SET","n",5],["set","é","ü"]]', "[]");
  assert.equal([rig.run("get a"), rig.run("incr n"), rig.run("get é")], [bytes, 6, "ü"]);
  assert.equal(rig.run("txn", [["value", "a", "=", bytes]], [["append", "a", bytes]], []), { succeeded: true, results: [4] });
  assert.equal(rig.run("txn", new TextEncoder().encode('[["value","a","=",{"base64":"//7//g=="}]]'), "[]", "[]"), { succeeded: true, results: [] });
  assert.throws(() => rig.run("txn", "[]", '[["set","a",{"base64":"?"}]]', "[]"), "txn THEN 1: an argument must be text, bytes or a number, not object");
});

test("prepare gives a txn one form in the log, whatever form it came in", () => {
  const typed = kv.prepare!(["txn", '[["revision","k","=","9"],["exists","\\ud800"]]', '[["GET",5]]', "[]"]);
  assert.equal(typed, ["txn", [["revision", "k", "=", 9], ["exists", "\ufffd"]], [["get", "5"]], []]);
  assert.equal(kv.prepare!(typed), typed);
});

test("txn sees the state at its moment", () => {
  const rig = new Rig();
  rig.run("set k v PX 50");
  rig.pass(50);
  assert.equal(txn(rig, [["exists", "k"]], [], [["set", "k", "w", "NX", "GET"], ["ttl", "k"]]), { succeeded: false, results: [null, -1] });
});

test.run();
