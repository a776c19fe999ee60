/** Cuts that overlap: a pair of hosts hears each other again when the last of the cuts between them has ended. */
import type { SimNet } from "./sim_net.ts";

/** An ordered pair of hosts. */
export type Way = readonly [from: string, to: string];

export class Cuts {
  readonly #net: SimNet;
  readonly #counts: Map<string, number> = new Map();

  constructor(net: SimNet) {
    this.#net = net;
  }

  cut(ways: readonly Way[]): void {
    for (const [from, to] of ways) {
      const count = this.#counts.get(`${from}>${to}`) ?? 0;
      this.#counts.set(`${from}>${to}`, count + 1);
      if (count === 0) this.#net.cut(from, to);
    }
  }

  heal(ways: readonly Way[]): void {
    for (const [from, to] of ways) {
      const count = this.#counts.get(`${from}>${to}`) ?? 0;
      if (count > 0) this.#counts.set(`${from}>${to}`, count - 1);
      if (count === 1) this.#net.heal(from, to);
    }
  }

  /** Ends all cuts and clogs among these hosts, for good, and what is done to single messages. */
  healAmong(hosts: readonly string[]): void {
    for (const from of hosts) {
      for (const to of hosts) {
        this.#counts.delete(`${from}>${to}`);
        this.#net.heal(from, to);
        this.#net.clog(from, to, null);
        this.#net.ways.spoil(from, to, null);
      }
    }
  }
}
