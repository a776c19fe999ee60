/**
 * Whether this node's machine has what its group has committed: false at a start, and again when the machine was
 * restored from another member's snapshot, until it has caught up. What it has to apply is what a leader of this life
 * said was committed. While that is applied more comes; so it goes by rounds, each to what was newest when it began,
 * and one that took no longer than an election timeout is the last (as thesis 4.2.1 does with new servers).
 */
import { Progress } from "../base/progress.ts";
import type { Log } from "../host/host.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";

/** Looks on at one group. */
export class Readiness implements GroupObserver {
  readonly #words: Log;
  #isCaughtUp = false;
  #state: RaftState | null = null;
  /** Use: the newest index that a leader of this life said was committed; 0 before one spoke. */
  #heard: Index = 0;
  /** Use: where the round ends; 0 before the first. */
  #target: Index = 0;
  #roundMs = 0;
  #nowMs = 0;
  #progress: Progress | null = null;

  constructor(words: Log) {
    this.#words = words;
  }

  /** Whether it has caught up since it started or was restored. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** What it waits for, in words; empty once it has caught up. */
  get waitsFor(): string {
    if (this.#isCaughtUp) return "";
    return this.#target === 0 ? "no leader has said yet what is committed" : this.#text();
  }

  opened(state: RaftState): void {
    this.#state = state;
  }

  stepped(state: RaftState, event: Event): void {
    this.#hear(state, event);
    if (event.type === "restored") this.#isCaughtUp = false;
    else if (this.#isCaughtUp) return;
    this.#nowMs = event.nowMs;
    if (this.#heard === 0) return;
    if (this.#target === 0) this.#beginRound();
    while (state.lastApplied >= this.#target) {
      if (event.nowMs - this.#roundMs <= state.config.electionMaxMs) return this.#caughtUp();
      this.#beginRound();
    }
    this.#progress?.at(() => this.#text());
  }

  sent(): void {}

  /** A heartbeat tells no more than what this node is known to have, so only appends count: each boot is sent one. */
  #hear(state: RaftState, event: Event): void {
    if (state.role === "leader") this.#heard = Math.max(this.#heard, state.ownTermIndex);
    if (event.type !== "receive" || event.message.type !== "appendRequest") return;
    const { from, term, leaderCommit } = event.message;
    if (term === state.term && from === state.leaderId) this.#heard = Math.max(this.#heard, leaderCommit);
  }

  #beginRound(): void {
    this.#target = this.#heard;
    this.#roundMs = this.#nowMs;
    this.#progress ??= new Progress(() => this.#nowMs, (text) => this.#words.write("info", text));
  }

  #caughtUp(): void {
    this.#isCaughtUp = true;
    this.#progress?.end(() => `caught up: ${this.#text()}`);
    this.#progress = null;
    this.#target = 0;
  }

  #text(): string {
    return `${this.#state?.lastApplied ?? 0} of ${this.#target} entries applied`;
  }
}
