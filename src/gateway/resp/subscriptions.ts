/** SUBSCRIBE and PSUBSCRIBE, for sentinel clients: what one connection wants to hear of {@link SentinelEvents}. */
import { globOf } from "./glob.ts";
import type { ReplyQueue } from "./reply_queue.ts";
import type { ReplyWriter } from "./reply_writer.ts";
import type { SentinelEvent, SentinelEvents } from "./sentinel_events.ts";

/** Channels and patterns of one connection, at most. */
const NAMES_MAX = 64;

/** The subscriptions of one connection. */
export class Subscriptions {
  readonly #events: SentinelEvents;
  readonly #replies: ReplyQueue;
  readonly #ends: { readonly isTrusted: boolean; readonly pushed: () => void };
  readonly #channels: Set<string> = new Set();
  /** Patterns, and what they match. */
  readonly #patterns: Map<string, RegExp> = new Map();
  readonly #hear: (event: SentinelEvent) => void = (event) => this.#tell(event);

  /** @param ends whether it is known who hears, and what is called when something was added to what goes out */
  constructor(events: SentinelEvents, replies: ReplyQueue, ends: { readonly isTrusted: boolean; readonly pushed: () => void }) {
    this.#events = events;
    this.#replies = replies;
    this.#ends = ends;
  }

  /** How many there are. */
  get size(): number {
    return this.#channels.size + this.#patterns.size;
  }

  /** Adds names, each of which is confirmed. */
  add(kind: "subscribe" | "psubscribe", names: readonly string[]): void {
    if (this.size + names.length > NAMES_MAX) return this.#replies.refuse(`ERR a connection has at most ${NAMES_MAX} subscriptions`);
    for (const name of names) {
      if (kind === "subscribe") this.#channels.add(name);
      else this.#patterns.set(name, globOf(name));
      this.#confirm(kind, name);
    }
    this.#events.add(this.#hear);
  }

  /** Removes names; all, if none is given. */
  remove(kind: "unsubscribe" | "punsubscribe", given: readonly string[]): void {
    const held = kind === "unsubscribe" ? this.#channels : this.#patterns;
    const names: readonly (string | null)[] = given.length > 0 ? given : held.size > 0 ? [...held.keys()] : [null];
    for (const name of names) {
      if (name !== null) held.delete(name);
      this.#confirm(kind, name);
    }
    if (this.size === 0) this.close();
  }

  /** Nobody hears any more. */
  close(): void {
    this.#channels.clear();
    this.#patterns.clear();
    this.#events.remove(this.#hear);
  }

  #confirm(kind: string, name: string | null): void {
    const count = this.size;
    this.#replies.answer((writer) => {
      pushHead(writer, 3);
      writer.bulk(kind);
      writer.value(name);
      writer.integer(count);
    });
  }

  #tell({ channel, message }: SentinelEvent): void {
    if (!this.#ends.isTrusted) return;
    const { writer } = this.#replies;
    if (this.#channels.has(channel)) {
      pushHead(writer, 3);
      for (const text of ["message", channel, message]) writer.bulk(text);
    }
    for (const [pattern, matches] of this.#patterns) {
      if (!matches.test(channel)) continue;
      pushHead(writer, 4);
      for (const text of ["pmessage", pattern, channel, message]) writer.bulk(text);
    }
    this.#ends.pushed();
  }
}

/** What nobody asked for: RESP2 has no sign for it. */
function pushHead(writer: ReplyWriter, count: number): void {
  if (writer.protocol === 3) writer.push(count);
  else writer.array(count);
}
