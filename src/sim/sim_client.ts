/**
 * One client of a simulated cluster: it speaks the real protocol over the simulated network, from a machine of its own,
 * and notes what it asked, when, and what it was told. Callbacks alone.
 */
import { DraftError } from "../base/errors.ts";
import type { Connection, ConnectionPorts, RequestDone } from "../client/connection.ts";
import { openConnection } from "../client/open_connection.ts";
import { encodeCommand } from "../machine/command.ts";
import type { Command } from "../machine/machine.ts";
import type { Answer, ReadOptions } from "../node/node_api.ts";
import { Gate } from "./gate.ts";
import type { ClientOperation } from "./property.ts";
import { type PlannedOperation, REVISION } from "./script.ts";
import type { Scheduler } from "./scheduler.ts";
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
}

/** A request under way. */
interface Noted extends ClientOperation {
  answeredAtMs: number;
  answer: Answer | DraftError | null;
}

interface Way {
  connection: Connection | null;
  readonly waiting: ((result: Connection | DraftError) => void)[];
}

/** What a request is. */
export interface Ask {
  readonly member: string;
  readonly command: Command;
  readonly read: ReadOptions | null;
  readonly timeoutMs: number;
  /** Gives up after so long; 0: never. */
  readonly patienceMs: number;
}

export class SimClient {
  readonly number: number;
  readonly gate: Gate;
  readonly #world: ClientWorld;
  readonly #ports: ConnectionPorts;
  readonly #ways: Map<string, Way> = new Map();
  /** By key: the revision that was seen last. */
  readonly #revisions: Map<string, number> = new Map();
  #lastIndex = 0;
  #rests = false;
  #closed = false;

  constructor(world: ClientWorld, number: number) {
    this.#world = world;
    this.number = number;
    this.gate = new Gate((kind, size) => world.passed(number, kind, size));
    const clock = this.gate.clock(new SimClock(world.scheduler));
    this.#ports = { clock, net: this.gate.net(world.net.host(`client${number}`)) };
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
  ask({ member, command, read, timeoutMs, patienceMs }: Ask, done: (operation: ClientOperation) => void): void {
    const { scheduler } = this.#world;
    const operation: Noted = {
      id: this.#world.nextOperation(), client: this.number, member, command, read, calledAtMs: scheduler.nowMs,
      answeredAtMs: Number.POSITIVE_INFINITY, answer: null,
    };
    this.#world.called(operation);
    let isOver = false;
    const end = (answer: Answer | DraftError | null): void => {
      if (isOver) return;
      isOver = true;
      if (answer !== null) {
        operation.answer = answer;
        operation.answeredAtMs = scheduler.nowMs;
        this.#learn(operation, answer);
        this.#world.answered(operation);
      }
      done(operation);
    };
    if (patienceMs > 0) scheduler.after(patienceMs, () => {
      if (isOver) return;
      this.#world.gaveUp();
      end(null);
      // It goes away, and with it all else that it asked there.
      this.#ways.get(member)?.connection?.close();
    });
    this.#connected(member, timeoutMs, (result) => {
      if (result instanceof DraftError) end(result);
      else if (!isOver) this.#send(result, operation, timeoutMs, (error, index, reply) => end(error ?? { index, reply }));
    });
  }

  /** Begins nothing more by itself. */
  rest(): void {
    this.#rests = true;
  }

  /** Asks no more, and lets go of its connections. */
  close(): void {
    this.#rests = true;
    this.#closed = true;
    for (const { connection } of [...this.#ways.values()]) connection?.close();
  }

  #perform(planned: PlannedOperation, done: (operation: ClientOperation) => void): void {
    const { command, level, readsOwn, timeoutMs, patienceMs } = planned;
    const key = String(command[1]);
    const revision = this.#revisions.get(key) ?? 0;
    const named = command.map((each) => each === REVISION ? revision : each) as unknown as Command;
    const read: ReadOptions | null = level === null ? null : { level, minIndex: readsOwn ? this.#lastIndex : 0, timeoutMs };
    const member = this.#world.members[planned.member - 1] ?? "";
    this.ask({ member, command: named, read, timeoutMs, patienceMs }, done);
  }

  #send(connection: Connection, { command, read }: ClientOperation, timeoutMs: number, done: RequestDone): void {
    if (read === null) connection.write("main", new Uint8Array(encodeCommand(command)), timeoutMs, done);
    else connection.read("main", command, read, done);
  }

  /** The connection to `member`, opened if need be. */
  #connected(member: string, timeoutMs: number, done: (result: Connection | DraftError) => void): void {
    const known = this.#ways.get(member);
    if (known?.connection?.isOpen === true) return done(known.connection);
    if (known !== undefined && known.connection === null) {
      known.waiting.push(done);
      return;
    }
    const way: Way = { connection: null, waiting: [done] };
    this.#ways.set(member, way);
    const options = { clientName: `client${this.number}`, clusterId: "", forwarded: false, openTimeoutMs: timeoutMs };
    openConnection(this.#ports, this.#world.addressOf(member), options, (...[error, connection]) => {
      if (error !== null) this.#ways.delete(member);
      else if (this.#closed) connection.close();
      else {
        way.connection = connection;
        connection.onClosed = () => {
          if (this.#ways.get(member) === way) this.#ways.delete(member);
        };
      }
      for (const waiter of way.waiting.splice(0)) waiter(error ?? (connection as Connection));
    });
  }

  #learn({ command, read }: ClientOperation, answer: Answer | DraftError): void {
    if (answer instanceof DraftError) return;
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
