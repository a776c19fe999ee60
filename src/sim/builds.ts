/**
 * Runs in which the machine changes: which version of the plugin stands on which simulated machine, and what each
 * version is. An older one is the newest with what came later taken away; of a machine that has no versions of its own,
 * later ones are made up, whose upgrade shows in the state.
 */
import { withMachines } from "../machine/bound_machine.ts";
import type { AnyPlugin, Command, Entry } from "../machine/machine.ts";
import { isKnown } from "./known_machine.ts";
import type { VersionSettings } from "./script.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

/** The operation that the made-up version 2 of `kv` brings: `incr` by another name. */
export const TALLY = "tally";

/** Where the made-up versions of `kv` count what they were upgraded from; no client knows that key. */
const UPGRADES = "upgrades";

/** The plugin of the newest version of a run. */
export function newestBuild(plugin: AnyPlugin, newest: number): AnyPlugin {
  if (!isKnown(plugin)) return plugin;
  const { operations: { incr = { kind: "write" } }, prepare } = plugin;
  const changed = withMachines(plugin, (machine) => ({
    ...machine,
    apply: (command: Command, entry: Entry) => machine.apply(asIncr(command), entry),
    // Once too often, or from another version, leaves another sum.
    upgrade: (from: number, entry: Entry) => void machine.apply(["incrby", UPGRADES, String(from)], entry),
  }));
  return {
    ...changed, version: newest,
    operations: { ...plugin.operations, [TALLY]: { ...incr, since: 2 } },
    ...(prepare === undefined ? {} : { prepare: (command: Command) => [command[0], ...prepare(asIncr(command)).slice(1)] }),
  } as AnyPlugin;
}

function asIncr(command: Command): Command {
  return command[0] === TALLY ? ["incr", ...command.slice(1)] : command;
}

/** The plugin as it was at `version`. */
export function buildOf(plugin: AnyPlugin, version: number): AnyPlugin {
  if (version >= plugin.version) return plugin;
  const operations = Object.entries(plugin.operations).filter(([, { since = 1 }]) => since <= version);
  return { ...withMachines(plugin, (machine) => machine), version, operations: Object.fromEntries(operations) } as AnyPlugin;
}

/** Puts versions on the machines of one run. */
export class Builds {
  readonly #plugin: AnyPlugin;
  /** Versions of the process that runs on a machine, or ran last, and the highest of all of them. */
  readonly #ran: Map<SimMachine, { last: number; highest: number }> = new Map();

  readonly #finishes: boolean;

  constructor({ machines, options: { plugin } }: SimCluster, { first, finishes }: VersionSettings) {
    this.#plugin = plugin;
    this.#finishes = finishes;
    for (const machine of machines.values()) {
      this.#put(machine, first[machine.place - 1] ?? plugin.version);
      this.started(machine);
    }
  }

  /** A process begins with what stands on the machine. */
  started(machine: SimMachine): void {
    const version = machine.build?.plugin.version ?? 1;
    this.#ran.set(machine, { last: version, highest: Math.max(version, this.#ran.get(machine)?.highest ?? 1) });
  }

  /** Puts a version there, for the next process; false if the last one ran it, or the machine is no member yet. */
  install(machine: SimMachine, version: number): boolean {
    if (machine.number === 0) return false;
    this.#put(machine, version);
    return this.#ran.get(machine)?.last !== machine.build?.plugin.version;
  }

  /** Whether the last process was older than one before it: only such a one may meet what it cannot run. */
  wasPutBack(machine: SimMachine): boolean {
    const { last = 1, highest = 1 } = this.#ran.get(machine) ?? {};
    return last < highest;
  }

  /** Does what the message of a node says that was too old. */
  mend(machine: SimMachine): void {
    this.#put(machine, this.#plugin.version);
  }

  /** Ends the change, if somebody does: whoever is up with less is killed, to be started again. */
  finish(machine: SimMachine): void {
    if (this.#finishes && this.install(machine, this.#plugin.version) && machine.isUp) machine.kill();
  }

  #put(machine: SimMachine, version: number): void {
    machine.build = { plugin: buildOf(this.#plugin, version), sourceDigest: `version ${version}` };
  }
}
