/** Makes the machine of a plugin, or says what is wrong with the plugin. */
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
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

/** Closes a machine, for a caller that knows no promises. */
export function endMachine(machine: Base, done: Done<void>): void {
  const failed = (thrown: unknown): void => done(thrown instanceof Error ? thrown : new Error(String(thrown)));
  try {
    const closing = machine.close?.();
    if (closing === undefined) done(null, undefined);
    else closing.then(() => done(null, undefined), failed);
  } catch (thrown) {
    failed(thrown);
  }
}
