/**
 * What was typed at the prompt, kept between sessions in a file that only its owner can read.
 */
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Io } from "./io.ts";

const LINES_MAX = 1000;

/** Lines of earlier sessions, and where this one's go. */
export interface History {
  /** Newest first. */
  readonly lines: string[];
  add(line: string): void;
}

/** Opens the history called `name` in `$XDG_STATE_HOME/draft`. Where it cannot be kept, it is not: the prompt works without. */
export function openHistory(env: Io["env"], name: string = "history"): History {
  const state = env["XDG_STATE_HOME"] ?? "";
  const directory = join(state === "" ? join(homedir(), ".local", "state") : state, "draft");
  const path = join(directory, name);
  const lines = loadLines(directory, path);
  let last = lines[0] ?? "";
  return {
    lines,
    add: (line) => {
      // As in shells: a line that begins with a blank is private.
      if (line === last || line.startsWith(" ") || line.trim() === "") return;
      last = line;
      quietly(() => appendFileSync(path, `${line}\n`, { mode: 0o600 }));
    },
  };
}

function loadLines(directory: string, path: string): string[] {
  quietly(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  let lines: string[] = [];
  quietly(() => {
    lines = readFileSync(path, "utf8").split("\n").filter((line) => line !== "");
    chmodSync(path, 0o600);
    if (lines.length > 2 * LINES_MAX) writeFileSync(path, `${lines.slice(-LINES_MAX).join("\n")}\n`, { mode: 0o600 });
  });
  return lines.slice(-LINES_MAX).reverse();
}

/** Errors of the file system leave the history as it is: a read-only home is no reason to refuse a prompt. */
function quietly(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}
