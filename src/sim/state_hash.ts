/**
 * The state of a machine as something to compare. A machine without a `hash` of its own is compared by what it answers
 * alone; here its snapshot is looked at, so that a difference is found although nobody asked for it.
 */
import { type AnyMachine, withMachines } from "../machine/bound_machine.ts";
import { foldValue } from "../machine/digest.ts";
import type { AnyPlugin } from "../machine/machine.ts";

/** The state in a few digits: the machine's own hash, else one of its snapshot; of a stream nothing is known. */
export function stateOf(machine: AnyMachine): string {
  const own = machine.hash?.();
  if (own !== undefined) return `the hash ${typeof own === "object" ? String(own) : own.toString(16)}`;
  const snapshot: unknown = machine.snapshot();
  const isStream = typeof snapshot === "object" && snapshot !== null && "next" in snapshot;
  return isStream ? "a stream" : `the snapshot ${(foldValue(0, snapshot) >>> 0).toString(16).padStart(8, "0")}`;
}

/** The plugin with machines that have a hash. */
export function withStateHash(plugin: AnyPlugin): AnyPlugin {
  return withMachines(plugin, (machine) => {
    if (typeof machine.snapshot !== "function" || machine.hash !== undefined) return machine;
    return { ...machine, hash: () => stateOf(machine) };
  });
}
