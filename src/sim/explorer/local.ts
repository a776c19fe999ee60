/**
 * One member of the explored cluster: the real core, what it holds in memory and on its disk, and the stores that are
 * under way. A member is never changed: what happens to it makes another one.
 *
 * Time is taken out. Clocks stand at zero; what a moment decides is a choice: whether an election timeout passes is an
 * action, whether a leader was heard lately is one bit, and after each step every date is set back to what it means.
 */
import { EntryKind } from "../../base/entry.ts";
import { seedRandom } from "../../base/random.ts";
import { genesisConfiguration } from "../../raft/configuration.ts";
import type { EventBody, StoreEffect } from "../../raft/event.ts";
import { checkState, checkTransition, noteBefore } from "../../raft/invariants.ts";
import type { Message } from "../../raft/message.ts";
import { createRaft, type RaftState } from "../../raft/state.ts";
import { step } from "../../raft/step.ts";
import { appendToTrail, createTrail } from "../../raft/trail.ts";
import type { HardState, LogEntry, MemberNumber } from "../../raft/types.ts";
import { cloneRaft } from "./clone_raft.ts";
import { whyTooEarly } from "./promises.ts";

/** What is the same for all members of a cluster. */
export interface Shape {
  readonly members: number;
  /** Entries of one append message, at most. */
  readonly entriesPerAppend: number;
}

/** One member between two events. */
export interface Local {
  readonly state: RaftState;
  readonly shape: Shape;
  /** All entries in memory, by index - 1. */
  readonly log: readonly LogEntry[];
  readonly durable: Durable;
  /** Stores that are under way, oldest first. */
  readonly stores: readonly StoreEffect[];
  /** Reads that were asked here, and the index that was committed anywhere when they were. */
  readonly reads: ReadonlyMap<number, number>;
}

/** What a crash leaves. */
export interface Durable {
  readonly hardState: HardState;
  readonly entries: readonly LogEntry[];
}

/** What became of a member, and what it said. */
export interface Outcome {
  readonly local: Local;
  readonly sent: readonly Message[];
  /** What it broke, in words. */
  readonly violation: string | null;
}

const GENESIS_CHAIN = 77;
const COMMAND_BYTES = 8;
const CLOCKS = { nowMs: 0, wallMs: 0 } as const;
/** A date that has not come, and one that is long gone. */
const LATER = 1;
const LONG_AGO = Number.NEGATIVE_INFINITY;

/** A member that was just started on an empty disk. */
export function firstStart(self: MemberNumber, shape: Shape): Local {
  return boot({ self, shape, bootId: 1 }, { hardState: { term: 0, votedFor: 0, commitIndex: 0 }, entries: [] }).local;
}

/** The process dies and starts again on what is durable. */
export function crashed({ state, shape, durable }: Local): Outcome {
  return boot({ self: state.config.self, shape, bootId: state.config.bootId + 1 }, durable);
}

function boot(who: { self: MemberNumber; shape: Shape; bootId: number }, durable: Durable): Outcome {
  const voters = Array.from({ length: who.shape.members }, (_, i) => ({ id: `n${i + 1}`, address: "", incarnation: 101 + i }));
  const trail = createTrail({ index: 0, term: 0, chain: GENESIS_CHAIN }, 0);
  for (const entry of durable.entries) appendToTrail(trail, entry);
  const state = createRaft({
    group: 1, self: who.self, incarnation: 100 + who.self, bootId: who.bootId, witness: false, heartbeatMs: 1, electionMinMs: 2, electionMaxMs: 3, promisedMs: 0,
    appendEntriesMax: who.shape.entriesPerAppend, appendBytesMax: 1 << 16, inflightAppendsMax: 8, inflightBytesMax: 1 << 20,
    uncommittedBytesMax: 1 << 20, retainBytes: 0, pendingReadsMax: 8, verdictEntries: 4096, verdictMs: 10_000, seed: 1,
  }, { hardState: durable.hardState, trail, configurations: [genesisConfiguration(voters)], snapshotIndex: 0, editNumber: 0 });
  return new Happening({ state, shape: who.shape, log: durable.entries, durable, stores: [], reads: new Map() }).run({ type: "start" });
}

/** The election timeout passes. */
export function timedOut(local: Local): Outcome {
  const happening = new Happening(local);
  happening.state.electionDeadlineMs = CLOCKS.nowMs;
  happening.state.leaderHeardMs = LONG_AGO;
  return happening.run({ type: "deadline" });
}

/** The election timeout passes, and the other members grant pre-votes at once. */
export function campaigned(local: Local): Outcome {
  let outcome = timedOut(local);
  for (let from = 1; from <= local.shape.members && outcome.local.state.role === "pre-candidate"; from++) {
    const { config, term } = outcome.local.state;
    if (from === config.self) continue;
    const grant: Message = {
      type: "voteReply", group: config.group, from, fromIncarnation: 100 + from, to: config.self, term: term + 1,
      preVote: true, requestTerm: term + 1, granted: true, bootId: 1,
    };
    outcome = delivered(outcome.local, grant, false);
  }
  return outcome;
}

/** A leader's next heartbeat is due; with `silence`, nobody was heard for an election timeout. */
export function heartbeatDue(local: Local, silence: boolean): Outcome {
  const happening = new Happening(local);
  happening.state.heartbeatDeadlineMs = CLOCKS.nowMs;
  if (silence) forgetWhoWasHeard(happening.state);
  return happening.run({ type: "deadline" });
}

/** A message arrives; `late`: after what was heard or sent lately is no longer lately. */
export function delivered(local: Local, message: Message, late: boolean): Outcome {
  const happening = new Happening(local);
  if (late) {
    happening.state.leaderHeardMs = LONG_AGO;
    if (message.type === "voteRequest") forgetWhoWasHeard(happening.state);
    else for (const each of happening.state.progress.values()) each.inflight.splice(0, each.inflight.length, ...each.inflight.map((append) => ({ ...append, sentMs: LONG_AGO })));
  }
  return happening.run({ type: "receive", message });
}

/** Whether it matters if this message comes late. */
export function mayBeLate({ state }: Local, message: Message): boolean {
  if (message.type === "heartbeatReply") return [...state.progress.values()].some((each) => each.inflight.length > 0);
  if (message.type !== "voteRequest") return false;
  if (state.role === "leader") return [...state.progress.values()].some((each) => each.lastHeardMs === 0);
  return state.leaderId !== 0 && state.leaderHeardMs === 0;
}

function forgetWhoWasHeard(state: RaftState): void {
  for (const each of state.progress.values()) each.lastHeardMs = LONG_AGO;
}

/** The oldest store becomes durable, and what waited for it is said. */
export function storeCompleted(local: Local): Outcome {
  const [store, ...rest] = local.stores;
  if (store === undefined) throw new RangeError("no store is under way");
  const kept = store.truncateFrom > 0 ? local.durable.entries.slice(0, store.truncateFrom - 1) : local.durable.entries;
  const durable = { hardState: store.hardState ?? local.durable.hardState, entries: [...kept, ...store.entries] };
  const happening = new Happening({ ...local, stores: rest, durable });
  for (const message of store.messages) happening.send(message);
  return happening.run({ type: "stored", store: store.store });
}

/** A client's entry; `value` tells it from others. */
export function proposed(local: Local, value: number): Outcome {
  const entry: LogEntry = {
    kind: EntryKind.command, group: 1, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes: COMMAND_BYTES, payloadSum: value, configuration: null,
  };
  return new Happening(local).run({ type: "propose", entries: [entry] });
}

/** A client's read under a number of its own, at a moment when `committed` was the highest committed index anywhere. */
export function readAsked(local: Local, { readId, committed }: { readonly readId: number; readonly committed: number }): Outcome {
  return new Happening({ ...local, reads: new Map(local.reads).set(readId, committed) }).run({ type: "read", readId, lease: false });
}

export function transferAsked(local: Local, to: MemberNumber): Outcome {
  return new Happening(local).run({ type: "transfer", to });
}

/** The time for a transfer is up. */
export function transferTimedOut(local: Local): Outcome {
  const happening = new Happening(local);
  const { transfer } = happening.state;
  if (transfer !== null) happening.state.transfer = { ...transfer, deadlineMs: CLOCKS.nowMs };
  return happening.run({ type: "deadline" });
}

/** One event on a copy of a member, with all that follows at once: entries are applied within the step. */
class Happening {
  readonly state: RaftState;
  readonly #from: Local;
  readonly #log: LogEntry[];
  readonly #stores: StoreEffect[];
  readonly #reads: Map<number, number>;
  readonly #sent: Message[] = [];
  #violation: string | null = null;

  constructor(from: Local) {
    this.#from = from;
    this.state = cloneRaft(from.state);
    this.#log = [...from.log];
    this.#stores = [...from.stores];
    this.#reads = new Map(from.reads);
  }

  run(body: EventBody): Outcome {
    try {
      this.#step(body);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#violation ??= error.message;
    }
    forgetDates(this.state);
    const { shape, durable } = this.#from;
    const local = { state: this.state, shape, log: this.#log, durable, stores: this.#stores, reads: this.#reads };
    return { local, sent: this.#sent, violation: this.#violation };
  }

  #step(body: EventBody): void {
    const before = noteBefore(this.state);
    const effects = [...step(this.state, { ...body, ...CLOCKS })];
    checkState(this.state);
    checkTransition(before, this.state);
    for (const effect of effects) {
      if (effect.type !== "store") continue;
      if (effect.truncateFrom > 0) this.#log.length = effect.truncateFrom - 1;
      this.#log.push(...effect.entries);
      this.#stores.push(effect);
    }
    for (const effect of effects) {
      if (effect.type === "send") this.send(effect.message);
      else if (effect.type === "apply") this.#step({ type: "applied", index: effect.to, wakeAtMs: null });
      else if (effect.type === "answerRead") this.#answered(effect.readId, effect.index);
      else if (effect.type === "failPending") for (const readId of effect.readIds) this.#reads.delete(readId);
      else if (effect.type === "diverged") this.#violation = `its committed log differs from the leader's at index ${effect.index}`;
    }
  }

  /** Says something; an append takes its entries along. */
  send(message: Message): void {
    const { hardState, entries } = this.#from.durable;
    this.#violation ??= whyTooEarly(message, { hardState, chainAt: (index) => entries[index - 1]?.chain });
    if (message.type === "appendRequest") this.#sent.push({ ...message, entries: this.#log.slice(message.prevLogIndex, message.lastIndex) });
    else this.#sent.push(message);
  }

  #answered(readId: number, index: number): void {
    const committed = this.#reads.get(readId);
    this.#reads.delete(readId);
    if (committed === undefined) this.#violation ??= `read ${readId} is answered, though nobody waits for it`;
    else if (index < committed) this.#violation ??= `a read is answered at index ${index}, though ${committed} was committed before it was asked`;
  }
}

/** Sets every date to one of few, so that states differ by what a date decides only. */
function forgetDates(state: RaftState): void {
  const isLeader = state.role === "leader";
  Object.assign(state.random, seedRandom(1));
  state.electionDeadlineMs = isLeader ? Number.POSITIVE_INFINITY : LATER;
  state.heartbeatDeadlineMs = isLeader ? LATER : Number.POSITIVE_INFINITY;
  state.deadlineMs = LATER;
  if (state.leaderId === 0 || isLeader) state.leaderHeardMs = LONG_AGO;
  if (state.leaderHeardMs === LONG_AGO) state.heardFrom = 0;
  state.rounds = [];
  if (state.transfer !== null) state.transfer = { ...state.transfer, deadlineMs: LATER };
  for (const each of state.progress.values()) {
    each.reopenAfterMs = 0;
    each.wallMs = LONG_AGO;
    each.wallHeardMs = 0;
    each.inflight.splice(0, each.inflight.length, ...each.inflight.map((append) => ({ ...append, sentMs: 0 })));
  }
}
