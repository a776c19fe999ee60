/** What an entry does, by its kind. */
import { type EntryHead, EntryKind } from "../base/entry.ts";
import type { DraftError } from "../base/errors.ts";
import type { Index } from "../raft/types.ts";
import type { Beginning } from "./beginning.ts";
import { type CommandEnvelope, decodeEnvelope } from "./command.ts";
import type { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin, Reply } from "./machine.ts";
import { type MachineCalls, refusalOf } from "./machine_calls.ts";
import { raise } from "./raise.ts";
import { decodeSessionChange } from "./session_entry.ts";
import type { Sessions } from "./sessions.ts";

/** The replica that it is done to. */
export interface Performer {
  readonly plugin: AnyPlugin;
  readonly sessions: Sessions;
  readonly beginning: Beginning;
  /** Index of the entry that ran the command: an earlier one if it was sent again. */
  answeredIndex: Index;
}

/**
 * Does what the entry says.
 *
 * @param entry begun as that of `head`
 * @param bytes its content, `payloadBytes` bytes from `from` on
 * @param decoded the content, if the caller has it
 * @returns the answer, or the error to answer with; undefined for entries that nobody waits for
 * @throws DraftError BAD_PLUGIN if it raises the version and the plugin cannot follow
 */
export function perform(on: Performer, calls: MachineCalls, entry: LiveEntry, head: EntryHead, bytes: Uint8Array, from: number, decoded: CommandEnvelope | null): Reply | DraftError {
  const { kind, payloadBytes } = head;
  const end = from + payloadBytes;
  if (kind === EntryKind.time) return calls.wake();
  if (kind === EntryKind.version) return raise(on.plugin, calls.machine, entry, bytes.subarray(from, end));
  if (kind === EntryKind.restore) return on.beginning.add(bytes.subarray(from, end), head.index);
  try {
    if (kind === EntryKind.command) return run(on, calls, head, decoded ?? decodeEnvelope(bytes, from, end), entry.timeMs);
    if (kind !== EntryKind.session) return undefined;
    return on.sessions.change(decodeSessionChange(bytes.subarray(from, end)), head.index, entry.timeMs);
  } catch (error) {
    return refusalOf(error);
  }
}

function run(on: Performer, calls: MachineCalls, head: EntryHead, envelope: CommandEnvelope, timeMs: number): Reply | DraftError {
  const found = envelope.session === null ? null : on.sessions.admit(envelope, head.payloadSum, timeMs);
  if (found === null) return calls.run(envelope);
  if (found.index > 0) on.answeredIndex = found.index;
  return found.answer;
}
