/**
 * Whom operators would rather have lead: a node of higher priority (`--priority`) that is close behind is handed leadership.
 * It is a hint: elections do not know of it, so nobody waits for a leader for its sake, and whoever leads meanwhile does
 * so until the other one has been close for a good while. One that does not take leadership over, or loses it again
 * soon, waits twice as long the next time, so that it does not cost the others their pace.
 */
import type { Hello } from "../net/hello.ts";
import type { Log } from "../host/host.ts";
import type { Event, EventBody } from "../raft/event.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import { bytesAfter } from "../raft/trail.ts";
import type { MemberNumber } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";

/** So many of the longest election timeouts a node is close before it is handed leadership. */
const PATIENCE_TIMEOUTS = 10;

/** Who is close lacks no more than this, in sealed bytes: what one message brings. */
const BEHIND_BYTES_MAX = 1024 * 1024;

/** How often that is doubled, at most. */
const DOUBLINGS_MAX = 6;

export interface PrioritiesOptions {
  readonly priority: number;
  /** What a member says of itself; null unless it is linked. */
  readonly helloOf: (member: MemberNumber) => Pick<Hello, "nodeId" | "priority"> | null;
  readonly submit: (event: EventBody) => void;
  readonly words: Log;
}

/** Of one group. */
export class Priorities implements GroupObserver {
  readonly #options: PrioritiesOptions;
  #isLeading = false;
  /** Use: nothing is looked at before. */
  #nextLookMs = 0;
  /** The one that would rather lead, and since when it has been seen close. */
  #rather: MemberNumber = 0;
  #ratherSinceMs = 0;
  #doublings = 0;
  /** Somebody was told to take over; whoever still leads when that has ended did so in vain. */
  #isAsked = false;
  /** When leadership was handed over last. */
  #handedMs = Number.NEGATIVE_INFINITY;

  constructor(options: PrioritiesOptions) {
    this.#options = options;
  }

  opened(): void {}

  sent(): void {}

  stepped(state: RaftState, event: Event): void {
    const isLeading = state.role === "leader";
    if (isLeading !== this.#isLeading) this.#leadershipChanged(state, isLeading, event.nowMs);
    if (!isLeading || event.nowMs < this.#nextLookMs) return;
    this.#nextLookMs = event.nowMs + state.config.electionMinMs;
    if (state.transfer === null) this.#look(state, event.nowMs);
  }

  #leadershipChanged(state: RaftState, isLeading: boolean, nowMs: number): void {
    this.#isLeading = isLeading;
    this.#rather = 0;
    this.#isAsked = false;
    this.#nextLookMs = nowMs;
    if (!isLeading) return;
    const cameBackSoon = nowMs - this.#handedMs < 4 * this.#patienceMs(state);
    this.#doublings = cameBackSoon ? this.#doublings + 1 : 0;
  }

  #patienceMs({ config }: RaftState): number {
    return PATIENCE_TIMEOUTS * config.electionMaxMs * 2 ** Math.min(this.#doublings, DOUBLINGS_MAX);
  }

  #look(state: RaftState, nowMs: number): void {
    if (this.#isAsked) this.#doublings += 1;
    this.#isAsked = false;
    const rather = this.#ratherThanSelf(state);
    if (rather !== this.#rather) {
      this.#rather = rather;
      this.#ratherSinceMs = nowMs;
    }
    if (rather === 0 || nowMs - this.#ratherSinceMs < this.#patienceMs(state)) return;
    const { words, helloOf, submit, priority } = this.#options;
    const hello = helloOf(rather);
    words.write("info", `hands leadership to ${hello?.nodeId}, whose priority is ${hello?.priority}, not ${priority}`);
    this.#handedMs = nowMs;
    this.#rather = 0;
    this.#isAsked = true;
    submit({ type: "transfer", to: rather });
  }

  /** The voter of the highest priority above this node's own that is close; 0: none. */
  #ratherThanSelf(state: RaftState): MemberNumber {
    let best = this.#options.priority;
    let rather: MemberNumber = 0;
    for (const { number, role } of currentConfiguration(state).members) {
      const priority = this.#options.helloOf(number)?.priority ?? 0;
      if (role !== "voter" || priority <= best || !isClose(state, number)) continue;
      best = priority;
      rather = number;
    }
    return rather;
  }
}

/** Whether the leader streams to the member, which lacks little; behind the base nobody knows how much it would be. */
function isClose({ progress, trail }: RaftState, number: MemberNumber): boolean {
  const { state = "probe", matchIndex = 0 } = progress.get(number) ?? {};
  return state === "replicate" && matchIndex >= trail.base.index && bytesAfter(trail, matchIndex) <= BEHIND_BYTES_MAX;
}
