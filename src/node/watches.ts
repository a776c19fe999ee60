/**
 * Who watches a group on this node, and the one way for doors to serve them. A watch is a place in the replica's history
 * and nothing more: whoever asks takes what is behind it, as much and as fast as he likes. So a watch that is read slowly
 * costs no memory; it reads history later, and is over with COMPACTED once that no longer holds what it would be told.
 *
 * A watch that was told all waits, and is found by its prefix when a change comes that it wants: a change costs one look
 * for each length that prefixes have, however many watches there are. Any replica serves, from what it has applied; one
 * that has had no leader for two election timeouts ends its watches, since nobody knows what it misses.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Timer } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import { behindEntry, type ChangeCursor } from "../machine/change.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { GroupObserver } from "./group_observer.ts";
import type { Readiness } from "./readiness.ts";
import { LiveWatch, type Watch, type WatchOptions } from "./watch.ts";
import { WatchIndex } from "./watch_index.ts";

/** Whoever waits hears as often that all is well. */
export const PROGRESS_MS = 5000;

/** Watches of one group on one node, at most: beyond, BUSY. */
const WATCHES_MAX = 100_000;
const BUSY_RETRY_MS = 1000;

/** Characters of a prefix, at most. */
const PREFIX_MAX = 1024;

/** Without a leader for so many of the longest election timeouts, a watch ends. */
const LEADERLESS_TIMEOUTS = 2;

/** What watches hang on. */
export interface WatchesOptions {
  /** Of the group. */
  readonly name: string;
  readonly applier: Pick<Applier, "history" | "view" | "beginning">;
  readonly readiness: Pick<Readiness, "isCaughtUp" | "waitsFor">;
  readonly clock: Pick<Clock, "monotonicMs" | "setTimer">;
}

/** The watches of one group. */
export class Watches implements GroupObserver {
  readonly #options: WatchesOptions;
  readonly #watches: Set<LiveWatch> = new Set();
  /** Use: those that were told all up to `#noted`. */
  readonly #waiting: WatchIndex<LiveWatch> = new WatchIndex();
  /** Use: changes behind it have woken nobody. */
  #noted: ChangeCursor = behindEntry(0);
  #state: RaftState | null = null;
  /** When this node was last the leader, or began. */
  #ledMs = 0;
  #progressAtMs = 0;
  #timer: Timer | null = null;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#watches.size;
  }

  opened(state: RaftState): void {
    this.#state = state;
    this.#ledMs = this.#options.clock.monotonicMs();
  }

  stepped(state: RaftState, event: Event): void {
    if (state.role === "leader") this.#ledMs = event.nowMs;
    if ((event.type === "applied" || event.type === "restored") && this.#watches.size > 0) this.#wake();
  }

  sent(): void {}

  /**
   * Begins to watch. Take at once: what was missed is there, and a watch of what comes from now on says where that is.
   *
   * @param ready there is something to take: a page, or the end; called once behind each `take` that gave nothing
   */
  open({ prefix, after }: WatchOptions, ready: () => void): Watch | DraftError {
    const { name, readiness } = this.#options;
    if (prefix.length > PREFIX_MAX) return new DraftError("BAD_REQUEST", `a prefix has ${prefix.length} characters: at most ${PREFIX_MAX} are taken`);
    if (this.#watches.size >= WATCHES_MAX) return new DraftError("BUSY", `${WATCHES_MAX} watches of group ${name} are open on this node`, { retryAfterMs: BUSY_RETRY_MS });
    if (this.#leaderlessMs() > this.#leaderlessMsMax) return this.#leaderless();
    // What it begins with would be long past.
    if (after === null && !readiness.isCaughtUp) return new DraftError("NO_LEADER", `this node has not caught up with group ${name}: ${readiness.waitsFor}: ask another`);
    if (this.#watches.size === 0) this.#begin();
    const watch = new LiveWatch({
      prefix, ready, after: after ?? this.#now(), isNew: after === null, applier: this.#options.applier,
      noted: () => this.#noted,
      waits: (isWaiting) => isWaiting ? this.#waiting.add(watch) : this.#waiting.remove(watch),
      over: () => {
        this.#waiting.remove(watch);
        if (this.#watches.delete(watch) && this.#watches.size === 0) this.#timer?.cancel();
      },
    });
    this.#watches.add(watch);
    return watch;
  }

  /** All are over. */
  end(why: DraftError): void {
    for (const watch of [...this.#watches]) watch.end(why);
  }

  #now(): ChangeCursor {
    const { applier } = this.#options;
    return behindEntry(Math.max(applier.view().index, applier.beginning.shown(this.#state?.commitIndex ?? 0)));
  }

  /** The first one: whom there was nobody to tell of is not told. */
  #begin(): void {
    const { applier, clock } = this.#options;
    this.#noted = behindEntry(applier.view().index);
    this.#progressAtMs = clock.monotonicMs() + PROGRESS_MS;
    this.#arm();
  }

  /** Entries were applied, or taken over with a snapshot: tells those that want to know of what they changed. */
  #wake(): void {
    const { applier } = this.#options;
    const { history } = applier;
    const before = this.#noted;
    this.#noted = behindEntry(applier.view().index);
    if (this.#noted.index < before.index) return this.end(this.#begunAnew());
    const from = history.positionBehind(before);
    const woken = new Set<LiveWatch>();
    if (from < 0) for (const watch of this.#waiting) woken.add(watch);
    else for (let at = from; at < history.size; at++) this.#waiting.find(history.keyAt(at), woken);
    for (const watch of woken) watch.wake(before);
  }

  /** Between two looks, whether the node still hears of a leader; every now and then, a sign of life to who waits. */
  #arm(): void {
    const { clock } = this.#options;
    const lookMs = Math.max(1, this.#leaderlessMsMax - this.#leaderlessMs() + 1);
    this.#timer?.cancel();
    this.#timer = clock.setTimer(Math.min(lookMs, Math.max(0, this.#progressAtMs - clock.monotonicMs())), () => this.#look());
  }

  #look(): void {
    if (this.#leaderlessMs() > this.#leaderlessMsMax) return this.end(this.#leaderless());
    const nowMs = this.#options.clock.monotonicMs();
    const isDue = nowMs >= this.#progressAtMs;
    if (isDue) this.#progressAtMs = nowMs + PROGRESS_MS;
    this.#arm();
    if (isDue) for (const watch of [...this.#waiting]) watch.tell();
  }

  get #leaderlessMsMax(): number {
    return LEADERLESS_TIMEOUTS * (this.#state?.config.electionMaxMs ?? 0);
  }

  #leaderlessMs(): number {
    const state = this.#state;
    if (state === null || state.role === "leader") return 0;
    return this.#options.clock.monotonicMs() - Math.max(this.#ledMs, state.leaderHeardMs);
  }

  /** A restored backup counts entries from where it ended: a place of before would be that of another entry. */
  #begunAnew(): DraftError {
    const { name, applier: { history } } = this.#options;
    return new DraftError("COMPACTED", `the state of group ${name} was restored from a backup, and counts on from there: read it, then watch from behind it`, { oldestIndex: history.oldestIndex });
  }

  #leaderless(): DraftError {
    return new DraftError("NO_LEADER", `this node has heard no leader of group ${this.#options.name} for ${Math.round(this.#leaderlessMs())} ms: watch on another`);
  }
}
