/** `draft dev` and the author of a plugin, with the executable: the first minutes, and `--watch`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../../src/client/client.ts";
import { draft, draftBinary, freePorts, Running, temporaryDirectory, until } from "./processes.ts";

/** A new plugin, and a cluster of it. */
interface Author {
  readonly file: string;
  readonly dev: Running;
  /** Types a line; what is printed from then on, once it holds `wanted`. */
  type(line: string, wanted: RegExp): Promise<string>;
  /** Saves the file, and returns what is told of it, once that holds `wanted`. */
  save(text: string, wanted: RegExp): Promise<string>;
}

async function author(flags: readonly string[] = []): Promise<Author> {
  const directory = temporaryDirectory();
  const made = await draft(["plugin", "new", "scores"], { cwd: directory });
  assert.is(made.code, 0, made.err);
  const cwd = join(directory, "scores");
  const dev = new Running([draftBinary(), "dev", "--machine", "./scores.ts", "--port", String(await freePorts(3)), ...flags], { cwd });
  const said = (stream: "out" | "err", from: number, wanted: RegExp): Promise<string> => until(`draft dev says ${wanted}\n${dev.err}`, () => {
    const text = dev[stream].slice(from);
    return wanted.test(text) ? text : null;
  }, 60_000);
  await said("err", 0, /data and logs: /);
  const file = join(cwd, "scores.ts");
  return {
    file,
    dev,
    type: (line, wanted) => {
      const from = dev.out.length;
      dev.child.stdin?.write(`${line}\n`);
      return said("out", from, wanted);
    },
    save: (text, wanted) => {
      const from = dev.err.length;
      writeFileSync(file, text);
      return said("err", from, wanted);
    },
  };
}

async function leave({ dev }: Author): Promise<void> {
  dev.child.stdin?.end();
  assert.is(await dev.end(), 0, dev.err);
}

test("a new plugin runs as it was written: its test, a cluster, the simulator", async () => {
  const one = await author();
  await one.type("add ann 5", /^\(integer\) 5$/m);
  assert.is(await one.type("all", /\)/), '1) 1) "ann"\n   2) (integer) 5\n');
  await leave(one);
  const cwd = join(one.file, "..");
  const tested = await draft(["plugin", "test", "./scores.test.ts"], { cwd });
  assert.equal([tested.code, tested.out], [0, "./scores.test.ts passed\n"]);
  assert.is((await draft(["sim", "--machine", "./scores.ts", "--seed", "1"], { cwd })).code, 0);
});

test("--watch: a save is in the cluster soon, what was written stays, what is no plugin changes nothing", async () => {
  const one = await author(["--watch"]);
  const before = readFileSync(one.file, "utf8");
  await one.type("add ann 5", /5/);

  assert.match(await one.save(before.replace("const score =", "const score = ="), /the nodes go on/),
    /^\.\/scores\.ts cannot be loaded: .* at scores\.ts:\d+:\d+; the nodes go on with what they have\n$/);
  assert.match(await one.save(before.replace('"scores"', '"points"'), /the nodes go on/), /is called 'points', and the cluster runs 'scores'/);
  await one.type("score ann", /^\(integer\) 5$/m);

  const told = await one.save(before.replace('score: {', 'points: { args: [text("who")], run: (scores, view, who) => scores.get(who) ?? 0 },\n    score: {'), /restarted; /);
  assert.match(told, /^\.\/scores\.ts changed: restarting [abc], [abc], [abc]\nrestarted; version 1 as before, so what the logs hold was run again/);
  await one.type("points ann", /^\(integer\) 5$/m);
  await leave(one);
});

test("--watch: a higher version comes into force, and upgrade() is called once", async () => {
  const one = await author(["--watch"]);
  const before = readFileSync(one.file, "utf8");
  await one.type("add ann 5", /5/);
  const upgrade = 'upgrade: (scores, from, entry) => void scores.set(from + "-" + entry.version, (scores.get("ann") ?? 0) * 100),\n\n  // Reads';
  const second = before.replace("version: 1,", "version: 2,").replace("// Reads", upgrade);
  assert.match(await one.save(second, /in force/), /\nrestarted; version 2 is in force, was 1\n$/);
  await one.type("score 1-2", /^\(integer\) 500$/m);

  assert.match(await one.save(before, /the nodes go on/), /has version 1, and 2 is in force, which never falls: raise it, or start over with --fresh/);
  await leave(one);
});

test("--watch: imported files count, and a node that was killed gets the new code when it is started", async () => {
  const one = await author(["--watch"]);
  const before = readFileSync(one.file, "utf8");
  const rate = join(one.file, "../rate.ts");
  writeFileSync(rate, "export const rate = 2;\n");
  await one.type(".kill c", /c is dead/);
  const told = await one.save(`import { rate } from "./rate.ts";\n${before.replace("+ points;", "+ rate * points;")}`, /\.start c\n/);
  assert.match(told, /restarting [ab], [ab]\n(.*\n)+c is dead: \.start c\n$/);
  await one.type("add ann 5", /^\(integer\) 10$/m);
  await one.type(".start c", /c runs/);
  const from = one.dev.err.length;
  writeFileSync(rate, "export const rate = 3;\n");
  await until("all are restarted", () => /restarting [abc], [abc], [abc]\nrestarted; /.test(one.dev.err.slice(from)), 60_000);
  await one.type("add ann 5", /^\(integer\) 30$/m);
  await leave(one);
});

test("a node that ends by itself is told, with how to bring it back", async () => {
  const one = await author();
  const address = /c {2}(127\S+)/.exec(one.dev.err)?.[1] ?? "";
  await using client = connect(address);
  const { pid } = await client.status({ address });
  process.kill(pid, "SIGKILL");
  await until("it is told", () => /^node c ended by itself, SIGKILL: see \S+c\.log; \.start c brings it back$/m.test(one.dev.err));
  await one.type(".start c", /c runs/);
  await leave(one);
});

test("a plugin that is none ends draft dev with 14, and none of its nodes lives on", async () => {
  const directory = temporaryDirectory();
  for (const machine of ["./absent.ts", "absent"]) {
    const result = await draft(["dev", "--machine", machine, "--fresh", "--yes", "--port", String(await freePorts(3))], { cwd: directory, limitMs: 15_000 });
    assert.is(result.code, 14, result.err);
    assert.match(result.err, /^\(error\) BAD_PLUGIN node a did not start: .*absent/);
    assert.not.match(result.err, /see \.\/draft-data/);
  }
  const port = String(await freePorts(3));
  assert.is((await draft(["dev", "--fresh", "--yes", "--port", port], { cwd: directory, input: "set k v\n" })).code, 0);
  const other = await draft(["dev", "--machine", "counter"], { cwd: directory });
  assert.is(other.code, 14);
  assert.match(other.err, /holds machine "kv", wanted "counter": draft dev --machine names another, draft dev --fresh starts over\n$/);
  const moved = await draft(["dev", "--nodes", "5"], { cwd: directory });
  assert.is(moved.code, 14);
  assert.match(moved.err, new RegExp(`has 3 nodes from port ${port} on, not 5 from ${port}: leave out --nodes and --port to start it as it is, or start over with --fresh`));
  const result = await draft(["dev", "--watch"], { cwd: directory });
  assert.is(result.code, 2);
  assert.match(result.err, /--watch with the machine kv, which is no file: wants --machine \.\/file\.ts/);
});

test.run();
