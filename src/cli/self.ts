/**
 * How to start this same program once more, whichever way it was started: as a compiled binary, or as a script of Bun,
 * Deno or Node.
 */
import process from "node:process";

/** A program and the arguments that stand before ours. */
export interface SelfCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** Where Bun keeps the files of a compiled binary. */
const BUN_EMBEDDED = /^(\/\$bunfs\/|[A-Za-z]:[\\/]~BUN[\\/])/;

/** The command that runs this program. */
export function selfCommand(): SelfCommand {
  const script = process.argv[1] ?? "";
  const program = process.execPath;
  if (process.versions["bun"] !== undefined) return { program, args: BUN_EMBEDDED.test(script) ? [] : [script] };
  if (process.versions["deno"] !== undefined) return { program, args: isCompiledByDeno() ? [] : ["run", "-A", script] };
  return { program, args: [...process.execArgv, script] };
}

function isCompiledByDeno(): boolean {
  const { Deno } = globalThis as { Deno?: { build?: { standalone?: boolean } } };
  return Deno?.build?.standalone === true;
}
