/**
 * The sessions of one client: under them its writes are numbered, so that one that is sent again is done once. One is
 * opened with the first write to a group, another when as many writes are under way as a session remembers.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { encodeCommand, sessionBytes } from "../machine/command.ts";
import type { Command } from "../machine/machine.ts";
import { WINDOW } from "../machine/session.ts";

/** Sessions of one group, at most: beyond as many full ones, BUSY. */
const SESSIONS_MAX = 64;

const BUSY_RETRY_MS = 50;

/** One session. */
export class WriteSession {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly #bytes: Uint8Array;
  /** By the remainder of the sequence: whether its answer is there, or nobody waits for it. */
  readonly #settled: Uint8Array = new Uint8Array(WINDOW);
  #next = 1;
  #answeredBelow = 1;

  constructor(id: string) {
    this.id = id;
    this.#bytes = sessionBytes(id);
  }

  /** Whether another write may be under way. */
  get hasRoom(): boolean {
    return this.#next < this.#answeredBelow + WINDOW;
  }

  /** Gives the next write its number. The envelope must be sent again as it is. */
  take(command: Command): { readonly sequence: number; readonly envelope: Uint8Array } {
    assert(this.hasRoom, "a session has room", this.#next, this.#answeredBelow);
    const sequence = this.#next;
    this.#next += 1;
    const envelope = encodeCommand(command, { session: this.#bytes, sequence, answeredBelow: this.#answeredBelow });
    return { sequence, envelope: new Uint8Array(envelope) };
  }

  /** Nobody asks for the answer of `sequence` again. */
  settle(sequence: number): void {
    this.#settled[sequence % WINDOW] = 1;
    while (this.#settled[this.#answeredBelow % WINDOW] === 1) {
      this.#settled[this.#answeredBelow % WINDOW] = 0;
      this.#answeredBelow += 1;
    }
  }
}

interface OfGroup {
  readonly open: Set<WriteSession>;
  opening: Promise<void> | null;
}

/** The sessions that a client has, by group. */
export class WriteSessions {
  readonly #groups: Map<string, OfGroup> = new Map();

  /** An open session with room; null if one has to be opened first. */
  ready(group: string): WriteSession | null {
    const known = this.#groups.get(group);
    if (known !== undefined) for (const session of known.open) if (session.hasRoom) return session;
    return null;
  }

  /**
   * Opens a session, unless one is being opened already: then waits for that.
   *
   * @param open asks the cluster for a session's id
   * @returns a promise that fails with what `open` says: not done, whatever became of the session
   * @throws DraftError BUSY
   */
  open(group: string, open: () => Promise<string>): Promise<void> {
    const known: OfGroup = this.#groups.get(group) ?? { open: new Set(), opening: null };
    this.#groups.set(group, known);
    if (known.open.size >= SESSIONS_MAX) {
      throw new DraftError("BUSY", `${SESSIONS_MAX * WINDOW} writes to group ${group} are under way already`, { retryAfterMs: BUSY_RETRY_MS });
    }
    known.opening ??= this.#openFor(known, open);
    return known.opening;
  }

  async #openFor(known: OfGroup, open: () => Promise<string>): Promise<void> {
    try {
      known.open.add(new WriteSession(await open()));
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      const { code, message, leader } = error;
      throw new DraftError(code, message, { outcome: "not-done", leader, cause: error });
    } finally {
      known.opening = null;
    }
  }

  /** The cluster does not know it any more. */
  forget(group: string, session: WriteSession): void {
    this.#groups.get(group)?.open.delete(session);
  }

  /** Takes out all that are open. */
  *takeAll(): Generator<readonly [group: string, session: WriteSession]> {
    for (const [group, { open }] of this.#groups) for (const session of open) yield [group, session];
    this.#groups.clear();
  }
}
