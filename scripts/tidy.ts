/**
 * Checks what the compiler and the linter cannot: layers, sizes, banned calls, the lock, the list of scenarios. Prints
 * one line a finding. The rules are in scripts/tidy/.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { tidy } from "./tidy/rules.ts";
import type { FileText } from "./tidy/source.ts";

const TEXT = /\.(ts|md|json|txt|toml|yml|html|css|sh)$|^\.ci\//;

/** The files that git tracks or would track: what is ignored is nobody's business. */
export function readProject(root: string): FileText[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 64 << 20 });
  const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "" && existsSync(join(root, path)));
  return paths.map((path) => ({ path, text: TEXT.test(path) ? readFileSync(join(root, path), "utf8") : "" }));
}

if (import.meta.main) {
  const files = readProject(process.cwd());
  const findings = tidy(files);
  for (const { rule, path, line, message } of findings) {
    console.error(`${path}${line > 0 ? `:${line}` : ""} ${rule}: ${message}`);
  }
  console.log(`tidy: ${files.length} files, ${findings.length} findings`);
  if (findings.length > 0) process.exitCode = 1;
}
