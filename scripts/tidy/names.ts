/**
 * Which globals a file uses, and how. Names are dotted: `Math.random` for a member, `new Date()` for a call without
 * arguments (which reads the clock; one with arguments does not), `instanceof Date` for a question about a value,
 * `async` and `await` for the keywords.
 */
import ts from "typescript";
import { lineOf, type Source, walk } from "./source.ts";

/** One use of a global name. */
export interface Use {
  readonly name: string;
  readonly line: number;
}

/** All uses of identifiers that are not members, keys or declared names, in the order of the text. */
export function usesOf({ tree }: Source): Use[] {
  const uses: Use[] = [];
  walk(tree, (node) => {
    const name = ts.isIdentifier(node) ? nameOfIdentifier(node) : nameOfKeyword(node);
    if (name !== null) uses.push({ name, line: lineOf(tree, node) });
  });
  return uses;
}

function nameOfKeyword(node: ts.Node): string | null {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return "async";
  const awaitUsing = ts.isVariableDeclarationList(node) &&
    (node.flags & ts.NodeFlags.AwaitUsing) === ts.NodeFlags.AwaitUsing;
  return awaitUsing || ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AwaitKeyword ? "await" : null;
}

function nameOfIdentifier(node: ts.Identifier): string | null {
  if (isLabel(node)) return null;
  let name = node.text;
  let outer: ts.Node = node;
  for (let member = memberOf(outer); member !== null; member = memberOf(outer)) {
    name = name === "globalThis" ? member : `${name}.${member}`;
    outer = outer.parent;
  }
  const parent = outer.parent;
  if (isInstanceOf(parent) && parent.right === outer) return `instanceof ${name}`;
  const bare = ts.isNewExpression(parent) && parent.expression === outer && (parent.arguments ?? []).length === 0;
  return bare ? `new ${name}()` : name;
}

function isInstanceOf(node: ts.Node): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword;
}

/** The member that is taken of `node`, if one is: `now` for the `Date` in `Date.now` and in `Date["now"]`. */
function memberOf(node: ts.Node): string | null {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) return parent.name.text;
  if (ts.isQualifiedName(parent) && parent.left === node) return parent.right.text;
  if (!ts.isElementAccessExpression(parent) || parent.expression !== node) return null;
  return ts.isStringLiteralLike(parent.argumentExpression) ? parent.argumentExpression.text : null;
}

/** Whether the identifier only labels something: a member, a key, an imported or a declared name. */
function isLabel(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isImportClause(parent)) return true;
  if (ts.isBindingElement(parent)) return parent.name === node || parent.propertyName === node;
  return "name" in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent);
}
