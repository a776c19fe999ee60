/** The machine that `draft sim` runs: loaded, and, if it is somebody's own, checked alone before the simulator has it. */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { loadPlugin } from "../node/plugin_loader.ts";
import { CHECK_SIZE, checkHere, findingText } from "../sim/machine_check.ts";
import { Report } from "../sim/report.ts";
import { type Io, styleFor } from "./io.ts";

/** @throws DraftError BAD_PLUGIN if it cannot be loaded, or leaves nothing to simulate */
export async function machineFor(nameOrPath: string): Promise<AnyPlugin> {
  return advised(nameOrPath, async () => {
    const plugin = await loadPlugin(nameOrPath);
    const names = Object.keys(plugin.operations);
    if (names.some((name) => plugin.operations[name]?.kind === "write")) return plugin;
    const found = names.length === 0 ? "has no operations" : `has reads alone, ${names.join(", ")}`;
    throw new DraftError("BAD_PLUGIN", `plugin '${plugin.name}' ${found}: nothing would go through the log; give one operation kind: "write"`);
  });
}

/** What a check is told with. */
export interface MachineCheck {
  readonly nameOrPath: string;
  readonly seed: number;
  /** The command that checks from that seed on. */
  readonly command: (seed: number) => string;
  readonly json: boolean;
  /** Standard output is for something else. */
  readonly quiet: boolean;
}

/**
 * Checks the machine on copies, without a cluster, and tells what is wrong with it.
 *
 * @returns whether nothing was found
 * @throws DraftError BAD_PLUGIN if it makes no machine, or its `generate` no command
 */
export async function passesAlone(plugin: AnyPlugin, { nameOrPath, seed, command, json, quiet }: MachineCheck, io: Io): Promise<boolean> {
  const { findings, commands, untried } = await advised(nameOrPath, () => checkHere(plugin, { ...CHECK_SIZE, seed }));
  for (const sentence of untried.values()) io.err(sentence);
  if (findings.length === 0) {
    if (!json) (quiet ? io.err : io.out)(`the machine alone: ${commands} commands on copies of '${plugin.name}', nothing found`);
    return true;
  }
  const style = styleFor(io.errorIsTerminal, io.env);
  for (const finding of findings) {
    io.err(`${style.red(finding.kind)}: ${findingText(finding)}`);
    io.err(`again: ${command(finding.seed)}`);
  }
  io.err(`${findings.length} found in the machine alone, and nothing was simulated: mend that first`);
  if (json) {
    const violations = findings.map((finding) => ({ seed: finding.seed, property: finding.kind, message: finding.message, event: 0, atMs: 0 }));
    io.out(JSON.stringify({ ...new Report().line(0), violations }));
  }
  return false;
}

/** What `work` returns; a plugin that cannot be used is told with what to type next. */
async function advised<T>(nameOrPath: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    const { message } = error;
    const command = `draft sim --machine ${shellWord(nameOrPath)}`;
    throw new DraftError(error.code, message.endsWith("--machine FILE") ? message.replace("draft sim --machine FILE", command) : `${message}; then type: ${command}`, { cause: error });
  }
}
