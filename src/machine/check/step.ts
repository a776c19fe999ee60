/** What a check does to a machine, one after the other. */
import { nextFloat, nextInRange, type RandomState } from "../../base/random.ts";
import { toJsonValue } from "../../base/json_value.ts";
import { drawCommand } from "../draw_command.ts";
import { earlierText, isEarlier } from "../earlier.ts";
import type { AnyPlugin, Command } from "../machine.ts";

/** One step. */
export type Step =
  /** A command, so many milliseconds of log time after the one before. */
  | { readonly command: Command; readonly afterMs: number }
  /** A copy is restored from a snapshot of the state so far; from now on it gets the same commands. */
  | { readonly restore: true }
  /** A snapshot begins, of which one piece is taken after each command that follows. */
  | { readonly snapshot: true };

/** Log time passes like this between commands, in milliseconds. */
const PASSING_MS: readonly number[] = [0, 0, 1, 1, 10, 1000, 60_000, 3_600_000];

/** What is drawn. */
export interface StepsWanted {
  readonly plugin: AnyPlugin;
  readonly random: RandomState;
  readonly commands: number;
  /** Operations that are left out: what they do wrong is known. */
  readonly without: ReadonlySet<string>;
  /** How likely a restore comes before a command, and the beginning of a snapshot. */
  readonly restores: number;
  readonly snapshots: number;
}

/** Commands by chance, with what happens between them. */
export function drawSteps({ plugin, random, commands, without, restores, snapshots }: StepsWanted): Step[] {
  const steps: Step[] = [];
  for (let i = 0; i < commands; i++) {
    if (nextFloat(random) < restores) steps.push({ restore: true });
    if (nextFloat(random) < snapshots) steps.push({ snapshot: true });
    const command = drawCommand(plugin, random);
    const afterMs = PASSING_MS[nextInRange(random, 0, PASSING_MS.length - 1)] ?? 0;
    if (!without.has(command[0])) steps.push({ command, afterMs });
  }
  return steps;
}

/** The step in one line, for people. */
export function stepText(step: Step): string {
  if ("restore" in step) return "(a copy is restored from a snapshot)";
  if ("snapshot" in step) return "(a snapshot begins; a piece of it is taken after each command)";
  const [operation, ...values] = step.command;
  const words = values.map((value) => {
    if (isEarlier(value)) return earlierText(value);
    const text = JSON.stringify(toJsonValue(value));
    return /^"[\w./:-]+"$/.test(text) && !/^"(-?\d+|true|false|null)"$/.test(text) ? text.slice(1, -1) : text;
  });
  return [operation, ...words].join(" ") + (step.afterMs > 0 ? `   (${step.afterMs} ms later)` : "");
}

/** The step as JSON can hold it; in an author's test it is a step again. */
export function stepJson(step: Step): object {
  return "command" in step ? { command: toJsonValue(step.command), afterMs: step.afterMs } : step;
}
