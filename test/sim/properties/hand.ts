/**
 * Histories made by hand: states are set to what a core would, or must never, become. One property is looked at; the
 * others go along, for some share what they know, and may say what they like.
 */
import * as assert from "uvu/assert";
import { chainAfter, EntryKind } from "../../../src/base/entry.ts";
import type { Effect, EventBody, StoreEffect } from "../../../src/raft/event.ts";
import type { Message } from "../../../src/raft/message.ts";
import { createRaft, type RaftState } from "../../../src/raft/state.ts";
import { appendToTrail, createTrail, truncateTrail } from "../../../src/raft/trail.ts";
import type { Configuration, LogEntry, Role } from "../../../src/raft/types.ts";
import { allProperties, type PropertyOptions } from "../../../src/sim/properties/index.ts";
import { type Property, Violation } from "../../../src/sim/property.ts";
import { CONFIG, GENESIS_CHAIN, membersOf, message, unstamped, WALL_MS } from "../../raft/helpers.ts";
import { memberOf, type Watched } from "./watch.ts";

/** What a step changes, and asks to be stored. */
export interface Change {
  readonly role?: Role;
  readonly leaderId?: number;
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
  /** What the disk is told of the commit index; the one in force if nothing is said. */
  readonly toldCommit?: number;
  readonly truncateFrom?: number;
  /** Terms of entries that are appended, each with the sum of its payload if it is not 0. */
  readonly entries?: readonly LogEntry[];
  readonly messages?: readonly Message[];
  readonly event?: EventBody;
  readonly effects?: readonly Effect[];
}

export interface Found {
  readonly log?: readonly LogEntry[];
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
  readonly forgiven?: boolean;
}

/** A cluster whose members do what the test says. */
export class Hand {
  readonly properties: readonly Property[];
  readonly members: Watched[] = [];
  readonly #target: string;
  readonly #configuration: Configuration;
  nowMs = 0;

  /** @param target the property that is looked at; empty: all of them */
  constructor(target: string, options: PropertyOptions & { readonly configuration?: Configuration } = {}) {
    // States that are set by hand are no steps of any Raft.
    this.properties = allProperties(options).filter(({ name }) => name !== "refinement");
    this.#target = target;
    assert.ok(target === "" || this.properties.some(({ name }) => name === target), `there is a property ${target}`);
    this.#configuration = options.configuration ?? membersOf(["voter", "voter", "voter"]);
    for (const { number } of this.#configuration.members) {
      this.members.push(memberOf(`n${number}`));
      this.open(number);
    }
  }

  tell(tell: (property: Property) => void): void {
    for (const property of this.properties) {
      try {
        tell(property);
      } catch (error) {
        if (!(error instanceof Violation) || this.#target === "" || property.name === this.#target) throw error;
      }
    }
  }

  member(number: number): Watched {
    return this.members[number - 1]!;
  }

  state(number: number): RaftState {
    return this.member(number).state!;
  }

  /** A process starts and finds this. */
  open(number: number, found: Found = {}): void {
    const member = this.member(number);
    const trail = createTrail({ index: 0, term: 0, chain: GENESIS_CHAIN }, 0);
    for (const entry of found.log ?? []) appendToTrail(trail, entry);
    const hardState = { term: found.term ?? 0, votedFor: found.vote ?? 0, commitIndex: found.commit ?? 0 };
    member.boots += 1;
    member.number = number;
    member.forgiven ||= found.forgiven ?? false;
    const config = { ...CONFIG, self: number, incarnation: 100 + number, bootId: member.boots };
    member.state = createRaft(config, { hardState, trail, configurations: [this.#configuration], snapshotIndex: 0, editNumber: 0 });
    this.tell((property) => property.opened?.(member));
  }

  crash(number: number): void {
    const member = this.member(number);
    this.tell((property) => property.ended?.(member));
    member.state = null;
  }

  /** One step; returns the number of its store, 0 if it has none. */
  step(number: number, change: Change): number {
    const state = this.state(number);
    const effects = [...(change.effects ?? [])];
    const store = this.#change(state, change);
    if (store !== null) effects.push(store);
    const event = { ...(change.event ?? { type: "deadline" }), nowMs: this.nowMs, wallMs: WALL_MS + this.nowMs } as const;
    this.tell((property) => property.stepped?.(this.member(number), event, effects));
    return store?.store ?? 0;
  }

  #change(state: RaftState, change: Change): StoreEffect | null {
    const { truncateFrom = 0, entries = [], messages = [] } = change;
    const isHard = (change.term ?? state.term) !== state.term || (change.vote ?? state.votedFor) !== state.votedFor;
    if (change.term !== undefined && change.term !== state.term) state.votedFor = 0;
    state.role = change.role ?? state.role;
    state.term = change.term ?? state.term;
    state.votedFor = change.vote ?? state.votedFor;
    state.leaderId = change.leaderId ?? (state.role === "leader" ? state.config.self : state.leaderId);
    if (truncateFrom > 0) truncateTrail(state.trail, truncateFrom, 0);
    for (const entry of entries) appendToTrail(state.trail, entry);
    state.commitIndex = change.commit ?? state.commitIndex;
    if (!isHard && truncateFrom === 0 && entries.length === 0 && messages.length === 0) return null;
    state.lastStore += 1;
    const hardState = isHard ? { term: state.term, votedFor: state.votedFor, commitIndex: change.toldCommit ?? state.commitIndex } : null;
    return { type: "store", store: state.lastStore, hardState, truncateFrom, reset: null, entries, messages };
  }

  /** The log says that everything asked for so far is durable, or everything through `store`. */
  stored(number: number, store: number = this.state(number).lastStore): void {
    this.tell((property) => property.durable?.(this.member(number), store));
    this.step(number, { event: { type: "stored", store } });
  }

  sent(number: number, message: Message): void {
    this.tell((property) => property.sent?.(this.member(number), message));
  }

  /** A step whose records are durable at once. */
  durably(number: number, change: Change): void {
    this.step(number, change);
    this.stored(number);
  }

  /** An election as it should be; the leader's no-op is in its memory and, if it is told so, on its disk. */
  elect(leader: number, term: number, voters: readonly number[], log: readonly LogEntry[] = []): LogEntry {
    for (const voter of voters) {
      this.sent(voter, message("voteReply", { from: voter, to: leader, term, requestTerm: term, preVote: true, granted: true }));
    }
    this.durably(leader, { role: "candidate", term, vote: leader });
    for (const voter of voters) this.durably(voter, { role: "follower", term, vote: leader, leaderId: 0 });
    const noop = next(log.at(-1) ?? null, term, 0, 0, EntryKind.noop);
    this.step(leader, { role: "leader", entries: [noop] });
    return noop;
  }
}

/** The entry behind `previous`. */
export function next(previous: LogEntry | null, term: number, sum: number = 0, timeMs: number = 0, kind: number = EntryKind.command): LogEntry {
  const entry = { ...unstamped(sum), kind, index: (previous?.index ?? 0) + 1, term, timeMs };
  entry.chain = chainAfter(previous?.chain ?? GENESIS_CHAIN, entry);
  return entry;
}

/** That `play` breaks the property, in words like these. */
export function rejects(property: string, words: RegExp, play: () => void): void {
  try {
    play();
  } catch (error) {
    assert.instance(error, Violation);
    const violation = error as Violation;
    assert.is(violation.property, property, violation.message);
    assert.match(violation.message, words);
    return;
  }
  assert.unreachable(`nothing was found wrong: ${property} ${String(words)}`);
}
