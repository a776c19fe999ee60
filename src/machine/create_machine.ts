/** Makes the machine of a plugin, or says what is wrong with the plugin. */
import { DraftError } from "../base/errors.ts";
import { whyNoMachine } from "./check_plugin.ts";
import type { AnyPlugin, Base } from "./machine.ts";

/** @throws DraftError BAD_PLUGIN */
export function createMachine(plugin: AnyPlugin, directory: string): Base {
  const wrong = (what: string, cause?: unknown): DraftError =>
    new DraftError("BAD_PLUGIN", `plugin '${plugin.name}': ${what}`, cause === undefined ? {} : { cause });
  let machine: Base;
  try {
    machine = plugin.create({ directory });
  } catch (thrown) {
    throw wrong(`create() threw: ${thrown instanceof Error ? thrown.message : String(thrown)}`, thrown);
  }
  const why = whyNoMachine(machine, plugin);
  if (why !== null) throw wrong(why);
  return machine;
}
