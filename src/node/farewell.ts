/**
 * Tells those that are members no more, by closing what they have dialled: whoever dials again is told why it is refused.
 * One that asks for nothing, as a learner does, would else keep its connections, and wait for a leader for ever.
 */
import type { Hello } from "../net/hello.ts";
import type { Transport } from "../net/transport.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import { committedConfiguration, isGone, welcomeIndexOf } from "./standing.ts";

/** Looks whether another configuration is decided, and what became of the entries that took newcomers in. */
export class Farewell implements GroupObserver {
  readonly #transport: Pick<Transport, "drop">;
  /** Of the configuration by which it was looked last. */
  #decidedIndex: Index = 0;
  /** Somebody was let in whom an entry there is said to have taken in: once that is committed, this log knows which. */
  #awaitedIndex: Index = Number.POSITIVE_INFINITY;
  #dropsAtMs = Number.POSITIVE_INFINITY;

  constructor(transport: Pick<Transport, "drop">) {
    this.#transport = transport;
  }

  opened(state: RaftState): void {
    this.#decidedIndex = committedConfiguration(state).index;
  }

  /** Who said `hello` was let in. */
  letIn(hello: Hello): void {
    const index = welcomeIndexOf(hello);
    if (index > 0) this.#awaitedIndex = Math.min(this.#awaitedIndex, index);
  }

  stepped(state: RaftState, { nowMs }: Event): void {
    if (nowMs >= this.#dropsAtMs) this.#drop(state);
    if (state.commitIndex >= this.#awaitedIndex) {
      this.#awaitedIndex = Number.POSITIVE_INFINITY;
      this.#dropsAtMs = Math.min(this.#dropsAtMs, nowMs + state.config.electionMinMs);
    }
    // Asked in every step; mostly one configuration is known, and it was decided long ago.
    if (state.configurations.at(-1)?.index === this.#decidedIndex) return;
    const { index } = committedConfiguration(state);
    if (index === this.#decidedIndex) return;
    this.#decidedIndex = index;
    // Whoever is removed by it is to hear that it is decided: a client of that node may wait for just this.
    this.#dropsAtMs = nowMs + state.config.electionMinMs;
  }

  sent(): void {}

  #drop(state: RaftState): void {
    this.#dropsAtMs = Number.POSITIVE_INFINITY;
    this.#transport.drop((hello) => {
      // Others may wait for a later index.
      if (welcomeIndexOf(hello) > state.commitIndex) this.letIn(hello);
      return isGone(state, hello);
    });
  }
}
