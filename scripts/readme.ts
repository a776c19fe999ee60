/**
 * Runs what a document shows, so that it stays true. A comment on the line before a fenced block, invisible to readers,
 * says what to do with the block:
 *
 *   <!-- run -->              a bash script; `<!-- run seconds=90 in=project -->` for another time limit or directory
 *   <!-- expect -->           lines that the last script printed, in this order; `…` stands for anything
 *   <!-- file counter.ts -->  the content of that file
 *
 * All blocks of a document share one empty directory, with the built executable on the PATH as `draft`. What a script
 * leaves running in the background ends with the document.
 *
 *   bun scripts/readme.ts [FILE.md]...
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { endWithThisProcess, environment, killGroup, running } from "./test_runner.ts";

/** A marked block. */
export interface Block {
  readonly kind: "run" | "expect" | "file";
  /** What stands behind the kind in the comment. */
  readonly options: string;
  readonly text: string;
  /** The 1-based line of the comment. */
  readonly line: number;
}

/** What became of a document. */
export interface Result {
  readonly passed: number;
  readonly failures: readonly string[];
}

const MARK = /^ {0,3}<!-- (run|expect|file)\b(.*?)-->\s*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const SECONDS_DEFAULT = 60;

/** The marked blocks of a document, in its order. */
export function blocksOf(text: string): Block[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    const [, kind, options = ""] = MARK.exec(line) ?? [];
    if (kind === undefined) return [];
    const fence = FENCE.exec(lines[at + 1] ?? "")?.[1];
    const end = fence === undefined ? -1 : lines.findIndex((each, index) => index > at + 1 && each.trim() === fence);
    if (end < 0) throw new SyntaxError(`line ${at + 1}: no fenced block follows ${line.trim()}`);
    const body = lines.slice(at + 2, end).map((each) => `${each}\n`).join("");
    return [{ kind: kind as Block["kind"], options: options.trim(), text: body, line: at + 1 }];
  });
}

/** The first line of `expected` that `output` lacks, after the lines before it; null if all are there, in order. */
export function firstMissing(expected: string, output: string): string | null {
  const printed = output.split("\n").map((line) => line.trim());
  let at = 0;
  for (const line of expected.split("\n").map((each) => each.trim())) {
    if (line === "" || line === "…") continue;
    const pattern = new RegExp(`^${line.split("…").map((part) => RegExp.escape(part)).join(".*")}$`);
    const found = printed.findIndex((each, index) => index >= at && pattern.test(each));
    if (found < 0) return line;
    at = found + 1;
  }
  return null;
}

/** Runs a document's blocks in an empty directory; `root` is the project's. */
export async function runDocument(text: string, root: string): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "draft-readme-"));
  const scripts: ChildProcess[] = [];
  const failures: string[] = [];
  const blocks = blocksOf(text);
  let output = "";
  try {
    for (const block of blocks) {
      if (block.kind === "file") writeFileSync(join(directory, block.options), block.text);
      else if (block.kind === "expect") {
        const missing = firstMissing(block.text, output);
        if (missing !== null) failures.push(`line ${block.line}: not printed: ${missing}\n${output}`);
      } else {
        const ended = await runScript(block, directory, root, scripts);
        output = ended.output;
        if (ended.reason !== null) failures.push(`line ${block.line}: ${ended.reason}\n${block.text}\n${output}`);
      }
    }
  } finally {
    for (const script of scripts) {
      killGroup(script);
      running.delete(script);
    }
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
  return { passed: blocks.filter(({ kind }) => kind !== "file").length - failures.length, failures };
}

/** Runs one script. Its output goes to a file, since a pipe would stay open as long as what it left running. */
async function runScript(
  block: Block,
  directory: string,
  root: string,
  scripts: ChildProcess[],
): Promise<{ reason: string | null; output: string }> {
  const seconds = Number(/\bseconds=(\d+)/.exec(block.options)?.[1] ?? SECONDS_DEFAULT);
  const cwd = /\bin=project\b/.test(block.options) ? root : directory;
  const log = join(directory, `.output-${block.line}`);
  const file = openSync(log, "w");
  const inherited = environment(root);
  const env = { ...inherited, PATH: [join(root, "dist"), inherited["PATH"] ?? ""].join(delimiter) };
  const script = spawn("bash", ["-euo", "pipefail", "-c", block.text], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", file, file],
  });
  closeSync(file);
  scripts.push(script);
  running.add(script);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(script);
  }, seconds * 1000);
  const code = await new Promise<number | null>((done) => script.once("exit", done));
  clearTimeout(timer);
  const reason = timedOut ? `still running after ${seconds} s` : code === 0 ? null : `exit ${code ?? "by a signal"}`;
  return { reason, output: readFileSync(log, "utf8") };
}

if (import.meta.main) {
  endWithThisProcess();
  const paths = process.argv.length > 2 ? process.argv.slice(2) : ["README.md"];
  let passed = 0;
  let failed = 0;
  for (const path of paths) {
    const result = await runDocument(readFileSync(path, "utf8"), resolve("."));
    for (const failure of result.failures) console.log(`FAILED ${path} ${failure}`);
    passed += result.passed;
    failed += result.failures.length;
  }
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}
