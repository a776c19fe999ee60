/**
 * What a group does, as the events of etcd's raft traces: the same names and fields, so that the same TLA+ tools read
 * them (docs/operations.md says how). An observer: it changes nothing and keeps no reference to what it is shown.
 */
import { EntryKind } from "../base/entry.ts";
import type { Effect, Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { Role } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";

/** What happened. */
export type TraceName =
  | "InitState" | "BecomeFollower" | "BecomeCandidate" | "BecomeLeader" | "Replicate" | "Commit" | "Ready"
  | "SendAppendEntriesRequest" | "ReceiveAppendEntriesRequest" | "SendAppendEntriesResponse" | "ReceiveAppendEntriesResponse"
  | "SendRequestVoteRequest" | "ReceiveRequestVoteRequest" | "SendRequestVoteResponse" | "ReceiveRequestVoteResponse";

/** A message, in etcd's fields. Members are their numbers as text; "0" is nobody. */
export interface TraceMessage {
  readonly type: "MsgApp" | "MsgAppResp" | "MsgHeartbeat" | "MsgHeartbeatResp" | "MsgSnap" | "MsgVote" | "MsgVoteResp";
  readonly term: number;
  readonly from: string;
  readonly to: string;
  /** How many entries it carries; of a snapshot the index of its last one. */
  readonly entries: number;
  readonly logTerm: number;
  readonly index: number;
  readonly commit: number;
  readonly vote: string;
  readonly reject: boolean;
  readonly rejectHint: number;
}

/** One event. */
export interface TraceEvent {
  readonly name: TraceName;
  /** The member's number. */
  readonly nid: string;
  readonly state: { readonly term: number; readonly vote: string; readonly commit: number };
  readonly role: "StateFollower" | "StatePreCandidate" | "StateCandidate" | "StateLeader";
  /** Entries in its log. */
  readonly log: number;
  readonly applied: number;
  /** The voters, and those that a joint step leaves. */
  readonly conf: readonly [readonly string[], readonly string[]];
  readonly msg?: TraceMessage;
}

/** One line of a trace. `ts` is in seconds and rises from line to line, so that the lines of several nodes can be merged. */
export interface TraceLine {
  readonly level: "debug";
  readonly ts: number;
  readonly tag: "trace";
  readonly event: TraceEvent;
}

const ROLES: Readonly<Record<Role, TraceEvent["role"]>> = {
  follower: "StateFollower", "pre-candidate": "StatePreCandidate", candidate: "StateCandidate", leader: "StateLeader",
};

const MICROSECONDS = 1e6;

/** What an event tells of its node. */
interface Moment {
  readonly term: number;
  readonly votedFor: number;
  readonly role: Role;
  readonly commitIndex: number;
  readonly lastIndex: number;
}

/** An answer of a node to itself: its own disk's, which counts once the store is durable. */
interface OwnAnswer {
  readonly store: number;
  readonly message: TraceMessage;
}

/** Turns what a group's observer is shown into events. */
export class TraceEvents implements GroupObserver {
  readonly #write: (line: TraceLine) => void;
  #before: Moment = { term: 0, votedFor: 0, role: "follower", commitIndex: 0, lastIndex: 0 };
  #ownAnswers: OwnAnswer[] = [];
  /** The last word that a snapshot is needed: told as received when one is taken over, for only then the log is another. */
  #snapshotWord: TraceMessage | null = null;
  /** The group was opened: told with the first step, which brings the time. */
  #isFirst = false;
  #offsetMs: number | null = null;
  /** Of the last line, in whole microseconds of Unix time. */
  #toldAt = 0;
  #timeMicroseconds = 0;

  constructor(write: (line: TraceLine) => void) {
    this.#write = write;
  }

  opened(state: RaftState): void {
    this.#before = momentOf(state);
    this.#ownAnswers = [];
    this.#isFirst = true;
  }

  stepped(state: RaftState, event: Event, effects: readonly Effect[]): void {
    this.#setTime(event);
    const before = this.#before;
    if (this.#isFirst) this.#tell("InitState", before, state, null);
    this.#isFirst = false;
    const after = momentOf(state);
    this.#before = after;
    if (event.type === "receive") this.#received(event.message, before, state);
    if (event.type === "snapshotFetched" && after.commitIndex > before.commitIndex) this.#tookSnapshot(before, state);
    if (event.type === "stored") this.#ownStored(event.store, before, state);
    const isNewRole = after.role !== before.role || after.term > before.term;
    if (isNewRole) this.#becomes(before, after, state);
    this.#replicates(before, after, { state, effects });
    if (after.role === "leader" && after.commitIndex > before.commitIndex) this.#tell("Commit", after, state, null);
    this.#says(after, state, effects);
  }

  /** What is said was told of in its step. */
  sent(): void {
    return;
  }

  #received(message: Message, before: Moment, state: RaftState): void {
    const told = traceMessage(message);
    if (told === null || message.to !== state.config.self) return;
    if (told.type === "MsgSnap") this.#snapshotWord = told;
    else this.#tell(receiveName(told), before, state, told);
  }

  #tookSnapshot(before: Moment, state: RaftState): void {
    const word = this.#snapshotWord;
    if (word !== null) this.#tell(receiveName(word), before, state, word);
  }

  #ownStored(store: number, before: Moment, state: RaftState): void {
    let done = 0;
    for (const own of this.#ownAnswers) {
      if (own.store > store) break;
      this.#tell(receiveName(own.message), before, state, own.message);
      done += 1;
    }
    this.#ownAnswers.splice(0, done);
  }

  #becomes(before: Moment, after: Moment, state: RaftState): void {
    const isRaised = after.term > before.term;
    if (after.role === "follower") {
      // The vote that the same message asks for is given after the term was entered.
      const moment = { ...before, term: after.term, role: after.role, votedFor: isRaised ? 0 : before.votedFor };
      this.#tell("BecomeFollower", moment, state, null);
    } else if (after.role === "candidate") this.#tell("BecomeCandidate", after, state, null);
    else if (after.role === "leader") this.#tell("BecomeLeader", { ...after, lastIndex: before.lastIndex, commitIndex: before.commitIndex }, state, null);
  }

  #replicates(before: Moment, after: Moment, { state, effects }: { state: RaftState; effects: readonly Effect[] }): void {
    if (after.role !== "leader") return;
    const { self } = state.config;
    for (const effect of effects) {
      if (effect.type !== "store" || effect.entries.length === 0) continue;
      for (const entry of effect.entries) {
        if (entry.kind === EntryKind.config) continue;
        this.#tell("Replicate", { ...after, lastIndex: entry.index - 1, commitIndex: before.commitIndex }, state, null);
      }
      const message = ownAnswer(self, after.term, "MsgAppResp", after.lastIndex);
      this.#tell("SendAppendEntriesResponse", { ...after, commitIndex: before.commitIndex }, state, message);
      this.#ownAnswers.push({ store: effect.store, message });
    }
  }

  #says(after: Moment, state: RaftState, effects: readonly Effect[]): void {
    let isReady = false;
    for (const effect of effects) {
      if (effect.type === "send") isReady = this.#saysOne(effect.message, after, state) || isReady;
      if (effect.type !== "store") continue;
      isReady = true;
      if (after.role === "candidate" && effect.hardState !== null) {
        const message = ownAnswer(state.config.self, after.term, "MsgVoteResp", 0);
        this.#tell("SendRequestVoteResponse", after, state, message);
        this.#ownAnswers.push({ store: effect.store, message });
      }
      for (const message of effect.messages) this.#saysOne(message, after, state);
    }
    if (isReady) this.#tell("Ready", after, state, null);
  }

  #saysOne(message: Message, after: Moment, state: RaftState): boolean {
    const told = traceMessage(message);
    if (told !== null) this.#tell(sendName(told), after, state, told);
    return told !== null;
  }

  #tell(name: TraceName, moment: Moment, state: RaftState, msg: TraceMessage | null): void {
    this.#toldAt = Math.max(this.#toldAt + 1, this.#timeMicroseconds);
    // Six digits behind the point, so that lines can be sorted as text.
    if (this.#toldAt % 10 === 0) this.#toldAt += 1;
    const { term, votedFor, role, commitIndex, lastIndex } = moment;
    const { incoming, outgoing } = state.voters;
    this.#write({
      level: "debug", ts: this.#toldAt / MICROSECONDS, tag: "trace",
      event: {
        name, nid: String(state.config.self), state: { term, vote: String(votedFor), commit: commitIndex }, role: ROLES[role],
        log: lastIndex, applied: state.lastApplied, conf: [incoming.map(String), outgoing.map(String)],
        ...(msg === null ? {} : { msg }),
      },
    });
  }

  /**
   * The monotonic clock, set by the wall clock. That one shows whole milliseconds, so the greatest distance that was seen
   * is the truest; one that is farther off is a clock that was set anew.
   */
  #setTime({ nowMs, wallMs }: Event): void {
    const offsetMs = wallMs - nowMs;
    if (this.#offsetMs === null || offsetMs > this.#offsetMs || offsetMs < this.#offsetMs - 1) this.#offsetMs = offsetMs;
    this.#timeMicroseconds = Math.floor((nowMs + this.#offsetMs) * 1000);
  }
}

function momentOf({ term, votedFor, role, commitIndex, trail }: RaftState): Moment {
  return { term, votedFor, role, commitIndex, lastIndex: trail.lastIndex };
}

/** A message in etcd's fields; null for those that its traces leave out (pre-votes, transfers, read indexes). */
function traceMessage(message: Message): TraceMessage | null {
  const base = {
    term: message.term, from: String(message.from), to: String(message.to), entries: 0, logTerm: 0, index: 0, commit: 0, vote: "0",
    reject: false, rejectHint: 0,
  };
  switch (message.type) {
    case "voteRequest":
      return message.preVote ? null : { ...base, type: "MsgVote", logTerm: message.lastLogTerm, index: message.lastLogIndex };
    case "voteReply": return message.preVote ? null : { ...base, type: "MsgVoteResp", reject: !message.granted };
    case "appendRequest":
      return {
        ...base, type: "MsgApp", entries: message.lastIndex - message.prevLogIndex, logTerm: message.prevLogTerm,
        index: message.prevLogIndex, commit: message.leaderCommit,
      };
    case "appendReply":
      if (message.success) return { ...base, type: "MsgAppResp", index: message.matchIndex };
      return { ...base, type: "MsgAppResp", index: message.rejectedIndex, reject: true, rejectHint: message.conflictIndex, logTerm: message.conflictTerm };
    case "heartbeat": return { ...base, type: "MsgHeartbeat", commit: message.leaderCommit };
    case "heartbeatReply": return { ...base, type: "MsgHeartbeatResp" };
    case "installSnapshot": return { ...base, type: "MsgSnap", entries: message.lastIncludedIndex };
    case "installSnapshotReply": return message.success ? { ...base, type: "MsgAppResp", index: message.lastIncludedIndex } : null;
    default: return null;
  }
}

function ownAnswer(self: number, term: number, type: "MsgAppResp" | "MsgVoteResp", index: number): TraceMessage {
  return {
    type, term, from: String(self), to: String(self), entries: 0, logTerm: 0, index, commit: 0, vote: "0", reject: false, rejectHint: 0,
  };
}

const SUBJECTS: Readonly<Record<TraceMessage["type"], "AppendEntriesRequest" | "AppendEntriesResponse" | "RequestVoteRequest" | "RequestVoteResponse">> = {
  MsgApp: "AppendEntriesRequest", MsgHeartbeat: "AppendEntriesRequest", MsgAppResp: "AppendEntriesResponse",
  MsgHeartbeatResp: "AppendEntriesResponse", MsgSnap: "AppendEntriesRequest", MsgVote: "RequestVoteRequest", MsgVoteResp: "RequestVoteResponse",
};

function sendName({ type }: TraceMessage): TraceName {
  return `Send${SUBJECTS[type]}`;
}

function receiveName({ type }: TraceMessage): TraceName {
  return `Receive${SUBJECTS[type]}`;
}
