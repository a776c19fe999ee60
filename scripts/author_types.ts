/**
 * The declarations of what a plugin imports from "draft", and its test from "draft/testing", as one file: `draft plugin
 * new` writes it beside the plugin as `draft.d.ts`, so that an editor knows the types with nothing installed.
 *
 * All that the exports of src/machine/library.ts reach goes into one ambient module, and what those of src/sim/testing.ts
 * need besides into another. That they need no path is the point: runtimes that obey a tsconfig.json when they run a
 * plugin must not take this file for the library. And what is not exported cannot be imported, nor will an editor offer it.
 */
import { readFileSync } from "node:fs";
import { dirname, join, posix, resolve } from "node:path";
import ts from "typescript";

/** What is imported under which name. The second one takes from the first what that exports. */
const LIBRARY = { name: "draft", path: "src/machine/library.ts" } as const;
const TESTING = { name: "draft/testing", path: "src/sim/testing.ts" } as const;
const HEAD = '// What "draft" is to this plugin, for editors and tsc. Written by draft plugin new; draft itself does not read it.\n';

/** What a module exports. */
interface Exported {
  readonly name: string;
  readonly isType: boolean;
}

/** A declaration of a source, and the names that stand in it. */
interface Declared {
  readonly path: string;
  readonly text: string;
  readonly names: ReadonlySet<string>;
}

/**
 * The text of `draft.d.ts`.
 *
 * @param root the project's directory, for whoever bundles this file with others
 * @throws Error if two sources give one name to two things
 */
export function authorTypes(root: string = resolve(import.meta.dirname, "..")): string {
  const library = exportsOf(root, LIBRARY.path);
  return [HEAD, ambientModule(root, LIBRARY, []), ambientModule(root, TESTING, library)].join("");
}

/** One module with all that its exports need, but what `given` has, which "draft" exports. */
function ambientModule(root: string, { name, path }: { readonly name: string; readonly path: string }, given: readonly Exported[]): string {
  const exported = exportsOf(root, path);
  const declared = declaredFrom(root, path);
  const missing = exported.find((each) => !declared.has(each.name));
  if (missing !== undefined) throw new Error(`${path} exports ${missing.name}, which no source declares under that name`);
  const imported = new Set<string>();
  const needed = new Set(exported.map((each) => each.name));
  for (const each of needed) {
    for (const used of declared.get(each)?.names ?? []) {
      if (given.some((one) => one.name === used)) imported.add(used);
      else if (declared.has(used)) needed.add(used);
    }
  }
  const parts = [...declared].filter(([each]) => needed.has(each)).map(([, { text }]) => text);
  if (imported.size > 0) parts.unshift(`import type { ${[...imported].sort().join(", ")} } from "${LIBRARY.name}";`);
  parts.push(`export {\n${exported.map((each) => `  ${each.isType ? "type " : ""}${each.name},`).join("\n")}\n};`);
  return `declare module "${name}" {\n${parts.map(indented).join("\n\n")}\n}\n`;
}

function exportsOf(root: string, path: string): Exported[] {
  return declarationOf(root, path).statements.filter(ts.isExportDeclaration).flatMap((each) => namesOf(each, path));
}

/** What the sources declare that `path` hands on, and those that they import from. */
function declaredFrom(root: string, path: string): Map<string, Declared> {
  const declared: Map<string, Declared> = new Map();
  const queue = [...new Set(importsOf(declarationOf(root, path)))];
  for (const source of queue) {
    const tree = declarationOf(root, source);
    for (const statement of tree.statements) {
      if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) continue;
      const name = nameOf(statement, source);
      const other = declared.get(name);
      if (other !== undefined && other.path !== source) throw new Error(`${source} and ${other.path} both declare ${name}: one name in draft.d.ts would be two things`);
      // A function that is overloaded is declared more than once.
      const text = textOf(statement, tree);
      declared.set(name, {
        path: source,
        text: other === undefined ? text : `${other.text}\n${text}`,
        names: new Set([...other?.names ?? [], ...identifiersIn(statement)]),
      });
    }
    for (const imported of importsOf(tree)) if (!queue.includes(imported)) queue.push(imported);
  }
  return declared;
}

function identifiersIn(node: ts.Node): string[] {
  const found: string[] = ts.isIdentifier(node) ? [node.text] : [];
  ts.forEachChild(node, (child) => void found.push(...identifiersIn(child)));
  return found;
}

/** What the source at `path` declares. */
function declarationOf(root: string, path: string): ts.SourceFile {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(join(root, path), "utf8"), {
    fileName: path,
    compilerOptions: { target: ts.ScriptTarget.ES2024, isolatedDeclarations: true, declaration: true },
    reportDiagnostics: true,
  });
  const [wrong] = diagnostics;
  if (wrong !== undefined) throw new Error(`${path}: ${ts.flattenDiagnosticMessageText(wrong.messageText, " ")}`);
  // One file at a time, a method under a symbol is said a second time as a property.
  const once = outputText.replaceAll(/^ +\[Symbol\.\w+\]: .*\n/gm, "");
  return ts.createSourceFile(path, once, ts.ScriptTarget.Latest, true);
}

/** The sources that `tree` imports from or hands on. */
function importsOf(tree: ts.SourceFile): string[] {
  return tree.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const from = statement.moduleSpecifier;
    if (from === undefined) return [];
    const specifier = (from as ts.StringLiteral).text;
    if (!specifier.startsWith(".")) throw new Error(`${tree.fileName} imports ${specifier}: an editor with nothing installed does not know it`);
    return [posix.normalize(posix.join(dirname(tree.fileName), specifier))];
  });
}

function namesOf({ exportClause, isTypeOnly: areTypes }: ts.ExportDeclaration, path: string): Exported[] {
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error(`${path} exports without names: name each`);
  return exportClause.elements.map(({ name, isTypeOnly }) => ({ name: name.text, isType: areTypes || isTypeOnly }));
}

function nameOf(statement: ts.Statement, path: string): string {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations[0]?.name.getText() ?? "";
  const { name } = statement as Partial<ts.DeclarationStatement>;
  if (name === undefined) throw new Error(`${path} declares what has no name: ${statement.getText().slice(0, 60)}`);
  return name.getText();
}

/** A declaration with its comment. In an ambient module all are ambient, and the list at its end says what is exported. */
function textOf(statement: ts.Statement, tree: ts.SourceFile): string {
  const comment = ts.getJSDocCommentsAndTags(statement).filter(ts.isJSDoc).at(-1)?.getText(tree);
  const text = statement.getText(tree).replace(/^(?:export |declare )+/, "");
  return comment === undefined ? text : `${comment}\n${text}`;
}

function indented(text: string): string {
  return text.split("\n").map((line) => (line === "" ? "" : `  ${line}`)).join("\n");
}
