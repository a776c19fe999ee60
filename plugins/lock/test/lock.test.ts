/** Every operation of `lock`, every refusal, and expiry by log time alone. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BEGIN_MS, isBad, PluginRig, refuses } from "../../../test/machine/plugin_rig.ts";
import lock from "../lock.ts";

const rigged = (): PluginRig => new PluginRig(lock);

function granted(token: number, expiresAtMs: number): object {
  return { granted: true, token, expiresAtMs };
}

function refused(owner: string, token: number, expiresAtMs: number): object {
  return { granted: false, owner, token, expiresAtMs };
}

test("acquire gives a free lock, and says who has one that is not", () => {
  const rig = rigged();
  assert.equal(rig.run("acquire", "l", "ann", 100), granted(1, BEGIN_MS + 100));
  assert.equal(rig.run("acquire", "l", "bob", 100), refused("ann", 1, BEGIN_MS + 100));
  assert.equal(rig.run("acquire", "m", "bob", 100), granted(3, BEGIN_MS + 100));
  assert.equal(rig.run("get", "l"), { name: "l", owner: "ann", token: 1, expiresAtMs: BEGIN_MS + 100 });
  assert.is(rig.run("get", "n"), null);
  assert.equal(rig.run("line", "l"), []);
});

test("acquire by the holder keeps the token and begins the lease anew, also a shorter one", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  rig.pass(50);
  assert.equal(rig.run("acquire", "l", "ann", 100), granted(1, BEGIN_MS + 150));
  assert.equal(rig.run("acquire", "l", "ann", 10), granted(1, BEGIN_MS + 60));
});

test("a lock is gone at its moment and not before, whether a time entry swept it or not", () => {
  for (const wake of [false, true]) {
    const rig = rigged();
    rig.run("acquire", "l", "ann", 100);
    rig.pass(99, wake);
    assert.equal(rig.run("acquire", "l", "bob", 100), refused("ann", 1, BEGIN_MS + 100));
    rig.pass(1, wake);
    assert.is(rig.run("get", "l"), null);
    assert.equal(rig.run("list"), []);
    refuses(rig, ["renew", "l", 1, 100], "CONFLICT", "lock 'l' is no longer held under token 1: nobody holds it");
    assert.is(rig.run("release", "l", 1), false);
    assert.is(rig.run("leave", "l", "ann"), false);
    const token = rig.index + 1;
    assert.equal(rig.run("acquire", "l", "bob", 100), granted(token, BEGIN_MS + 200));
  }
});

test("the holder whose lease ended gets another token, nobody else having had the lock", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  rig.pass(100);
  assert.equal(rig.run("acquire", "l", "ann", 100), granted(3, BEGIN_MS + 200));
});

test("the leader is asked for a time entry when a lease or a place in a line ends", () => {
  const rig = rigged();
  assert.is(rig.applier.wakeAt(), null);
  rig.run("acquire", "l", "ann", 100);
  assert.is(rig.applier.wakeAt(), BEGIN_MS + 100);
  rig.run("acquire", "l", "bob", 100, 30);
  assert.is(rig.applier.wakeAt(), BEGIN_MS + 30);
  rig.pass(30, true);
  assert.is(rig.applier.wakeAt(), BEGIN_MS + 100);
  rig.pass(70, true);
  assert.is(rig.applier.wakeAt(), null);
});

test("renew moves the end of the lease, for the token that holds it alone", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  rig.pass(90);
  assert.is(rig.run("renew", "l", 1, 100), BEGIN_MS + 190);
  rig.pass(90);
  assert.equal(rig.run("get", "l"), { name: "l", owner: "ann", token: 1, expiresAtMs: BEGIN_MS + 190 });
  refuses(rig, ["renew", "l", 2, 100], "CONFLICT", "lock 'l' is no longer held under token 2: 'ann' holds it under token 1");
  refuses(rig, ["renew", "m", 1, 100], "CONFLICT", "lock 'm' is no longer held under token 1: nobody holds it");
});

test("release frees the lock that the token holds, and no other", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  assert.equal([rig.run("release", "l", 2), rig.run("release", "m", 1)], [false, false]);
  assert.equal([rig.run("release", "l", 1), rig.run("release", "l", 1)], [true, false]);
  assert.equal(rig.run("acquire", "l", "bob", 100), granted(rig.index, BEGIN_MS + 100));
  assert.is(rig.run("release", "l", 1), false);
  assert.is((rig.run("get", "l") as { owner: string }).owner, "bob");
});

test("those who wait get the lock in their order, and nobody overtakes them", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  rig.run("acquire", "l", "bob", 100, 500);
  rig.run("acquire", "l", "cat", 100, 500);
  assert.equal(rig.run("line", "l"), [{ owner: "bob", expiresAtMs: BEGIN_MS + 500 }, { owner: "cat", expiresAtMs: BEGIN_MS + 500 }]);
  assert.equal(rig.run("line", "l", 1), [{ owner: "bob", expiresAtMs: BEGIN_MS + 500 }]);
  rig.run("release", "l", 1);
  assert.equal(rig.run("acquire", "l", "cat", 100, 500), refused("bob", 0, BEGIN_MS + 500));
  assert.equal(rig.run("acquire", "l", "dan", 100), refused("bob", 0, BEGIN_MS + 500));
  const token = rig.index + 1;
  assert.equal(rig.run("acquire", "l", "bob", 100, 500), granted(token, BEGIN_MS + 100));
  assert.equal((rig.run("line", "l") as { owner: string }[]).map(({ owner }) => owner), ["cat"]);
  rig.run("release", "l", token);
  assert.is((rig.run("acquire", "l", "cat", 100) as { granted: boolean }).granted, true);
  assert.equal(rig.run("line", "l"), []);
});

test("whoever asks again keeps its place, whoever does not loses it, and an end of waiting changes nothing", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 10_000);
  rig.run("acquire", "l", "bob", 100, 100);
  rig.run("acquire", "l", "cat", 100, 100);
  rig.pass(60);
  rig.run("acquire", "l", "cat", 100, 100);
  rig.run("acquire", "l", "cat", 100);
  rig.pass(40);
  assert.equal(rig.run("line", "l"), [{ owner: "cat", expiresAtMs: BEGIN_MS + 160 }]);
  rig.run("acquire", "l", "bob", 100, 100);
  assert.equal((rig.run("line", "l") as { owner: string }[]).map(({ owner }) => owner), ["cat", "bob"]);
});

test("leave gives back the lock or the place in the line, and says whether there was one", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  rig.run("acquire", "l", "bob", 100, 100);
  rig.run("acquire", "l", "cat", 100, 100);
  assert.equal([rig.run("leave", "l", "bob"), rig.run("leave", "l", "bob"), rig.run("leave", "l", "dan")], [true, false, false]);
  assert.equal([rig.run("leave", "l", "ann"), rig.run("get", "l")], [true, null]);
  assert.is((rig.run("acquire", "l", "cat", 100) as { granted: boolean }).granted, true);
});

test("names that begin alike are other locks, with other lines", () => {
  const rig = rigged();
  for (const name of ["l", "ll"]) for (const owner of ["ann", "bob"]) rig.run("acquire", name, owner, 100, 100);
  assert.equal((rig.run("line", "l") as unknown[]).length, 1);
  rig.run("leave", "l", "ann");
  assert.is((rig.run("acquire", "l", "bob", 100) as { granted: boolean }).granted, true);
  assert.is((rig.run("get", "ll") as { owner: string }).owner, "ann");
});

test("list shows what is held, by name", () => {
  const rig = rigged();
  for (const name of ["b/2", "a", "b/1", "b/3"]) rig.run("acquire", name, "ann", 100);
  const names = (...command: [string, ...unknown[]]): string[] => (rig.run(...command) as { name: string }[]).map(({ name }) => name);
  assert.equal(names("list"), ["a", "b/1", "b/2", "b/3"]);
  assert.equal(names("list", "b/"), ["b/1", "b/2", "b/3"]);
  assert.equal(names("list", "b/", 1), ["b/1"]);
  assert.equal(names("list", "b/", 2, "b/1"), ["b/2", "b/3"]);
  assert.equal(rig.run("list", "a"), [{ name: "a", owner: "ann", token: 2, expiresAtMs: BEGIN_MS + 100 }]);
});

test("watchers hear who got a lock and that it is free, and nothing of renewals and lines", () => {
  const rig = rigged();
  rig.run("acquire", "l", "ann", 100);
  rig.run("acquire", "l", "bob", 50, 50);
  rig.run("renew", "l", 1, 200);
  assert.equal(rig.taken(), [["l", "ann"]]);
  rig.run("release", "l", 1);
  assert.equal(rig.taken(), [["l", undefined]]);
  rig.run("acquire", "l", "bob", 50);
  rig.taken();
  rig.pass(50, true);
  assert.equal(rig.taken(), [["l", undefined]]);
});

test("what could not be right in any state is refused before the log", () => {
  const rig = rigged();
  const name = "wanted 1 to 256 characters, none of them a control character";
  const ttl = "wanted milliseconds from 1 to 86400000";
  isBad(rig, ["acquire", "", "ann", 1], `acquire NAME OWNER TTLMS [WAITMS]: NAME is "", ${name}`);
  isBad(rig, ["acquire", "a\u0000b", "ann", 1], `acquire NAME OWNER TTLMS [WAITMS]: NAME is "a\\u0000b", ${name}`);
  isBad(rig, ["acquire", "l", "o".repeat(257), 1], `acquire NAME OWNER TTLMS [WAITMS]: OWNER is "${"o".repeat(39)}…, ${name}`);
  isBad(rig, ["acquire", "l", "ann", 0], `acquire NAME OWNER TTLMS [WAITMS]: TTLMS is 0, ${ttl}`);
  isBad(rig, ["acquire", "l", "ann", "86400001"], `acquire NAME OWNER TTLMS [WAITMS]: TTLMS is "86400001", ${ttl}`);
  isBad(rig, ["acquire", "l", "ann", 1, -1], "acquire NAME OWNER TTLMS [WAITMS]: WAITMS is -1, wanted milliseconds from 0 to 86400000");
  isBad(rig, ["acquire", "l", "ann"], "acquire NAME OWNER TTLMS [WAITMS]: got 2 arguments, wanted 3 to 4");
  isBad(rig, ["renew", "l", "x", 1], 'renew NAME TOKEN TTLMS: TOKEN is "x", wanted a whole number');
  isBad(rig, ["list", "", 10_001], "list [PREFIX] [LIMIT] [AFTER]: LIMIT is 10001, wanted a whole number from 1 to 10000");
  isBad(rig, ["line", "l", 0], "line NAME [LIMIT]: LIMIT is 0, wanted a whole number from 1 to 10000");
});

test("more than so many locks and waiters are refused, until some are gone", () => {
  const rig = rigged();
  for (let i = 0; i < 100_000; i++) rig.run("acquire", `l${i}`, "ann", i === 7 ? 10 : 1000);
  refuses(rig, ["acquire", "m", "ann", 1000], "REJECTED", "100000 locks are held already: release some");
  assert.is((rig.run("acquire", "l5", "ann", 1000) as { granted: boolean }).granted, true);
  rig.pass(10);
  assert.is((rig.run("acquire", "m", "ann", 1000) as { granted: boolean }).granted, true);
  for (let i = 0; i < 100_000; i++) rig.run("acquire", "m", `w${i}`, 1000, 500);
  refuses(rig, ["acquire", "m", "bob", 1000, 500], "REJECTED", "100000 wait for locks already: try without waiting");
  assert.equal(rig.run("acquire", "m", "bob", 1000), refused("ann", 100_004, BEGIN_MS + 1010));
});

test.run();
