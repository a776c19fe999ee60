/** Commands by chance, for checks and the simulator: the table of operations says enough of all but `txn`. */
import { commandFrom } from "../../src/machine/draw_command.ts";
import type { Command, OperationRow } from "../../src/machine/machine.ts";

const KEYS = ["v0", "v1", "v2"] as const;

/** Items of a list of a transaction, at most. */
const ITEMS_MAX = 2;

type Chance = () => number;

/** A command of one of the operations, `txn` among them. */
export function generate(rows: Readonly<Record<string, OperationRow>>, random: Chance): Command {
  const name = oneOf(Object.keys(rows), random);
  if (name !== "txn") return commandFrom(rows, name, random);
  const inner = Object.keys(rows).filter((each) => each !== "txn" && each !== "scan");
  const branch = (): Command[] => listOf(() => commandFrom(rows, oneOf(inner, random), random), random);
  return [name, listOf(() => comparison(random), random), branch(), branch()];
}

function comparison(random: Chance): unknown[] {
  const key = oneOf(KEYS, random);
  const order = oneOf(["=", "!=", "<", ">"], random);
  return oneOf([["exists", key], ["revision", key, order, Math.floor(random() * 30)], ["value", key, order, oneOf(KEYS, random)]], random);
}

function listOf<T>(draw: () => T, random: Chance): T[] {
  return Array.from({ length: Math.floor(random() * (ITEMS_MAX + 1)) }, draw);
}

function oneOf<T>(choices: readonly T[], random: Chance): T {
  return choices[Math.floor(random() * choices.length)] as T;
}
