/**
 * The table of sessions as a snapshot carries it: pieces of CBOR, each of some sessions, in the order of their use.
 *
 * ```text
 * piece    [format 1, session, …]; behind these [format 2, key, …]
 * session  [id (16 bytes), principal, ordered, openedIndex, usedMs, answeredBelow, [command, …]]
 * command  [sequence, index, payloadSum, kind, content]
 * key      [id (16 bytes), index, payloadSum, usedMs, kind, content]
 *          kind 0: content is the answer; 1: its CBOR, a byte string; 2: CBOR of [code, message, outcome], a byte string;
 *          3: done, and the answer was not kept, content null
 * ```
 */
import { assert } from "../base/assert.ts";
import { concatBytes, hexOf } from "../base/bytes.ts";
import { CBOR_HEAD_BYTES_MAX, CborMajor, writeCborHead } from "../base/cbor_head.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import { sessionBytes } from "./command.ts";
import type { UsedKey } from "./idempotency_keys.ts";
import { contentOf, keptBytes, keptFrom } from "./kept_answer.ts";
import { Session } from "./session.ts";
import type { SessionLimits } from "./session_limits.ts";
import { type SessionKeeper, Sessions } from "./sessions.ts";

const FORMAT = 1;
const KEYS_FORMAT = 2;

/** What a key takes besides its answer, about. */
const KEY_BYTES = 48;

/** A piece ends with the session that takes it beyond so much. */
const PIECE_BYTES = 256 * 1024;

/**
 * A table of sessions as it was when this was made, piece by piece, while commands go on to change it: what is about to
 * change is encoded before. So it begins at the cost of a list of the sessions, and costs each command that of encoding
 * one session at most. A piece has {@link PIECE_BYTES} and one session, at most.
 */
export class SessionsSource implements SessionKeeper {
  readonly turn: number;
  readonly #sessions: Sessions;
  /** Use: those that there were, in the order of their use; null where one was shown. */
  readonly #order: (Session | null)[];
  /** Use: what is shown of sessions that were not shown yet, and may have changed since. */
  readonly #kept: Map<Session, Uint8Array> = new Map();
  /** Use: a key that is kept never changes. */
  readonly #keys: readonly UsedKey[];
  #shown = 0;
  #shownKeys = 0;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#order = [...sessions.all()];
    this.#keys = [...sessions.keys.all()];
    this.turn = sessions.nextTurn();
    sessions.addKeeper(this);
  }

  keep(session: Session): void {
    this.#kept.set(session, new Uint8Array(encode(rowOf(session))));
  }

  /** The next piece, the caller's to keep, or null behind the last. */
  next(): Uint8Array | null {
    const rows: Uint8Array[] = [];
    let bytes = 0;
    for (; this.#shown < this.#order.length && bytes < PIECE_BYTES; this.#shown++) {
      const session = this.#order[this.#shown] as Session;
      this.#order[this.#shown] = null;
      this.#sessions.touch(session);
      const row = this.#kept.get(session);
      assert(row !== undefined, "a session is kept before it is shown", session.id, this.turn);
      this.#kept.delete(session);
      rows.push(row);
      bytes += session.bytes;
    }
    if (rows.length > 0) return concatBytes([headOf(rows.length), ...rows]);
    this.close();
    return this.#nextKeys();
  }

  #nextKeys(): Uint8Array | null {
    const from = this.#shownKeys;
    for (let bytes = 0; this.#shownKeys < this.#keys.length && bytes < PIECE_BYTES; this.#shownKeys++) {
      bytes += KEY_BYTES + keptBytes((this.#keys[this.#shownKeys] as UsedKey).kept);
    }
    if (this.#shownKeys === from) return null;
    return new Uint8Array(encode([KEYS_FORMAT, ...this.#keys.slice(from, this.#shownKeys).map(keyRowOf)]));
  }

  /** Nothing more of it is wanted. */
  close(): void {
    this.#sessions.removeKeeper(this);
    this.#kept.clear();
    this.#order.length = 0;
  }
}

/** What a piece of so many sessions begins with: the head of its list, and the format. */
function headOf(sessions: number): Uint8Array {
  const head = new Uint8Array(CBOR_HEAD_BYTES_MAX + 1);
  const at = writeCborHead(head, 0, CborMajor.array, sessions + 1);
  return head.subarray(0, writeCborHead(head, at, CborMajor.unsigned, FORMAT));
}

function rowOf(session: Session): unknown[] {
  const { id, principal, ordered, openedIndex, usedMs, answeredBelow } = session;
  const commands = [...session.commands()].map(({ sequence, index, payloadSum, kept }) => [sequence, index, payloadSum, ...contentOf(kept)]);
  return [sessionBytes(id), principal, ordered, openedIndex, usedMs, answeredBelow, commands];
}

function keyRowOf({ id, index, payloadSum, usedMs, kept }: UsedKey): unknown[] {
  return [sessionBytes(id), index, payloadSum, usedMs, ...contentOf(kept)];
}

/** Makes a table of the pieces that {@link SessionsSource} gave. */
export class SessionsTarget {
  /** What was added so far. */
  readonly sessions: Sessions;

  constructor(limits: Partial<SessionLimits> = {}) {
    this.sessions = new Sessions(limits);
  }

  /** @throws DraftError DAMAGED if the piece is of another format */
  add(piece: Uint8Array): void {
    const [format, ...rows] = decode(piece) as [unknown, ...unknown[]];
    if (format === KEYS_FORMAT) return this.#addKeys(rows as SavedKey[]);
    if (format !== FORMAT) throw new DraftError("DAMAGED", `the sessions of a snapshot are of format ${String(format)}, ${FORMAT} and ${KEYS_FORMAT} are known: run the release that wrote it`);
    for (const row of rows) this.sessions.restore(sessionFrom(row, this.sessions.limits));
  }

  #addKeys(rows: readonly SavedKey[]): void {
    for (const [id, index, payloadSum, usedMs, kind, content] of rows) {
      this.sessions.keys.restore({ id: hexOf(id), index, payloadSum, usedMs, kept: keptFrom(kind, content) });
    }
  }
}

type SavedKey = [Uint8Array, number, number, number, number, unknown];
type SavedSession = [Uint8Array, string, boolean, number, number, number, [number, number, number, number, unknown][]];

function sessionFrom(row: unknown, limits: SessionLimits): Session {
  const [id, principal, ordered, openedIndex, usedMs, answeredBelow, commands] = row as SavedSession;
  const session = new Session({ id: hexOf(id), principal, ordered, openedIndex, usedMs }, limits);
  session.forgetBelow(answeredBelow);
  for (const [sequence, index, payloadSum, kind, content] of commands) session.add({ sequence, index, payloadSum, kept: keptFrom(kind, content) });
  return session;
}
