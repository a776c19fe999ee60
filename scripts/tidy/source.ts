/**
 * What the rules of tidy look at: files as text, and for TypeScript the syntax tree and the imports. Nothing here reads
 * the disk, so that a test can feed any rule a file that does not exist.
 */
import ts from "typescript";

/** A file of the project; `path` is relative to its root, with `/`. */
export interface FileText {
  readonly path: string;
  readonly text: string;
}

/** A TypeScript file, parsed. */
export interface Source extends FileText {
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** One import or re-export, static or dynamic, of values or of types. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The path that a relative specifier names; null for a package. */
  readonly target: string | null;
  readonly line: number;
}

/** A broken rule. */
export interface Finding {
  readonly rule: string;
  readonly path: string;
  /** 1-based; 0 if the file as a whole is meant. */
  readonly line: number;
  readonly message: string;
}

/** Parses the TypeScript files among `files`. */
export function parseSources(files: readonly FileText[]): Source[] {
  return files.filter((file) => file.path.endsWith(".ts")).map(parseSource);
}

/** Parses one TypeScript file. */
export function parseSource({ path, text }: FileText): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, text, tree, imports: importsOf(tree, path) };
}

/** The 1-based line on which `node` begins. */
export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

/** Calls `visit` for each node of the tree, parents first. */
export function walk(tree: ts.SourceFile, visit: (node: ts.Node) => void): void {
  function enter(node: ts.Node): void {
    visit(node);
    ts.forEachChild(node, enter);
  }
  ts.forEachChild(tree, enter);
}

/** Whether `path` is a test: tests may import and call what they like. */
export function isTest(path: string): boolean {
  return path.startsWith("test/") || path.endsWith(".test.ts") || /^plugins\/[^/]+\/test\//.test(path);
}

/** Whether `path` ships: under src or plugins, or mod.ts. */
export function isShipped(path: string): boolean {
  return (path === "mod.ts" || path.startsWith("src/") || path.startsWith("plugins/")) && !isTest(path);
}

/** The layer of a file that ships: its folder in src, `plugins` or `mod`; null for all others. */
export function layerOf(path: string): string | null {
  if (!isShipped(path)) return null;
  if (path === "mod.ts") return "mod";
  const [top, folder, ...rest] = path.split("/");
  if (top === "plugins") return "plugins";
  return rest.length > 0 ? (folder ?? "") : "";
}

function importsOf(tree: ts.SourceFile, path: string): Import[] {
  const found: Import[] = [];
  walk(tree, (node) => {
    const specifier = specifierOf(node);
    if (specifier === null) return;
    const target = specifier.startsWith(".") ? resolve(path, specifier) : null;
    found.push({ specifier, target, line: lineOf(tree, node) });
  });
  return found;
}

function specifierOf(node: ts.Node): string | null {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier);
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal) : null;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literal(node.arguments[0]);
  }
  return null;
}

function literal(node: ts.Node | undefined): string | null {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : null;
}

/** Resolves `specifier` against the folder of `path`; a path that leaves the project keeps its leading `..`. */
function resolve(path: string, specifier: string): string {
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "." || part === "") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}
