/**
 * The one thing that is published: who leads. Sentinel clients subscribe to hear of a failover from whoever they asked;
 * what they are told is where the leader was and is, on the channels and in the words of Redis's sentinels.
 */
import { parseAddress } from "../../base/address.ts";
import type { LeaderHint } from "../../base/errors.ts";
import type { Clock, Timer } from "../../host/host.ts";
import type { NodeApi } from "../../node/node_api.ts";

/** How often it is looked who leads, while anybody wants to hear of it. */
const LOOK_MS = 100;

/** Whose leader is told. */
const GROUP = "main";

/** A message on a channel. */
export interface SentinelEvent {
  readonly channel: string;
  readonly message: string;
}

/** Looks who leads, and tells those who want to hear when that is another one. */
export class SentinelEvents {
  readonly #api: NodeApi;
  readonly #clock: Clock;
  readonly #hearers: Set<(event: SentinelEvent) => void> = new Set();
  #leader: LeaderHint | null = null;
  #timer: Timer | null = null;

  constructor(api: NodeApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** `hear` is told from now on. */
  add(hear: (event: SentinelEvent) => void): void {
    this.#hearers.add(hear);
    if (this.#timer !== null) return;
    this.#leader = this.#api.leaderOf(GROUP);
    this.#look();
  }

  /** It wants to hear no more. */
  remove(hear: (event: SentinelEvent) => void): void {
    this.#hearers.delete(hear);
  }

  #look(): void {
    this.#timer = null;
    if (this.#hearers.size === 0) return;
    this.#timer = this.#clock.setTimer(LOOK_MS, () => this.#look());
    const now = this.#api.leaderOf(GROUP);
    const before = this.#leader;
    if (now === null || now.address === before?.address) return;
    this.#leader = now;
    if (before === null) return;
    const [from, to] = [before, now].map(({ address }) => parseAddress(address)).map(({ host, port }) => `${host} ${port}`);
    for (const hear of this.#hearers) {
      hear({ channel: "+switch-master", message: `${GROUP} ${from} ${to}` });
      hear({ channel: "+slave", message: `slave ${before.address} ${from} @ ${GROUP} ${to}` });
    }
  }
}
