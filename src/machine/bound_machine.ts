/** Machines with something around them: watched, compared, guarded. A plugin and its machines may be objects of a class. */
import type { AnyPlugin, CreateOptions, Machine, StreamMachine } from "./machine.ts";

/** A machine, whatever its snapshots are. */
// oxlint-disable-next-line typescript/no-explicit-any -- a plugin's state is its own business
export type AnyMachine = Machine<any> | StreamMachine<any>;

const METHODS = [
  "apply", "query", "wakeAt", "wake", "upgrade", "applyBatch", "lastApplied", "commit", "memos", "hash", "close", "snapshot",
  "restore",
] as const;

/** The methods of `machine` as an object's own, whether it was an object or of a class. */
export function boundMachine(machine: AnyMachine): AnyMachine {
  const methods = machine as unknown as Readonly<Record<string, ((...args: unknown[]) => unknown) | undefined>>;
  return Object.fromEntries(METHODS.flatMap((name) => {
    const method = methods[name];
    return method === undefined ? [] : [[name, method.bind(machine)]];
  })) as unknown as AnyMachine;
}

/** The machine without its way to run several commands at once: for whoever looks at each of them. */
export function oneByOne(machine: AnyMachine): AnyMachine {
  const { applyBatch: _, ...rest } = machine;
  return rest;
}

/**
 * The plugin with machines that `around` makes of its own. What `create` returns is no machine, if it lacks `apply`: that
 * is handed on, for whoever asked for it to say so.
 *
 * @param around gets a bound machine, to return it with other methods
 */
export function withMachines(plugin: AnyPlugin, around: (machine: AnyMachine, options: CreateOptions) => AnyMachine): AnyPlugin {
  const { name, version, operations, prepare, generate } = plugin;
  return {
    ...plugin, name, version, operations,
    create: (options: CreateOptions) => {
      const machine = plugin.create(options);
      return typeof machine?.apply === "function" ? around(boundMachine(machine), options) : machine;
    },
    ...(prepare === undefined ? {} : { prepare: prepare.bind(plugin) }),
    ...(generate === undefined ? {} : { generate: generate.bind(plugin) }),
  } as AnyPlugin;
}
