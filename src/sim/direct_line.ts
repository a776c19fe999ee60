/** How a simulated client reaches a node that it chose: by connections of its own, one to each. Callbacks alone. */
import { DraftError } from "../base/errors.ts";
import type { Connection, ConnectionPorts } from "../client/connection.ts";
import type { RequestDone } from "../client/node_connection.ts";
import { openConnection } from "../client/open_connection.ts";
import { encodeCommand } from "../machine/command.ts";
import type { Asked, Line, LineDone } from "./line.ts";

interface Way {
  connection: Connection | null;
  readonly waiting: ((result: Connection | DraftError) => void)[];
}

export class DirectLine implements Line {
  readonly #ports: ConnectionPorts;
  readonly #clientName: string;
  readonly #addressOf: (member: string) => string;
  readonly #ways: Map<string, Way> = new Map();
  #closed = false;

  constructor(ports: ConnectionPorts, clientName: string, addressOf: (member: string) => string) {
    this.#ports = ports;
    this.#clientName = clientName;
    this.#addressOf = addressOf;
  }

  send(asked: Asked, done: LineDone): void {
    this.#connected(asked.member, asked.timeoutMs, (result) => {
      if (result instanceof DraftError) done(result);
      else if (!asked.isOver) this.#sendOn(result, asked, (error, index, reply) => done(error ?? { index, reply }));
    });
  }

  /** Sends a write as it is. */
  write(member: string, envelope: Uint8Array, timeoutMs: number, done: RequestDone): void {
    this.#connected(member, timeoutMs, (result) => {
      if (result instanceof DraftError) done(result, 0, null);
      else result.write("main", envelope, timeoutMs, done);
    });
  }

  /** Asks for a session. */
  open(member: string, ordered: boolean, timeoutMs: number, done: RequestDone): void {
    this.#connected(member, timeoutMs, (result) => {
      if (result instanceof DraftError) done(result, 0, null);
      else result.changeSession("main", { type: "open", ordered }, timeoutMs, done);
    });
  }

  /** It goes away, and with it all else that it asked there. */
  giveUp({ member }: Asked): void {
    this.#ways.get(member)?.connection?.close();
  }

  close(): void {
    this.#closed = true;
    for (const { connection } of [...this.#ways.values()]) connection?.close();
  }

  #sendOn(connection: Connection, { command, read, timeoutMs, sent }: Asked, done: RequestDone): void {
    if (read !== null) return connection.read("main", command, read, done);
    const envelope = new Uint8Array(encodeCommand(command));
    sent.push(envelope);
    connection.write("main", envelope, timeoutMs, done);
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
    const options = { clientName: this.#clientName, clusterId: "", forwarded: false, openTimeoutMs: timeoutMs };
    openConnection(this.#ports, this.#addressOf(member), options, (...[error, connection]) => {
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
}
