/** Limits on the length of files and functions: what is longer holds two subjects. */
import ts from "typescript";
import { type Finding, isTest, lineOf, type Source, walk } from "./source.ts";

/** Lines of a file. Tests are lists of cases, so they may be longer. */
const FILE_LINES_MAX = 300;
const TEST_FILE_LINES_MAX = 500;

/** Lines of a function, from its first word to its closing brace. */
const FUNCTION_LINES_MAX = 70;

/** Checks the length of each file. */
export function checkFileLines(sources: readonly Source[]): Finding[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.replace(/\n$/, "").split("\n").length;
    const max = isTest(path) ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
    if (lines <= max) return [];
    return [{ rule: "file-lines", path, line: max + 1, message: `${lines} lines, at most ${max}` }];
  });
}

/** Checks the length of each function, arrow, method, constructor and accessor. */
export function checkFunctionLines(sources: readonly Source[]): Finding[] {
  return sources.flatMap(({ path, tree }) => {
    const findings: Finding[] = [];
    walk(tree, (node) => {
      if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
      const line = lineOf(tree, node);
      const lines = tree.getLineAndCharacterOfPosition(node.end).line + 2 - line;
      if (lines <= FUNCTION_LINES_MAX) return;
      const message = `${nameOf(node)} has ${lines} lines, at most ${FUNCTION_LINES_MAX}`;
      findings.push({ rule: "function-lines", path, line, message });
    });
    return findings;
  });
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return `${node.name.getText()}()`;
  const parent = node.parent;
  return ts.isVariableDeclaration(parent) ? `${parent.name.getText()}()` : "a function";
}
