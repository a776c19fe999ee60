import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../kv.ts";
import { Rig, isError, refuses } from "./rig.ts";

const NOT_AN_INTEGER = "value is not an integer or out of range";
const BYTES = Uint8Array.of(0xff, 0x00, 0xfe);

test("set gives a value, a new revision and no expiry", () => {
  const rig = new Rig();
  assert.is(rig.run("set k 1 EX 10"), "OK");
  assert.is(rig.run("set k 2"), "OK");
  assert.equal(rig.run("getrev k"), ["2", 2]);
  assert.is(rig.run("ttl k"), -1);
  assert.equal(rig.taken(), [["k", "1"], ["k", "2"]]);
});

test("set NX, XX and IFEQ write only if they hold, else answer nil", () => {
  const rig = new Rig();
  assert.is(rig.run("set k 1 XX"), null);
  assert.is(rig.run("set k 1 IFEQ 1"), null);
  assert.is(rig.run("set k 1 NX"), "OK");
  assert.is(rig.run("set k 2 nx"), null);
  assert.is(rig.run("set k 2 IFEQ 9"), null);
  assert.equal(rig.run("getrev k"), ["1", 3]);
  assert.is(rig.run("set k 2 IFEQ 1"), "OK");
  assert.is(rig.run("set k 3 XX"), "OK");
  assert.is(rig.taken().length, 3);
});

test("set IFEQ compares bytes", () => {
  const rig = new Rig();
  rig.run("set k", BYTES);
  assert.is(rig.run("set k x IFEQ", Uint8Array.of(0xff, 0x00)), null);
  assert.is(rig.run("set k x IFEQ", BYTES.slice()), "OK");
  rig.run("set k é");
  assert.is(rig.run("set k x IFEQ", new TextEncoder().encode("é")), "OK");
});

test("set GET answers the old value, written or not", () => {
  const rig = new Rig();
  assert.is(rig.run("set k 1 GET"), null);
  assert.is(rig.run("set k 2 GET"), "1");
  assert.is(rig.run("set k 3 NX GET"), "2");
  assert.is(rig.run("get k"), "2");
  assert.is(rig.run("set k 3 GET XX EX 5"), "2");
  assert.is(rig.run("pttl k"), 5000);
});

test("set EX, PX, EXAT, PXAT and KEEPTTL say when the key expires", () => {
  const rig = new Rig();
  rig.run("set k 1 ex 5");
  assert.is(rig.run("pttl k"), 5000);
  rig.run("set k 2 KEEPTTL");
  assert.is(rig.run("pttl k"), 5000);
  rig.run("set k 3 PX 1500");
  assert.is(rig.run("pttl k"), 1500);
  rig.run("set k 4 EXAT 1003");
  assert.is(rig.run("pttl k"), 3000);
  rig.run("set k 5 PXAT 1000007");
  assert.is(rig.run("pttl k"), 7);
  rig.run("set n 1 KEEPTTL");
  assert.is(rig.run("pttl n"), -1);
});

test("set with a moment that is past deletes the key", () => {
  const rig = new Rig();
  rig.run("set k 1");
  rig.taken();
  assert.is(rig.run("set k 2 PXAT 1000000"), "OK");
  assert.is(rig.run("get k"), null);
  assert.equal(rig.taken(), [["k", undefined]]);
  assert.is(rig.run("dbsize"), 0);
});

test("set refuses options that are none or contradict each other", () => {
  const rig = new Rig();
  for (const words of ["WHAT", "NX XX", "NX IFEQ 1", "IFEQ", "EX", "EX 1 PX 1", "EX 1 KEEPTTL", "KEEPTTL PXAT 9"]) {
    refuses(rig, `set k v ${words}`, "syntax error");
  }
  for (const words of ["EX 0", "PX -1", "EXAT 0", "EX 9007199254740991"]) {
    refuses(rig, `set k v ${words}`, "invalid expire time in 'set' command");
  }
  for (const words of ["EX 1.5", "PX x", "EX 9223372036854775807"]) refuses(rig, `set k v ${words}`, NOT_AN_INTEGER);
  isError(rig.run("set k v PX 9007199254740991"), "REJECTED", "invalid expire time in 'set' command");
  assert.is(rig.run("get k"), null);
});

test("get, getrev, mget and strlen read values, nil where there are none", () => {
  const rig = new Rig();
  rig.run("mset a 1 é éé");
  assert.equal(rig.run("mget a b é"), ["1", null, "éé"]);
  assert.is(rig.run("get b"), null);
  assert.is(rig.run("getrev b"), null);
  assert.equal(rig.run("getrev é"), ["éé", 1]);
  assert.equal([rig.run("strlen é"), rig.run("strlen a"), rig.run("strlen b")], [4, 1, 0]);
});

test("mset writes all pairs in order under one revision, and tells of each key once", () => {
  const rig = new Rig();
  rig.run("set a 0 EX 9");
  rig.taken();
  assert.is(rig.run("mset a 1 b 2 a 3"), "OK");
  assert.equal(rig.taken(), [["a", "3"], ["b", "2"]]);
  assert.equal([rig.run("getrev a"), rig.run("getrev b"), rig.run("ttl a")], [["3", 2], ["2", 2], -1]);
  refuses(rig, "mset a 1 b", "wrong number of arguments for 'mset' command");
});

test("del and exists count keys, exists each time it is named", () => {
  const rig = new Rig();
  rig.run("mset a 1 b 2");
  assert.is(rig.run("exists a b a c"), 3);
  rig.taken();
  assert.is(rig.run("del a b a c"), 2);
  assert.equal(rig.taken(), [["a", undefined], ["b", undefined]]);
  assert.equal([rig.run("exists a b"), rig.run("dbsize")], [0, 0]);
});

test("delex deletes a key that has this value, and no other", () => {
  const rig = new Rig();
  rig.run("set k é");
  rig.run("set", BYTES, BYTES);
  rig.taken();
  assert.equal([rig.run("delex k IFEQ e"), rig.run("delex no IFEQ é"), rig.force("delex", BYTES, "IFEQ", "x"), rig.taken()], [0, 0, 0, []]);
  assert.equal([rig.run("delex k ifeq", new TextEncoder().encode("é")), rig.force("delex", BYTES, "IFEQ", BYTES.slice())], [1, 1]);
  assert.equal(rig.taken(), [["k", undefined], ["\udcff\u0000\udcfe", undefined]]);
  refuses(rig, "delex k WHAT v", "syntax error");
});

test("flushall deletes all keys and tells of each", () => {
  const rig = new Rig();
  rig.run("mset b 1 a 2");
  rig.run("set t 3 PX 50");
  rig.taken();
  assert.is(rig.run("flushall"), "OK");
  assert.equal([rig.taken(), rig.run("dbsize"), rig.run("list"), rig.applier.wakeAt()], [[["a", undefined], ["b", undefined], ["t", undefined]], 0, [], null]);
  assert.equal([rig.run("flushall sync"), rig.run("FLUSHALL ASYNC"), rig.taken()], ["OK", "OK", []]);
  refuses(rig, "flushall now", "syntax error");
});

test("cas writes at the revision named and loses with CONFLICT at any other", () => {
  const rig = new Rig();
  isError(rig.run("cas k 5 v"), "CONFLICT", "cas lost: the key does not exist, wanted 5");
  assert.is(rig.run("cas k 0 v"), 2);
  isError(rig.run("cas k 0 w"), "CONFLICT", "cas lost: the key is at revision 2, wanted none");
  isError(rig.run("cas k 3 w"), "CONFLICT", "cas lost: the key is at revision 2, wanted 3");
  assert.is(rig.run("cas k 2 w"), 5);
  assert.equal(rig.run("getrev k"), ["w", 5]);
  for (const revision of ["x", "-1", "9007199254740993"]) refuses(rig, `cas k ${revision} v`, NOT_AN_INTEGER);
});

test("incr, decr, incrby and decrby count from 0 and keep the time to live", () => {
  const rig = new Rig();
  assert.equal([rig.run("incr n"), rig.run("incrby n 41"), rig.run("decr n"), rig.run("decrby n 1")], [1, 42, 41, 40]);
  assert.is(rig.run("incrby n -50"), -10);
  assert.equal(rig.run("getrev n"), ["-10", 5]);
  rig.run("set n 7 EX 10");
  assert.equal([rig.run("incr n"), rig.run("ttl n")], [8, 10]);
  assert.equal(rig.taken().at(-1), ["n", "8"]);
  assert.is(rig.run("incrby n", 5), 13);
});

test("counting is exact over 64 bits and refuses to overflow", () => {
  const rig = new Rig();
  rig.run("set n 9007199254740991");
  assert.is(rig.run("incr n"), 9007199254740992n);
  assert.is(rig.run("incr n"), 9007199254740993n);
  assert.is(rig.run("decrby n 3"), 9007199254740990);
  rig.run("set n 9223372036854775806");
  assert.is(rig.run("incr n"), 9223372036854775807n);
  isError(rig.run("incr n"), "REJECTED", "increment or decrement would overflow");
  assert.is(rig.run("decrby n 9223372036854775807"), 0);
  assert.is(rig.run("incrby n -9223372036854775808"), -9223372036854775808n);
  isError(rig.run("decr n"), "REJECTED", "increment or decrement would overflow");
  refuses(rig, "decrby n -9223372036854775808", "decrement would overflow");
  refuses(rig, "incrby n 9223372036854775808", NOT_AN_INTEGER);
});

test("counting refuses what is no integer, and changes nothing", () => {
  const rig = new Rig();
  for (const value of ["x", "", "01", "+1", "-0", "1.0", "9223372036854775808"]) {
    rig.force("set", "n", value);
    isError(rig.run("incr n"), "REJECTED", NOT_AN_INTEGER);
    assert.is(rig.run("get n"), value);
    if (value !== "") refuses(rig, `incrby m ${value}`, NOT_AN_INTEGER);
  }
  rig.run("set n", BYTES);
  isError(rig.run("incr n"), "REJECTED", NOT_AN_INTEGER);
});

test("append adds to text and bytes, joins halves of characters, keeps the time to live", () => {
  const rig = new Rig();
  assert.equal([rig.run("append k ab"), rig.run("append k cd")], [2, 4]);
  assert.is(rig.run("get k"), "abcd");
  rig.run("set k a EX 9");
  assert.is(rig.run("append k", Uint8Array.of(0xc3)), 2);
  assert.equal(rig.run("get k"), Uint8Array.of(0x61, 0xc3));
  assert.is(rig.run("append k", Uint8Array.of(0xa9)), 3);
  assert.is(rig.run("get k"), "aé");
  assert.is(rig.run("ttl k"), 9);
  rig.run("set k", "v".repeat(8 * 1024 * 1024));
  isError(rig.run("append k x"), "REJECTED", "string exceeds maximum allowed size: 8388609, at most 8388608");
  assert.is(rig.run("strlen k"), 8388608);
});

test("expire, pexpire and persist change the time to live and nothing else", () => {
  const rig = new Rig();
  assert.equal([rig.run("expire k 5"), rig.run("persist k"), rig.run("ttl k"), rig.run("pttl k")], [0, 0, -2, -2]);
  rig.run("set k v");
  rig.taken();
  assert.equal([rig.run("persist k"), rig.run("expire k 5"), rig.run("pttl k")], [0, 1, 5000]);
  assert.equal([rig.run("pexpire k 1499"), rig.run("ttl k"), rig.run("pttl k")], [1, 1, 1499]);
  assert.equal([rig.run("pexpire k 1500"), rig.run("ttl k")], [1, 2]);
  assert.equal([rig.run("persist k"), rig.run("ttl k")], [1, -1]);
  assert.equal([rig.run("getrev k"), rig.taken()], [["v", 3], []]);
  assert.is(rig.run("expire k 0"), 1);
  assert.equal([rig.run("get k"), rig.taken()], [null, [["k", undefined]]]);
  refuses(rig, "expire k x", NOT_AN_INTEGER);
  refuses(rig, "expire k 9007199254740991", "invalid expire time in 'expire' command");
  refuses(rig, "expire k 5 QX", "Unsupported option QX");
  refuses(rig, "expire k 5 NX GT", "NX and XX, GT or LT options at the same time are not compatible");
  refuses(rig, "pexpire k 5 GT LT", "GT and LT options at the same time are not compatible");
});

test("expire NX, XX, GT and LT hold or not", () => {
  const rig = new Rig();
  rig.run("set k v");
  assert.equal([rig.run("expire k 9 XX"), rig.run("expire k 9 GT"), rig.run("expire k 9 LT")], [0, 0, 1]);
  assert.equal([rig.run("expire k 5 NX"), rig.run("expire k 9 GT"), rig.run("expire k 10 GT")], [0, 0, 1]);
  assert.equal([rig.run("expire k 10 LT"), rig.run("expire k 8 LT XX"), rig.run("ttl k")], [0, 1, 8]);
  rig.run("persist k");
  assert.equal([rig.run("expire k 5 nx"), rig.run("ttl k")], [1, 5]);
});

test("list walks in the order of bytes, from behind AFTER, within PREFIX, up to LIMIT", () => {
  const rig = new Rig();
  rig.run("mset b 2 a/2 1 a/1 1 é 3 a 0 LIMIT 4 \u{1f600} 5 \ufb01 6");
  const keys = (words: string): unknown[] => (rig.run(words) as [string, unknown, number][]).map(([key]) => key);
  // By UTF-16 U+FB01 would stand behind U+1F600; by bytes it stands before.
  assert.equal(keys("list"), ["LIMIT", "a", "a/1", "a/2", "b", "é", "\ufb01", "\u{1f600}"]);
  assert.equal(rig.run("list a/"), [["a/1", "1", 1], ["a/2", "1", 1]]);
  assert.equal(keys("list a LIMIT 2"), ["a", "a/1"]);
  assert.equal(keys("list a after a/1"), ["a/2"]);
  assert.equal(keys("list a AFTER A"), ["a", "a/1", "a/2"]);
  assert.equal(keys("list a AFTER b"), []);
  assert.equal(keys("list LIMIT"), ["LIMIT"]);
  assert.equal(keys("list LIMIT 1"), ["LIMIT"]);
  assert.equal(keys("list LIMIT 0"), []);
  assert.equal(keys("list AFTER b LIMIT 1"), ["é"]);
  for (const words of ["LIMIT 1 AFTER", "a LIMIT 1 WHAT x"]) refuses(rig, `list ${words}`, "syntax error");
  refuses(rig, "list LIMIT x", NOT_AN_INTEGER);
  refuses(rig, "list LIMIT 10001", "list LIMIT is 10001: must be at most 10000");
});

test("list ends at 100 keys, or behind 4 MiB", () => {
  const rig = new Rig();
  for (let i = 0; i < 120; i++) rig.run(`set k${1000 + i} v`);
  assert.is((rig.run("list") as unknown[]).length, 100);
  for (let i = 0; i < 5; i++) rig.run(`set big${i}`, "v".repeat(2 ** 20));
  assert.is((rig.run("list big") as unknown[]).length, 4);
});

test("text and bytes of equal UTF-8 are one key and one value; other bytes stay bytes", () => {
  const rig = new Rig();
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  rig.run("set", bytesOf("é"), bytesOf("ü"));
  assert.is(rig.run("get é"), "ü");
  rig.run("set", BYTES, BYTES);
  rig.run("set ÿ\u0000þ text");
  assert.equal(rig.run("get", BYTES), BYTES);
  assert.equal((rig.run("list") as unknown[]).map((row) => (row as unknown[])[0]), ["é", "ÿ\u0000þ", BYTES]);
  assert.equal(rig.taken().map(([key]) => key), ["é", "\udcff\u0000\udcfe", "ÿ\u0000þ"]);
  rig.run("set \ufeffk \ufffd");
  assert.is(rig.run("get", bytesOf("\ufeffk")), "\ufffd");
  assert.is(rig.run("get k"), null);
});

test("a command that no node prepared is checked as well", () => {
  const rig = new Rig();
  isError(rig.force("set", "k"), "REJECTED", "wrong number of arguments for 'set' command");
  isError(rig.force("set", "k", null), "REJECTED", "an argument must be text, bytes or a number, not null");
  isError(rig.force("set", "k", "v", "WHAT"), "REJECTED", "syntax error");
  isError(rig.force("mset", "a", 1, "b"), "REJECTED", "wrong number of arguments for 'mset' command");
  isError(rig.force("mset", "a", 1, "b", true), "REJECTED", "an argument must be text, bytes or a number, not boolean");
  isError(rig.force("del", "a", {}), "REJECTED", "an argument must be text, bytes or a number, not object");
  isError(rig.force("get"), "BAD_REQUEST", "wrong number of arguments for 'get' command");
  assert.equal([rig.run("dbsize"), rig.taken()], [0, []]);
  rig.force("SET", new TextEncoder().encode("k"), 5);
  assert.is(rig.force("get", "k"), "5");
});

test("each operation refuses too few arguments and too many", () => {
  const rig = new Rig();
  const fewest: Record<string, number> = {
    set: 2, mset: 2, cas: 3, append: 2, incrby: 2, decrby: 2, expire: 2, pexpire: 2, list: 0, dbsize: 0, delex: 3, flushall: 0, txn: 3,
  };
  const most: Record<string, number> = { list: 5, flushall: 1 };
  const many = new Set(["set", "mset", "mget", "del", "exists", "expire", "pexpire", "scan"]);
  for (const [name, row] of Object.entries(kv.operations)) {
    assert.ok(row.summary !== undefined && row.args !== undefined, name);
    const from = fewest[name] ?? 1;
    const wrong = `wrong number of arguments for '${name}' command`;
    if (from > 0) refuses(rig, [name, ...Array(from - 1).fill("1")].join(" "), wrong);
    if (!many.has(name)) refuses(rig, [name, ...Array((most[name] ?? from) + 1).fill("1")].join(" "), wrong);
  }
});

test.run();
