/**
 * What groups do, in numbers that only grow: for metrics. It looks on at each step and adds; what can be read from a state
 * when somebody asks is not counted here.
 */
import { Buckets } from "../base/buckets.ts";
import type { Clock } from "../host/host.ts";
import type { Effect, Event, Refusal } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { GroupId, Index, LogEntry, Role, Term } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import { WriteFlights } from "./write_flights.ts";

/** Numbers by name. */
type Tally = Record<string, number>;

/** What one group has done since the node began. */
export class Counted {
  /** Entries that were asked for and given an index here; not those that a leader adds itself. */
  proposed = 0;
  /** Entries that became known as committed, and that the machine was given; in a snapshot that was taken over none. */
  committed = 0;
  applied = 0;
  reads = 0;
  preElections = 0;
  elections = 0;
  wins = 0;
  /** Leaders that were heard of, each once a term. */
  leaderChanges = 0;
  snapshotsTaken = 0;
  snapshotsRestored = 0;
  /** Proposals and changes that the core refused, by why. */
  readonly refused: Tally = {};
  /** Messages by type. */
  readonly sent: Tally = {};
  readonly received: Tally = {};
  /** From an entry's index until it was committed, and applied. */
  readonly commitLatency: Buckets = new Buckets();
  readonly applyLatency: Buckets = new Buckets();
  /** From when the core asked for it until records were durable. */
  readonly storeLatency: Buckets = new Buckets();
  readonly flights: WriteFlights = new WriteFlights();
  #commitIndex: Index;
  #applied: Index;
  #role: Role;
  #term: Term;
  #leaderTerm: Term = 0;
  /** Stores that are not durable yet: number and time, by turns. */
  readonly #stores: number[] = [];

  constructor(state: RaftState) {
    this.#commitIndex = state.commitIndex;
    this.#applied = state.lastApplied;
    this.#role = state.role;
    this.#term = state.term;
  }

  stepped(state: RaftState, event: Event, effects: readonly Effect[]): void {
    const { nowMs } = event;
    this.#roles(state);
    if (event.type === "receive") add(this.received, event.message.type);
    else if (event.type === "propose") this.#proposed(state, event.entries, nowMs);
    else if (event.type === "read") this.reads += 1;
    else if (event.type === "stored") this.flights.durable(state.durableIndex, nowMs);
    else if (event.type === "applied") this.#appliedTo(event.index, nowMs);
    else if (event.type === "snapshotStored") this.snapshotsTaken += 1;
    else if (event.type === "restored") {
      this.snapshotsRestored += 1;
      this.#applied = event.index;
    }
    if (state.commitIndex > this.#commitIndex) this.#committedTo(state.commitIndex, nowMs);
    for (const effect of effects) {
      if (effect.type === "store") this.#stores.push(effect.store, nowMs);
      else if (effect.type === "rejected") add(this.refused, effect.reason);
    }
  }

  durable(store: number, nowMs: number): void {
    const stores = this.#stores;
    while (stores.length > 0 && stores[0]! <= store) {
      stores.shift();
      this.storeLatency.add(Math.max(0, nowMs - stores.shift()!));
    }
  }

  #proposed({ trail }: RaftState, entries: readonly LogEntry[], nowMs: number): void {
    let taken = 0;
    for (const { index } of entries) if (index > 0) taken += 1;
    if (taken === 0) return;
    this.proposed += taken;
    this.flights.proposed(trail.lastIndex, taken, nowMs);
  }

  #committedTo(index: Index, nowMs: number): void {
    this.committed += index - this.#commitIndex;
    this.#commitIndex = index;
    this.flights.committed(index, nowMs, this.commitLatency);
  }

  #appliedTo(index: Index, nowMs: number): void {
    this.applied += Math.max(0, index - this.#applied);
    this.#applied = index;
    this.flights.applied(index, nowMs, this.applyLatency);
  }

  #roles({ role, term, leaderId }: RaftState): void {
    if (leaderId !== 0 && term !== this.#leaderTerm) {
      this.#leaderTerm = term;
      this.leaderChanges += 1;
    }
    if (role === this.#role && term === this.#term) return;
    if (role === "pre-candidate" && role !== this.#role) this.preElections += 1;
    // Who leads at once, alone or in the same step, has campaigned all the same.
    if (term !== this.#term && (role === "candidate" || role === "leader")) this.elections += 1;
    if (role === "leader" && role !== this.#role) this.wins += 1;
    if (role !== "leader") this.flights.end();
    this.#role = role;
    this.#term = term;
  }
}

/** Counts what the groups of one node do. */
export class GroupCounts implements GroupObserver {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #groups: Map<GroupId, Counted> = new Map();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** What the group did; null if it has done nothing yet. */
  of(group: GroupId): Counted | null {
    return this.#groups.get(group) ?? null;
  }

  opened(state: RaftState): void {
    this.#groups.set(state.config.group, new Counted(state));
  }

  stepped(state: RaftState, event: Event, effects: readonly Effect[]): void {
    this.#groups.get(state.config.group)?.stepped(state, event, effects);
  }

  durable(state: RaftState, store: number): void {
    this.#groups.get(state.config.group)?.durable(store, this.#clock.monotonicMs());
  }

  sent(state: RaftState, message: Message): void {
    const counted = this.#groups.get(state.config.group);
    if (counted !== undefined) add(counted.sent, message.type);
  }
}

function add(tally: Tally, name: Refusal | Message["type"]): void {
  tally[name] = (tally[name] ?? 0) + 1;
}
