import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dispatch, nearestWord } from "../../src/cli/dispatch.ts";
import type { Leaf, Parsed } from "../../src/cli/leaf.ts";
import { fakeIo } from "./fake_io.ts";

const test = suite("dispatch");

const OPTIONS = [
  { raw: "-c, --connect <addresses>", description: "where nodes listen" },
  { raw: "--min-index <n>", description: "at least this index" },
  { raw: "--machine <name>", description: "may repeat" },
  { raw: "--json", description: "one JSON line each" },
];

function leavesThatRecord(): { leaves: Leaf[]; runs: [string, Parsed][] } {
  const runs: [string, Parsed][] = [];
  const leaf = (words: string[], more: Partial<Leaf>): Leaf => ({
    words,
    usage: "",
    summary: `does ${words.join(" ")}`,
    options: OPTIONS,
    positionals: { min: 0, max: 0 },
    examples: [`draft ${words.join(" ")}`],
    run: (parsed) => {
      runs.push([words.join(" "), parsed]);
      return Promise.resolve(0);
    },
    ...more,
  });
  const anyNumber = { min: 0, max: Number.POSITIVE_INFINITY };
  const leaves = [
    leaf(["client"], { verbatim: true, positionals: anyNumber, usage: "[COMMAND…]" }),
    leaf(["serve"], {}),
    leaf(["admin", "servers"], { aliases: ["members"] }),
    leaf(["admin", "transfer"], { positionals: { min: 1, max: 1 }, usage: "ID" }),
  ];
  return { leaves, runs };
}

async function run(line: string[]): Promise<{ code: number; runs: [string, Parsed][]; out: string; err: string }> {
  const io = fakeIo();
  const { leaves, runs } = leavesThatRecord();
  const code = await dispatch(line, leaves, io);
  return { code, runs, out: io.outText(), err: io.errText() };
}

test("dispatch() hands on everything from the first word of COMMAND, verbatim", async () => {
  for (const command of [["set", "k", "007"], ["incrby", "n", "-5"], ["set", "--json", "-c", "x=1", "--"], ["get", ""]]) {
    const { code, runs } = await run(["client", "-c", "h:1", ...command]);
    assert.is(code, 0);
    assert.equal(runs[0]?.[1].positionals, command);
    assert.is(runs[0]?.[1].options.text("connect"), "h:1");
    assert.not.ok(runs[0]?.[1].options.has("json"));
  }
});

test("dispatch() keeps the values of options as text", async () => {
  for (const [args, name, value] of [
    [["--connect", "007"], "connect", "007"],
    [["--connect=1e3"], "connect", "1e3"],
    [["-c", ""], "connect", ""],
    [["-c=a=b"], "connect", "a=b"],
    [["--min-index", "-5"], "min-index", "-5"],
    [["--min-index", "0x10"], "min-index", "0x10"],
  ] as const) {
    assert.is((await run(["client", ...args])).runs[0]?.[1].options.text(name), value);
  }
});

test("dispatch() lets an option repeat", async () => {
  const { runs } = await run(["serve", "--machine", "kv", "--machine", "./x.ts", "--json"]);
  assert.equal(runs[0]?.[1].options.all("machine"), ["kv", "./x.ts"]);
  assert.ok(runs[0]?.[1].options.has("json"));
});

test("dispatch() finds commands of two words and their aliases", async () => {
  assert.is((await run(["admin", "servers"])).runs[0]?.[0], "admin servers");
  assert.is((await run(["admin", "members", "--json"])).runs[0]?.[0], "admin servers");
  const transfer = await run(["admin", "transfer", "007", "-c", "h:1"]);
  assert.equal(transfer.runs[0]?.[1].positionals, ["007"]);
  assert.is(transfer.runs[0]?.[1].options.text("connect"), "h:1");
});

test("dispatch() answers an unknown word with the nearest one, exit 2", async () => {
  const top = await run(["clinet", "get", "a"]);
  assert.is(top.code, 2);
  assert.match(top.err, 'did you mean "client"?');
  const group = await run(["admin", "severs"]);
  assert.is(group.code, 2);
  assert.match(group.err, 'did you mean "servers"?');
});

test("dispatch() prints help without a verb, exit 2", async () => {
  for (const line of [[], ["admin"]]) {
    const { code, out } = await run(line);
    assert.is(code, 2);
    assert.match(out, "Commands:");
  }
});

test("dispatch() prints help on every verb, exit 0", async () => {
  const helps = [["--help"], ["help"], ["client", "--help"], ["serve", "-h"], ["admin", "--help"], ["help", "admin"],
    ["admin", "transfer", "--help"], ["help", "admin", "transfer"]];
  for (const line of helps) {
    const { code, out, runs } = await run(line);
    assert.is(code, 0, line.join(" "));
    assert.match(out, "Usage:");
    assert.is(runs.length, 0);
  }
});

test("dispatch() leaves --help behind COMMAND to the command", async () => {
  assert.equal((await run(["client", "get", "--help"])).runs[0]?.[1].positionals, ["get", "--help"]);
});

test("dispatch() prints the version, exit 0", async () => {
  const { code, out } = await run(["--version"]);
  assert.is(code, 0);
  assert.match(out, /^draft \d+\.\d+\.\d+\n$/);
});

test("dispatch() refuses what it does not know, exit 2", async () => {
  for (const line of [["serve", "--nonsense"], ["serve", "word"], ["admin", "transfer"], ["client", "--connect"], ["--x"]]) {
    assert.is((await run(line)).code, 2, line.join(" "));
  }
});

test("nearestWord() takes the fewest edits", () => {
  assert.is(nearestWord("stauts", ["servers", "states", "status"]), "status");
});

test.run();
