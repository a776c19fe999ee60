/** An applier with a machine of the test's own, and shorthands. */
import * as assert from "uvu/assert";
import { EntryKind, payloadSumOf } from "../../src/base/entry.ts";
import type { EntryHead } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { Applier } from "../../src/machine/applier.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { AnyPlugin, Base, Command, Plugin, Reply } from "../../src/machine/machine.ts";

export const NOTHING: Uint8Array = new Uint8Array(0);

export function headOf(index: number, kind: number, timeMs: number): EntryHead {
  return { kind, group: 1, index, term: 2, timeMs, chain: 0, payloadBytes: 0, payloadSum: 0 };
}

export interface Rig {
  readonly applier: Applier;
  readonly logged: string[];
  run(...command: Command): Reply | DraftError;
  entry(kind: number, timeMs: number, payload?: Uint8Array): Reply | DraftError;
}

export function rigOf(machine: Partial<Base>, prepare?: (command: Command) => Command): Rig {
  const plugin: Plugin<null> = {
    name: "tried",
    version: 1,
    operations: { do: { kind: "write" }, see: { kind: "read" } },
    create: () => ({ apply: () => null, query: () => null, snapshot: () => null, restore: () => {}, ...machine }),
    ...(prepare === undefined ? {} : { prepare }),
  };
  return rigOfPlugin(plugin);
}

/** An applier of `plugin`. Its `run` takes commands as they stand in the log: prepared. */
export function rigOfPlugin(plugin: AnyPlugin): Rig {
  const logged: string[] = [];
  const applier = new Applier({ plugin, group: 1, directory: "", log: (message) => logged.push(message) });
  let index = 0;
  const entry = (kind: number, timeMs: number, payload = NOTHING) => applier.apply({ ...headOf(++index, kind, timeMs), payloadBytes: payload.length, payloadSum: payloadSumOf(payload) }, payload, 0, null);
  return { applier, logged, entry, run: (...command) => entry(EntryKind.command, 0, encodeCommand(command)) };
}

export function isError(answer: unknown, code: string, message: string | RegExp): DraftError {
  assert.instance(answer, DraftError);
  const error = answer as DraftError;
  assert.is(error.code, code);
  if (typeof message === "string") assert.is(error.message, message);
  else assert.match(error.message, message);
  return error;
}
