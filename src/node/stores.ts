/**
 * Performs what a core wants stored: its records go to the WAL, the bytes of entries to where WAL, followers and machine
 * read them, and the messages that become true by it leave once it is durable.
 */
import { bareRun, sealedBytes } from "../base/entry.ts";
import type { ReceivedAppend } from "../net/message_codec.ts";
import type { EventBody, StoreEffect } from "../raft/event.ts";
import { encodeLogStart } from "../raft/log_start.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { LogEntry } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import type { GroupLog } from "./group_ports.ts";
import type { Proposals } from "./proposals.ts";
import { receivedBytes, sealOwn } from "./sealing.ts";
import type { Tail } from "./tail.ts";

export interface StoresOptions {
  readonly state: RaftState;
  readonly log: GroupLog;
  readonly tail: Tail;
  /** What the core is being given. */
  readonly proposals: () => Proposals;
  /** Those that hear of what is sealed, and of what is durable. */
  readonly observers: readonly GroupObserver[];
  readonly send: (message: Message) => void;
  readonly submit: (event: EventBody) => void;
}

/** The stores of one group. */
export class Stores {
  readonly #options: StoresOptions;
  /** Bytes of stores that are being performed, by store. */
  readonly #runs: Map<number, Uint8Array> = new Map();

  constructor(options: StoresOptions) {
    this.#options = options;
  }

  /** Moves the bytes of new entries to where WAL, followers and machine read them, in one copy. */
  seal(effect: StoreEffect, received: Message | null): void {
    const { tail, observers, state } = this.#options;
    if (effect.truncateFrom > 0) tail.truncate(effect.truncateFrom);
    if (effect.reset !== null) tail.reset(effect.reset.point.index + 1);
    const { entries } = effect;
    if (entries.length === 0) return;
    // A witness sends and applies nothing: once it is durable nobody reads it here.
    if (state.config.witness) tail.dropTo(0, state.durableIndex);
    const run = isOf(received, entries[0] as LogEntry) ? this.#copy(receivedBytes(entries, received)) : this.#seal(entries);
    for (const observer of observers) observer.sealed?.(state, entries, run);
    tail.push(run, (entries[0] as LogEntry).index, entries.length);
    this.#runs.set(effect.store, run);
  }

  #copy(received: Uint8Array): Uint8Array {
    const { state, log } = this.#options;
    // Whatever it was sent: a witness keeps no payload.
    const kept = state.config.witness ? bareRun([received]) : received;
    const run = log.reserve(kept.length);
    run.set(kept);
    return run;
  }

  #seal(entries: readonly LogEntry[]): Uint8Array {
    const { log, proposals } = this.#options;
    const run = log.reserve(entries.reduce((sum, entry) => sum + sealedBytes(entry.payloadBytes), 0));
    sealOwn(run, entries, proposals());
    return run;
  }

  /** Hands the records to the WAL. */
  store(effect: StoreEffect): void {
    const { log, state, observers, send, submit } = this.#options;
    const { group } = state.config;
    const { store, reset, messages } = effect;
    log.committed(group, Math.min(state.commitIndex, state.durableIndex));
    if (effect.hardState !== null) log.appendHardState(group, effect.hardState);
    if (effect.truncateFrom > 0) log.appendTruncate(group, effect.truncateFrom);
    if (reset !== null) log.appendCompact(group, reset.point, encodeLogStart(reset));
    const run = this.#runs.get(store);
    if (run !== undefined) {
      this.#runs.delete(store);
      log.appendEntries(group, (effect.entries[0] as LogEntry).index, effect.entries.length, run);
    }
    log.barrier((...[error]) => {
      // A WAL that failed tells nothing any more: what was not durable never becomes true.
      if (error !== null) return;
      for (const observer of observers) observer.durable?.(state, store);
      for (const message of messages) send(message);
      submit({ type: "stored", store });
    });
  }
}

/** Whether the entry came with the message: a leader may add one of its own while it hears a late append of an earlier one. */
function isOf(message: Message | null, entry: LogEntry): message is ReceivedAppend {
  return message !== null && message.type === "appendRequest" && (message as ReceivedAppend).entries.includes(entry);
}
