/**
 * A watch over a client's connection: a question for what comes behind a place, answered once there is something, or, when
 * nothing came for a while, with how far the asker has heard by now. Who asks again where the answer ended misses nothing
 * and hears nothing twice, of whichever node he asks; who does not ask costs nothing.
 *
 * ```text
 * question  [prefix, index, n]                  what comes behind the n-th change of entry `index`; [prefix]: from now on
 * answer    [index, n, change, …]               where to go on, and what came: rows (machine/changes_saved.ts)
 *           the prefix as the key of a row; the reply's index is the last entry that the node has applied
 * ```
 */
import { type ChangeCursor, changeFrom, changeRow, type HeldChange, keyContent, keyFrom } from "../machine/change.ts";
import { tuple, whole } from "./client_fields.ts";

/** What is asked. */
export interface WatchAsk {
  /** Of the keys; empty for all. */
  readonly prefix: string;
  /** What was heard already; null: what comes from now on is wanted. */
  readonly after: ChangeCursor | null;
}

/** What is answered. */
export interface WatchAnswer {
  readonly changes: readonly HeldChange[];
  /** `after` of the next question. */
  readonly next: ChangeCursor;
}

/** The question as a field of a request. */
export function encodeWatchAsk({ prefix, after }: WatchAsk): readonly unknown[] {
  return after === null ? [keyContent(prefix)] : [keyContent(prefix), after.index, after.n];
}

/** Reads the question. @throws DraftError BAD_REQUEST */
export function watchAskFrom(value: unknown): WatchAsk {
  const [prefix, index, n] = tuple(value, "watch");
  return { prefix: keyFrom(prefix), after: index === undefined ? null : { index: whole(index, "index"), n: whole(n, "number of a change") } };
}

/** The answer as the result of a reply. */
export function encodeWatchAnswer({ changes, next }: WatchAnswer): readonly unknown[] {
  return [next.index, next.n, ...changes.map(changeRow)];
}

/** Reads the answer. @throws DraftError BAD_REQUEST */
export function watchAnswerFrom(value: unknown): WatchAnswer {
  const [index, n, ...rows] = tuple(value, "watch");
  return { changes: rows.map(changeFrom), next: { index: whole(index, "index"), n: whole(n, "number of a change") } };
}
