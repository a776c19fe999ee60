/**
 * Which entry of the committed log is whose command. The core sees no payloads, but their sums and lengths are sealed in
 * the entries: a command has the entry whose sum and length its own payload has.
 */
import { EntryKind, payloadSumOf } from "../../base/entry.ts";
import type { Applier } from "../../machine/applier.ts";
import { decodeEnvelope, encodeCommand, encodeEnvelope } from "../../machine/command.ts";
import { encodeSessionChange } from "../../machine/session_entry.ts";
import type { Index } from "../../raft/types.ts";
import { encodeVerdict } from "../../raft/verdict_entry.ts";
import type { Committed } from "../properties/committed.ts";
import type { Sealed } from "../properties/sealed_entries.ts";
import type { ClientOperation } from "../property.ts";

/** The payload of an entry. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** Sum and length, as one name. */
  readonly name: string;
  /** Under which session a command was sent; null without one. */
  readonly session: string | null;
  readonly sequence: number;
  /** How often its command was sent so. */
  readonly sent: number;
}

/** The payloads that an operation may have in the log; none if it reads, was not sent, or the machine refuses it before. */
export function payloadsOf(applier: Applier, { command, read, sent }: ClientOperation): Payload[] {
  if (read !== null) return [];
  const payloads = new Map<string, Payload>();
  // Of histories made by hand nothing is known but the command.
  for (const envelope of sent ?? [encodeCommand(command)]) {
    const payload = payloadOf(applier, envelope);
    if (payload === null) continue;
    payloads.set(payload.name, { ...payload, sent: (payloads.get(payload.name)?.sent ?? 0) + 1 });
  }
  return [...payloads.values()];
}

function payloadOf(applier: Applier, envelope: Uint8Array): Payload | null {
  try {
    const decoded = decodeEnvelope(envelope);
    const bytes = encodeEnvelope({ ...decoded, command: applier.operations.prepare(decoded.command) });
    return { ...named(bytes), session: decoded.session, sequence: decoded.sequence };
  } catch {
    return null;
  }
}

function named(bytes: Uint8Array): Payload {
  const own = new Uint8Array(bytes);
  return { bytes: own, name: nameOf(payloadSumOf(own), own.length), session: null, sequence: 0, sent: 1 };
}

/** What an entry that opens or closes a session of one of these commands may hold. */
export function sessionPayloads(commands: Iterable<Payload>): Payload[] {
  const sessions = new Set<string>();
  for (const { session } of commands) if (session !== null) sessions.add(session);
  return [...sessions].flatMap((session) => [
    named(encodeSessionChange({ type: "open", session, principal: "", ordered: false })),
    named(encodeSessionChange({ type: "open", session, principal: "", ordered: true })),
    named(encodeSessionChange({ type: "close", session })),
  ]);
}

/** Sum and length of an entry's payload, as one name. */
export function payloadNameOf({ payloadSum, payloadBytes }: Sealed): string {
  return nameOf(payloadSum, payloadBytes);
}

function nameOf(sum: number, bytes: number): string {
  return `${sum}+${bytes}`;
}

const NOTHING = new Uint8Array(0);

/** Verdicts judge nodes: the machine of a rule may not have been told every byte that they have applied. */
const NO_VERDICT = encodeVerdict({ outcome: "none" });

/** Applies an entry whose payload was told, or else is among `payloads` by name. @returns what the machine answers */
export function applyEntry(applier: Applier, entry: Sealed, told: Uint8Array | null, payloads: ReadonlyMap<string, Payload>): unknown {
  if (entry.kind === EntryKind.verdict) return applier.apply({ ...entry, payloadBytes: NO_VERDICT.length }, NO_VERDICT, 0, null);
  const bytes = told ?? (hasPayload(entry) ? payloads.get(payloadNameOf(entry))?.bytes : null);
  return applier.apply(entry, bytes ?? NOTHING, 0, null);
}

/** Whether what the machine does with the entry depends on its payload. */
export function hasPayload({ kind }: Sealed): boolean {
  return kind === EntryKind.command || kind === EntryKind.session || kind === EntryKind.version;
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
