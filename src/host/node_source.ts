/** The source of a module as a digest, so that two nodes can tell whether they run the same one. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isHostError } from "./files.ts";

/** Whatever names another file beside it. In a comment or a text it names one that hardly exists, and is passed over. */
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;

/** A module of more files is told by the first of them. */
const FILES_MAX = 1000;

/**
 * SHA-256, in hexadecimal, of the bytes of a file and of all files that it imports by relative paths, in the order in
 * which they are first named: the same on every runtime and wherever the files stand. Packages are not looked at.
 *
 * @param path an absolute path
 * @returns "" if there is no such file: a runtime may find a module under another name
 */
export function digestOfSource(path: string): string {
  const hash = createHash("sha256");
  const paths = [path];
  for (const each of paths) {
    const content = contentOf(each);
    if (content === null) {
      if (each === path) return "";
      continue;
    }
    hash.update(`${content.length} `).update(content);
    for (const [, specifier = ""] of content.toString("utf8").matchAll(RELATIVE_IMPORT)) {
      const imported = resolve(dirname(each), specifier);
      if (paths.length < FILES_MAX && !paths.includes(imported)) paths.push(imported);
    }
  }
  return hash.digest("hex");
}

function contentOf(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].some((code) => isHostError(error, code))) return null;
    throw error;
  }
}
