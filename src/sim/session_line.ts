/**
 * How a simulated client writes under a session: to a node that it chose, and again to the next ones under the same
 * sequence until somebody tells how it ended. Now and then it sends a write to two nodes at once, as a network that
 * doubles would, or under a key of its own instead of a sequence. Its rules are those of the library's client, in other
 * words. Reads go their usual way.
 */
import { DraftError } from "../base/errors.ts";
import type { ConnectionPorts } from "../client/connection.ts";
import { encodeCommand, sessionBytes } from "../machine/command.ts";
import type { Place } from "../machine/flat_encode.ts";
import { WINDOW } from "../machine/session.ts";
import type { Answer } from "../node/node_api.ts";
import type { DirectLine } from "./direct_line.ts";
import type { Asked, Line, LineDone } from "./line.ts";

const AGAIN_MS = 20;
const OPEN_MS = 300;
const TRY_LEAST_MS = 60;

/** One write in so many goes to two nodes at once. */
const TWICE_EVERY = 5;

/** One write in so many has a key of its own. */
const KEYED_EVERY = 7;

/** What `apply` said, once and for all. */
const SETTLES: ReadonlySet<string> = new Set(["REJECTED", "CONFLICT", "MACHINE_FAULT", "ANSWER_NOT_KEPT"]);

/** The session that is used now. */
interface Numbered {
  readonly id: string;
  next: number;
  /** Sequences that nobody has told the end of. */
  readonly open: Set<number>;
}

/** One write under way. */
interface Write {
  readonly asked: Asked;
  readonly done: LineDone;
  readonly deadlineMs: number;
  session: Numbered | null;
  sequence: number;
  envelope: Uint8Array;
  tries: number;
  flying: number;
  doubt: DraftError | null;
  isOver: boolean;
}

export interface SessionLineOptions {
  readonly ports: ConnectionPorts;
  readonly direct: DirectLine;
  readonly members: readonly string[];
  /** Whether each command runs only behind the one before it: one that came too early is told LOST, not done, and sent again. */
  readonly ordered: boolean;
}

export class SessionLine implements Line {
  readonly #ports: ConnectionPorts;
  readonly #direct: DirectLine;
  readonly #members: readonly string[];
  readonly #ordered: boolean;
  #session: Numbered | null = null;
  #waiting: Write[] = [];
  #isOpening = false;
  #opens = 0;
  #writes = 0;
  #closed = false;

  constructor({ ports, direct, members, ordered }: SessionLineOptions) {
    this.#ports = ports;
    this.#direct = direct;
    this.#members = members;
    this.#ordered = ordered;
  }

  send(asked: Asked, done: LineDone): void {
    if (asked.read !== null) return this.#direct.send(asked, done);
    const deadlineMs = this.#ports.clock.monotonicMs() + asked.timeoutMs;
    this.#begin({
      asked, done, deadlineMs, session: null, sequence: 0, envelope: new Uint8Array(0), tries: 0, flying: 0, doubt: null, isOver: false,
    });
  }

  giveUp(asked: Asked): void {
    this.#direct.giveUp(asked);
  }

  close(): void {
    this.#closed = true;
    this.#direct.close();
  }

  #begin(write: Write): void {
    const session = this.#session;
    if (session === null || session.next >= Math.min(session.next, ...session.open) + WINDOW) {
      this.#waiting.push(write);
      return this.#open();
    }
    this.#writes += 1;
    const place = this.#writes % KEYED_EVERY === 0 ? this.#key(session) : this.#number(session, write);
    write.envelope = new Uint8Array(encodeCommand(write.asked.command, place));
    write.tries = 0;
    this.#try(write);
    if (this.#writes % TWICE_EVERY === 0) this.#try(write);
  }

  #number(session: Numbered, write: Write): Place {
    write.session = session;
    write.sequence = session.next++;
    session.open.add(write.sequence);
    return { session: sessionBytes(session.id), sequence: write.sequence, answeredBelow: Math.min(...session.open) };
  }

  /** Nobody else has the session's id, so nobody else has this key. */
  #key({ id }: Numbered): Place {
    return { session: sessionBytes(id.slice(0, 24) + this.#writes.toString(16).padStart(8, "0")), sequence: 0, answeredBelow: 0 };
  }

  #memberOf({ asked, tries }: Write): string {
    const first = this.#members.indexOf(asked.member);
    return this.#members[(first + tries) % this.#members.length] as string;
  }

  #try(write: Write): void {
    const { asked, envelope, deadlineMs } = write;
    const leftMs = deadlineMs - this.#ports.clock.monotonicMs();
    const member = this.#memberOf(write);
    write.tries += 1;
    write.flying += 1;
    asked.sent.push(envelope);
    const timeoutMs = Math.max(TRY_LEAST_MS, leftMs / 2);
    this.#direct.write(member, envelope, timeoutMs, (error, index, reply) => {
      write.flying -= 1;
      this.#answered(write, error ?? { index, reply });
    });
  }

  #answered(write: Write, answer: Answer | DraftError): void {
    if (write.isOver) return;
    if (write.asked.isOver || !(answer instanceof DraftError) || SETTLES.has(answer.code)) return this.#end(write, answer);
    if (answer.code === "SESSION_EXPIRED") return this.#expired(write, answer);
    if (answer.outcome === "unknown") write.doubt = answer;
    if (write.flying > 0) return;
    const { clock } = this.#ports;
    if (this.#closed || clock.monotonicMs() + AGAIN_MS >= write.deadlineMs) return this.#end(write, write.doubt ?? answer);
    clock.setTimer(AGAIN_MS, () => {
      if (write.asked.isOver || this.#closed) this.#end(write, write.doubt ?? answer);
      else this.#try(write);
    });
  }

  /** Only a write that was sent once is certainly not done by anybody. */
  #expired(write: Write, error: DraftError): void {
    const session = write.session as Numbered;
    if (this.#session === session) this.#session = null;
    if (write.tries > 1) return this.#end(write, error);
    session.open.delete(write.sequence);
    this.#begin(write);
  }

  #end(write: Write, answer: Answer | DraftError): void {
    write.isOver = true;
    write.session?.open.delete(write.sequence);
    write.done(answer);
  }

  /** Asks one node after the other for a session. */
  #open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    const member = this.#members[this.#opens++ % this.#members.length] as string;
    this.#direct.open(member, this.#ordered, OPEN_MS, (error, _, id) => {
      this.#isOpening = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      if (error === null) {
        this.#session = { id: String(id), next: 1, open: new Set() };
        for (const write of waiting) this.#begin(write);
        return;
      }
      this.#ports.clock.setTimer(AGAIN_MS, () => this.#notOpened(waiting, error));
    });
  }

  #notOpened(waiting: readonly Write[], { code, message }: DraftError): void {
    const nowMs = this.#ports.clock.monotonicMs();
    for (const write of waiting) {
      const isLate = this.#closed || write.asked.isOver || nowMs >= write.deadlineMs;
      if (isLate) this.#end(write, new DraftError(code, message, { outcome: "not-done" }));
      else this.#begin(write);
    }
  }
}
