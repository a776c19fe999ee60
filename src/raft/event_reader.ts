/**
 * Unpacks events (event_format.ts), by the tables; the writer does the same by hand. What is read was written by
 * somebody else, perhaps by nobody: it is checked, and refused with DAMAGED.
 */
import { DraftError } from "../base/errors.ts";
import { PackedReader } from "../base/packed.ts";
import type { Event, EventBody, Now } from "./event.ts";
import {
  type Base, type Context, createContext, ENTRY_CONFIGURATION, ENTRY_KIND_MAX, ENTRY_SAME_TIME, ENTRY_UNUSUAL, EVENT_TYPES, FIELDS, FLAG_A, FLAG_B,
  MESSAGE_TYPES, REMEMBERED_MAX, SAME_MOMENT, SAME_WALL, USUAL, whole,
} from "./event_format.ts";
import type { InstallSnapshot, Message } from "./message.ts";
import type { Configuration, LogEntry, LogPoint, LogStart, RaftConfig } from "./types.ts";

/** Bytes of the shortest proposal: more of them than the rest has room for are not believed. */
const PROPOSAL_BYTES_MIN = 6;

/** Reads events one behind the other. */
export class EventReader {
  readonly packed: PackedReader;
  readonly #bytes: number;
  readonly #configurations: readonly Configuration[];
  readonly #config: RaftConfig;
  readonly #last: Context = createContext();

  constructor(config: RaftConfig, bytes: Uint8Array, configurations: readonly Configuration[]) {
    this.#config = config;
    this.#bytes = bytes.length;
    this.#configurations = configurations;
    this.packed = new PackedReader(bytes);
  }

  /** The next event. @throws DraftError DAMAGED if there is none */
  read(): Event {
    const head = this.packed.byte();
    const type = EVENT_TYPES[head & 0x1f];
    if (type === undefined) throw broken("an event of an unknown type");
    const now = this.#moment(head);
    return { ...this.#body(type), ...now };
  }

  #moment(head: number): Now {
    const last = this.#last;
    if ((head & SAME_MOMENT) === 0) {
      last.nowMs = this.packed.f64();
      if ((head & SAME_WALL) === 0) last.wallMs = this.packed.near(whole(last.wallMs));
    }
    return { nowMs: last.nowMs, wallMs: last.wallMs };
  }

  #body(type: EventBody["type"]): EventBody {
    const { packed } = this;
    switch (type) {
      case "start":
      case "deadline":
      case "diskStalled": return { type };
      case "receive": return { type, message: this.#message() };
      case "stored":
        this.#last.store = packed.near(this.#last.store);
        return { type, store: this.#last.store };
      case "applied":
      case "restored": {
        const index = this.#near("index");
        return { type, index, wakeAtMs: this.#timeIf() };
      }
      case "checked": {
        const index = this.#near("index");
        const digest = packed.u32();
        return { type, index, digest, unjudgedSinceMs: this.#timeIf() };
      }
      case "propose": return { type, entries: this.#list(() => this.#proposal()) };
      case "read": return { type, readId: packed.near(0), lease: packed.byte() !== 0 };
      case "transfer": return { type, to: packed.near(0) };
      case "changeMembership": {
        const configuration = this.#configuration();
        const promoteWithinMs = packed.near(0);
        return { type, configuration, promoteWithinMs, force: packed.byte() !== 0 };
      }
      case "linkUp":
      case "linkDown": return { type, peer: packed.near(0) };
      case "readFailed": {
        const from = this.#near("index");
        return { type, from, to: this.#near("index") };
      }
      case "diskFull": return { type, full: packed.byte() !== 0 };
      case "loopStalled": return { type, forMs: packed.near(0) };
      case "promiseReady": return { type, promiseMs: packed.near(0) };
      case "snapshotFetching": return { type, index: this.#near("index") };
      case "entriesLost":
      case "snapshotStored": return { type, ...this.#taken() };
      case "snapshotFetched": return { type, ...this.#taken(), configuration: this.#configuration() };
      default: throw broken("an event of an unknown type");
    }
  }

  #timeIf(): number | null {
    return this.packed.byte() === 0 ? null : this.packed.near(whole(this.#last.timeMs));
  }

  #taken(): { point: LogPoint; timeMs: number } {
    const last = this.#last;
    const point = { index: this.#near("index"), term: this.#near("term"), chain: this.#near("chain") };
    const timeMs = this.packed.near(last.timeMs);
    last.timeMs = whole(timeMs);
    return { point, timeMs };
  }

  #message(): Message {
    const { packed } = this;
    const head = packed.byte();
    const type = MESSAGE_TYPES[head & 0xf];
    if (type === undefined) throw broken("a message of an unknown type");
    const message: Record<string, unknown> = { type, ...this.#envelope((head & USUAL) !== 0) };
    const { flags, fields } = FIELDS[type];
    for (const [i, flag] of flags.entries()) message[flag] = (head & (i === 0 ? FLAG_A : FLAG_B)) !== 0;
    for (const [name, base] of fields) message[name] = this.#near(base);
    if (type === "appendRequest") {
      this.#last.index = whole(message["prevLogIndex"] as number);
      message["entries"] = this.#list(() => this.#entry());
    } else if (type === "installSnapshot") message["start"] = (head & FLAG_A) === 0 ? null : this.#start(message);
    return message as unknown as Message;
  }

  #start(message: Record<string, unknown>): LogStart {
    const { lastIncludedIndex: index, lastIncludedTerm: term, lastIncludedChain: chain } = message as unknown as InstallSnapshot;
    return { point: { index, term, chain }, timeMs: this.packed.near(whole(this.#last.timeMs)), configuration: this.#configuration() };
  }

  #envelope(usual: boolean): Record<string, number> {
    const { packed } = this;
    const { incarnations } = this.#last;
    const from = packed.near(0);
    let { group, self: to } = this.#config;
    let fromIncarnation = incarnations[from] ?? 0;
    if (!usual) {
      group = packed.near(0);
      to = packed.near(0);
      fromIncarnation = packed.near(0);
      if (from > 0 && from < REMEMBERED_MAX) incarnations[from] = fromIncarnation;
    }
    return { group, from, fromIncarnation, to, term: this.#near("term") };
  }

  #near(base: Base): number {
    const last = this.#last;
    if (base === "chain") return this.packed.u32();
    if (base === "zero") return this.packed.near(0);
    if (base === "wall") return this.packed.near(whole(last.wallMs));
    if (base === "time") return this.packed.near(whole(last.timeMs));
    const value = this.packed.near(last[base]);
    last[base] = whole(value);
    return value;
  }

  #entry(): LogEntry {
    const { packed } = this;
    const last = this.#last;
    const { head, kind, payloadBytes, payloadSum, chain } = this.#sized(true);
    let { group } = this.#config;
    let index = last.index + 1;
    if ((head & ENTRY_UNUSUAL) !== 0) {
      group = packed.near(0);
      index = packed.near(last.index);
    }
    last.index = whole(index);
    let { term, timeMs } = last;
    if ((head & ENTRY_SAME_TIME) === 0) {
      term = this.#near("term");
      timeMs = packed.near(last.timeMs);
      last.timeMs = whole(timeMs);
    }
    return { kind, group, index, term, timeMs, chain, payloadBytes, payloadSum, configuration: this.#configurationIf(head) };
  }

  #proposal(): LogEntry {
    const { head, kind, payloadBytes, payloadSum } = this.#sized(false);
    return { kind, group: 0, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes, payloadSum, configuration: this.#configurationIf(head) };
  }

  #sized(hasChain: boolean): { head: number; kind: number; payloadBytes: number; payloadSum: number; chain: number } {
    const { packed } = this;
    const head = packed.byte();
    const payloadBytes = packed.near(0);
    const payloadSum = packed.u32();
    const chain = hasChain ? packed.u32() : 0;
    const kind = head >> 3;
    return { head, kind: kind < ENTRY_KIND_MAX ? kind : packed.near(0), payloadBytes, payloadSum, chain };
  }

  #configurationIf(head: number): Configuration | null {
    return (head & ENTRY_CONFIGURATION) === 0 ? null : this.#configuration();
  }

  #list<T>(read: () => T): T[] {
    const count = this.packed.near(0);
    if (!Number.isSafeInteger(count) || count * PROPOSAL_BYTES_MIN > this.#bytes - this.packed.at) throw broken("a list that is longer than the rest");
    return Array.from({ length: count }, read);
  }

  #configuration(): Configuration {
    const configuration = this.#configurations[this.packed.near(0)];
    if (configuration === undefined) throw broken("a configuration that is not there");
    return configuration;
  }
}

function broken(what: string): DraftError {
  return new DraftError("DAMAGED", `recorded events have ${what}`);
}
