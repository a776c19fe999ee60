/** The check of a machine as an assertion. */
import type { Finding } from "../machine/check/finding.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { CHECK_SIZE, checkHere, findingText } from "./machine_check.ts";

/** What may be said of a check. */
export interface CheckMachineOptions {
  /** Commands are drawn from it: the same seed finds the same; 1 if left out. */
  readonly seed?: number;
  /** How often an empty machine is begun with; 40. Run i has the seed `seed + i`. */
  readonly runs?: number;
  /** Commands of each run; 40. */
  readonly commands?: number;
  /** Operations of which it is known that no command that is drawn does anything. */
  readonly unchecked?: readonly string[];
}

/** What came of a check that found nothing. */
export interface CheckedMachine {
  /** Commands that the machine ran to their end. */
  readonly commands: number;
}

/** What was found: an assertion that failed. */
export class MachineFindings extends Error {
  override readonly name = "MachineFindings";
  /** As assertions of Node, Bun and Deno have it, so that runners show it as one. */
  readonly code = "ERR_ASSERTION";
  /** One for each kind of mistake; none, if operations could not be tried. */
  readonly findings: readonly Finding[];

  constructor(message: string, findings: readonly Finding[]) {
    super(message);
    this.findings = findings;
  }
}

/**
 * Runs commands by chance on several copies of a machine: they must answer, emit and become the same; one is restored
 * from snapshots now and then and must go on as the others; clocks, chance, timers and the network are refused; what was
 * refused, and what was read, must have changed nothing. Commands come from the plugin's `generate`, or from its table
 * of operations.
 *
 * @throws MachineFindings what is wrong, in sentences that say what to change, each with the fewest commands that show it;
 *   also if no command of an operation could be run, which then was not checked
 * @throws DraftError BAD_PLUGIN if the plugin makes no machine, or its `generate` no command
 */
export async function checkMachine(plugin: AnyPlugin, options: CheckMachineOptions = {}): Promise<CheckedMachine> {
  const { unchecked = [], ...asked } = options;
  const size = { ...CHECK_SIZE, ...asked };
  for (const [name, value] of Object.entries(size)) {
    if (!Number.isSafeInteger(value) || value < (name === "seed" ? 0 : 1)) throw new RangeError(`${name} is ${value}: must be a whole number${name === "seed" ? "" : " from 1 on"}`);
  }
  const { findings, commands, untried } = await checkHere(plugin, size);
  const missing = [...untried].filter(([operation]) => !unchecked.includes(operation));
  if (findings.length === 0 && missing.length === 0) return { commands };
  const said = findings.length > 0
    ? findings.map((finding) => `${findingText(finding)}\n  again: checkMachine(${plugin.name}, { seed: ${finding.seed}, runs: 1${again(options)} })`)
    : missing.map(([, sentence]) => sentence);
  throw new MachineFindings(`the machine '${plugin.name}': ${said.join("\n")}`, findings);
}

function again({ commands }: CheckMachineOptions): string {
  return commands === undefined ? "" : `, commands: ${commands}`;
}
