/**
 * The declarations of what a plugin imports from "draft", as one file: `draft plugin new` writes it beside the plugin as
 * `draft.d.ts`, so that an editor knows the types with nothing installed.
 *
 * All that src/machine/library.ts reaches goes into one ambient module. That it needs no path is the point: runtimes
 * that obey a tsconfig.json when they run a plugin must not take this file for the library. And what the library does
 * not export cannot be imported, nor will an editor offer it.
 */
import { readFileSync } from "node:fs";
import { dirname, join, posix, resolve } from "node:path";
import ts from "typescript";

const LIBRARY = "src/machine/library.ts";
const HEAD = '// What "draft" is to this plugin, for editors and tsc. Written by draft plugin new; draft itself does not read it.\n';

/**
 * The text of `draft.d.ts`.
 *
 * @param root the project's directory, for whoever bundles this file with others
 * @throws Error if two sources give one name to two things
 */
export function authorTypes(root: string = resolve(import.meta.dirname, "..")): string {
  const library = declarationOf(root, LIBRARY);
  const exported = library.statements.filter(ts.isExportDeclaration).flatMap(namesOf);
  const declared: Map<string, string> = new Map();
  const parts: string[] = [];
  const queue = [...new Set(importsOf(library))];
  for (const path of queue) {
    const tree = declarationOf(root, path);
    for (const statement of tree.statements) {
      if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) continue;
      const name = nameOf(statement, path);
      const other = declared.get(name) ?? path;
      if (other !== path) throw new Error(`${path} and ${other} both declare ${name}: one name in draft.d.ts would be two things`);
      declared.set(name, path);
      parts.push(textOf(statement, tree));
    }
    for (const imported of importsOf(tree)) if (!queue.includes(imported)) queue.push(imported);
  }
  const missing = exported.find(({ name }) => !declared.has(name));
  if (missing !== undefined) throw new Error(`${LIBRARY} exports ${missing.name}, which no source declares under that name`);
  parts.push(`export {\n${exported.map(({ name, isType }) => `  ${isType ? "type " : ""}${name},`).join("\n")}\n};`);
  return `${HEAD}declare module "draft" {\n${parts.map(indented).join("\n\n")}\n}\n`;
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

function namesOf({ exportClause, isTypeOnly: areTypes }: ts.ExportDeclaration): { name: string; isType: boolean }[] {
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error(`${LIBRARY} exports without names: name each`);
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
