/** What to ask a machine of which nothing is known but its table of operations. */
import { DraftError } from "../base/errors.ts";
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";
import type { AnyPlugin, Command } from "../machine/machine.ts";
import { pick } from "./streams.ts";

/** Whether clients know this machine well enough to ask it on purpose. */
export function isKnown(plugin: AnyPlugin): boolean {
  return plugin.name === "kv";
}

/** A command by the plugin's own `generate`, or of an operation and arguments by chance. */
export function drawCommand(plugin: AnyPlugin, random: RandomState): Command {
  if (plugin.generate !== undefined) return generated(plugin, plugin.generate(() => nextFloat(random)));
  const names = Object.keys(plugin.operations);
  return commandOf(plugin, pick(random, names), random);
}

function generated(plugin: AnyPlugin, command: unknown): Command {
  const isCommand = Array.isArray(command) && typeof command[0] === "string" && Object.hasOwn(plugin.operations, command[0]);
  if (isCommand) return command as unknown as Command;
  const names = Object.keys(plugin.operations).join(", ");
  throw new DraftError("BAD_PLUGIN", `plugin '${plugin.name}': generate() gave ${JSON.stringify(command)}, wanted [operation, ...arguments] ` +
    `with one of ${names}; mend it, then type: draft sim --machine FILE`);
}

/** Whether the command only reads. */
export function isRead(plugin: AnyPlugin, [name]: Command): boolean {
  return plugin.operations[name]?.kind === "read";
}

/** A command of the first operation of that kind; null if there is none. */
export function firstCommand(plugin: AnyPlugin, kind: "read" | "write", random: RandomState): Command | null {
  const name = Object.keys(plugin.operations).find((each) => plugin.operations[each]?.kind === kind);
  return name === undefined ? null : commandOf(plugin, name, random);
}

/** Arguments as the table shows them: `KEY VALUE [NX|XX]` are two, sometimes three. */
function commandOf(plugin: AnyPlugin, name: string, random: RandomState): Command {
  const words = (plugin.operations[name]?.args ?? "").split(/\s+/).filter((word) => word !== "");
  const wanted = words.filter((word) => !word.startsWith("[") || nextFloat(random) < 0.5);
  const value = (): string | number => nextFloat(random) < 0.5 ? nextInRange(random, 0, 9) : `v${nextInRange(random, 0, 9)}`;
  return [name, ...wanted.map((word) => /^\[?[a-z]*n\]?$|count|number/i.test(word) ? nextInRange(random, 0, 9) : value())];
}
