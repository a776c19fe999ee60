/**
 * An entry that a machine on disk holds already: all that it did besides, to the table of sessions, is done again. What
 * the machine answered is not asked for again, it stands in a memo.
 */
import { EntryKind, type EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { decodeEnvelope } from "./command.ts";
import type { LiveEntry } from "./live_entry.ts";
import type { AnyPlugin } from "./machine.ts";
import type { Recalled } from "./memo.ts";
import { raise } from "./raise.ts";
import { decodeSessionChange } from "./session_entry.ts";
import type { Sessions } from "./sessions.ts";

/** A machine that has done its upgrade already. */
const UPGRADED = {};

/** What an entry changes besides the machine. */
export interface RecallTarget {
  readonly plugin: AnyPlugin;
  readonly sessions: Sessions;
  /** Begun as the entry of `head`. */
  readonly entry: LiveEntry;
}

/**
 * @param payload of the entry
 * @throws DraftError DAMAGED if the memo does not know what a command answered that was run; BAD_PLUGIN if the plugin is
 *   older than the version that the entry raises it to
 */
export function recallEntry({ plugin, sessions, entry }: RecallTarget, head: EntryHead, payload: Uint8Array, { digest, kept }: Recalled): void {
  if (head.kind === EntryKind.version) raise(plugin, UPGRADED, entry, payload);
  changeSessions(sessions, head, payload, kept, entry.timeMs);
  sessions.takeChanges();
  entry.recalled(digest);
}

function changeSessions(sessions: Sessions, head: EntryHead, payload: Uint8Array, kept: Recalled["kept"], timeMs: number): void {
  try {
    if (head.kind === EntryKind.session) sessions.change(decodeSessionChange(payload), head.index, timeMs);
    else if (head.kind === EntryKind.command) admit(sessions, head, payload, timeMs);
  } catch (error) {
    // What cannot be read was refused then, too.
    if (!(error instanceof DraftError) || error.code !== "BAD_REQUEST") throw error;
  }
  if (sessions.isRunning && kept === undefined) {
    throw new DraftError("DAMAGED", `the memo of index ${head.index} lacks the answer of a command that was run under a session`);
  }
  if (sessions.isRunning && kept !== undefined) sessions.keepAgain(head.index, kept);
}

function admit(sessions: Sessions, head: EntryHead, payload: Uint8Array, timeMs: number): void {
  const envelope = decodeEnvelope(payload, 0, payload.length);
  if (envelope.session !== null) sessions.admit(envelope, head.payloadSum, timeMs);
}
