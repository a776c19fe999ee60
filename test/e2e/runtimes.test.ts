/** The same program from its sources on three runtimes, as a binary, by npm; with a plugin from elsewhere. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, draftBinary, freePorts, ROOT, run, Running, temporaryDirectory, TestCluster, until } from "./processes.ts";
import { Workload } from "./workload.ts";

const MAIN = join(ROOT, "src/cli/main.ts");
const BIN = join(ROOT, "node_modules/.bin");

/** How draft is started, and what its status calls the runtime. */
const PROGRAMS: readonly { readonly name: string; readonly program: readonly string[]; readonly runtime: string }[] = [
  { name: "deno", program: [join(BIN, "deno"), "run", "-A", MAIN], runtime: "deno" },
  { name: "node", program: [join(BIN, "node"), MAIN], runtime: "node" },
  { name: "bun", program: [join(BIN, "bun"), MAIN], runtime: "bun" },
  { name: "the binary", program: [draftBinary()], runtime: "bun" },
];

const test = suite("runtimes");

/** The table that `status` prints: three nodes, one of which leads. */
const STATUS = /^NODE +ADDRESS +ROLE .*\na .*\nb .*\nc .*$/;

/** Checks the answers to `set a 1`, `get a` and `status`. */
function checkAnswers(out: string): void {
  const [set, get, ...table] = out.trimEnd().split("\n");
  assert.equal([set, get], ["OK", '"1"']);
  assert.match(table.join("\n"), STATUS);
  assert.is(table.filter((row) => / leader /.test(row)).length, 1, out);
}

for (const { name, program } of PROGRAMS) {
  test(`${name}: dev reads a pipe, answers and ends`, async () => {
    const args = ["dev", "--port", String(await freePorts(3)), "--data", join(temporaryDirectory(), "dev")];
    const { code, out, err } = await run([...program, ...args], { input: "set a 1\nget a\nstatus\n", limitMs: 60_000 });
    assert.is(code, 0, err);
    checkAnswers(out);
  });
}

test("a cluster of three runtimes agrees, whoever leads", async () => {
  const sources = PROGRAMS.slice(0, 3);
  await using cluster = await TestCluster.start({ program: (i) => sources[i]?.program ?? [] });
  await using workload = new Workload(cluster.addresses);
  await using client = cluster.client();
  for (const { id } of cluster.nodes) {
    // It is refused at once while the others are only linking to it.
    await until(`${id} leads`, () => client.transfer(id).then(() => true, () => false));
    const before = workload.told.acked;
    await until("writes go on", () => workload.told.acked > before + 200);
  }
  await workload.stop();
  await workload.check(client);
  const runtimes = await Promise.all(cluster.nodes.map(async (node) => (await node.status()).runtime.split(" ")[0]));
  assert.equal(runtimes, sources.map(({ runtime }) => runtime));
  const states = await until("all have applied the same", async () => {
    const all = await Promise.all(cluster.nodes.map((node) => node.mainStatus()));
    return new Set(all.map(({ appliedIndex }) => appliedIndex)).size === 1 && all;
  });
  assert.is(new Set(states.map(({ stateHash }) => stateHash)).size, 1, "state hashes differ at one index");
  console.log(`\nthree runtimes: ${workload.summary()}`);
  const ends = await Promise.all(cluster.nodes.map((node) => node.stop()));
  assert.equal(ends, [0, 0, 0]);
});

test("npm start ends in a cluster that reads a pipe", async () => {
  const cwd = ROOT;
  const flags = ["--port", String(await freePorts(3)), "--data", join(temporaryDirectory(), "dev")];
  const { code, out, err } = await run(["npm", "--silent", "start", "--", ...flags], { cwd, input: "set a 1\nget a\nstatus\n", limitMs: 60_000 });
  assert.is(code, 0, err);
  checkAnswers(out);
});

/** The plugin of the README: what stands on disk at a user's, who has only the binary. */
function counterSource(): string {
  const text = readFileSync(join(ROOT, "plugins/counter/counter.ts"), "utf8");
  return text.replace(/import type .*;/, 'import type { Plugin } from "draft";').replaceAll("counter", "tally");
}

test("dev runs a plugin from a directory of its own, on the binary alone", async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "tally.ts"), counterSource());
  const input = "add 5\nadd\ntotal\nadd x\nhelp add\n";
  const flags = ["--port", String(await freePorts(3)), "--data", "dev"];
  const { code, out, err } = await draft(["dev", "--machine", "./tally.ts", ...flags], { cwd, input, limitMs: 60_000 });
  assert.is(code, 1, err);
  assert.is(out, "(integer) 5\n(integer) 6\n(integer) 6\nadd [n]\n  adds n (1 if left out), returns the total\n");
  assert.match(err, /^\(error\) REJECTED add wants a whole number, not x$/m);
  const again = await draft(["dev", "--machine", "./tally.ts", ...flags], { cwd, input: "total\n", limitMs: 60_000 });
  assert.equal([again.code, again.out], [0, "(integer) 6\n"]);
  const other = await draft(["dev", ...flags], { cwd, input: "total\n", limitMs: 60_000 });
  assert.is(other.code, 14, other.err);
  assert.match(other.err, /"tally", wanted "kv"/);
});

/** The documentation's queue, which imports values from "draft"; nothing of the project is beside it. */
function queueSource(): string {
  const text = readFileSync(join(ROOT, "docs/plugins.md"), "utf8");
  return /```ts\n(import \{ defineMachine[^]*?)```/.exec(text)?.[1] ?? "";
}

for (const { name, program } of PROGRAMS) {
  test(`${name}: dev runs a plugin that imports values from "draft"`, async () => {
    const cwd = temporaryDirectory();
    writeFileSync(join(cwd, "queue.ts"), queueSource());
    const input = "push soon 1h\npush now\npush later 60000\nhelp push\nsize\n";
    const args = ["dev", "--machine", "./queue.ts", "--port", String(await freePorts(3)), "--data", "dev"];
    const { code, out, err } = await run([...program, ...args], { cwd, input, limitMs: 60_000 });
    assert.is(code, 1, err);
    assert.match(out, /^"\d+"\n"\d+"\npush BODY \[DELAYMS\]\n  adds a job, returns its id\n\(integer\) 2\n$/);
    assert.match(err, /^\(error\) BAD_REQUEST push BODY \[DELAYMS\]: DELAYMS is "1h", wanted a whole number\b/m);
  });
}

test("a plugin that awaits something for ever at its top is refused, and the process ends, on each runtime", async () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "endless.ts"), "await new Promise(() => undefined);\nexport default {};\n");
  const ends = await Promise.all(PROGRAMS.map(({ program }) => run([...program, "plugin", "check", "./endless.ts"], { cwd, limitMs: 60_000 })));
  for (const { code, err } of ends) {
    assert.is(code, 14, err);
    assert.match(err, /^\(error\) BAD_PLUGIN .*endless\.ts has not loaded for 10 s: remove the 'await' at its top that never ends/);
  }
});

for (const { name, program } of PROGRAMS) {
  test(`${name}: a new plugin passes its own test, with nothing installed`, async () => {
    const cwd = temporaryDirectory();
    assert.is((await run([...program, "plugin", "new", "points"], { cwd, limitMs: 60_000 })).code, 0);
    const { code, out, err } = await run([...program, "plugin", "test", "./points/points.test.ts"], { cwd, limitMs: 60_000 });
    assert.equal([code, out, err], [0, "./points/points.test.ts passed\n", ""]);
  });
}

test("dev without a line of input serves until SIGTERM, and its nodes end with it", async () => {
  const port = await freePorts(3);
  const flags = ["--port", String(port), "--data", join(temporaryDirectory(), "dev")];
  const dev = new Running([draftBinary(), "dev", ...flags]);
  dev.child.stdin?.end();
  const client = (): ReturnType<typeof draft> => draft(["client", "-c", `127.0.0.1:${port}`, "--timeout-ms", "3000", "set", "k", "v"]);
  await until("it serves", async () => (await client()).code === 0);
  dev.kill("SIGKILL");
  await dev.end();
  await until("the nodes end when their parent is killed", async () => (await client()).code === 4);
});

test.run();
