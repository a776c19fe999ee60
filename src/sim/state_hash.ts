/**
 * The state of a machine as something to compare. A machine without a `hash` of its own is compared by what it answers
 * alone; here its snapshot is looked at, so that a difference is found although nobody asked for it.
 */
import { foldValue } from "../machine/digest.ts";
import type { AnyPlugin, Machine, StreamMachine } from "../machine/machine.ts";

/** A machine, whatever its snapshots are. */
// oxlint-disable-next-line typescript/no-explicit-any -- a plugin's state is its own business
export type AnyMachine = Machine<any> | StreamMachine<any>;

const METHODS = [
  "apply", "query", "wakeAt", "wake", "upgrade", "applyBatch", "lastApplied", "hash", "close", "snapshot", "restore",
] as const;

/** The methods of `machine` as an object's own, whether it was an object or of a class. */
export function boundMachine(machine: AnyMachine): AnyMachine {
  const methods = machine as unknown as Readonly<Record<string, ((...args: unknown[]) => unknown) | undefined>>;
  return Object.fromEntries(METHODS.flatMap((name) => {
    const method = methods[name];
    return method === undefined ? [] : [[name, method.bind(machine)]];
  })) as unknown as AnyMachine;
}

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
  const create = (options: { readonly directory: string }): AnyMachine => {
    const machine = plugin.create(options);
    if (typeof machine?.apply !== "function" || typeof machine.snapshot !== "function" || machine.hash !== undefined) return machine;
    const bound = boundMachine(machine);
    return { ...bound, hash: () => stateOf(bound) };
  };
  return { ...plugin, create } as AnyPlugin;
}
