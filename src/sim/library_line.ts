/**
 * The client that programs use, in a simulated run: `src/client/client.ts` on simulated clock and network. It finds the
 * leader by itself, so the node that a request names is of no account. Promises resolve behind the event that was their
 * cause: whoever drives the run is told, and waits until they have before the next one.
 */
import { DraftError } from "../base/errors.ts";
import { type Client, connect } from "../client/client.ts";
import type { ConnectionPorts } from "../client/connection.ts";
import type { Command } from "../machine/machine.ts";
import type { Asked, Line, LineDone } from "./line.ts";

export interface LibraryLineOptions {
  readonly ports: ConnectionPorts;
  readonly name: string;
  readonly addresses: readonly string[];
  /** Whether it writes under sessions. */
  readonly sessions: boolean;
  /** Something happened that may have resolved a promise. */
  readonly promised: () => void;
  /** What was thrown where a promise would swallow it. */
  readonly failed: (error: unknown) => void;
}

export class LibraryLine implements Line {
  readonly #options: LibraryLineOptions;
  readonly #client: Client;
  /** By its very command. */
  readonly #writes: Map<Command, Asked> = new Map();
  readonly #aborts: Map<Asked, AbortController> = new Map();

  constructor(options: LibraryLineOptions) {
    this.#options = options;
    const { addresses, name, sessions, ports } = options;
    const sent = (command: Command, envelope: Uint8Array): void => void this.#writes.get(command)?.sent.push(envelope);
    this.#client = connect(addresses, { name, host: ports, sessions, sent });
  }

  send(asked: Asked, done: LineDone): void {
    const { command, read, timeoutMs } = asked;
    const abort = new AbortController();
    this.#aborts.set(asked, abort);
    const options = { timeoutMs, signal: abort.signal };
    this.#options.promised();
    if (read === null) this.#writes.set(command, asked);
    const answer = read === null
      ? this.#client.write(command, options)
      : this.#client.read(command, { ...options, level: read.level, minIndex: read.minIndex });
    answer.then(
      ({ index, result }) => this.#end(asked, () => done({ index, reply: result })),
      (error: unknown) => this.#end(asked, () => {
        if (!(error instanceof DraftError)) throw error;
        done(error);
      }),
    ).catch(this.#options.failed);
  }

  giveUp(asked: Asked): void {
    this.#options.promised();
    this.#aborts.get(asked)?.abort();
  }

  close(): void {
    this.#options.promised();
    this.#client.close().catch(this.#options.failed);
  }

  #end(asked: Asked, told: () => void): void {
    this.#aborts.delete(asked);
    this.#writes.delete(asked.command);
    // Of what was given up nothing is told, but what it was ended with.
    if (!asked.isOver) told();
  }
}
