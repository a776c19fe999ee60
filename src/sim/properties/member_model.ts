/**
 * What one member holds, by what it asked to be stored and was told is durable: not by the core's own account of it, so
 * that a mistake in that account is seen. Survives the member's processes, as its disk does.
 */
import type { StoreEffect } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { RaftState } from "../../raft/state.ts";
import type { BootId, Configuration, HardState, Index, MemberNumber, RaftConfig, Role, Term } from "../../raft/types.ts";
import type { SimMember } from "../property.ts";
import { LogModel } from "./log_model.ts";
import type { Sealed, SealedEntries } from "./sealed_entries.ts";
import type { Seats } from "./seats.ts";
import { type Voters, votersOf } from "./voters.ts";

/** What the core showed of itself after a step. */
export interface Glance {
  role: Role;
  term: Term;
  votedFor: MemberNumber;
  commitIndex: Index;
  lastApplied: Index;
  leaderId: MemberNumber;
}

function firstGlance(): Glance {
  return { role: "follower", term: 0, votedFor: 0, commitIndex: 0, lastApplied: 0, leaderId: 0 };
}

interface PendingStore {
  readonly store: number;
  readonly hardState: HardState | null;
  readonly truncateFrom: Index;
  /** The entry through which a snapshot took the place of the log; null: none did. */
  readonly reset: Sealed | null;
  readonly entries: readonly Sealed[];
  readonly messages: readonly Message[];
}

/** A configuration that holds in a log, and who votes by it. */
export interface InForce {
  readonly index: Index;
  readonly configuration: Configuration;
  readonly voters: Voters;
}

/** One member. */
export class MemberModel {
  readonly number: MemberNumber;
  /** Who that number stands for here. */
  readonly seat: MemberNumber;
  /** The log as the process has it. */
  readonly memory: LogModel;
  /** The log that its disk holds for certain. */
  readonly durable: LogModel;
  /** The hard state that its disk holds for certain. */
  hardState: HardState = { term: 0, votedFor: 0, commitIndex: 0 };
  /** The highest commit index that was ever durable here. */
  durableCommit: Index = 0;
  /** Votes that were durable, by term. */
  readonly votes: Map<Term, MemberNumber> = new Map();
  /** Before the last step, and after it. */
  readonly was: Glance = firstGlance();
  readonly is: Glance = firstGlance();
  isUp = false;
  /** The machine that it is. */
  member: SimMember;
  /** Its processes that read their log. */
  lives = 0;
  bootId: BootId = 0;
  readonly #pending: PendingStore[] = [];
  /** What the disk held each time before it was damaged. */
  readonly #lost: LogModel[] = [];
  readonly #configurations: InForce[] = [];
  readonly #seats: Seats;
  /** Use: the last step that stored something changed the configuration. */
  #before: InForce | null = null;

  constructor(member: SimMember, { self, incarnation }: RaftConfig, { base, seats }: { base: Sealed; seats: Seats }) {
    this.member = member;
    this.number = self;
    this.seat = seats.of(self, incarnation);
    this.#seats = seats;
    this.memory = new LogModel(base);
    this.durable = new LogModel(base);
  }

  /** Who votes by the newest configuration in memory. */
  get voters(): Voters {
    return this.inForce.voters;
  }

  /** The newest configuration in memory: it holds from its append on (dissertation 4.1), until its entry is cut. */
  get inForce(): InForce {
    return this.#configurations.at(-1)!;
  }

  /** The one before, if this step brought another one: what a step decides may come before what it appends. */
  get before(): InForce | null {
    return this.#before;
  }

  /** The store for which `message` waits; 0 if for none. */
  storeOf(message: Message): number {
    for (const { store, messages } of this.#pending) if (messages.includes(message)) return store;
    return 0;
  }

  /** Takes note of the state after a step. */
  glance(state: RaftState): void {
    const { was, is } = this;
    this.#before = null;
    was.role = is.role;
    was.term = is.term;
    was.votedFor = is.votedFor;
    was.commitIndex = is.commitIndex;
    was.lastApplied = is.lastApplied;
    was.leaderId = is.leaderId;
    is.role = state.role;
    is.term = state.term;
    is.votedFor = state.votedFor;
    is.commitIndex = state.commitIndex;
    is.lastApplied = state.lastApplied;
    is.leaderId = state.leaderId;
  }

  /** A store was asked for: memory has it, the disk not yet. */
  store(effect: StoreEffect, sealed: SealedEntries): void {
    const { store, truncateFrom, messages } = effect;
    const { memory } = this;
    const { inForce } = this;
    if (truncateFrom > 0) {
      memory.truncate(truncateFrom);
      while ((this.#configurations.at(-1)?.index ?? 0) >= truncateFrom) this.#configurations.pop();
    }
    const reset = this.#resetBy(effect, sealed);
    const entries: Sealed[] = [];
    for (const entry of effect.entries) {
      const taken = sealed.take(entry, memory.last, this.number);
      entries.push(taken);
      memory.push(taken);
      if (taken.configuration !== null && taken.voters !== null) {
        this.#configurations.push({ index: taken.index, configuration: taken.configuration, voters: taken.voters });
      }
    }
    if (this.inForce !== inForce) this.#before = inForce;
    const hardState = effect.hardState === null ? null : { ...effect.hardState };
    this.#pending.push({ store, hardState, truncateFrom, reset, entries, messages });
  }

  /** A snapshot stands for all through its point: the log counts as holding it. */
  #resetBy({ reset }: StoreEffect, sealed: SealedEntries): Sealed | null {
    if (reset === null) return null;
    const { point, configuration } = reset;
    const last = sealed.adopt(point, null);
    this.memory.reset(this.memory.base, last);
    this.#configurations.length = 0;
    this.#keep(configuration);
    return last;
  }

  /** Everything through this store is durable. */
  complete(store: number): void {
    let done = 0;
    for (const pending of this.#pending) {
      if (pending.store > store) break;
      if (pending.hardState !== null) this.#keepHardState(pending.hardState);
      if (pending.truncateFrom > 0) this.durable.truncate(pending.truncateFrom);
      if (pending.reset !== null) this.durable.reset(this.durable.base, pending.reset);
      for (const entry of pending.entries) this.durable.push(entry);
      done += 1;
    }
    if (done > 0) this.#pending.splice(0, done);
  }

  #keepHardState(hardState: HardState): void {
    this.hardState = hardState;
    this.durableCommit = Math.max(this.durableCommit, hardState.commitIndex);
    if (hardState.votedFor !== 0) this.votes.set(hardState.term, hardState.votedFor);
  }

  /**
   * A new process found `state` on the disk. Records reach a disk in their order, so it must be what was durable, or
   * that with some of what was asked for since, from the first record on.
   *
   * @returns false if it is not
   */
  recover(state: RaftState): boolean {
    const isFound = this.#replayUntilFound(state);
    this.#pending.length = 0;
    return isFound;
  }

  #replayUntilFound(state: RaftState): boolean {
    if (this.#isFound(state)) return true;
    for (const { hardState, truncateFrom, reset, entries } of this.#pending) {
      if (hardState !== null) {
        this.#keepHardState(hardState);
        if (this.#isFound(state)) return true;
      }
      if (truncateFrom > 0) {
        this.durable.truncate(truncateFrom);
        if (this.#isFound(state)) return true;
      }
      if (reset !== null) {
        this.durable.reset(this.durable.base, reset);
        if (this.#isFound(state)) return true;
      }
      for (const entry of entries) {
        this.durable.push(entry);
        if (this.#isFound(state)) return true;
      }
    }
    return false;
  }

  #isFound({ trail, term, votedFor }: RaftState): boolean {
    const { last } = this.durable;
    return last.index === trail.lastIndex && last.chain === trail.lastChain && last.term === trail.lastTerm &&
      this.hardState.term === term && this.hardState.votedFor === votedFor;
  }

  /**
   * Whether the entry is durable here, or was before the disk lost it: who had acknowledged it then was no liar, and an
   * acknowledgement may still be under way.
   */
  held(entry: Sealed): boolean {
    return this.durable.at(entry.index) === entry || this.#lost.some((log) => log.at(entry.index) === entry);
  }

  /** The disk is not owed: believes what was found. */
  adopt(state: RaftState, base: Sealed, last: Sealed): void {
    const lost = new LogModel(base);
    lost.copy(this.durable);
    this.#lost.push(lost);
    this.durable.reset(base, last);
    this.hardState = { term: state.term, votedFor: state.votedFor, commitIndex: state.commitIndex };
    this.durableCommit = state.commitIndex;
    this.votes.clear();
    if (state.votedFor !== 0) this.votes.set(state.term, state.votedFor);
  }

  /** A process begins with what is durable. */
  begin(member: SimMember, state: RaftState): void {
    this.member = member;
    this.lives += 1;
    this.bootId = state.config.bootId;
    this.memory.copy(this.durable);
    this.#configurations.length = 0;
    for (const configuration of state.configurations) this.#keep(configuration);
    this.isUp = true;
    this.glance(state);
    this.glance(state);
  }

  #keep(configuration: Configuration): void {
    this.#configurations.push({ index: configuration.index, configuration, voters: votersOf(configuration, this.#seats) });
  }
}
