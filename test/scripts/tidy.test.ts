import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { applyExceptions, tidy } from "../../scripts/tidy/rules.ts";
import type { FileText } from "../../scripts/tidy/source.ts";

const PACKAGE: FileText = {
  path: "package.json",
  text: JSON.stringify({ version: "1.2.3", dependencies: { "cbor-x": "1", hyperid: "4", "sorted-btree": "2" } }),
};

/** `path:line rule` of what tidy finds in files given as path → text. */
function found(files: Record<string, string>): string[] {
  const given = Object.entries(files).map(([path, text]) => ({ path, text }));
  return tidy([PACKAGE, ...given], []).map(({ path, line, rule }) => `${path}:${line} ${rule}`);
}

/** Shows that `text` at `path` breaks `rule`, and where. */
function breaks(rule: string, path: string, text: string, line = 1): void {
  covered.add(rule);
  assert.equal(found({ [path]: text }), [`${path}:${line} ${rule}`], `${path}: ${text}`);
}

function passes(path: string, text: string): void {
  assert.equal(found({ [path]: text }), [], `${path}: ${text}`);
}

const covered = new Set<string>();

test("layer: imports from the own folder and from below pass", () => {
  passes("src/raft/step.ts", 'import "./state.ts"; import "../host/host.ts"; import type { A } from "../base/a.ts";');
  passes("src/node/node.ts", 'import "../wal/wal.ts"; import "../net/link.ts"; import "../machine/machine.ts";');
  passes("mod.ts", 'export { a } from "./src/cli/a.ts"; export { b } from "./plugins/kv/kv.ts";');
  passes("src/cli/main.ts", 'import "../sim/sim.ts"; import "../../plugins/kv/kv.ts"; import "../../mod.ts";');
  passes("test/raft/a.test.ts", 'import "../../src/cli/main.ts"; import "../../scripts/tidy.ts";');
});

test("layer: imports that point up are found, types and dynamic ones too", () => {
  breaks("layer", "src/base/a.ts", 'import "../host/host.ts";');
  breaks("layer", "src/raft/a.ts", '\nimport type { Plugin } from "../machine/machine.ts";', 2);
  breaks("layer", "src/raft/a.ts", 'export type A = import("../node/node.ts").A;');
  breaks("layer", "src/net/a.ts", 'const a = () => import("../node/node.ts");');
  breaks("layer", "src/gateway/a.ts", 'export * from "../sim/a.ts";');
  breaks("layer", "src/sim/a.ts", 'import "../../mod.ts";');
});

test("layer: imports that point sideways are found", () => {
  breaks("layer", "src/wal/wal.ts", 'import "../net/frame.ts";');
  breaks("layer", "src/net/frame.ts", 'import "../wal/wal.ts";');
  breaks("layer", "src/client/a.ts", 'import "../node/node.ts";');
  breaks("layer", "src/node/a.ts", 'import "../client/a.ts";');
});

test("layer: plugins import the contract alone and are imported by the loader and cli alone", () => {
  passes(
    "plugins/kv/kv.ts",
    'import "draft"; import "../../src/machine/machine.ts"; import "../../src/base/a.ts"; import "./t.ts";',
  );
  passes("src/node/plugin_loader.ts", 'import "../../plugins/kv/kv.ts";');
  passes("plugins/kv/kv.test.ts", 'import "../../src/sim/sim.ts";');
  breaks("layer", "plugins/kv/kv.ts", 'import "../../src/raft/types.ts";');
  breaks("layer", "plugins/kv/kv.ts", 'import "../counter.ts";');
  breaks("layer", "src/node/node.ts", 'import "../../plugins/kv/kv.ts";');
});

test("layer: folders outside the table and files that do not ship are found", () => {
  breaks("layer", "src/helpers/a.ts", "export {};", 0);
  breaks("layer", "src/a.ts", "export {};", 0);
  breaks("layer", "src/cli/a.ts", 'import "../../test/fake.ts";');
  breaks("layer", "src/cli/a.ts", 'import "../../scripts/tidy.ts";');
});

test("cycle: a ring of imports is found once, type imports too", () => {
  covered.add("cycle");
  const ring = { "src/raft/a.ts": 'import "./b.ts";', "src/raft/b.ts": 'import type { C } from "./c.ts";' };
  assert.equal(found({ ...ring, "src/raft/c.ts": "" }), []);
  assert.equal(found({ ...ring, "src/raft/c.ts": 'import "./a.ts";' }), ["src/raft/a.ts:0 cycle"]);
  breaks("cycle", "test/a.ts", 'import "./a.ts";', 0);
});

test("extension: a relative import names the whole file", () => {
  breaks("extension", "src/raft/a.ts", 'import "./b";');
  breaks("extension", "test/a.test.ts", 'import "../src/raft/b.js";');
});

test("file-lines: 300 lines, 500 in tests", () => {
  passes("scripts/a.ts", "//\n".repeat(300));
  breaks("file-lines", "scripts/a.ts", "//\n".repeat(301), 301);
  breaks("file-lines", "plugins/kv/kv.ts", "//\n".repeat(301), 301);
  breaks("file-lines", "mod.ts", "//\n".repeat(301), 301);
  passes("plugins/kv/kv.test.ts", "//\n".repeat(500));
  breaks("file-lines", "test/a.test.ts", "//\n".repeat(501), 501);
});

test("function-lines: 70 lines of any kind of function", () => {
  const lines = (count: number): string => "  //\n".repeat(count);
  passes("src/raft/a.ts", `function a(): void {\n${lines(68)}}`);
  breaks("function-lines", "src/raft/a.ts", `function a(): void {\n${lines(69)}}`);
  breaks("function-lines", "src/raft/a.ts", `const a = () => {\n${lines(69)}};`);
  breaks("function-lines", "src/raft/a.ts", `class A {\n  method(): void {\n${lines(69)}}\n}`, 2);
  breaks("function-lines", "src/raft/a.ts", `class A {\n  constructor() {\n${lines(69)}}\n}`, 2);
  breaks("function-lines", "test/a.test.ts", `export default function () {\n${lines(69)}}`);
});

test("pure: no clock or chance in raft, machine and plugins", () => {
  for (const path of ["src/raft/a.ts", "src/machine/a.ts", "plugins/kv/kv.ts"]) {
    breaks("pure", path, "const a = Date.now();");
    breaks("pure", path, "export type A = Date;");
    breaks("pure", path, "const a = new Date(1);");
    breaks("pure", path, "const a = performance.now();");
    breaks("pure", path, "const a = crypto.randomUUID();");
    breaks("pure", path, "const a = Math.random();");
    breaks("pure", path, "const a = globalThis.Math.random();");
    breaks("pure", path, 'const a = Math["random"]();');
    breaks("pure", path, "const { random } = Math;");
    for (const name of ["log", "log2", "log10", "log1p", "exp", "expm1", "pow", "sin", "cosh", "atan2", "tan"]) {
      breaks("pure", path, `const a = Math.${name}(2);`);
    }
    passes(
      path,
      "const a = { Date: 1 }; const b = Math.sqrt(2); const d = b instanceof Date; interface C { Date(): void } // Date.now()",
    );
  }
});

test("pure: below the doors time and randomness come from the ports", () => {
  breaks("pure", "src/wal/a.ts", "const a = Date.now();");
  breaks("pure", "src/node/a.ts", "const a = new Date();");
  breaks("pure", "src/wal/a.ts", "const a = performance.now();");
  breaks("pure", "src/net/a.ts", "const a = randomUUID();");
  breaks("pure", "src/node/a.ts", "const a = b.localeCompare(c);");
  breaks("pure", "src/gateway/a.ts", "const a = Date.now();");
  breaks("pure", "src/sim/a.ts", "const a = Math.exp(-b);");
  breaks("timer", "src/sim/a.ts", "process.nextTick(run);");
  breaks("pure", "src/sim/a.ts", "const a = Math.log(2);");
  breaks("pure", "src/client/a.ts", "const a = Math.random();");
  passes("src/node/a.ts", "const a = new Date(1).toISOString();");
  passes("src/host/node_host.ts", "const a = [Date.now(), Math.random(), performance.now()];");
  passes("src/cli/a.ts", "const a = [Date.now(), new Date(), Math.log(2)];");
});

test("timer: only the real host and cli set timers", () => {
  for (
    const path of [
      "src/raft/a.ts",
      "src/node/a.ts",
      "src/client/a.ts",
      "src/host/host.ts",
      "src/gateway/a.ts",
      "mod.ts",
    ]
  ) {
    breaks("timer", path, "setTimeout(run, 1);");
    breaks("timer", path, "globalThis.setInterval(run, 1);");
    breaks("timer", path, "queueMicrotask(run);");
    breaks("timer", path, "process.nextTick(run);");
  }
  passes("src/host/node_clock.ts", "setTimeout(run, 1);");
  passes("src/cli/a.ts", "setTimeout(run, 1);");
  passes("src/node/a.ts", "interface Clock { setTimeout(): void } const a = clock.setTimeout(1);");
});

test("promise: none in raft, wal, net and node", () => {
  for (const path of ["src/raft/a.ts", "src/wal/a.ts", "src/net/a.ts", "src/node/a.ts"]) {
    breaks("promise", path, "type A = Promise<void>;");
    breaks("promise", path, "const a = Promise.resolve();");
    breaks("promise", path, "const a = new Promise();");
    breaks("promise", path, "async function a() {}");
    breaks("promise", path, "const a = { async b() {} };");
    breaks("promise", path, "await a();");
    breaks("promise", path, "for await (const a of b) c(a);");
    breaks("promise", path, "await using a = b();");
  }
  passes("src/node/plugin_loader.ts", "export async function load(): Promise<void> { await import(path); }");
  passes("src/client/a.ts", "export async function load(): Promise<void> {}");
  passes("src/node/a.ts", "const a = { async: true, Promise: 1 }; // no Promise, no await");
});

test("print: console and the process's end belong to cli", () => {
  breaks("print", "src/node/a.ts", 'console.error("x");');
  breaks("print", "src/host/node_host.ts", 'console.error("x");');
  breaks("print", "plugins/kv/kv.ts", 'console.log("x");');
  breaks("print", "src/gateway/a.ts", 'process.stderr.write("x");');
  breaks("print", "src/node/a.ts", "process.exit(1);");
  passes("src/cli/a.ts", 'console.log("x"); process.exitCode = 1;');
  passes("scripts/a.ts", 'console.log("x");');
});

test("package: modules of the runtime stay in their places", () => {
  breaks("package", "src/raft/a.ts", 'import "node:assert";');
  breaks("package", "plugins/kv/kv.ts", 'import "node:sqlite";');
  passes("plugins/sql/sql.ts", 'import "node:sqlite";');
  for (const name of ["fs", "fs/promises", "net", "tls", "timers/promises", "child_process", "worker_threads"]) {
    breaks("package", "src/node/a.ts", `import "node:${name}";`);
    breaks("package", "src/host/host.ts", `import "node:${name}";`);
    passes("src/host/node_host.ts", `import "node:${name}";`);
    passes("src/cli/a.ts", `import "node:${name}";`);
  }
  breaks("package", "src/net/a.ts", 'import { crc32 } from "node:zlib";');
  passes("src/base/a.ts", 'import "node:zlib"; import "node:buffer";');
  passes("src/wal/a.ts", 'import "node:zlib"; import "node:buffer";');
  breaks("package", "src/client/a.ts", 'import "node:http";');
  passes("src/gateway/a.ts", 'import "node:http";');
  passes("src/node/a.ts", 'import "node:path"; import "node:crypto";');
  breaks("package", "src/base/a.ts", 'import "fs";');
  breaks("package", "src/node/a.ts", 'import "bun:ffi";');
});

test("package: packages stay in their places", () => {
  passes("src/base/codec.ts", 'import { Encoder } from "cbor-x";');
  breaks("package", "src/net/frame.ts", 'import { decode } from "cbor-x/decode";');
  passes("src/cli/a.ts", 'import hyperid from "hyperid";');
  breaks("package", "src/node/a.ts", 'import hyperid from "hyperid";');
  passes("plugins/kv/kv.ts", 'import BTree from "sorted-btree";');
  breaks("package", "src/cli/a.ts", 'import ts from "typescript";');
  breaks("package", "src/cli/a.ts", 'import { a } from "draft";');
});

test("module-state: nothing at module level changes", () => {
  breaks("module-state", "src/node/a.ts", "let count = 0;");
  breaks("module-state", "mod.ts", "var count = 0;");
  breaks("module-state", "plugins/kv/kv.ts", "const cache = new Map<string, string>();");
  passes(
    "src/node/a.ts",
    "const A = new Set([1]); const B: ReadonlyMap<string, number> = new Map(); function f() { let a = 1; }",
  );
  passes("src/base/codec.ts", "let scratch = new Uint8Array(1);");
  passes("src/cli/a.ts", "let count = 0;");
  passes("scripts/a.ts", "let count = 0;");
});

test("unfinished: found anywhere", () => {
  breaks("unfinished", "src/raft/a.ts", `\n// ${"TO"}${"DO"}: later`, 2);
  breaks("unfinished", "docs/a.md", `${"FIX"}${"ME"}`);
  passes("src/raft/a.ts", "const methodology = 1;");
});

test("only: a narrowed test file is found", () => {
  breaks("only", "test/a.test.ts", 'test.only("a", () => {});');
  passes("test/a.test.ts", 'test("only", () => {});');
});

test("top-level: nothing but the known files", () => {
  breaks("top-level", "notes.md", "", 0);
  breaks("top-level", "tools", "", 0);
  assert.equal(found({ "tools/a.md": "", "tools/b.md": "" }), ["tools:0 top-level"]);
  passes(".ci/run", "");
});

test("lock: complete, and without addresses", () => {
  const lock = (packages: unknown): string => JSON.stringify({ version: "1.2.3", packages });
  const parent = { optionalDependencies: { "x-arm": "1" } };
  passes("package-lock.json", lock({ "node_modules/x": parent, "node_modules/x-arm": {} }));
  passes("package-lock.json", lock({ "node_modules/x": parent, "node_modules/x/node_modules/x-arm": {} }));
  passes(
    "package-lock.json",
    lock({ "node_modules/y/node_modules/x": parent, "node_modules/y/node_modules/x-arm": {} }),
  );
  breaks("lock", "package-lock.json", lock({ "node_modules/x": parent }), 0);
  breaks("lock", "package-lock.json", lock({ "node_modules/x": parent, "node_modules/y/node_modules/x-arm": {} }), 0);
  breaks("lock", "package-lock.json", lock({ "node_modules/x": { resolved: "somewhere" } }), 0);
});

test("version: the same in all four files", () => {
  passes("src/base/version.ts", 'export const version: string = "1.2.3";');
  breaks("version", "src/base/version.ts", 'export const version: string = "1.2.4";', 0);
  breaks("version", "src/base/version.ts", 'export const VERSION: string = "1.2.3";', 0);
  breaks("version", "deno.json", '{"version":"1.2.2"}', 0);
  breaks("version", "package-lock.json", '{"version":"1.2.2","packages":{}}', 0);
});

test("scenario: each row names files that exist and contain its id", () => {
  covered.add("scenario");
  const files = { "test/raft/a.test.ts": "// E01, and E102", "test/traces/b.txt": "# E01 E02" };
  const rows = (...lines: string[]): string[] => found({ ...files, "test/SCENARIOS.md": lines.join("\n") });
  assert.equal(
    rows("# Scenarios", "| id | test |", "|---|---|", "| E01 | `test/raft/a.test.ts`, `test/traces/b.txt` |"),
    [],
  );
  assert.equal(rows("| E10 | test/raft/a.test.ts |"), ["test/SCENARIOS.md:1 scenario"]);
  assert.equal(rows("| E02 | test/raft/a.test.ts |"), ["test/SCENARIOS.md:1 scenario"]);
  assert.equal(rows("| E02 | test/raft/c.test.ts |"), ["test/SCENARIOS.md:1 scenario"]);
  assert.equal(rows("| E02 | later |"), ["test/SCENARIOS.md:1 scenario"]);
  assert.equal(rows("| E02 | test/traces/b.txt |", "| E02 | test/traces/b.txt |"), ["test/SCENARIOS.md:2 scenario"]);
  assert.equal(rows("see `test/raft/missing.ts`"), ["test/SCENARIOS.md:1 scenario"]);
});

test("exception: covers its rule in its file, and is an error once idle", () => {
  covered.add("exception");
  const finding = { rule: "timer", path: "src/net/a.ts", line: 1, message: "" };
  const exception = { rule: "timer", path: "src/net/a.ts", why: "" };
  assert.equal(applyExceptions([finding], [exception]), []);
  assert.equal(applyExceptions([finding], [{ ...exception, rule: "layer" }]).map((each) => each.rule), [
    "timer",
    "exception",
  ]);
  assert.equal(applyExceptions([], [exception]).map((each) => each.rule), ["exception"]);
});

test("each rule of scripts/tidy/ is shown to fail above", () => {
  const folder = new URL("../../scripts/tidy/", import.meta.url);
  const texts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
  const rules = texts.flatMap((text) => [...text.matchAll(/\brule: "([^"]+)"/g)].map((match) => match[1]));
  assert.equal([...new Set(rules)].filter((rule) => rule === undefined || !covered.has(rule)), []);
});

test.run();
