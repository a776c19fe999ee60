/**
 * The writes of one connection to one group, done once each and in their order, however many of them are under way and
 * whatever becomes of leaders: they go out under an ordered session. When one comes back undone, or with an unknown
 * outcome, no more go out until all have come back; then they are sent again as they were, from that one on. One that is
 * given up leaves a gap in its session, so the session is ended first, in the log: behind that nothing that was sent under
 * it can be done any more, and what was waiting goes on under another.
 */
import { DraftError, type ErrorCode } from "../../base/errors.ts";
import { encodeCommand } from "../../machine/command.ts";
import type { Command } from "../../machine/machine.ts";
import type { Answer, AnswerDone } from "../../node/node_api.ts";
import { askLeader } from "../at_leader.ts";
import type { OrderedSession, OrderedSessions } from "./ordered_session.ts";

const RETRY_FIRST_MS = 5;
const RETRY_LAST_MS = 160;

/** What one try gets at least. */
const TRY_MS_MIN = 500;

/** Definitely not done, and another node or a later moment may do it. */
const WORTH_RETRYING: ReadonlySet<ErrorCode> = new Set(["NO_LEADER", "NOT_LEADER", "STOPPING", "FENCED", "BUSY", "UNREACHABLE", "LOST", "TIMEOUT"]);

/** What `apply` returned. */
const SETTLES: ReadonlySet<ErrorCode> = new Set(["REJECTED", "CONFLICT", "MACHINE_FAULT", "ANSWER_NOT_KEPT"]);

interface Write {
  readonly command: Command;
  readonly deadlineMs: number;
  readonly done: AnswerDone;
  /** Its number under the session, and how it is sent, again and again; 0 and null before. */
  sequence: number;
  envelope: Uint8Array | null;
  /** Why the last try did not do it. */
  failure: DraftError | null;
  /** A try of which nobody knows the end. */
  doubt: DraftError | null;
}

/** Numbers, sends and sends again. */
export class OrderedWrites {
  readonly #sessions: OrderedSessions;
  readonly #group: string;
  readonly #onResolved: () => void;
  readonly #unsettled: Write[] = [];
  #session: OrderedSession | null = null;
  #underWay = 0;
  /** Use: nothing is sent before all that is under way has come back and was looked at. */
  #isHalted = false;
  #isRenewing = false;
  #delayMs = RETRY_FIRST_MS;
  #isClosed = false;

  /** @param onResolved called when, behind a write that was given up, it is certain what can be done of it any more */
  constructor(sessions: OrderedSessions, group: string, onResolved: () => void) {
    this.#sessions = sessions;
    this.#group = group;
    this.#onResolved = onResolved;
  }

  /** Whether nothing is under way, and nothing that was can be done any more. */
  get isQuiet(): boolean {
    return this.#unsettled.length === 0 && !this.#isHalted;
  }

  /** Runs a write behind all before it; `done` is told in the same turn or later, in their order. */
  run(command: Command, timeoutMs: number, done: AnswerDone): void {
    const deadlineMs = this.#sessions.way.clock.monotonicMs() + timeoutMs;
    const write: Write = { command, deadlineMs, done, sequence: 0, envelope: null, failure: null, doubt: null };
    this.#unsettled.push(write);
    if (this.#isHalted) return;
    this.#session ??= this.#sessions.take(this.#group);
    if (this.#session === null) this.#renew();
    else this.#send(write, this.#session);
  }

  /** Nobody waits for answers any more. */
  close(): void {
    if (this.#isClosed) return;
    const isQuiet = this.isQuiet;
    this.#isClosed = true;
    if (isQuiet && this.#session !== null) this.#sessions.give(this.#group, this.#session);
  }

  #send(write: Write, session: OrderedSession): void {
    const { api, clock } = this.#sessions.way;
    if (write.envelope === null && !this.#number(write, session)) return;
    const envelope = write.envelope as Uint8Array;
    const leftMs = write.deadlineMs - clock.monotonicMs();
    const timeoutMs = Math.max(1, Math.min(leftMs, Math.max(leftMs / 2, TRY_MS_MIN)));
    const group = this.#group;
    write.failure = null;
    this.#underWay += 1;
    askLeader(this.#sessions.way, {
      group,
      here: (done) => api.propose(group, envelope, timeoutMs, done),
      elsewhere: (connection, done) => connection.write(group, envelope, timeoutMs, done),
    }, (result) => this.#answered(write, result));
  }

  /** Gives the write the next number; false if it was settled, for it is larger than any. */
  #number(write: Write, session: OrderedSession): boolean {
    // Those that have a number stand ahead of those that have none.
    const answeredBelow = this.#unsettled[0]?.sequence || session.next;
    const envelope = encodeCommand(write.command, { session: session.bytes, sequence: session.next, answeredBelow });
    const { valueBytesMax } = this.#sessions.way.api.limits();
    if (envelope.length > valueBytesMax) {
      const words = `the command has ${envelope.length} bytes: at most ${valueBytesMax} are taken, see --value-bytes-max`;
      this.#settle(write, new DraftError("TOO_LARGE", words));
      return false;
    }
    write.sequence = session.next;
    session.next += 1;
    write.envelope = new Uint8Array(envelope);
    return true;
  }

  #answered(write: Write, result: Answer | DraftError): void {
    this.#underWay -= 1;
    if (!(result instanceof DraftError) || SETTLES.has(result.code)) this.#settle(write, result);
    else {
      write.failure = result;
      if (result.outcome === "unknown" && result.code !== "SESSION_EXPIRED") write.doubt = result;
      this.#isHalted = true;
    }
    if (this.#isHalted && this.#underWay === 0 && !this.#isRenewing && !this.#isClosed) this.#recover();
  }

  #settle(write: Write, result: Answer | DraftError): void {
    const at = this.#unsettled[0] === write ? 0 : this.#unsettled.indexOf(write);
    this.#unsettled.splice(at, 1);
    this.#delayMs = RETRY_FIRST_MS;
    if (!this.#isClosed) write.done(result);
  }

  /** The first is tried no more. If it certainly did not run, those behind it did not either, whatever became of them. */
  #giveUp(first: Write, failure: DraftError): void {
    const { doubt } = first;
    if (doubt === null) for (const write of this.#unsettled) write.doubt = null;
    this.#settle(first, doubt ?? failure);
  }

  /** Everything came back, and something of it was not done. */
  #recover(): void {
    const { clock } = this.#sessions.way;
    const first = this.#unsettled[0];
    const failure = first?.failure ?? null;
    if (first === undefined || failure === null) return this.#resume();
    if (failure.code === "SESSION_EXPIRED") return this.#renew();
    if (!WORTH_RETRYING.has(failure.code) || clock.monotonicMs() >= first.deadlineMs) {
      // A gap is left behind it, or a doubt: neither outlives the session.
      this.#giveUp(first, failure);
      return this.#renew();
    }
    const isElsewhere = failure.code === "NOT_LEADER" && failure.leader !== null && this.#delayMs === RETRY_FIRST_MS;
    const leftMs = Math.max(1, first.deadlineMs - clock.monotonicMs());
    const delayMs = isElsewhere ? 0 : Math.min(leftMs, Math.max(this.#delayMs, failure.retryAfterMs ?? 0));
    this.#delayMs = Math.min(2 * this.#delayMs, RETRY_LAST_MS);
    clock.setTimer(delayMs, () => this.#recoverLater());
  }

  #recoverLater(): void {
    const first = this.#unsettled[0];
    const isLate = first !== undefined && this.#sessions.way.clock.monotonicMs() >= first.deadlineMs;
    if (isLate) this.#recover();
    else this.#resume();
  }

  /** Sends all that is not settled, in order. */
  #resume(): void {
    // Nobody hears how the rest ends: what was not sent yet, or came back undone, is left so.
    if (this.#isClosed) return;
    this.#isHalted = false;
    const session = this.#session;
    if (session === null) return this.#renew();
    // An answer may come within the call, and halt it again.
    for (const write of [...this.#unsettled]) {
      if (this.#isHalted) break;
      this.#send(write, session);
    }
    if (this.isQuiet) this.#onResolved();
  }

  /** Another session: what was sent under this one is done by then, or never. */
  #renew(): void {
    this.#isHalted = true;
    this.#isRenewing = true;
    const old = this.#session;
    this.#session = null;
    this.#sessions.renew(this.#group, old, () => this.#isWanted(), (session) => {
      this.#isRenewing = false;
      this.#session = session;
      this.#forgetTries();
      this.#resume();
    });
  }

  /** Whether somebody waits for the session; what is late is told so. */
  #isWanted(): boolean {
    const nowMs = this.#sessions.way.clock.monotonicMs();
    for (let first = this.#unsettled[0]; first !== undefined && nowMs >= first.deadlineMs; first = this.#unsettled[0]) {
      const words = "no leader opened a session for this connection's writes within the timeout";
      this.#giveUp(first, first.failure ?? new DraftError("NO_LEADER", words));
    }
    return !this.#isClosed;
  }

  /**
   * The session is gone, and with it the numbers. A write ran only behind all before it: what stands behind one that
   * certainly did not run did not either.
   */
  #forgetTries(): void {
    let inDoubt = true;
    for (const write of [...this.#unsettled]) {
      inDoubt &&= write.doubt !== null;
      if (inDoubt) this.#settle(write, write.doubt as DraftError);
      write.sequence = 0;
      write.envelope = null;
      write.doubt = null;
      write.failure = null;
    }
  }
}
