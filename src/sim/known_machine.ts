/** Which machines the simulator's clients and rules know by heart. */
import type { AnyPlugin } from "../machine/machine.ts";

/** Whether clients know this machine well enough to ask it on purpose. */
export function isKnown(plugin: AnyPlugin): boolean {
  return plugin.name === "kv";
}
