/**
 * What an author's compiler is told: the new plugin and its test compile beside `draft.d.ts` with nothing installed, and
 * what must not compile does not.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as library from "../../src/machine/library.ts";
import * as testing from "../../src/sim/testing.ts";
import { templateFiles } from "../../src/cli/plugin_template.ts";
import { authorTypes } from "../../scripts/author_types.ts";

const root = mkdtempSync(join(tmpdir(), "draft-types-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

/** The sources that tsc was given so far: those of the language itself are many. */
const sources: Map<string, ts.SourceFile | undefined> = new Map();

function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (path, ...more) => {
    if (!sources.has(path)) sources.set(path, read(path, ...more));
    return sources.get(path);
  };
  return host;
}

/** What tsc says of a new plugin, with `more` files in its directory. */
function compiled(name: string, more: Readonly<Record<string, string>> = {}): string[] {
  const directory = join(root, name);
  mkdirSync(directory);
  for (const file of templateFiles(name, authorTypes())) writeFileSync(join(directory, file.name), file.text);
  for (const [path, text] of Object.entries(more)) writeFileSync(join(directory, path), text);
  const { config } = ts.readConfigFile(join(directory, "tsconfig.json"), ts.sys.readFile) as { config: object };
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, directory);
  // Not skipLibCheck, which would pass over draft.d.ts too.
  options.skipDefaultLibCheck = true;
  const program = ts.createProgram(fileNames, options, hostOf(options));
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1;
    return `${file?.fileName.slice(directory.length + 1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

const TYPED = `import { defineMachine, machineOn, type Plugin, Table, text, type MethodsOf } from "draft";
import { checkMachine, MachineFindings, type Finding } from "draft/testing";
import scores from "./typed.ts";

const held = new Table<string>();
export const tables = machineOn({ held }, { apply: ([, key]) => held.set(String(key), "v") });
export const plain: Plugin<string[]> = {
  name: "plain", version: 1, operations: { add: { kind: "write" } },
  create() {
    let all: string[] = [];
    return { apply: ([, one]) => all.push(String(one)), snapshot: () => all, restore: (saved) => { all = saved; } };
  },
};
type Scores = MethodsOf<typeof scores>;
export const sum = async (client: Scores): Promise<number> => await client.add("ann", 5) + await client.score("bob");

// @ts-expect-error points are a number
export const wrong = (client: Scores): Promise<number> => client.add("ann", "5");
// @ts-expect-error there is no such operation
export const none = (client: Scores): Promise<number> => client.remove("ann");
// @ts-expect-error a snapshot is a list of texts
plain.create({ directory: "" }).restore([5], 1);
// @ts-expect-error what the library has for itself is not exported
import { TableRows } from "draft";
// @ts-expect-error nor are its files
import type { Table as Own } from "draft/machine/table";
export const misread = defineMachine({
  name: "misread", version: 1, state: () => "", snapshot: (all) => all, restore: (all) => all,
  // @ts-expect-error who is a text
  writes: { add: { args: [text("who")], run: (all, entry, who) => who.toFixed() } },
});
export const checked = async (): Promise<number> => (await checkMachine(scores, { runs: 2, unchecked: ["add"] })).commands;
export const found = (thrown: MachineFindings): readonly Finding[] => thrown.findings;
// @ts-expect-error a machine is checked, not a table
export const unchecked = (): Promise<unknown> => checkMachine(held);
// @ts-expect-error what a check has for itself is not exported
import { problems } from "draft/testing";
export const ends: [typeof TableRows, Own<string>, typeof problems] | null = null;
`;

test("a new plugin and its test compile beside draft.d.ts, with nothing installed", () => {
  assert.equal(compiled("scores"), []);
});

test("draft.d.ts lets through what draft takes, and nothing else", () => {
  assert.equal(compiled("typed", { "more.ts": TYPED }), []);
  assert.equal(compiled("wrong", { "more.ts": 'import { tabel } from "draft";\nexport const n: number = tabel;\n' }), [
    "more.ts:1 '\"draft\"' has no exported member named 'tabel'. Did you mean 'Table'?",
  ]);
});

test("draft.d.ts declares each value that the library and the check have, and no other", () => {
  const tree = ts.createSourceFile("draft.d.ts", authorTypes(), ts.ScriptTarget.Latest, true);
  const modules = tree.statements.filter(ts.isModuleDeclaration);
  assert.equal(modules.map(({ name }) => name.text), ["draft", "draft/testing"]);
  for (const [at, values] of [library, testing].entries()) {
    const body = modules[at]?.body as ts.ModuleBlock;
    const declared = body.statements.filter((each) => ts.isFunctionDeclaration(each) || ts.isClassDeclaration(each) || ts.isVariableStatement(each))
      .map((each) => ts.isVariableStatement(each) ? each.declarationList.declarations[0]?.name.getText() : each.name?.text);
    const exported = body.statements.filter(ts.isExportDeclaration).flatMap(({ exportClause }) => (exportClause as ts.NamedExports).elements.filter(({ isTypeOnly }) => !isTypeOnly).map(({ name }) => name.text));
    assert.equal(exported.toSorted(), Object.keys(values).toSorted());
    assert.equal(exported.filter((name) => !declared.includes(name)), []);
  }
});

test("of what is declared nothing but what an author can reach is written", () => {
  const text = authorTypes();
  assert.match(text, /interface Finding \{/);
  // It stands beside Finding in one source.
  assert.not.match(text, /\bproblems\b/);
});

test.run();
