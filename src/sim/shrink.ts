/**
 * Makes a failing script small: leaves out faults and requests as long as the same rule is broken (ddmin, Zeller and
 * Hildebrandt 2002), within a number of runs.
 */
import { type RunOptions, runScript } from "./run_seed.ts";
import type { Fault, PlannedOperation, Script } from "./script.ts";

/** When to give up. */
export interface ShrinkLimits {
  readonly runsMax: number;
  /** Asked before each run: false ends it. */
  readonly goOn: () => boolean;
}

/** What came of it. */
export interface Shrunk {
  readonly script: Script;
  readonly runs: number;
}

type Part = { readonly fault: Fault } | { readonly operation: PlannedOperation };

/**
 * The smallest script that was found in which `property` is broken as well.
 *
 * @param script in which it is broken
 */
export async function shrink(script: Script, property: string, options: RunOptions, limits: ShrinkLimits): Promise<Shrunk> {
  let runs = 0;
  const fails = async (candidate: Script): Promise<boolean> => {
    runs += 1;
    return (await runScript(candidate, options)).violation?.property === property;
  };
  const mayRun = (): boolean => runs < limits.runsMax && limits.goOn();
  let parts: Part[] = [...script.operations.map((operation) => ({ operation })), ...script.faults.map((fault) => ({ fault }))];
  for (let pieces = 2; parts.length > 0 && mayRun();) {
    const size = Math.ceil(parts.length / pieces);
    const smaller = await withoutOnePiece(parts, size, async (rest) => mayRun() && fails(scriptOf(script, rest)));
    if (smaller !== null) {
      parts = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(parts.length, pieces * 2);
  }
  return { script: scriptOf(script, parts), runs };
}

/** `parts` without the first piece that is not needed; null if all are. */
async function withoutOnePiece(parts: readonly Part[], size: number, fails: (rest: Part[]) => Promise<boolean>): Promise<Part[] | null> {
  for (let at = 0; at < parts.length; at += size) {
    const rest = [...parts.slice(0, at), ...parts.slice(at + size)];
    if (await fails(rest)) return rest;
  }
  return null;
}

function scriptOf(script: Script, parts: readonly Part[]): Script {
  return {
    ...script,
    faults: parts.flatMap((part) => "fault" in part ? [part.fault] : []),
    operations: parts.flatMap((part) => "operation" in part ? [part.operation] : []),
  };
}
