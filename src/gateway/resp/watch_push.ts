/**
 * What changes, as pushes of RESP3: each change once, in the order of the log.
 *
 * ```text
 * >6 draft-change    INDEX.N key value revision deleted      a change: nil and true for a key that is gone
 * >2 draft-progress  INDEX.N                                  nothing else changed up to here
 * >3 draft-end       CODE message                             the watch is over
 * ```
 *
 * A watch is a place in the node's history: what the client does not read stays there.
 */
import { DraftError } from "../../base/errors.ts";
import { type HeldChange, valueOf } from "../../machine/change.ts";
import type { NodeApi } from "../../node/node_api.ts";
import type { Watch } from "../../node/watch.ts";
import type { ReplyQueue } from "./reply_queue.ts";
import type { ReplyWriter } from "./reply_writer.ts";
import { errorLine } from "./resp_errors.ts";

/** Watches of one connection, at most. */
const WATCHES_MAX = 16;

/** What is written at a time. */
const PAGE_BYTES = 64 * 1024;

/** What watches need of their connection. */
export interface PushEnds {
  /** Whether the client reads what it is sent. */
  hasRoom(): boolean;
  /** Something goes out that is no reply. */
  pushed(): void;
  /** Why the client may not watch keys that begin so; null if it may. */
  whyNot(prefix: string): DraftError | null;
}

/** The watches of one connection. */
export class WatchPush {
  readonly #api: NodeApi;
  readonly #replies: ReplyQueue;
  readonly #ends: PushEnds;
  /** Each with its prefix. */
  readonly #watches: Map<Watch, string> = new Map();

  constructor(api: NodeApi, replies: ReplyQueue, ends: PushEnds) {
    this.#api = api;
    this.#replies = replies;
    this.#ends = ends;
  }

  /** Begins a watch, and answers the command that asked for it. */
  open(group: string, prefix: string, from: number | null): void {
    const refusal = this.#ends.whyNot(prefix);
    if (refusal !== null) return this.#replies.refuse(errorLine(refusal));
    if (this.#watches.size >= WATCHES_MAX) return this.#replies.refuse(`ERR a connection has at most ${WATCHES_MAX} watches`);
    const after = from === null ? null : { index: from, n: 0 };
    const place = this.#replies.open((writer) => writer.simple("OK"));
    const watch = this.#api.watch(group, { prefix, after }, () => this.#look(watch as Watch));
    if (!(watch instanceof DraftError)) this.#watches.set(watch, prefix);
    this.#replies.settle(place, watch instanceof DraftError ? watch : null);
    if (!(watch instanceof DraftError)) this.#look(watch);
  }

  /** There is room again for what the watches have to tell. */
  more(): void {
    for (const watch of this.#watches.keys()) this.#look(watch);
  }

  /** Ends all. */
  close(): void {
    for (const watch of this.#watches.keys()) watch.close();
    this.#watches.clear();
  }

  #look(watch: Watch): void {
    const { writer } = this.#replies;
    for (let prefix = this.#watches.get(watch); prefix !== undefined && this.#ends.hasRoom(); prefix = this.#watches.get(watch)) {
      // Who may not hear it any more may have been let in before.
      const page = this.#ends.whyNot(prefix) ?? watch.take(PAGE_BYTES);
      if (page === null) return;
      if (page instanceof DraftError) {
        this.#watches.delete(watch);
        watch.close();
        writer.push(3);
        for (const text of ["draft-end", page.code, page.message]) writer.bulk(text);
      } else {
        for (const change of page.changes) writeChange(writer, change);
        if (page.changes.length === 0) writeProgress(writer, `${page.next.index}.${page.next.n}`);
      }
      this.#ends.pushed();
    }
  }
}

function writeChange(writer: ReplyWriter, { index, n, key, value }: HeldChange): void {
  writer.push(6);
  writer.bulk("draft-change");
  writer.bulk(`${index}.${n}`);
  writer.bulk(key);
  writer.value(valueOf(value));
  writer.integer(index);
  writer.value(value === undefined);
}

function writeProgress(writer: ReplyWriter, place: string): void {
  writer.push(2);
  writer.bulk("draft-progress");
  writer.bulk(place);
}
