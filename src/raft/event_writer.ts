/**
 * Packs events (event_format.ts). It runs behind every step of a live node: numbers only, no object is made or kept.
 */
import { assertNever } from "../base/assert.ts";
import { PACKED_NUMBER_BYTES_MAX, PackedWriter } from "../base/packed.ts";
import { type EntrySink, writeEntries, writeProposals } from "./entry_writer.ts";
import type { Event } from "./event.ts";
import {
  type Context, createContext, EVENT_TYPES, FLAG_A, FLAG_B, MESSAGE_TYPES,
  REMEMBERED_MAX, SAME_MOMENT, SAME_WALL, USUAL, whole,
} from "./event_format.ts";
import type { AckStatus, AppendReply, AppendRequest, InstallSnapshot, Message } from "./message.ts";
import type { Configuration, RaftConfig, LogPoint } from "./types.ts";

/** Bytes of an event besides its entries, at most. */
const EVENT_BYTES_MAX = 32 * PACKED_NUMBER_BYTES_MAX;

const EVENT_NUMBER: Readonly<Record<string, number>> = Object.fromEntries(EVENT_TYPES.map((type, i) => [type, i]));
const MESSAGE_NUMBER: Readonly<Record<string, number>> = Object.fromEntries(MESSAGE_TYPES.map((type, i) => [type, i]));

/** Entries that `event` brings. */
export function entryCountOf(event: Event): number {
  if (event.type === "propose") return event.entries.length;
  return event.type === "receive" && event.message.type === "appendRequest" ? event.message.entries.length : 0;
}

/** Writes events one behind the other. */
export class EventWriter implements EntrySink {
  readonly packed: PackedWriter;
  /** Those that the events name by their position here. */
  configurations: Configuration[] = [];
  last: Context = createContext();
  readonly config: RaftConfig;

  constructor(config: RaftConfig, bytesStart: number) {
    this.config = config;
    this.packed = new PackedWriter(bytesStart);
  }

  /** Begins anew, in the same memory. */
  reset(): void {
    this.packed.at = 0;
    this.configurations = [];
    this.last = createContext();
  }

  /** Packs one event, as it was when the core had taken it in. */
  write(event: Event): void {
    const { packed } = this;
    packed.reserve(EVENT_BYTES_MAX);
    this.#moment(event);
    switch (event.type) {
      case "start":
      case "deadline":
      case "diskStalled": return;
      case "receive": return this.#message(event.message);
      case "stored":
        packed.near(event.store, this.last.store);
        this.last.store = event.store;
        return;
      case "applied":
      case "restored": return this.#applied(event.index, event.wakeAtMs);
      case "checked":
        this.#index(event.index);
        packed.u32(event.digest);
        return this.#timeIf(event.unjudgedSinceMs);
      case "propose": return writeProposals(this, event.entries);
      case "read":
        packed.near(event.readId, 0);
        return packed.byte(event.lease ? 1 : 0);
      case "transfer": return packed.near(event.to, 0);
      case "changeMembership":
        this.addConfiguration(event.configuration);
        packed.near(event.promoteWithinMs, 0);
        return packed.byte(event.force ? 1 : 0);
      case "linkUp":
      case "linkDown": return packed.near(event.peer, 0);
      case "readFailed":
        this.#index(event.from);
        return this.#index(event.to);
      case "diskFull": return packed.byte(event.full ? 1 : 0);
      case "loopStalled": return packed.near(event.forMs, 0);
      case "promiseReady": return packed.near(event.promiseMs, 0);
      case "snapshotFetching": return this.#index(event.index);
      case "entriesLost":
      case "snapshotStored": return this.#taken(event.point, event.timeMs);
      case "snapshotFetched":
        this.#taken(event.point, event.timeMs);
        return this.addConfiguration(event.configuration);
      default: return assertNever(event);
    }
  }

  #moment(event: Event): void {
    const last = this.last;
    const { packed } = this;
    const { nowMs, wallMs } = event;
    const number = EVENT_NUMBER[event.type] as number;
    if (wallMs !== last.wallMs) {
      packed.byte(number);
      packed.f64(nowMs);
      packed.near(wallMs, whole(last.wallMs));
      last.wallMs = wallMs;
    } else if (nowMs !== last.nowMs) {
      packed.byte(number | SAME_WALL);
      packed.f64(nowMs);
    } else {
      packed.byte(number | SAME_MOMENT);
    }
    last.nowMs = nowMs;
  }

  #applied(index: number, wakeAtMs: number | null): void {
    this.#index(index);
    this.#timeIf(wakeAtMs);
  }

  #timeIf(timeMs: number | null): void {
    this.packed.byte(timeMs === null ? 0 : 1);
    if (timeMs !== null) this.packed.near(timeMs, whole(this.last.timeMs));
  }

  #taken({ index, term, chain }: LogPoint, timeMs: number): void {
    this.#index(index);
    this.#term(term);
    this.packed.u32(chain);
    this.packed.near(timeMs, whole(this.last.timeMs));
    this.last.timeMs = whole(timeMs);
  }

  #message(message: Message): void {
    const { packed } = this;
    this.#envelope(message);
    switch (message.type) {
      case "voteRequest":
        this.#index(message.lastLogIndex);
        packed.near(message.lastLogTerm, 0);
        packed.near(message.forcedLeader, 0);
        return packed.near(message.forcedTerm, 0);
      case "voteReply":
        this.#term(message.requestTerm);
        return packed.near(message.bootId, 0);
      case "appendRequest": return this.#append(message);
      case "appendReply": return this.#appendReply(message);
      case "heartbeat":
        this.#index(message.leaderCommit);
        return this.#round(message.round);
      case "heartbeatReply":
        this.#round(message.round);
        this.#status(message);
        return this.#index(message.snapshotIndex);
      case "timeoutNow": return;
      case "readIndexRequest":
        packed.near(message.readId, 0);
        return packed.near(message.bootId, 0);
      case "readIndexReply":
        packed.near(message.readId, 0);
        packed.near(message.bootId, 0);
        this.#index(message.index);
        this.#index(message.leaderCommit);
        return packed.near(message.timeMs, whole(this.last.timeMs));
      case "installSnapshot":
        this.#index(message.lastIncludedIndex);
        this.#term(message.lastIncludedTerm);
        packed.u32(message.lastIncludedChain);
        packed.near(message.source, 0);
        this.#round(message.round);
        return this.#start(message);
      case "installSnapshotReply":
        this.#index(message.lastIncludedIndex);
        this.#round(message.round);
        return this.#status(message);
      default: return assertNever(message);
    }
  }

  #envelope(message: Message): void {
    const { packed } = this;
    const { group, self } = this.config;
    const { from, fromIncarnation } = message;
    const { incarnations } = this.last;
    const usual = message.group === group && message.to === self && incarnations[from] === fromIncarnation;
    packed.byte((MESSAGE_NUMBER[message.type] as number) | flagsOf(message) | (usual ? USUAL : 0));
    packed.near(from, 0);
    if (!usual) {
      packed.near(message.group, 0);
      packed.near(message.to, 0);
      packed.near(fromIncarnation, 0);
      if (from > 0 && from < REMEMBERED_MAX) incarnations[from] = fromIncarnation;
    }
    this.#term(message.term);
  }

  #append(message: AppendRequest): void {
    const { packed } = this;
    this.#index(message.prevLogIndex);
    this.#term(message.prevLogTerm);
    packed.u32(message.prevLogChain);
    this.#index(message.lastIndex);
    this.#index(message.leaderCommit);
    this.#round(message.round);
    packed.near(message.entries.length, 0);
    this.last.index = whole(message.prevLogIndex);
    writeEntries(this, message.entries);
  }

  #start({ start }: InstallSnapshot): void {
    if (start === null) return;
    this.packed.near(start.timeMs, whole(this.last.timeMs));
    this.addConfiguration(start.configuration);
  }

  #appendReply(message: AppendReply): void {
    const { packed } = this;
    this.#index(message.matchIndex);
    packed.near(message.rejectedIndex, 0);
    packed.near(message.conflictTerm, 0);
    packed.near(message.conflictIndex, 0);
    this.#index(message.pointIndex);
    this.#term(message.pointTerm);
    packed.u32(message.pointChain);
    this.#round(message.round);
    this.#status(message);
  }

  #status(status: AckStatus): void {
    const { packed } = this;
    packed.near(status.bootId, 0);
    packed.near(status.promiseMs, 0);
    packed.near(status.wallMs, whole(this.last.wallMs));
    packed.near(status.checkIndex, 0);
    packed.near(status.checkDigest, 0);
    this.#index(status.durableIndex);
    this.#term(status.durableTerm);
    packed.u32(status.durableChain);
  }

  #index(index: number): void {
    this.packed.near(index, this.last.index);
    this.last.index = whole(index);
  }

  #term(term: number): void {
    this.packed.near(term, this.last.term);
    this.last.term = whole(term);
  }

  #round(round: number): void {
    this.packed.near(round, this.last.round);
    this.last.round = whole(round);
  }

  addConfiguration(configuration: Configuration): void {
    this.packed.near(this.configurations.length, 0);
    this.configurations.push(configuration);
  }
}

function flagsOf(message: Message): number {
  switch (message.type) {
    case "voteRequest": return message.preVote ? FLAG_A : 0;
    case "voteReply": return (message.preVote ? FLAG_A : 0) | (message.granted ? FLAG_B : 0);
    case "readIndexRequest": return message.lease ? FLAG_A : 0;
    case "appendRequest":
    case "heartbeat": return message.heardQuorum ? FLAG_A : 0;
    case "installSnapshot": return message.start === null ? 0 : FLAG_A;
    case "appendReply":
    case "installSnapshotReply": return message.success ? FLAG_A : 0;
    default: return 0;
  }
}
