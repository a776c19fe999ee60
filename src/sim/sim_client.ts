/**
 * One client of a simulated cluster: it speaks the real protocol over the simulated network, from a machine of its own,
 * and notes what it asked, when, and what it was told.
 */
import { DraftError } from "../base/errors.ts";
import { EarlierAnswers } from "../machine/earlier.ts";
import type { Command } from "../machine/machine.ts";
import type { Answer, ReadOptions } from "../node/node_api.ts";
import { DirectLine } from "./direct_line.ts";
import { Gate } from "./gate.ts";
import { LibraryLine } from "./library_line.ts";
import { ANY_MEMBER, type Ask, type Asked, type Line } from "./line.ts";
import type { ClientOperation } from "./property.ts";
import { type PlannedOperation, REVISION } from "./script.ts";
import type { Scheduler } from "./scheduler.ts";
import { SessionLine } from "./session_line.ts";
import { SimClock } from "./sim_clock.ts";
import type { SimNet } from "./sim_net.ts";

/** A client that is told so waits a little before it asks the next thing. */
const REFUSALS: ReadonlySet<string> = new Set(["NO_LEADER", "UNREACHABLE", "STOPPING", "BUSY", "DISK_FULL"]);
const REFUSED_MS = 40;

/** What a client lives in. */
export interface ClientWorld {
  readonly scheduler: Scheduler;
  readonly net: SimNet;
  /** Ids of the machines, in their order. */
  readonly members: readonly string[];
  readonly addressOf: (member: string) => string;
  readonly nextOperation: () => number;
  readonly called: (operation: ClientOperation) => void;
  readonly answered: (operation: ClientOperation) => void;
  readonly gaveUp: () => void;
  readonly passed: (client: number, kind: number, size: number) => void;
  /** An event may have resolved a promise: the next one waits for what comes of it. */
  readonly promised: () => void;
  readonly failed: (error: unknown) => void;
}

/** Whether a client writes under sessions, and of which kind. */
export type SessionHabit = "none" | "unordered" | "ordered";

/** A request under way. */
interface Noted extends ClientOperation {
  answeredAtMs: number;
  answer: Answer | DraftError | null;
}

export class SimClient {
  readonly number: number;
  readonly gate: Gate;
  readonly #world: ClientWorld;
  readonly #line: Line;
  readonly #isLibrary: boolean;
  readonly #sessions: SessionHabit;
  /** By key: the revision that was seen last. */
  readonly #revisions: Map<string, number> = new Map();
  readonly #answers: EarlierAnswers = new EarlierAnswers();
  #lastIndex = 0;
  #rests = false;

  /** @param habits `knows`: the members whose addresses the client of the library is given; null: a client that chooses for itself */
  constructor(world: ClientWorld, number: number, { knows, sessions }: { knows: readonly string[] | null; sessions: SessionHabit }) {
    this.#world = world;
    this.number = number;
    this.#isLibrary = knows !== null;
    this.#sessions = sessions;
    const name = `client${number}`;
    this.gate = new Gate((kind, size) => {
      world.passed(number, kind, size);
      if (knows !== null) world.promised();
    });
    const clock = this.gate.clock(new SimClock(world.scheduler));
    const ports = { clock, net: this.gate.net(world.net.host(name)) };
    const { promised, failed, addressOf } = world;
    if (knows === null) {
      const direct = new DirectLine(ports, name, addressOf);
      this.#line = sessions === "none" ? direct : new SessionLine({ ports, direct, members: world.members, ordered: sessions === "ordered" });
    } else {
      this.#line = new LibraryLine({ ports, name, addresses: knows.map(addressOf), sessions: sessions !== "none", promised, failed });
    }
  }

  /** Asks one thing after the other. */
  follow(plan: readonly PlannedOperation[], at: number = 0): void {
    const next = plan[at];
    if (next === undefined || this.#rests) return;
    this.#world.scheduler.after(next.waitMs, () => {
      if (this.#rests) return;
      this.#perform(next, ({ answer }) => {
        if (!next.waits) return;
        const isRefused = answer instanceof DraftError && REFUSALS.has(answer.code);
        if (isRefused) this.#world.scheduler.after(REFUSED_MS, () => this.follow(plan, at + 1));
        else this.follow(plan, at + 1);
      });
      if (!next.waits) this.follow(plan, at + 1);
    });
  }

  /** Makes one request; `done` hears when it is over, answered or given up. */
  ask(ask: Ask, done: (operation: ClientOperation) => void): void {
    const { scheduler } = this.#world;
    const { command, read, patienceMs } = ask;
    const member = this.#isLibrary ? ANY_MEMBER : ask.member;
    const sent: Uint8Array[] = [];
    const operation: Noted = {
      id: this.#world.nextOperation(), client: this.number, member, command, read, sent, calledAtMs: scheduler.nowMs,
      answeredAtMs: Number.POSITIVE_INFINITY, answer: null, ordered: this.#sessions === "ordered",
    };
    this.#world.called(operation);
    const asked: Asked = { ...ask, isOver: false, sent };
    const end = (answer: Answer | DraftError | null): void => {
      if (asked.isOver) return;
      asked.isOver = true;
      if (answer !== null) {
        operation.answer = answer;
        operation.answeredAtMs = scheduler.nowMs;
        this.#learn(operation, answer);
        this.#world.answered(operation);
      }
      done(operation);
    };
    if (patienceMs > 0) scheduler.after(patienceMs, () => {
      if (asked.isOver) return;
      this.#world.gaveUp();
      end(null);
      this.#line.giveUp(asked);
    });
    this.#line.send(asked, end);
  }

  /** Begins nothing more by itself. */
  rest(): void {
    this.#rests = true;
  }

  /** Asks no more, and lets go of its connections. */
  close(): void {
    this.#rests = true;
    this.#line.close();
  }

  #perform(planned: PlannedOperation, done: (operation: ClientOperation) => void): void {
    const { command, level, readsOwn, timeoutMs, patienceMs } = planned;
    const key = String(command[1]);
    const revision = this.#revisions.get(key) ?? 0;
    const named = this.#answers.fill(command.map((each) => each === REVISION ? revision : each) as unknown as Command);
    const read: ReadOptions | null = level === null ? null : { level, minIndex: readsOwn ? this.#lastIndex : 0, timeoutMs };
    const member = this.#world.members[planned.member - 1] ?? "";
    this.ask({ member, command: named, read, timeoutMs, patienceMs }, done);
  }

  #learn({ command, read }: ClientOperation, answer: Answer | DraftError): void {
    if (answer instanceof DraftError) return;
    this.#answers.note(command, answer.reply);
    this.#lastIndex = Math.max(this.#lastIndex, answer.index);
    const [name, key] = command;
    if (name === "getrev") {
      const revision = Array.isArray(answer.reply) ? Number((answer.reply as readonly unknown[])[1]) : 0;
      this.#revisions.set(String(key), revision);
    } else if (read === null && (name === "set" || name === "cas") && answer.reply !== null) {
      this.#revisions.set(String(key), answer.index);
    }
  }
}
