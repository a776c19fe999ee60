/** A copy of the working tree in a temporary directory, with a mutant in it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { applyPatch, type Patch } from "./mutant.ts";

/** Copies what git knows of `root`, as it stands there now. The caller removes it. */
export function copyTree(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), "draft-mutant-"));
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of listed.split("\0").filter((name) => /^(src|plugins|scripts|test|mod\.ts|package\.json|tsconfig\.json)/.test(name))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Changes the tree as the patches say. */
export function patchTree(tree: string, patches: readonly Patch[]): void {
  for (const patch of patches) {
    const path = join(tree, patch.file);
    writeFileSync(path, applyPatch(readFileSync(path, "utf8"), patch));
  }
}

/** Another copy of a copy. */
export function cloneTree(copy: string): string {
  const clone = mkdtempSync(join(tmpdir(), "draft-mutant-"));
  cpSync(copy, clone, { recursive: true, verbatimSymlinks: true });
  return clone;
}

export function removeTree(tree: string): void {
  rmSync(tree, { recursive: true });
}
