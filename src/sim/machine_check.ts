/** Checks a machine in this process, as `draft sim --machine` and authors' tests do before anything else. */
import { watchCollections } from "../host/collection_watch.ts";
import { temporaryDirectory } from "../host/node_directory.ts";
import { installGuard } from "../host/node_guard.ts";
import { type CheckReport, type CheckSize, checkMachine } from "../machine/check/check_machine.ts";
import type { Finding } from "../machine/check/finding.ts";
import { createMachine } from "../machine/create_machine.ts";
import type { AnyPlugin } from "../machine/machine.ts";

/** How much is run if nothing is said: a second or less for machines of some kilobytes. */
export const CHECK_SIZE: CheckSize = { seed: 1, runs: 40, commands: 40 };

/**
 * Checks a machine under a guard, with directories that are removed in the end.
 *
 * @throws DraftError BAD_PLUGIN if the plugin makes no machine, or its `generate` no command
 */
export async function checkHere(plugin: AnyPlugin, size: CheckSize): Promise<CheckReport> {
  const guard = installGuard();
  const files = temporaryDirectory();
  try {
    return await checkMachine({ ...size, plugin, guard, watch: watchCollections, directory: files.make });
  } finally {
    files.remove();
    guard.remove();
  }
}

/** Whether its machines keep their state on the disk of their node: the simulator's disks are not there for them. */
export async function keepsOnDisk(plugin: AnyPlugin): Promise<boolean> {
  const files = temporaryDirectory();
  try {
    const machine = createMachine(plugin, files.make());
    await machine.close?.();
    return machine.lastApplied !== undefined;
  } finally {
    files.remove();
  }
}

/** What was found, for people: the sentence, and what to run to see it. */
export function findingText({ message, lines }: Finding): string {
  return [message, ...lines.map((line, at) => `  ${at + 1}. ${line}`)].join("\n");
}
