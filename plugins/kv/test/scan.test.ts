import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextInRange, seedRandom } from "../../../src/base/random.ts";
import { matches } from "../glob.ts";
import { Rig, isError, refuses } from "./rig.ts";

/** Scans to the end; `between` runs behind each call. Each key as often as it was shown. */
async function scanned(rig: Rig, options: string, between: () => void | Promise<void> = () => {}): Promise<string[]> {
  const shown: string[] = [];
  let cursor = "0";
  for (let calls = 0; calls < 1000; calls++) {
    const [next, keys] = rig.run(`scan ${cursor}${options}`) as unknown as [string, string[]];
    assert.match(next, /^(0|[1-9][0-9]*)$/);
    shown.push(...keys);
    if (next === "0") return shown;
    cursor = next;
    await between();
  }
  throw new Error("a scan comes to an end");
}

test("patterns match as those of Redis do", () => {
  const rows: [pattern: string, yes: string[], no: string[]][] = [
    ["", [""], ["a"]],
    ["*", ["", "a", "abc"], []],
    ["h?llo", ["hello", "hallo"], ["hllo", "heello"]],
    ["h*llo", ["hllo", "heeeello", "hllollo"], ["hell", "hllox"]],
    ["h[ae]llo", ["hello", "hallo"], ["hillo", "hllo"]],
    ["h[^e]llo", ["hallo", "h^llo"], ["hello"]],
    ["h[a-b]llo", ["hallo", "hbllo"], ["hcllo", "h-llo"]],
    ["[b-a]", ["a", "b"], ["c", "-"]],
    // Up to `]`, which does not close it then.
    ["[a-]", ["a", "]", "_"], ["b", "-"]],
    ["[\\]]", ["]"], ["\\", "a"]],
    ["[]", [], ["", "]", "a"]],
    ["[^]", ["a", "]"], [""]],
    ["[ab", ["a", "b"], ["[", "ab"]],
    ["\\*a", ["*a"], ["ba"]],
    ["a\\", ["a\\"], ["a"]],
    ["**a**", ["a", "bab"], ["b"]],
    ["a*b*c", ["abc", "axbxc", "abcbc"], ["ab", "acb", "abcd"]],
    ["*aab", ["aab", "aaab", "aabaab"], ["aaba"]],
  ];
  for (const [pattern, yes, no] of rows) {
    for (const key of yes) assert.ok(matches(pattern, key), `${pattern} ${key}`);
    for (const key of no) assert.not.ok(matches(pattern, key), `${pattern} ${key}`);
  }
});

test("no pattern takes for ever", () => {
  assert.not.ok(matches(`${"a*".repeat(50)}b`, "a".repeat(10_000)));
});

test("keys lists what matches, in order, byte by byte", () => {
  const rig = new Rig();
  rig.run("mset b 1 a/2 1 a/1 1 é 1 *x 1");
  rig.run("set", Uint8Array.of(0x61, 0xff), "1");
  assert.equal(rig.run("keys *"), ["*x", "a/1", "a/2", Uint8Array.of(0x61, 0xff), "b", "é"]);
  assert.equal([rig.run("keys a/?"), rig.run("keys \\*?"), rig.run("keys b"), rig.run("keys no")], [["a/1", "a/2"], ["*x"], ["b"], []]);
  assert.equal([rig.run("keys ?"), rig.run("keys ??"), rig.run("keys é*")], [["b"], ["*x", Uint8Array.of(0x61, 0xff), "é"], ["é"]]);
});

test("keys refuses to answer more than 4 MiB", () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) rig.run("set", `${i}${"k".repeat(2 ** 20)}`, "v");
  isError(rig.run("keys *"), "BAD_REQUEST", "keys found more than 4194304 bytes of keys: use scan");
  assert.is((rig.run("keys 1*") as unknown[]).length, 1);
});

test("keys refuses to look at more than 100,000", () => {
  const rig = new Rig();
  const pairs = (from: number): string[] => Array.from({ length: 1000 }, (_, i) => [`${from}/${i}`, "v"]).flat();
  for (let i = 0; i < 100; i++) rig.run("mset", ...pairs(i));
  assert.equal(rig.run("keys *x"), []);
  rig.run("set x v");
  isError(rig.run("keys *x"), "BAD_REQUEST", "keys looked at 100000 keys and saw no end: use scan, or begin the pattern with more letters");
  assert.is((rig.run("keys 99/*") as unknown[]).length, 1000);
});

test("scan shows all keys, from the youngest to the oldest, some at a time", async () => {
  const rig = new Rig();
  for (let i = 0; i < 35; i++) rig.run(`set k${(i * 11) % 35} v`);
  rig.run("set k0 again");
  assert.equal(await scanned(rig, ""), Array.from({ length: 35 }, (_, i) => `k${((34 - i) * 11) % 35}`));
  assert.equal((rig.run("scan 0 COUNT 35") as unknown[])[0], "1");
  assert.equal(rig.run("scan 1"), ["0", []]);
  assert.is((rig.run("scan 0 COUNT 36") as unknown[])[0], "0");
  assert.is((rig.run("scan 0 COUNT 9007199254740991") as unknown[][])[1]!.length, 35);
});

test("scan MATCH, COUNT and TYPE choose, and what Redis refuses is refused in its words", async () => {
  const rig = new Rig();
  for (let i = 0; i < 20; i++) rig.run(`mset a${i} 1 b${i} 1`);
  assert.is((await scanned(rig, " MATCH a*")).length, 20);
  assert.equal((await scanned(rig, " count 3 match b1? type STRING")).sort(), Array.from({ length: 10 }, (_, i) => `b1${i}`));
  assert.equal(await scanned(rig, " TYPE hash"), []);
  for (const cursor of ["x", "-1", "1.5", "123456789012345678901"]) refuses(rig, `scan ${cursor}`, "invalid cursor");
  for (const words of ["MATCH", "COUNT 0", "WHAT x", "COUNT"]) refuses(rig, `scan 0 ${words}`, "syntax error");
  for (const words of ["COUNT x", "COUNT -1"]) refuses(rig, `scan 0 ${words}`, "value is not an integer or out of range");
  assert.is((rig.run("scan 18446744073709551615") as unknown[][])[1]!.length, 10);
});

test("scan stops behind 4 MiB of keys", () => {
  const rig = new Rig();
  for (let i = 0; i < 110; i++) rig.run("set", `${100 + i}${"k".repeat(50_000)}`, "v");
  const [cursor, keys] = rig.run("scan 0 COUNT 10000") as unknown as [string, string[]];
  assert.equal([cursor, keys.length], ["11", 100]);
});

test("scan shows each key that stays exactly once, whatever comes and goes, also on a replica that was restored", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seedRandom(seed);
    const rig = new Rig();
    const key = (): string => `k${nextInRange(random, 0, 300)}`;
    for (let i = 0; i < 200; i++) rig.run(`set ${key()} v`);
    const stays = new Set(rig.run("keys *") as string[]);
    const begun = new Set(stays);
    const shown = await scanned(rig, ` COUNT ${nextInRange(random, 1, 20)}`, async () => {
      for (let i = nextInRange(random, 0, 30); i > 0; i--) {
        const one = key();
        if (nextInRange(random, 0, 2) === 0) {
          rig.run(`del ${one}`);
          stays.delete(one);
        } else rig.run(`set ${one} w`);
      }
      if (nextInRange(random, 0, 2) === 0) await rig.restart();
    });
    assert.is(new Set(shown).size, shown.length, `seed ${seed}: none twice`);
    const missed = [...stays].filter((one) => !shown.includes(one));
    assert.equal(missed, [], `seed ${seed}`);
    assert.ok(shown.every((one) => begun.has(one)), `seed ${seed}: what came later is not shown`);
  }
});

test("scan leaves out what is due", async () => {
  const rig = new Rig();
  rig.run("mset a 1 b 1 c 1");
  rig.run("pexpire b 50");
  rig.pass(50);
  assert.equal([await scanned(rig, ""), rig.run("keys *")], [["c", "a"], ["a", "c"]]);
});

test.run();
