/**
 * The turn: one pass of the node's loop. Whatever completes or arrives is noted; at the end of the poll all of it is
 * taken in at once, the core is stepped, and one write goes to each peer and one batch to the disk. So batches are what
 * arrived meanwhile, and an idle client waits for no timer.
 */
import type { Clock, Timer } from "../host/host.ts";
import type { EventBody, Now } from "../raft/event.ts";
import type { Group } from "./group.ts";

/** A timer that fires later than this was held up: by a long task, a paused process, a suspended machine. */
const LATE_MS = 20;

/** Pages of entries that are applied before the sockets are looked at again. */
const PAGES_A_TURN = 2;

export interface TurnOptions {
  readonly clock: Clock;
  readonly groups: () => Iterable<Group>;
  /** Everything of this turn was done: what it wrote may leave, to peers and to the disk. */
  readonly flush: () => void;
}

/** Gathers events and runs turns. */
export class Turn {
  readonly #options: TurnOptions;
  #inbox: { readonly group: Group; readonly event: EventBody }[] = [];
  #scheduled = false;
  #stopped = false;
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** Use: deadlines up to here may be acted on. Invariant: the sockets were polled since; -Infinity if none is due. */
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** Notes an event for the next turn. */
  submit(group: Group, event: EventBody): void {
    if (this.#stopped) return;
    this.#inbox.push({ group, event });
    this.wake();
  }

  /** Asks for a turn at the end of this poll. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#options.clock.soon(() => this.#run());
  }

  /** No turn begins any more. */
  stop(): void {
    this.#stopped = true;
    this.#inbox = [];
    this.#timer?.cancel();
  }

  #run(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    const { clock, groups, flush } = this.#options;
    // Read after the last request of the turn was taken in: what a read confirms holds from here on.
    const now: Now = { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const events = this.#inbox;
    this.#inbox = [];
    let isDone = false;
    try {
      for (const { group, event } of events) group.step(event, now);
      for (const group of groups()) this.#finish(group, now);
      this.#dueMs = Number.NEGATIVE_INFINITY;
      flush();
      isDone = true;
    } finally {
      // A program that survives what it does not catch must not keep a node that votes from a state it cannot believe.
      if (!isDone) this.stop();
    }
    this.#arm(now);
  }

  #finish(group: Group, now: Now): void {
    group.stepGathered(now);
    if (group.state.deadlineMs <= this.#dueMs) group.step({ type: "deadline" }, now);
    for (let page = 0; page < PAGES_A_TURN; page++) if (!group.runApplies(now)) return;
    this.wake();
  }

  /** One timer for all groups. It may fire too early, since deadlines mostly move away; then it is set anew. */
  #arm(now: Now): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const group of this.#options.groups()) earliest = Math.min(earliest, group.state.deadlineMs);
    if (this.#timer !== null && this.#timerAtMs <= earliest) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAtMs = earliest;
    if (!Number.isFinite(earliest)) return;
    this.#timer = this.#options.clock.setTimer(Math.max(0, earliest - now.nowMs), () => this.#fired(earliest));
  }

  /**
   * A deadline has passed. If it fires late, a whole poll of the sockets comes first: a node that was paused reads what
   * its leader sent meanwhile before it campaigns. For the same reason only deadlines count that had passed by then:
   * of those that passed since, during a pause for instance, the next timer tells.
   */
  #fired(dueMs: number): void {
    this.#timer = null;
    const { clock } = this.#options;
    const firedMs = clock.monotonicMs();
    const due = (): void => {
      this.#dueMs = firedMs;
      this.wake();
    };
    if (firedMs - dueMs <= LATE_MS) return due();
    clock.soon(() => {
      due();
      clock.soon(() => this.#tellStall(firedMs - dueMs));
    });
  }

  /** The watchdog, behind what came meanwhile: a leader that was silent for so long makes another one lead, if none does. */
  #tellStall(forMs: number): void {
    for (const group of this.#options.groups()) {
      if (forMs >= group.state.config.electionMinMs) this.submit(group, { type: "loopStalled", forMs });
    }
  }
}
