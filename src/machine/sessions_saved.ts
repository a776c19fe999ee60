/**
 * The table of sessions as a snapshot carries it: pieces of CBOR, each of some sessions, in the order of their use.
 *
 * ```text
 * piece    [format 1, session, …]
 * session  [id (16 bytes), principal, ordered, openedIndex, usedMs, answeredBelow, [command, …]]
 * command  [sequence, index, payloadSum, kind, content]
 *          kind 0: content is the answer; 1: its CBOR, a byte string; 2: CBOR of [code, message, outcome], a byte string;
 *          3: done, and the answer was not kept, content null
 * ```
 */
import { hexOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import { sessionBytes } from "./command.ts";
import { contentOf, keptFrom } from "./kept_answer.ts";
import { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";

const FORMAT = 1;

/** A piece ends with the session that takes it beyond so much. */
const PIECE_BYTES = 256 * 1024;

/** The table as it is now: later changes do not show. A piece has {@link PIECE_BYTES} and one session, at most. */
export function saveSessions(sessions: Sessions): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let rows: unknown[] = [];
  let bytes = 0;
  const end = (): void => {
    if (rows.length > 0) pieces.push(new Uint8Array(encode([FORMAT, ...rows])));
    rows = [];
    bytes = 0;
  };
  for (const session of sessions.all()) {
    rows.push(rowOf(session));
    bytes += session.bytes;
    if (bytes >= PIECE_BYTES) end();
  }
  end();
  return pieces;
}

function rowOf(session: Session): unknown[] {
  const { id, principal, ordered, openedIndex, usedMs, answeredBelow } = session;
  const commands = [...session.commands()].map(({ sequence, index, payloadSum, kept }) => [sequence, index, payloadSum, ...contentOf(kept)]);
  return [sessionBytes(id), principal, ordered, openedIndex, usedMs, answeredBelow, commands];
}

/**
 * The table that `pieces` hold.
 *
 * @throws DraftError DAMAGED if they are of another format
 */
export function loadSessions(pieces: Iterable<Uint8Array>): Sessions {
  const sessions = new Sessions();
  for (const piece of pieces) {
    const [format, ...rows] = decode(piece) as [unknown, ...unknown[]];
    if (format !== FORMAT) throw new DraftError("DAMAGED", `the sessions of a snapshot are of format ${String(format)}, ${FORMAT} is known: run the release that wrote it`);
    for (const row of rows) sessions.restore(sessionFrom(row));
  }
  return sessions;
}

type SavedSession = [Uint8Array, string, boolean, number, number, number, [number, number, number, number, unknown][]];

function sessionFrom(row: unknown): Session {
  const [id, principal, ordered, openedIndex, usedMs, answeredBelow, commands] = row as SavedSession;
  const session = new Session({ id: hexOf(id), principal, ordered, openedIndex, usedMs });
  session.forgetBelow(answeredBelow);
  for (const [sequence, index, payloadSum, kind, content] of commands) session.add({ sequence, index, payloadSum, kept: keptFrom(kind, content) });
  return session;
}
