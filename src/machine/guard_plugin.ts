/** A plugin whose machines run under a guard. */
import type { Guard } from "../host/guard.ts";
import { type AnyMachine, withMachines } from "./bound_machine.ts";
import type { AnyPlugin, Command, Entry, View } from "./machine.ts";

/**
 * The plugin with whatever makes its state and its answers under `guard`, and `prepare`: of a write that is sent again
 * another node must make the same bytes, or it is not known again. Not so `create`, `snapshot`, `restore` and `close`:
 * each runs on one node at a moment of its own, and a machine that keeps its state on disk needs clocks, names and timers
 * there; what they make of them shows when copies are compared.
 */
export function guardPlugin(plugin: AnyPlugin, guard: Guard): AnyPlugin {
  const guarded = withMachines(plugin, (machine) => guardMachine(machine, guard));
  const { prepare } = guarded;
  if (prepare === undefined) return guarded;
  return { ...guarded, prepare: (command) => guard.run("prepare", command[0], () => prepare(command)) };
}

function guardMachine(machine: AnyMachine, guard: Guard): AnyMachine {
  const { apply, applyBatch, query, wakeAt, wake, upgrade, hash } = machine;
  return {
    ...machine,
    apply: (command, entry) => guard.run("apply", command[0], () => apply(command, entry)),
    // A method that is there has a meaning, so only those that the author gave are.
    ...(applyBatch === undefined ? {} : {
      applyBatch: (commands: readonly Command[], entries: readonly Entry[]) =>
        guard.run("applyBatch", null, () => applyBatch(commands, entries)),
    }),
    ...(query === undefined ? {} : { query: (command: Command, view: View) => guard.run("query", command[0], () => query(command, view)) }),
    ...(wakeAt === undefined ? {} : { wakeAt: () => guard.run("wakeAt", null, wakeAt) }),
    ...(wake === undefined ? {} : { wake: (entry: Entry) => guard.run("wake", null, () => wake(entry)) }),
    ...(upgrade === undefined ? {} : { upgrade: (from: number, entry: Entry) => guard.run("upgrade", null, () => upgrade(from, entry)) }),
    ...(hash === undefined ? {} : { hash: () => guard.run("hash", null, hash) }),
  };
}
