/** Histories of clients, made by hand: calls and answers in the order in which they are written down. */
import { DraftError, type ErrorCode } from "../../../src/base/errors.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { ReadLevel } from "../../../src/node/node_api.ts";
import type { ClientOperation, Property } from "../../../src/sim/property.ts";

const READS = new Set(["get", "getrev", "mget", "exists", "strlen", "list", "dbsize", "ttl", "pttl"]);

/** A request that was called. */
export interface Called {
  /** It was answered, from this index. */
  says(reply: unknown, index?: number): void;
  fails(code: ErrorCode, outcome?: "unknown" | "not-done" | "done"): void;
}

/** Clients that tell properties what they do. */
export class Clients {
  readonly #properties: readonly Property[];
  #next = 1;
  #index = 0;

  constructor(properties: readonly Property[]) {
    this.#properties = properties;
  }

  /**
   * @param sent the envelopes of its tries, if more is to be known of them than the command
   * @param ordered whether its session is
   */
  call(command: Command, level: ReadLevel = "linearizable", sent?: readonly Uint8Array[], ordered: boolean = false): Called {
    const read = READS.has(command[0]) ? { level, minIndex: 0, timeoutMs: 1000 } : null;
    const called: ClientOperation = {
      id: this.#next++, client: 1, member: "n1", command, read, ...(sent === undefined ? {} : { sent }), ordered, calledAtMs: 0, answeredAtMs: Number.POSITIVE_INFINITY, answer: null,
    };
    for (const property of this.#properties) property.called?.(called);
    const answered = (answer: ClientOperation["answer"]): void => {
      for (const property of this.#properties) property.answered?.({ ...called, answer, answeredAtMs: 1 });
    };
    return {
      says: (reply, index = ++this.#index) => answered({ index, reply }),
      fails: (code, outcome) => answered(new DraftError(code, "failed", outcome === undefined ? {} : { outcome })),
    };
  }

  /** A call that is answered at once. */
  do(command: Command, reply: unknown, index?: number): void {
    this.call(command).says(reply, index);
  }

  finish(): void {
    for (const property of this.#properties) property.finished?.([]);
  }
}
