/**
 * Which entry of the committed log is whose command. The core sees no payloads, but their sums and lengths are sealed in
 * the entries: a command has the entry whose sum and length its own payload has.
 */
import { EntryKind, payloadSumOf } from "../../base/entry.ts";
import { encodeCommand } from "../../machine/command.ts";
import type { Applier } from "../../machine/applier.ts";
import type { Index } from "../../raft/types.ts";
import type { Committed } from "../properties/committed.ts";
import type { Sealed } from "../properties/sealed_entries.ts";
import type { ClientOperation } from "../property.ts";

/** The payload of a command. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** Sum and length, as one name. */
  readonly name: string;
}

/** The payload that `command` has in the log; null if the machine refuses it before. */
export function payloadOf(applier: Applier, { command }: ClientOperation): Payload | null {
  try {
    const bytes = encodeCommand(applier.prepare(command)).slice();
    return { bytes, name: nameOf(payloadSumOf(bytes), bytes.length) };
  } catch {
    return null;
  }
}

/** Sum and length of an entry's payload, as one name. */
export function payloadNameOf({ payloadSum, payloadBytes }: Sealed): string {
  return nameOf(payloadSum, payloadBytes);
}

function nameOf(sum: number, bytes: number): string {
  return `${sum}+${bytes}`;
}

const NOTHING = new Uint8Array(0);

/** Applies an entry whose payload, if it has one, is among `payloads` by name. @returns what the machine answers */
export function applyEntry(applier: Applier, entry: Sealed, payloads: ReadonlyMap<string, Payload>): unknown {
  const bytes = entry.kind === EntryKind.command ? payloads.get(payloadNameOf(entry))?.bytes : NOTHING;
  return applier.apply(entry, bytes ?? NOTHING, 0, null);
}

/** The indexes of the committed entries with each payload, ascending. */
export function indexesByPayload(committed: Committed): Map<string, Index[]> {
  const indexes = new Map<string, Index[]>();
  for (let index = 1; index <= committed.lastIndex; index++) {
    const entry = committed.at(index);
    if (entry === null) continue;
    const name = payloadNameOf(entry);
    const list = indexes.get(name);
    if (list === undefined) indexes.set(name, [index]);
    else list.push(index);
  }
  return indexes;
}
