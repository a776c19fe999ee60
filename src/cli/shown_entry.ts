/**
 * An entry of a log as people and programs are shown it: what draft's own kinds say, in words, and the command as it was
 * typed. Nothing here throws: what cannot be read is said to be so, and the entries behind it are shown.
 */
import { endOf, ENTRY_HEADER_BYTES, type EntryHead, EntryKind, isBare, readHeader } from "../base/entry.ts";
import { hexOf, viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { type JsonValue, toJsonValue, utf8OrNull } from "../base/json_value.ts";
import { decodeRestorePiece } from "../machine/backup_pieces.ts";
import { decodeEnvelope } from "../machine/command.ts";
import type { Command } from "../machine/machine.ts";
import { decodeSessionChange } from "../machine/session_entry.ts";
import { decodeMachineVersion } from "../machine/version_entry.ts";
import { decodeConfiguration } from "../raft/configuration.ts";
import type { Configuration, Member } from "../raft/types.ts";
import { decodeVerdict, type Verdict } from "../raft/verdict_entry.ts";
import { quoted } from "../base/quoting.ts";

const KIND_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(EntryKind).map(([name, kind]) => [kind, name]));

/** An entry, read. */
export interface ShownEntry {
  readonly head: EntryHead;
  /** Name of the kind. */
  readonly kind: string;
  /** The session that it came under, or is about; null without one. */
  readonly session: string | null;
  /** The command, null for other kinds. */
  readonly command: Command | null;
  /** What it says, for people. */
  readonly words: string;
  /** What it says besides, for programs. */
  readonly facts: Readonly<Record<string, JsonValue>>;
}

type Said = Partial<Pick<ShownEntry, "session" | "command" | "facts">> & Pick<ShownEntry, "words">;

/** Of an entry whose payload a witness does not keep. */
const BARE: Said = { words: "a witness keeps its position alone", facts: { bare: true } };

/**
 * The entries in `run`.
 *
 * @param run sealed entries, verified
 * @param isRaw their payloads are shown in hexadecimal
 */
export function* entriesIn(run: Uint8Array, isRaw: boolean): Generator<ShownEntry> {
  const view = viewOf(run);
  for (let at = 0; at < run.length;) {
    const head = readHeader(run, view, at);
    if (head === null) throw new DraftError("DAMAGED", "an entry that was just verified cannot be read: draft log show again");
    const from = at + ENTRY_HEADER_BYTES;
    const payload = run.subarray(from, from + head.payloadBytes);
    const { words, session = null, command = null, facts = {} } = isBare(view, at) ? BARE : isRaw ? rawOf(payload) : saidBy(head, payload);
    yield { head, kind: KIND_NAMES.get(head.kind) ?? `kind ${head.kind}`, session, command, words, facts };
    at = endOf(view, at);
  }
}

/** Whether it is a command with this argument. */
export function hasKey({ command }: ShownEntry, key: string): boolean {
  return command !== null && command.slice(1).some((each) => each === key || (each instanceof Uint8Array && utf8OrNull(each) === key));
}

/** One object for a line of JSON. */
export function entryJson({ head: { index, term, timeMs, payloadBytes }, kind, session, command, facts }: ShownEntry): JsonValue {
  return { index, term, kind, timeMs, bytes: payloadBytes, session, command: command === null ? null : toJsonValue(command), ...facts };
}

/** One line for people. */
export function entryText({ head: { index, term, payloadBytes }, kind, session, words }: ShownEntry): string {
  return [String(index).padStart(8), `t${term}`.padEnd(5), kind.padEnd(13), `${payloadBytes} B`.padStart(9), session ?? "-", words].join("  ").trimEnd();
}

/** The members of a configuration, for programs. */
export function membershipJson({ index, joint, members }: Configuration): JsonValue {
  return {
    index,
    joint,
    members: members.map(({ id, address, role, number, incarnation }) => ({ id, address, role, number, incarnation: String(incarnation) })),
  };
}

function rawOf(payload: Uint8Array): Said {
  const raw = hexOf(payload);
  return { words: raw, facts: { raw } };
}

function saidBy(head: EntryHead, payload: Uint8Array): Said {
  try {
    return decoded(head, payload);
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    return { words: `cannot be read: ${error.message}` };
  }
}

function decoded({ kind, index, timeMs, term }: EntryHead, payload: Uint8Array): Said {
  switch (kind) {
    case EntryKind.command: {
      const { session, sequence, command } = decodeEnvelope(payload);
      return { words: commandText(command), session, command, facts: session === null || sequence === 0 ? {} : { sequence } };
    }
    case EntryKind.config: {
      const configuration = decodeConfiguration(payload, index);
      return { words: membersText(configuration), facts: { configuration: membershipJson(configuration) } };
    }
    case EntryKind.noop: return { words: `the first entry of term ${term}` };
    case EntryKind.time: return { words: `log time is ${new Date(timeMs).toISOString()}` };
    case EntryKind.session: {
      const change = decodeSessionChange(payload);
      const { type, session } = change;
      if (type === "close") return { words: "closes the session", session, facts: { change: type } };
      const { principal, ordered } = change;
      const of = principal === "" ? "" : ` of ${quoted(principal)}`;
      return { words: `opens ${ordered ? "an ordered" : "a"} session${of}`, session, facts: { change: type, principal, ordered } };
    }
    case EntryKind.version: {
      const machineVersion = decodeMachineVersion(payload, index);
      return { words: `raises the machine to version ${machineVersion}`, facts: { machineVersion } };
    }
    case EntryKind.verdict: {
      const verdict = decodeVerdict(payload);
      return { words: verdictText(verdict), facts: { verdict: { ...verdict } } };
    }
    case EntryKind.restore: {
      const piece = decodeRestorePiece(payload);
      if (piece === null) return { words: "a piece of a backup that this release of draft cannot read" };
      const { sequence, total, last, bytes } = piece;
      const words = last ? `a backup of ${total} bytes is complete: the state becomes what it holds` : `piece ${sequence} of a backup of ${total} bytes: ${bytes.length} bytes`;
      return { words, facts: { backup: { id: hexOf(piece.id), sequence, total, last } } };
    }
    default: return { words: "of a kind that this release of draft does not know" };
  }
}

function commandText(command: Command): string {
  return command.map((each, at) => at === 0 ? String(each) : wordText(each)).join(" ");
}

function wordText(value: unknown): string {
  return typeof value === "string" || value instanceof Uint8Array ? quoted(value) : JSON.stringify(toJsonValue(value));
}

function membersText({ joint, members }: Configuration): string {
  return `${joint ? "joint: " : ""}${members.map((member) => memberText(member, joint)).join(", ")}`;
}

/** A member by what it is and what it is to be: in a joint step by what it is in both halves. */
function memberText({ id, address, role, outgoingRole, targetRole }: Member, joint: boolean): string {
  const steps = [...joint ? [outgoingRole] : [], role, targetRole].map((each) => each ?? "none");
  const changes = steps.filter((each, at) => each !== steps[at - 1]);
  return `${id} ${changes.join(" → ")} at ${address}`;
}

function verdictText(verdict: Verdict): string {
  switch (verdict.outcome) {
    case "majority": return `at index ${verdict.index} a majority has digest ${verdict.digest.toString(16).padStart(8, "0")}: who differs stops`;
    case "split": return `at index ${verdict.index} no majority holds one state: an alarm`;
    case "none": return "nothing is known yet: a new check point";
  }
}
