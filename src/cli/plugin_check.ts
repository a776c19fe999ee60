/** `draft plugin check` and `draft plugin test`: what an author wants to know of a file before a cluster runs it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DraftError } from "../base/errors.ts";
import { importFile } from "../host/node_module.ts";
import { createMachine } from "../machine/create_machine.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { loadPlugin } from "../node/plugin_loader.ts";
import type { Io } from "./io.ts";
import type { Leaf } from "./leaf.ts";
import { renderTable } from "./render.ts";

const TEST_LIMIT_MS = 600_000;
const EXIT_FAILED = 1;

/** What `draft plugin check --json` says of a plugin. */
export interface PluginReport {
  readonly name: string;
  readonly version: number;
  readonly operations: AnyPlugin["operations"];
}

/** The commands. */
export const pluginCheckLeaves: readonly Leaf[] = [
  {
    words: ["plugin", "check"],
    usage: "FILE",
    summary: "loads a plugin, makes a machine, and tells its operations",
    options: [{ raw: "--json", description: "one line of JSON" }],
    positionals: { min: 1, max: 1 },
    examples: ["draft plugin check ./scores.ts"],
    run: ({ options, positionals: [file = ""] }, io) => check(file, options.has("json"), io),
  },
  {
    words: ["plugin", "test"],
    usage: "FILE…",
    summary: 'runs tests: modules that throw when something is wrong; "draft" and "draft/testing" are there for them',
    options: [],
    positionals: { min: 1, max: 1000 },
    examples: ["draft plugin test ./scores.test.ts"],
    run: ({ positionals }, io) => testAll(positionals, io),
  },
];

async function check(file: string, isJson: boolean, io: Io): Promise<number> {
  try {
    const report = await reportOn(file);
    io.out(isJson ? JSON.stringify(report) : textOf(report));
    return 0;
  } catch (error) {
    if (!isJson || !(error instanceof DraftError)) throw error;
    io.out(JSON.stringify(error));
    return error.exitCode;
  }
}

async function reportOn(file: string): Promise<PluginReport> {
  const plugin = await loadPlugin(file);
  const { name, version, operations } = plugin;
  const directory = mkdtempSync(join(tmpdir(), "draft-plugin-"));
  try {
    await createMachine(plugin, directory).close?.();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return { name, version, operations };
}

function textOf({ name, version, operations }: PluginReport): string {
  const rows = Object.entries(operations).map(([operation, { kind, args = "", summary = "" }]) => [`  ${kind}`, `${operation} ${args}`, summary]);
  return `the machine '${name}', version ${version}\n${renderTable(rows)}`.trimEnd();
}

async function testAll(files: readonly string[], io: Io): Promise<number> {
  let failed = 0;
  for (const file of files) {
    try {
      await importFile(resolve(file), { limitMs: TEST_LIMIT_MS, failed: "failed" });
      io.out(`${file} passed`);
    } catch (error) {
      failed += 1;
      io.err([`${file} ${error instanceof Error ? error.message : String(error)}`, ...furtherLines(error)].join("\n"));
    }
  }
  return failed === 0 ? 0 : EXIT_FAILED;
}

/** What a test threw may say more than the one line: which commands show it. */
function furtherLines(error: unknown): string[] {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message.split("\n").slice(1) : [];
}
