/**
 * Who looks on while a group works: the flight recorder, the trace file, the simulator's properties. An observer changes
 * nothing and keeps no reference to what it is shown: state, event and effects are reused by the next step.
 */
import type { Effect, Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { LogEntry } from "../raft/types.ts";

/** An alarm of the status. */
export interface Alarm {
  readonly code: string;
  readonly message: string;
}

/** Hears of each step of the core, of what is durable, and of each message that leaves. */
export interface GroupObserver {
  /** The group was read back from the log, or began: no step was taken yet. */
  opened(state: RaftState): void;
  /** The core took one step; nothing of what it asks for was performed yet. */
  stepped(state: RaftState, event: Event, effects: readonly Effect[]): void;
  /**
   * The step before put entries behind its log: `bytes` are all of them, sealed, one behind the other. A view that lasts
   * for the call.
   */
  sealed?(state: RaftState, entries: readonly LogEntry[], bytes: Uint8Array): void;
  /** The log says that a store is durable: the messages that waited for it leave next, and the core hears of it then. */
  durable?(state: RaftState, store: number): void;
  /** A message was handed to the links: at once, or because the store that it waited for is durable. */
  sent(state: RaftState, message: Message): void;
  /** What is wrong with the group while it serves all the same. */
  alarms?(): readonly Alarm[];
}
