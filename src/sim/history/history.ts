/** A history of client operations: what was called and answered, in the order in which that happened. */
import { DraftError } from "../../base/errors.ts";
import type { Answer } from "../../node/node_api.ts";
import type { ClientOperation } from "../property.ts";

/**
 * How an operation ended. *done*: with an answer. *refused*: the machine refused it, at its place in the log. *unknown*:
 * nobody knows; it may have happened at any time since its call, or happen yet. *never*: it did not and will not happen.
 */
export type Ending = "done" | "refused" | "unknown" | "never";

/** One operation with its place among all calls and answers. */
export interface Recorded {
  readonly operation: ClientOperation;
  readonly calledAt: number;
  /** Infinity unless it is done or refused. */
  readonly answeredAt: number;
  readonly ending: Ending;
}

/** Notes what clients do. Order is that of the calls to it: two answers of one moment have one too. */
export class History {
  readonly #operations: Map<number, Recorded> = new Map();
  #at = 0;

  get operations(): readonly Recorded[] {
    return [...this.#operations.values()];
  }

  called(operation: ClientOperation): void {
    this.#operations.set(operation.id, { operation, calledAt: this.#at++, answeredAt: Number.POSITIVE_INFINITY, ending: "unknown" });
  }

  answered(operation: ClientOperation): void {
    const calledAt = this.#operations.get(operation.id)?.calledAt ?? this.#at++;
    const ending = endingOf(operation);
    const answeredAt = ending === "done" || ending === "refused" ? this.#at++ : Number.POSITIVE_INFINITY;
    this.#operations.set(operation.id, { operation: { ...operation }, calledAt, answeredAt, ending });
  }
}

/** How an answered operation ended. */
export function endingOf({ answer, read }: ClientOperation): Ending {
  if (answer === null) return "unknown";
  if (!(answer instanceof DraftError)) return "done";
  // A read changes nothing, however it failed.
  if (read !== null) return "never";
  if (answer.code === "REJECTED" || answer.code === "CONFLICT") return "refused";
  return answer.outcome === "not-done" ? "never" : "unknown";
}

/** The answer of an operation that is done. */
export function answerOf(operation: ClientOperation): Answer {
  return operation.answer as Answer;
}

const decoder = new TextDecoder();

/** What an answer means, whatever bytes, numbers and texts it is made of: comparable by `===`. */
export function meaningOf(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (value instanceof Uint8Array) return JSON.stringify(decoder.decode(value));
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return JSON.stringify(String(value));
  if (Array.isArray(value)) return `[${value.map(meaningOf).join(",")}]`;
  if (value instanceof DraftError) return `!${value.code}`;
  const pairs: readonly (readonly [unknown, unknown])[] = value instanceof Map ? [...value as ReadonlyMap<unknown, unknown>] : Object.entries(value);
  return `{${pairs.map(([key, item]) => `${meaningOf(key)}:${meaningOf(item)}`).join(",")}}`;
}

/** An argument or a value as text. */
export function textOf(value: unknown): string {
  return value instanceof Uint8Array ? decoder.decode(value) : String(value);
}

/** An operation in words. */
export function operationText({ id, client, member, command, answer }: ClientOperation): string {
  const [name, ...args] = command;
  const said = answer === null ? "no answer" : answer instanceof DraftError ? answer.code : `${meaningOf(answer.reply)} at ${answer.index}`;
  return `${id}: client ${client} at ${member}: ${[name, ...args.map(textOf)].join(" ")} → ${said}`;
}
