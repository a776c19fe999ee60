/**
 * The world of a command: what it reads, where it prints. Tests hand in their own.
 */
import process from "node:process";
import type { Readable } from "node:stream";

/** What a command may touch besides the network and the disk. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: Readable;
  readonly inputIsTerminal: boolean;
  readonly outputIsTerminal: boolean;
  readonly errorIsTerminal: boolean;
  /** One or more lines on standard output. */
  out(text: string): void;
  /** One or more lines on standard error. */
  err(text: string): void;
  /** Text on standard error as it is, for progress that overwrites itself. */
  errRaw(text: string): void;
}

/** The process's own streams. */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // Whoever read our output has gone: there is nobody left to tell.
      if (error.code !== "EPIPE") throw error;
    });
  }
  return {
    env: process.env,
    input: process.stdin,
    inputIsTerminal: process.stdin.isTTY === true,
    outputIsTerminal: process.stdout.isTTY === true,
    errorIsTerminal: process.stderr.isTTY === true,
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    errRaw: (text) => void process.stderr.write(text),
  };
}

/** Colours for what goes to a terminal, or none at all. */
export interface Style {
  dim(text: string): string;
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

/** Colours if `isTerminal` and NO_COLOR is not set. */
export function styleFor(isTerminal: boolean, env: Io["env"]): Style {
  const on = isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  const paint = (code: number) => (text: string) => on ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { dim: paint(2), bold: paint(1), red: paint(31), green: paint(32) };
}
