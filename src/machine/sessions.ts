/**
 * The exactly-once table of a replica (dissertation 6.3): the sessions that are open, and in each the commands of late
 * that were run, with their answers. It changes by entries alone, and by what stands in them: which sessions there are,
 * which were too long unused or had to make room, is the same on every replica. Nothing here knows of a clock.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import type { CommandEnvelope } from "./command.ts";
import { foldBits, foldCount } from "./digest.ts";
import { IdempotencyKeys } from "./idempotency_keys.ts";
import { answerFrom, type Found, type Kept, keptOf, NOT_KEPT } from "./kept_answer.ts";
import type { Reply } from "./machine.ts";
import { Session } from "./session.ts";
import type { SessionChange } from "./session_entry.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session_limits.ts";

/** How often something befell a session since the process began or took over a snapshot. No part of the state. */
export interface SessionTally {
  expired: number;
  /** Made room for another one: there were too many, or too many bytes. */
  evictedByCount: number;
  evictedByBytes: number;
  /** Sequences whose end nobody had said to know, given up because the window went on. */
  slid: number;
  /** Commands that came behind the window, and were refused whatever had become of them. */
  below: number;
  /** Commands of an ordered session that came before their turn. */
  early: number;
  /** Answers that were too long to be kept. */
  notKept: number;
}

/** Who wants to see a session before it changes for the first time since a turn. */
export interface SessionKeeper {
  readonly turn: number;
  keep(session: Session): void;
}

/** How a change of the table is folded into the running digest. */
const Change = { opened: 1, closed: 2, expired: 3, evicted: 4 } as const;

/** The sessions of one group. */
export class Sessions {
  readonly limits: SessionLimits;
  readonly tally: SessionTally = { expired: 0, evictedByCount: 0, evictedByBytes: 0, slid: 0, below: 0, early: 0, notKept: 0 };
  /** Writes that were done once without a session. */
  readonly keys: IdempotencyKeys;
  readonly #byId: Map<string, Session> = new Map();
  #oldest: Session | null = null;
  #newest: Session | null = null;
  #bytes = 0;
  /** Use: the session and sequence of the command that is being run. */
  #running: Session | null = null;
  #sequence = 0;
  #payloadSum = 0;
  #changes = 0;
  /** Use: rises with each keeper, so that it is known of a session whether the newest of them has seen it. */
  #turn = 0;
  #keepers: readonly SessionKeeper[] = [];

  constructor(limits: Partial<SessionLimits> = {}) {
    this.limits = { ...SESSION_LIMITS, ...limits };
    this.keys = new IdempotencyKeys(this.limits);
  }

  /** Sessions that are open. */
  get count(): number {
    return this.#byId.size;
  }

  /** What they are counted with: about the memory that they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a command was let through whose answer is still to be kept. */
  get isRunning(): boolean {
    return this.#running !== null || this.keys.isRunning;
  }

  /** The open session of this id, to look at; null if there is none. */
  find(id: string): Session | null {
    return this.#byId.get(id) ?? null;
  }

  /** The open sessions, the one that was unused for longest first. */
  *all(): Generator<Session> {
    for (let session = this.#oldest; session !== null; session = session.newer) yield session;
  }

  /** Log time has come to `timeMs`: drops what was unused for too long. */
  expire(timeMs: number): void {
    for (let oldest = this.#oldest; oldest !== null && oldest.usedMs + this.limits.idleMs <= timeMs; oldest = this.#oldest) {
      this.tally.expired += 1;
      this.#remove(oldest, Change.expired);
    }
    this.keys.expire(timeMs);
  }

  /**
   * Opens or closes a session, as the entry at `index` says.
   *
   * @returns the id of the session that was opened; whether there was one to close; BAD_REQUEST if it is open already
   */
  change(change: SessionChange, index: number, timeMs: number): string | boolean | DraftError {
    const known = this.#byId.get(change.session);
    if (change.type === "close") {
      if (known !== undefined) this.#remove(known, Change.closed);
      return known !== undefined;
    }
    if (known !== undefined) return new DraftError("BAD_REQUEST", `session ${change.session} is open already: let the node draw another`);
    const { session: id, principal, ordered } = change;
    this.restore(new Session({ id, principal, ordered, openedIndex: index, usedMs: timeMs }, this.limits));
    this.#note(Change.opened, index);
    this.#makeRoom();
    return id;
  }

  /**
   * Looks whether the command of an envelope with a session, or with a key (which has no sequence), is to be run. If it
   * is, `keep` must hear of its answer.
   *
   * @param payloadSum of the entry: a command that is sent again bears the same bytes
   * @returns null: run it; else what it is answered with
   */
  admit({ session: id, sequence, answeredBelow }: CommandEnvelope, payloadSum: number, timeMs: number): Found | null {
    if (sequence === 0) return this.keys.admit(id ?? "", payloadSum, timeMs);
    const session = this.#byId.get(id ?? "");
    if (session === undefined) return refused("SESSION_EXPIRED", `session ${id} is not open, or no longer: whether it ran this command before is not known any more`);
    this.#use(session, timeMs);
    const told = Math.max(session.answeredBelow, answeredBelow);
    const below = Math.max(told, sequence - this.limits.window + 1);
    this.tally.slid += below - told;
    if (below > session.answeredBelow) this.#forgetBelow(session, below);
    if (sequence < below) {
      this.tally.below += 1;
      return refused("SESSION_EXPIRED", `sequence ${sequence} of session ${id} lies below ${below}: whether it was run is not known any more`);
    }
    if (session.has(sequence)) return found(session, sequence, payloadSum);
    if (session.ordered && sequence !== session.last + 1) {
      const words = `sequence ${sequence} of the ordered session ${id} came before ${session.last + 1}: send it behind that`;
      this.tally.early += 1;
      return { answer: new DraftError("LOST", words, { outcome: "not-done" }), index: 0 };
    }
    this.#running = session;
    this.#sequence = sequence;
    this.#payloadSum = payloadSum;
    return null;
  }

  /** Keeps the answer of the command that was let through, and that the entry at `index` ran; returns what it keeps. */
  keep(index: number, answer: Reply | DraftError): Kept {
    const kept = keptOf(answer, Math.min(this.limits.answerBytesMax, (this.#running ?? this.keys).roomBytes));
    if (kept === NOT_KEPT) this.tally.notKept += 1;
    this.keepAgain(index, kept);
    return kept;
  }

  /** As {@link keep}, of a command that a machine on disk ran before this process: what was kept of its answer then. */
  keepAgain(index: number, kept: Kept): void {
    const session = this.#running;
    if (session === null) return this.keys.keep(index, kept);
    this.#running = null;
    const before = session.bytes;
    session.add({ sequence: this.#sequence, index, payloadSum: this.#payloadSum, kept });
    this.#bytes += session.bytes - before;
    this.#makeRoom();
  }

  /** Which sessions came and went since this was asked last, as one number; 0: none. */
  takeChanges(): number {
    const changes = this.#changes;
    this.#changes = 0;
    return changes;
  }

  /** A digest of the whole table: equal on replicas that applied the same entries. It looks at all there is. */
  hash(): number {
    let digest = 0;
    for (const session of this.all()) digest = session.fold(digest);
    return this.keys.fold(digest) >>> 0;
  }

  /** Begins another turn. */
  nextTurn(): number {
    this.#turn += 1;
    return this.#turn;
  }

  /** Shows `keeper`, whose turn has just begun, each session before it changes, until it is removed. */
  addKeeper(keeper: SessionKeeper): void {
    this.#keepers = [...this.#keepers, keeper];
  }

  removeKeeper(keeper: SessionKeeper): void {
    this.#keepers = this.#keepers.filter((each) => each !== keeper);
  }

  /** Shows the session to the keepers that have not seen it: it is about to change, or to be shown by one of them. */
  touch(session: Session): void {
    if (session.turn === this.#turn) return;
    for (const keeper of this.#keepers) if (session.turn < keeper.turn) keeper.keep(session);
    session.turn = this.#turn;
  }

  /** Takes in a session that a snapshot holds, as the one used last. */
  restore(session: Session): void {
    assert(!this.#byId.has(session.id), "a session is there once", session.id);
    session.turn = this.#turn;
    this.#byId.set(session.id, session);
    this.#bytes += session.bytes;
    this.#append(session);
  }

  /** Whatever changes of a session changes behind this. One that is removed stays as it was to those who hold it. */
  #use(session: Session, timeMs: number): void {
    this.touch(session);
    session.usedMs = timeMs;
    if (session === this.#newest) return;
    this.#unlink(session);
    this.#append(session);
  }

  #append(session: Session): void {
    session.older = this.#newest;
    session.newer = null;
    if (this.#newest === null) this.#oldest = session;
    else this.#newest.newer = session;
    this.#newest = session;
  }

  #unlink(session: Session): void {
    const { older, newer } = session;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
  }

  #forgetBelow(session: Session, sequence: number): void {
    const before = session.bytes;
    session.forgetBelow(sequence);
    this.#bytes += session.bytes - before;
  }

  /** The one in use is the newest and stays: alone it keeps within the limits. */
  #makeRoom(): void {
    const { sessionsMax, bytesMax } = this.limits;
    while ((this.#byId.size > sessionsMax || this.#bytes > bytesMax) && this.#oldest !== this.#newest) {
      if (this.#byId.size > sessionsMax) this.tally.evictedByCount += 1;
      else this.tally.evictedByBytes += 1;
      this.#remove(this.#oldest as Session, Change.evicted);
    }
  }

  #remove(session: Session, change: number): void {
    this.#byId.delete(session.id);
    this.#bytes -= session.bytes;
    this.#unlink(session);
    this.#note(change, session.openedIndex);
  }

  #note(change: number, openedIndex: number): void {
    this.#changes = foldCount(foldBits(this.#changes, change), openedIndex);
  }
}

function found(session: Session, sequence: number, payloadSum: number): Found {
  const run = session.at(sequence);
  if (run.payloadSum === payloadSum) return { answer: answerFrom(run.kept), index: run.index };
  return refused("BAD_REQUEST", `sequence ${sequence} of session ${session.id} was another command: a command that is sent again bears the same bytes`);
}

function refused(code: "SESSION_EXPIRED" | "BAD_REQUEST", words: string): Found {
  return { answer: new DraftError(code, words), index: 0 };
}
