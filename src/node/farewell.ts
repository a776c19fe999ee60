/**
 * Tells those that are members no more, by closing what they have dialled: whoever dials again is told why it is refused.
 * One that asks for nothing, as a learner does, would else keep its connections, and wait for a leader for ever.
 */
import type { Transport } from "../net/transport.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import { committedConfiguration, isGone } from "./standing.ts";

/** Looks whether another configuration is decided. */
export class Farewell implements GroupObserver {
  readonly #transport: Pick<Transport, "drop">;
  /** Of the configuration by which it was looked last. */
  #decidedIndex: Index = 0;
  #dropsAtMs = Number.POSITIVE_INFINITY;

  constructor(transport: Pick<Transport, "drop">) {
    this.#transport = transport;
  }

  opened(state: RaftState): void {
    this.#decidedIndex = committedConfiguration(state).index;
  }

  stepped(state: RaftState, { nowMs }: Event): void {
    if (nowMs >= this.#dropsAtMs) {
      this.#dropsAtMs = Number.POSITIVE_INFINITY;
      this.#transport.drop((hello) => isGone(state, hello));
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
}
