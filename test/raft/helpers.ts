/** Single cores for tests: states of any shape, entries with true chains, messages with defaults. */
import { chainAfter } from "../../src/base/entry.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import type { Effect, EventBody } from "../../src/raft/event.ts";
import { checkState, checkTransition, noteBefore } from "../../src/raft/invariants.ts";
import type { Message, MessageType } from "../../src/raft/message.ts";
import { createRaft, type RaftState } from "../../src/raft/state.ts";
import { step } from "../../src/raft/step.ts";
import { appendToTrail, createTrail } from "../../src/raft/trail.ts";
import type { Configuration, LogEntry, MemberRole, RaftConfig } from "../../src/raft/types.ts";

export const GENESIS_CHAIN = 77;
export const WALL_MS = 1_700_000_000_000;

/** The settings of all tests: elections time out after exactly 300 ms unless a test says otherwise. */
export const CONFIG: RaftConfig = {
  group: 1, self: 1, incarnation: 101, bootId: 1, witness: false, heartbeatMs: 50, electionMinMs: 300, electionMaxMs: 300, promisedMs: 0,
  appendEntriesMax: 64, appendBytesMax: 64 * 1024, inflightAppendsMax: 8, inflightBytesMax: 1 << 20,
  uncommittedBytesMax: 1 << 20, retainBytes: 0, pendingReadsMax: 100, verdictEntries: 4096, verdictMs: 10_000, seed: 1,
};

/** An entry that no leader has stamped yet. */
export function unstamped(payloadSum: number = 0, payloadBytes: number = 8): LogEntry {
  return { kind: 1, group: 1, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes, payloadSum, configuration: null };
}

/** Entries of these terms behind `previous`, sealed as a leader would; `sums` tells logs of equal terms apart. */
export function sealed(terms: readonly number[], options: { sums?: readonly number[]; previous?: LogEntry; timeMs?: number } = {}): LogEntry[] {
  const entries: LogEntry[] = [];
  let chain = options.previous?.chain ?? GENESIS_CHAIN;
  let index = options.previous?.index ?? 0;
  for (const [at, term] of terms.entries()) {
    index += 1;
    const entry = { ...unstamped(options.sums?.[at] ?? 0), index, term, timeMs: options.timeMs ?? 0 };
    entry.chain = chainAfter(chain, entry);
    ({ chain } = entry);
    entries.push(entry);
  }
  return entries;
}

/** A configuration of members numbered from 1 with these roles. */
export function membersOf(roles: readonly MemberRole[]): Configuration {
  const genesis = genesisConfiguration(roles.map((_, i) => ({ id: `n${i + 1}`, address: "", incarnation: 101 + i })));
  return { ...genesis, members: genesis.members.map((member, i) => ({ ...member, role: roles[i]!, targetRole: roles[i]! })) };
}

export interface CoreOptions {
  readonly config?: Partial<RaftConfig>;
  readonly log?: readonly LogEntry[];
  readonly term?: number;
  readonly votedFor?: number;
  readonly commitIndex?: number;
  readonly configuration?: Configuration;
  readonly snapshotIndex?: number;
  readonly editNumber?: number;
}

/** A core that steps by hand, checked after each step; stores complete only when told. */
export class Single {
  readonly state: RaftState;
  nowMs = 0;

  constructor(options: CoreOptions = {}) {
    const trail = createTrail({ index: 0, term: 0, chain: GENESIS_CHAIN }, 0);
    for (const entry of options.log ?? []) appendToTrail(trail, entry);
    const hardState = {
      term: options.term ?? trail.lastTerm, votedFor: options.votedFor ?? 0, commitIndex: options.commitIndex ?? 0,
    };
    const configurations = [options.configuration ?? membersOf(["voter", "voter", "voter"])];
    this.state = createRaft({ ...CONFIG, ...options.config }, { hardState, trail, configurations, snapshotIndex: options.snapshotIndex ?? 0, editNumber: options.editNumber ?? 0 });
    this.event({ type: "start" });
  }

  event(body: EventBody): Effect[] {
    return this.eventAt(body, WALL_MS + this.nowMs);
  }

  /** The same, with a wall clock that went otherwise than the monotonic one. */
  eventAt(body: EventBody, wallMs: number): Effect[] {
    const before = noteBefore(this.state);
    const effects = [...step(this.state, { ...body, nowMs: this.nowMs, wallMs })];
    checkState(this.state);
    checkTransition(before, this.state);
    return effects;
  }

  receive(message: Message): Effect[] {
    return this.event({ type: "receive", message });
  }

  /** Completes every store asked for so far. */
  storeAll(): Effect[] {
    return this.event({ type: "stored", store: this.state.lastStore });
  }

  /** Lets the time of the next deadline come. */
  deadline(): Effect[] {
    this.nowMs = Math.max(this.nowMs, this.state.deadlineMs);
    return this.event({ type: "deadline" });
  }

  /** Makes this core the leader of the next term by the votes of `voters`, its own log durable. */
  lead(voters: readonly number[] = [2]): Effect[] {
    this.deadline();
    const requestTerm = this.state.term + 1;
    for (const from of voters) this.receive(message("voteReply", { from, term: requestTerm, preVote: true, requestTerm, granted: true }));
    this.storeAll();
    let effects: Effect[] = [];
    for (const from of voters) {
      if (this.state.role === "leader") break;
      effects = this.receive(message("voteReply", { from, term: requestTerm, requestTerm, granted: true }));
    }
    return [...effects, ...this.storeAll()];
  }
}

const STATUS = {
  bootId: 1, promiseMs: 0, wallMs: WALL_MS, checkIndex: 0, checkDigest: 0, durableIndex: 0, durableTerm: 0, durableChain: GENESIS_CHAIN,
};
const DEFAULTS: { readonly [T in MessageType]: object } = {
  voteRequest: { preVote: false, lastLogIndex: 0, lastLogTerm: 0, forcedLeader: 0, forcedTerm: 0 },
  voteReply: { preVote: false, requestTerm: 0, granted: false, bootId: 1 },
  appendRequest: {
    prevLogIndex: 0, prevLogTerm: 0, prevLogChain: GENESIS_CHAIN, lastIndex: 0, entries: [], leaderCommit: 0, round: 0, heardQuorum: true,
  },
  appendReply: {
    success: true, matchIndex: 0, rejectedIndex: 0, conflictTerm: 0, conflictIndex: 0, pointIndex: 0, pointTerm: 0, pointChain: 0,
    round: 0, ...STATUS,
  },
  heartbeat: { leaderCommit: 0, round: 0, heardQuorum: true },
  heartbeatReply: { round: 0, snapshotIndex: 0, ...STATUS },
  timeoutNow: {},
  readIndexRequest: { readId: 1, bootId: 1, lease: false },
  readIndexReply: { readId: 1, bootId: 1, index: 0, leaderCommit: 0, timeMs: 0 },
  installSnapshot: { lastIncludedIndex: 0, lastIncludedTerm: 0, lastIncludedChain: 0, source: 0, round: 0, start: null },
  installSnapshotReply: { success: true, lastIncludedIndex: 0, round: 0, ...STATUS },
};

/** A message to member 1 from member 2, with what `fields` say otherwise. */
export function message<T extends MessageType>(type: T, fields: Partial<Extract<Message, { type: T }>> & { term: number }): Message {
  const from = fields.from ?? 2;
  return { type, group: 1, from, fromIncarnation: 100 + from, to: 1, ...DEFAULTS[type], ...fields } as unknown as Message;
}

/** An append of `entries` behind `previous`. */
export function append(
  fields: { term: number; from?: number; leaderCommit?: number; round?: number; heardQuorum?: boolean },
  entries: readonly LogEntry[], previous: LogEntry | null = null,
): Message {
  const prevLogIndex = previous?.index ?? 0;
  return message("appendRequest", {
    ...fields, prevLogIndex, prevLogTerm: previous?.term ?? 0, prevLogChain: previous?.chain ?? GENESIS_CHAIN,
    lastIndex: prevLogIndex + entries.length, entries: entries.map((entry) => ({ ...entry })),
  });
}

/** The messages that leave at once. */
export function sent(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
}

/** The messages that wait for this step's store. */
export function held(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => (effect.type === "store" ? effect.messages : []));
}
