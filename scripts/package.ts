/**
 * Packs what tsup built into dist/*.tgz, then uses it as a stranger would: unpacked in a directory with nothing but its
 * declared dependencies beside it, the types are checked, the library and the command run on this Node, and a plugin's
 * own test runs under the test runners of Node, Bun and Deno.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Record<string, string>;
}

/** A program that uses the library: it must type-check against the declarations, run a node, and print the version. */
const USE = `import { type Client, DraftError, type Plugin, startNode, version } from "@draft-raft/draft";
import { checkMachine, type CheckedMachine, type Finding } from "@draft-raft/draft/testing";
const counter: Plugin<{ total: number }> = {
  name: "counter",
  version: 1,
  operations: { add: { kind: "write", args: "[n]" }, total: { kind: "read" } },
  create() {
    let total = 0;
    return {
      apply([, n = 1], entry) {
        if (!Number.isSafeInteger(n)) throw entry.reject("add wants a whole number");
        return (total += Number(n));
      },
      query: () => total,
      snapshot: () => ({ total }),
      restore: (saved) => { total = saved.total; },
    };
  },
};
const checked: CheckedMachine = await checkMachine(counter, { runs: 5 });
const findings: readonly Finding[] = await checkMachine({ ...counter, create: () => ({ ...counter.create({ directory: "" }), snapshot: () => ({ total: 0 }) }) }).then(
  () => [],
  (error: unknown) => (error as { findings: readonly Finding[] }).findings,
);
if (checked.commands < 100 || findings[0]?.kind !== "snapshot-loss") throw new Error(JSON.stringify(findings));
await using node = await startNode({ id: "a", listen: "127.0.0.1:0", data: "./data", bootstrap: true, machine: counter });
const client: Client = node.client;
await client.run(["add", 2]);
const refused: unknown = await client.run(["add", "x"]).catch((error: unknown) => error);
if (!(refused instanceof DraftError) || refused.code !== "REJECTED") throw refused;
const { result } = await client.run(["total"]);
if (result !== 2) throw new Error(\`the total is \${String(result)}: want 2\`);
const page = await node.fetch(new Request("http://localhost/"));
if (!(await page.text()).startsWith("<!doctype html>")) throw new Error("the page at / is not there");
const printed: string = version;
console.log(printed);
`;

/** A plugin, as docs/plugins.md writes one. */
const PLUGIN = `import { defineMachine, text } from "draft";
export const words = defineMachine({
  name: "words",
  version: 1,
  state: () => new Map<string, number>(),
  writes: {
    put: { args: [text("word")], run: (held, _, word) => {
      held.set(word, (held.get(word) ?? 0) + 1);
      return held.size;
    } },
  },
  reads: { count: { args: [], run: (held) => held.size } },
  snapshot: (held) => [...held],
  restore: (saved) => new Map(saved),
});
export default words;
`;

/** The test beside it. */
const TEST = `import assert from "node:assert/strict";
import test from "node:test";
import { checkMachine, MachineFindings } from "draft/testing";
import words from "./words.ts";

test("words is a machine", async () => {
  await checkMachine(words, { runs: 5 });
});

test("one that looks at a clock is none", async () => {
  const late = { ...words, create: () => ({ ...words.create({ directory: "" }), apply: () => [Date.now()] }) };
  await assert.rejects(checkMachine(late, { runs: 5 }), (error: unknown) => {
    assert.ok(error instanceof MachineFindings && error.findings.length === 1);
    assert.match(error.message, /'put' uses Date\\.now\\(\\) at .*words\\.test\\.ts:.*entry\\.timeMs\\n {2}1\\. put /);
    return true;
  });
});
`;

/** A strict user that looks into declarations too. `types` is empty: the library may not need what it does not bring. */
const TSCONFIG = {
  compilerOptions: {
    target: "ES2024",
    lib: ["ES2024", "ESNext.Disposable", "DOM", "DOM.AsyncIterable"],
    types: [],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
  },
  files: ["use.ts", "words.ts"],
};

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const directory = mkdtempSync(join(tmpdir(), "draft-package-"));
try {
  const tarball = pack();
  install(tarball);
  check("types", run(join(resolve("node_modules"), ".bin", "tsc"), ["-p", "."]), "");
  check("library", run("node", ["use.ts"]).trim(), manifest.version);
  check(
    "command",
    run("node", [join("node_modules", manifest.name, "dist/npm/cli.js"), "--version"]),
    manifest.version,
  );
  check("a plugin's test under Node", run("node", ["--test", "--test-reporter=tap", "words.test.ts"]), "# pass 2");
  check("a plugin's test under Bun", run("bun", ["test", "words.test.ts"]), "bun test");
  check("a plugin's test under Deno", run("deno", ["test", "--allow-all", "--no-check", "words.test.ts"]), "2 passed | 0 failed");
  console.log(`${tarball}: types, library and command work on Node ${run("node", ["--version"]).trim()}`);
} finally {
  rmSync(directory, { recursive: true });
}

/** Packs into dist and returns the tarball's path. */
function pack(): string {
  const json = execFileSync("npm", ["pack", "--json", "--pack-destination", "dist"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [packed] = JSON.parse(json) as { filename: string }[];
  return join("dist", packed?.filename ?? "");
}

/** Unpacks the tarball and links its dependencies from here, so that no registry is needed and no others are found. */
function install(tarball: string): void {
  const home = join(directory, "node_modules", manifest.name);
  mkdirSync(home, { recursive: true });
  execFileSync("tar", ["-xzf", resolve(tarball), "-C", home, "--strip-components=1"]);
  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(directory, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(resolve("node_modules", name), link);
  }
  // Plugins import it by the name that the executable gives it; docs/plugins.md tells how to install it under that.
  symlinkSync(home, join(directory, "node_modules", "draft"));
  writeFileSync(join(directory, "use.ts"), USE);
  writeFileSync(join(directory, "words.ts"), PLUGIN);
  writeFileSync(join(directory, "words.test.ts"), TEST);
  writeFileSync(join(directory, "package.json"), '{"type":"module","dependencies":{"draft":"*"}}');
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(TSCONFIG));
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NO_COLOR: "1" } });
}

function check(what: string, printed: string, wanted: string): void {
  if (printed.includes(wanted)) return;
  console.error(`${what} of the package printed "${printed}": want "${wanted}"`);
  process.exitCode = 1;
}
