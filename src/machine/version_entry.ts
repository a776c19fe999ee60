/**
 * What a version entry says: from here on the machine is of a higher version. Every replica raises it at this place in
 * the log, or stops: one that went on without would answer the next command otherwise than the others.
 *
 * ```text
 * machine  [1, version]     CBOR
 * ```
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { PluginBase } from "./machine.ts";

const MACHINE = 1;

/** The payload of the entry that raises the machine to `version`. */
export function encodeMachineVersion(version: number): Uint8Array {
  return encode([MACHINE, version]);
}

/**
 * The version that a version entry raises the machine to.
 *
 * @param index of the entry, for the message
 * @throws DraftError BAD_CONFIG if it says something that this draft does not know: the replica must stop
 */
export function decodeMachineVersion(payload: Uint8Array, index: number): number {
  const tuple = tupleOf(payload);
  const [what, version] = tuple;
  if (what === MACHINE && tuple.length === 2 && Number.isSafeInteger(version) && (version as number) >= 1) return version as number;
  throw new DraftError("BAD_CONFIG", `version entry ${index} says what this release of draft does not know: start this node with the one that the others run`);
}

function tupleOf(payload: Uint8Array): readonly unknown[] {
  try {
    const tuple = decode(payload);
    return Array.isArray(tuple) ? tuple as unknown[] : [];
  } catch (error) {
    if (error instanceof DraftError) return [];
    throw error;
  }
}

/**
 * The error of a node whose plugin is older than the version in force.
 *
 * @param where what says so, for the message
 */
export function tooOldError({ name, version: own }: Pick<PluginBase, "name" | "version">, version: number, where: string): DraftError {
  return new DraftError("BAD_PLUGIN", `the machine '${name}' of this node has version ${own}, and ${where} wants version ${version}: ` +
    `start this node with version ${version} or later, as the others: draft serve --machine FILE`);
}

/** The error of a machine whose `upgrade` did not bring its state up. */
export function upgradeError({ name }: Pick<PluginBase, "name">, raise: { readonly from: number; readonly to: number; readonly index: number }, thrown: unknown): DraftError {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return new DraftError("BAD_PLUGIN", `upgrade of the machine '${name}' from version ${raise.from} to ${raise.to} broke at index ${raise.index}: ${said}: ` +
    "no entry behind it is applied; mend upgrade(), give every node the same file, and start again: draft serve --machine FILE", { cause: thrown });
}
