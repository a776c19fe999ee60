/** A kv behind an applier, as a replica runs it, and shorthands for its tests. */
import * as assert from "uvu/assert";
import { EntryKind } from "../../../src/base/entry.ts";
import { DraftError } from "../../../src/base/errors.ts";
import { encodeCommand } from "../../../src/machine/command.ts";
import type { Reply } from "../../../src/machine/machine.ts";
import { PluginRig } from "../../../test/machine/plugin_rig.ts";
import kv from "../kv.ts";

/** One kv, its log time, and what its watchers were told. */
export class Rig extends PluginRig {
  constructor() {
    super(kv);
  }

  /** Bare words are split at blanks. */
  override run(words: string, ...more: unknown[]): Reply | DraftError {
    return super.run(...[...words.split(" "), ...more] as [string, ...unknown[]]);
  }

  /** Applies a command that no node prepared. */
  force(...command: [string, ...unknown[]]): Reply | DraftError {
    return this.entry(EntryKind.command, encodeCommand(command));
  }

  /** Without a sum of the payload: the digest of a history is pinned so. */
  override entry(kind: number, payload: Uint8Array): Reply | DraftError {
    return super.entry(kind, payload, 0);
  }
}

/** Asserts that `answer` is this error. */
export function isError(answer: unknown, code: string, message: string): void {
  assert.instance(answer, DraftError);
  assert.equal([(answer as DraftError).code, (answer as DraftError).message], [code, message]);
}

/** Asserts that a command is refused before it is proposed. */
export function refuses(rig: Rig, words: string, message: string): void {
  const before = rig.index;
  assert.throws(() => rig.run(words), (error: DraftError) => error.code === "BAD_REQUEST" && error.message === message);
  assert.is(rig.index, before);
}
