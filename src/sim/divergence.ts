/**
 * Finds where the machines of a run went apart, for the author of a plugin: the run once more, with every machine
 * watched, entry by entry. Rules see a difference only where they look; this tells the first entry and both sides.
 */
import { oneByOne, withMachines } from "../machine/bound_machine.ts";
import { foldValue } from "../machine/digest.ts";
import type { AnyPlugin, Command, Entry, Reply, View } from "../machine/machine.ts";
import { type RunOptions, runScript } from "./run_seed.ts";
import type { Script } from "./script.ts";
import { stateOf } from "./state_hash.ts";

/** Text of a command, an answer or a state, at most. */
const TEXT_MAX = 60;

/** Rules that a machine breaks which is not deterministic. */
const BROKEN_BY_MACHINES: ReadonlySet<string> = new Set(["equal-states", "index-oracle", "linearizability"]);

interface Applied {
  readonly who: string;
  readonly command: Command;
  readonly reply: string;
  readonly state: string;
}

interface Difference {
  readonly index: number;
  readonly one: Applied;
  readonly other: Applied;
}

/** What the machines of one run did. */
class Watch {
  readonly #applied: Map<number, Applied> = new Map();
  first: Difference | null = null;
  /** The first read that changed what it read. */
  spoiling: { readonly who: string; readonly command: Command; readonly index: number } | null = null;

  applied(index: number, applied: Applied): void {
    const known = this.#applied.get(index);
    if (known === undefined) this.#applied.set(index, applied);
    else if ((known.reply !== applied.reply || known.state !== applied.state) && index < (this.first?.index ?? Number.POSITIVE_INFINITY)) {
      this.first = { index, one: known, other: applied };
    }
  }

  read(who: string, command: Command, index: number): void {
    this.spoiling ??= { who, command, index };
  }
}

/** A sentence that says where the machines of the failed run went apart and what to change; null if it was not that. */
export async function explainDivergence(script: Script, options: RunOptions, property: string): Promise<string | null> {
  if (!BROKEN_BY_MACHINES.has(property)) return null;
  const watch = new Watch();
  await runScript(script, { ...options, plugin: watched(options.plugin, watch) });
  const { spoiling, first } = watch;
  if (spoiling !== null) {
    const { who, command, index } = spoiling;
    return `query() is not to change anything, and the state of ${who} behind index ${index} is another after ${textOf(command)}: ` +
      "a read runs on one node alone, a write on all: make it kind: \"write\", or leave the state as it is";
  }
  if (first === null) {
    return property === "equal-states"
      ? "the same run once more showed no difference, so the machine does not do the same twice: it may use a clock, chance, or what lies outside of create()"
      : null;
  }
  return `${differenceText(first)}: apply() may use its command, its entry and the state alone: ` +
    "entry.timeMs is the time, entry.random() the chance, and what restore() makes must be all that snapshot() saw, order included";
}

function differenceText({ index, one, other }: Difference): string {
  const what = `the machine is not deterministic: the first entry that differs is ${textOf(one.command)} at index ${index}`;
  const again = other.who === one.who ? `${other.who} after another start` : other.who;
  if (one.reply !== other.reply) return `${what}, answered ${one.reply} by ${one.who} and ${other.reply} by ${again}`;
  return `${what}, answered ${one.reply} by both, but it leaves ${one.state} on ${one.who} and ${other.state} on ${again}`;
}

function watched(plugin: AnyPlugin, watch: Watch): AnyPlugin {
  return withMachines(plugin, (machine, { directory }) => {
    const who = /^\/([^/]+)/.exec(directory)?.[1] ?? "the rules' own machine";
    const seen = (command: Command, entry: Entry, reply: Reply | undefined): void =>
      watch.applied(entry.index, { who, command: structuredClone(command), reply: textOf(reply), state: stateOf(machine) });
    return {
      ...oneByOne(machine),
      apply: (command, entry) => {
        let reply: Reply | undefined;
        try {
          reply = machine.apply(command, entry);
          return reply;
        } finally {
          seen(command, entry, reply);
        }
      },
      ...(machine.query === undefined ? {} : {
        query: (command: Command, view: View) => {
          const before = stateOf(machine);
          const reply = machine.query?.(command, view);
          if (stateOf(machine) !== before) watch.read(who, command, view.index);
          return reply;
        },
      }),
    };
  });
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) => typeof each === "bigint" ? `${each}n` : each) ?? "nothing";
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}… (${(foldValue(0, value) >>> 0).toString(16)})`;
}
