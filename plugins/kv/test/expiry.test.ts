import { test } from "uvu";
import * as assert from "uvu/assert";
import { Rig } from "./rig.ts";

test("a key is gone at its moment, before anything swept it, for reads", () => {
  const rig = new Rig();
  rig.run("mset a 1 b 2");
  rig.run("pexpire a 100");
  rig.pass(99);
  assert.equal([rig.run("get a"), rig.run("pttl a"), rig.run("dbsize")], ["1", 1, 2]);
  rig.pass(1);
  assert.equal([rig.run("get a"), rig.run("getrev a"), rig.run("mget a b"), rig.run("exists a")], [null, null, [null, "2"], 0]);
  assert.equal([rig.run("ttl a"), rig.run("strlen a"), rig.run("dbsize"), rig.run("list")], [-2, 0, 1, [["b", "2", 1]]]);
  assert.is(rig.applier.wakeAt(), 1_000_100);
});

test("a key is gone at its moment, before anything swept it, for writes", () => {
  const due = (words: string): unknown[] => {
    const rig = new Rig();
    rig.run("set k 5 PX 100");
    rig.timeMs += 100;
    const answer = rig.run(words);
    return [answer, rig.run("get k"), rig.run("ttl k")];
  };
  assert.equal(due("set k v NX"), ["OK", "v", -1]);
  assert.equal(due("set k v XX"), [null, null, -2]);
  assert.equal(due("set k v IFEQ 5"), [null, null, -2]);
  assert.equal(due("set k v GET"), [null, "v", -1]);
  assert.equal(due("set k v KEEPTTL"), ["OK", "v", -1]);
  assert.equal(due("set k v PX 7000"), ["OK", "v", 7]);
  assert.equal(due("cas k 0 v"), [2, "v", -1]);
  assert.equal(due("incr k"), [1, "1", -1]);
  assert.equal(due("append k v"), [1, "v", -1]);
  assert.equal(due("del k"), [0, null, -2]);
  assert.equal(due("expire k 9"), [0, null, -2]);
  assert.equal(due("persist k"), [0, null, -2]);
});

test("a time entry deletes what is due, in the order of moments and keys, and tells watchers", () => {
  const rig = new Rig();
  for (const words of ["set b 1 PX 50", "set a 1 PX 50", "set c 1 PX 40", "set d 1 PX 60", "set e 1 PX 10", "set f 1 PX 10"]) rig.run(words);
  rig.run("persist e");
  rig.run("del f");
  rig.taken();
  assert.is(rig.applier.wakeAt(), 1_000_040);
  rig.pass(50, true);
  assert.equal(rig.taken(), [["c", undefined], ["a", undefined], ["b", undefined]]);
  assert.is(rig.applier.wakeAt(), 1_000_060);
  rig.pass(10, true);
  assert.is(rig.applier.wakeAt(), null);
  assert.equal(rig.run("list"), [["e", "1", 5]]);
});

test("keys of one moment are swept in their own order, by a restored machine too", async () => {
  for (const restarts of [false, true]) {
    const rig = new Rig();
    const keys = Array.from({ length: 50 }, (_, i) => `k${10 + ((i * 37) % 50)}`);
    for (const key of keys) rig.run(`set ${key} v PX 100`);
    if (restarts) await rig.restart();
    rig.taken();
    rig.pass(100, true);
    assert.equal(rig.taken().map(([key]) => key), [...keys].sort());
  }
});

test("a restored machine holds bytes of its own, and keys that are no text", async () => {
  const rig = new Rig();
  const bytes = Uint8Array.of(0xff, 0x00);
  rig.run("set", bytes, bytes);
  rig.run("set k v PX 50");
  await rig.restart();
  assert.equal([rig.run("getrev", bytes), rig.run("pttl k"), rig.applier.wakeAt()], [[bytes, 1], 50, 1_000_050]);
});

test("a key that got its moment again, or another key's, is swept once", () => {
  const rig = new Rig();
  for (let i = 0; i < 5000; i++) rig.run(`set k v PX ${100 + (i % 3)}`);
  rig.run("set k v PX 100");
  rig.taken();
  rig.pass(99, true);
  assert.equal(rig.taken(), []);
  assert.is(rig.run("dbsize"), 1);
  rig.pass(1);
  assert.is(rig.run("dbsize"), 0);
  rig.pass(0, true);
  assert.equal(rig.taken(), [["k", undefined]]);
  assert.is(rig.applier.wakeAt(), null);
});

test("one time entry sweeps a bounded number of keys, and none of the rest is seen", () => {
  const rig = new Rig();
  for (let i = 0; i < 10_050; i++) rig.run(`set k${i} v PX 100`);
  rig.pass(100, true);
  assert.is(rig.run("dbsize"), 0);
  assert.is(rig.applier.wakeAt(), 1_000_100);
  assert.is(rig.taken().length, 20_050);
  rig.pass(0, true);
  assert.is(rig.taken().length, 50);
  assert.is(rig.applier.wakeAt(), null);
});

test.run();
