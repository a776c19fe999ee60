/**
 * The one way into the core. An event first meets the term rule, then `handlers[role][message]`; what follows from it
 * (commits, appends, reads, the next deadline) is settled once at the end.
 */
import { assert, assertNever } from "../base/assert.ts";
import { EntryKind, sealedBytes } from "../base/entry.ts";
import { leaderAppendReply, leaderHeartbeatReply } from "./acks.ts";
import { diskFull, loopStalled } from "./care.ts";
import {
  candidateVoteReply, checkQuorum, electionTimeout, followerTimeoutNow, isSticky, ownVoteStored, voteRequest,
} from "./election.ts";
import type { Effect, Event, Now, Refusal } from "./event.ts";
import { followerAppendRequest, followerHeartbeat } from "./follower.ts";
import { appendAsLeader, broadcastHeartbeat } from "./leader.ts";
import { incarnationFits, isSoleVoter } from "./membership.ts";
import { changeMembership } from "./membership_change.ts";
import type { AppendRequest, Heartbeat, InstallSnapshot, Message, MessageType } from "./message.ts";
import { ackStatus, send } from "./output.ts";
import { becomeProbe } from "./progress.ts";
import {
  failReads, followerReadIndexReply, leaderReadIndexRequest, noteApplied, read, refuseReadIndexRequest, wakeMachine,
} from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import { settle } from "./settle.ts";
import { entriesLost, followerInstallSnapshot, leaderInstallSnapshotReply, restored, snapshotFetched, snapshotFetching, snapshotStored } from "./snapshots.ts";
import { drawElectionTimeout, drop, type RaftState } from "./state.ts";
import { bytesAfter } from "./trail.ts";
import { handOver, isTransferring, transfer } from "./transfer.ts";
import type { Index, LogEntry, MemberNumber, Role } from "./types.ts";
import { checked } from "./verdicts.ts";

/**
 * Takes one event into the state.
 *
 * @returns what the node shall do, in this order; the array is reused by the next step
 */
export function step(state: RaftState, event: Event): readonly Effect[] {
  state.effects.length = 0;
  dispatch(state, event);
  settle(state, event);
  return state.effects;
}

function dispatch(state: RaftState, event: Event): void {
  switch (event.type) {
    case "start": return start(state, event);
    case "deadline": return deadline(state, event);
    case "receive": return receive(state, event.message, event);
    case "stored": return stored(state, event.store, event);
    case "applied": return applied(state, event.index, event.wakeAtMs, event);
    case "checked": return checked(state, event, event.unjudgedSinceMs);
    case "propose": return propose(state, event.entries, event);
    case "read": return read(state, event, event);
    case "promiseReady":
      state.promiseMaxMs = Math.max(state.promiseMaxMs, event.promiseMs);
      return;
    case "transfer": return transfer(state, event.to, event);
    case "linkUp": return linkChanged(state, event.peer, true);
    case "linkDown":
      // Whatever was asked of the leader over that link may be lost.
      if (event.peer === state.leaderId) failReads(state, "not-leader");
      return linkChanged(state, event.peer, false);
    case "readFailed": return giveUp(state, event);
    case "diskStalled":
      // Only a completed store tells that it moves again.
      if (state.pendingStores.length === 0) return drop(state, "nothing-stalled");
      state.diskStalled = true;
      return giveUp(state, event);
    case "diskFull": return diskFull(state, event.full);
    case "loopStalled": return loopStalled(state, event.forMs, event);
    case "changeMembership": return changeMembership(state, event, event);
    case "snapshotStored": return snapshotStored(state, event, event);
    case "entriesLost": return entriesLost(state, event);
    case "snapshotFetching": return snapshotFetching(state, event.index, event);
    case "snapshotFetched": return snapshotFetched(state, event, event);
    case "restored": return restored(state, event.index, event.wakeAtMs, event);
    default: return assertNever(event);
  }
}

type Handler<T extends MessageType> = (state: RaftState, message: Extract<Message, { type: T }>, now: Now) => void;

/** What each role does with each message of its own term. `null`: nothing, it comes too late or to the wrong one. */
const HANDLERS: { readonly [R in Role]: { readonly [T in MessageType]: Handler<T> | null } } = {
  follower: {
    voteRequest, voteReply: null,
    appendRequest: followerAppendRequest, appendReply: null,
    heartbeat: followerHeartbeat, heartbeatReply: null,
    timeoutNow: followerTimeoutNow,
    readIndexRequest: refuseReadIndexRequest, readIndexReply: followerReadIndexReply,
    installSnapshot: followerInstallSnapshot, installSnapshotReply: null,
  },
  "pre-candidate": {
    voteRequest, voteReply: candidateVoteReply,
    appendRequest: followLeader(followerAppendRequest), appendReply: null,
    heartbeat: followLeader(followerHeartbeat), heartbeatReply: null,
    timeoutNow: followerTimeoutNow,
    readIndexRequest: refuseReadIndexRequest, readIndexReply: null,
    installSnapshot: followLeader(followerInstallSnapshot), installSnapshotReply: null,
  },
  candidate: {
    voteRequest, voteReply: candidateVoteReply,
    appendRequest: followLeader(followerAppendRequest), appendReply: null,
    heartbeat: followLeader(followerHeartbeat), heartbeatReply: null,
    timeoutNow: null,
    readIndexRequest: refuseReadIndexRequest, readIndexReply: null,
    installSnapshot: followLeader(followerInstallSnapshot), installSnapshotReply: null,
  },
  leader: {
    voteRequest, voteReply: null,
    // Two leaders in one term cannot be; a message that says so is counted, not believed.
    appendRequest: null, appendReply: leaderAppendReply,
    heartbeat: null, heartbeatReply: leaderHeartbeatReply,
    timeoutNow: null,
    readIndexRequest: leaderReadIndexRequest, readIndexReply: null,
    installSnapshot: null, installSnapshotReply: leaderInstallSnapshotReply,
  },
};

/** A candidate that hears the leader of its term follows it (dissertation 3.4). */
function followLeader<M extends { readonly from: MemberNumber }>(
  handle: (state: RaftState, message: M, now: Now) => void,
): (state: RaftState, message: M, now: Now) => void {
  return (state, message, now) => {
    becomeFollower(state, state.term, message.from, now);
    handle(state, message, now);
  };
}

function receive(state: RaftState, message: Message, now: Now): void {
  const { config } = state;
  if (message.group !== config.group || message.to !== config.self) return drop(state, "wrong-addressee");
  if (message.from === config.self || message.from === 0) return drop(state, "wrong-sender");
  if (!incarnationFits(state, message.from, message.fromIncarnation)) return drop(state, "wrong-incarnation");
  if (message.term > state.term && !raiseTerm(state, message, now)) return;
  if (message.term < state.term) return answerOldTerm(state, message, now);
  if (isLeaders(message)) {
    if (state.role === "follower" && state.leaderId !== message.from) {
      if (state.leaderId !== 0) return drop(state, "second-leader");
      becomeFollower(state, state.term, message.from, now);
    }
  }
  const handler = HANDLERS[state.role][message.type] as Handler<MessageType> | null;
  if (handler === null) return drop(state, `${state.role} ${message.type}`);
  handler(state, message as never, now);
}

/** The term rule (dissertation 3.3): a higher term makes a follower. False if the message goes no further. */
function raiseTerm(state: RaftState, message: Message, now: Now): boolean {
  if (message.type === "voteRequest") {
    if (message.preVote || isSticky(state, message, now)) {
      // A pre-vote raises no term; and while a leader works, neither does a vote (4.2.3).
      voteRequest(state, message, now);
      return false;
    }
  } else if (message.type === "voteReply" && message.preVote && message.granted) {
    if (state.role === "pre-candidate") candidateVoteReply(state, message, now);
    else drop(state, "late-vote");
    return false;
  }
  becomeFollower(state, message.term, isLeaders(message) ? message.from : 0, now);
  return true;
}

/** Whether only the leader of its term sends such a message. */
function isLeaders(message: Message): message is AppendRequest | Heartbeat | InstallSnapshot {
  return message.type === "appendRequest" || message.type === "heartbeat" || message.type === "installSnapshot";
}

/** An older term: whoever would go on in it for ever is told of ours; the rest is too late for anything. */
function answerOldTerm(state: RaftState, message: Message, now: Now): void {
  if (message.type === "voteRequest") voteRequest(state, message, now);
  else if (isLeaders(message)) {
    // No round: in our term that sender may lead again, after a restart, and has not asked ours for any of that number.
    send(state, message.from, { type: "heartbeatReply", round: 0, snapshotIndex: state.snapshotIndex, ...ackStatus(state, now) });
  } else if (message.type === "readIndexRequest") {
    send(state, message.from, { type: "readIndexReply", readId: message.readId, bootId: message.bootId, index: 0, leaderCommit: 0, timeMs: 0 });
  } else drop(state, "old-term");
}

function start(state: RaftState, now: Now): void {
  if (state.config.promisedMs > 0) state.silentUntilMs = now.nowMs + state.config.promisedMs;
  // A sole voter waits for nobody, unless it was a follower lately: who led it may still hold a lease.
  state.electionDeadlineMs = isSoleVoter(state) ? now.nowMs : now.nowMs + drawElectionTimeout(state);
  if (isSoleVoter(state)) electionTimeout(state, now);
}

function deadline(state: RaftState, now: Now): void {
  if (state.role === "leader") {
    if (now.nowMs >= state.heartbeatDeadlineMs) {
      if (!checkQuorum(state, now)) return;
      state.heartbeatDeadlineMs = now.nowMs + state.config.heartbeatMs;
      broadcastHeartbeat(state, now);
    }
    wakeMachine(state, now);
  } else if (now.nowMs >= state.electionDeadlineMs) {
    electionTimeout(state, now);
  }
}

function stored(state: RaftState, store: number, now: Now): void {
  const { pendingStores } = state;
  state.diskStalled = false;
  let done = 0;
  for (const pending of pendingStores) {
    if (pending.store > store) break;
    state.durableIndex = Math.max(state.durableIndex, pending.lastIndex);
    state.durableTerm = pending.term;
    done += 1;
  }
  pendingStores.splice(0, done);
  if (state.ownVoteStore !== 0 && state.ownVoteStore <= store) ownVoteStored(state, now);
}

function applied(state: RaftState, index: Index, wakeAtMs: number | null, now: Now): void {
  assert(index <= state.applyRequested, "only what was asked for is applied", index, state.applyRequested);
  noteApplied(state, index, wakeAtMs, now);
}

/** Room for sessions that are opened and closed while commands find none, in sealed bytes: some hundreds. */
export const SESSION_ROOM_BYTES = 65_536;

/** Clients' entries, in order; the first one that finds no room refuses those behind it too. */
function propose(state: RaftState, entries: readonly LogEntry[], now: Now): void {
  const refusal = proposalRefusal(state);
  if (refusal !== null) {
    state.effects.push({ type: "rejected", reason: refusal });
    return;
  }
  const room = state.config.uncommittedBytesMax - bytesAfter(state.trail, state.commitIndex);
  let bytes = 0;
  let taken = 0;
  for (const entry of entries) {
    bytes += sealedBytes(entry.payloadBytes);
    if (bytes > room + (entry.kind === EntryKind.session ? SESSION_ROOM_BYTES : 0)) break;
    taken += 1;
  }
  appendAsLeader(state, taken === entries.length ? entries : entries.slice(0, taken), now);
  if (taken < entries.length) state.effects.push({ type: "rejected", reason: "busy" });
}

function proposalRefusal(state: RaftState): Refusal | null {
  if (state.role !== "leader") return "not-leader";
  return isTransferring(state) ? "transferring" : null;
}

function linkChanged(state: RaftState, peer: MemberNumber, isUp: boolean): void {
  const progress = state.progress.get(peer);
  if (progress === undefined) return;
  progress.isCut = !isUp;
  // What was on the way over the old connection may be lost.
  if (progress.state !== "snapshot") becomeProbe(progress);
}

/** A leader that cannot do its duty lets another lead. */
function giveUp(state: RaftState, now: Now): void {
  if (state.role !== "leader" || isSoleVoter(state)) return;
  handOver(state);
  becomeFollower(state, state.term, 0, now);
}
