/** How traces show messages, effects and states: one short line each. */
import { EntryKind } from "../../src/base/entry.ts";
import { isWitness } from "../../src/raft/configuration.ts";
import type { Effect } from "../../src/raft/event.ts";
import type { AckStatus, Message } from "../../src/raft/message.ts";
import type { OwnEntry } from "../../src/raft/own_entry.ts";
import type { RaftState } from "../../src/raft/state.ts";
import { termAt } from "../../src/raft/trail.ts";
import type { Configuration, LogEntry, Member } from "../../src/raft/types.ts";
import { decodeVerdict, type Verdict } from "../../src/raft/verdict_entry.ts";

/** What an entry is called in traces: its label if a trace proposed it, else its kind. */
export type Names = ReadonlyMap<number, string>;

const KINDS = ["", "command", "configuration", "noop", "time", "session", "version"];

/** `5:x@2`: index, name, term. */
export function entryText(entry: LogEntry, names: Names): string {
  return `${entry.index}:${nameOfEntry(entry, names)}@${entry.term}`;
}

function nameOfEntry(entry: LogEntry, names: Names): string {
  if (entry.configuration !== null) return membersText(entry.configuration);
  if (entry.kind === EntryKind.verdict) return verdictText(decodeVerdict((entry as OwnEntry).payload));
  return (entry.kind === EntryKind.command ? (names.get(entry.payloadSum) ?? "command") : KINDS[entry.kind]) ?? "?";
}

/** `verdict(4=ab12cd34)`: the check point and its digest. */
function verdictText(verdict: Verdict): string {
  if (verdict.outcome === "none") return "verdict(none yet)";
  return verdict.outcome === "split" ? `verdict(${verdict.index} split)` : `verdict(${verdict.index}=${hexOf(verdict.digest)})`;
}

function hexOf(digest: number): string {
  return digest.toString(16).padStart(8, "0");
}

/**
 * `(1 2- 3l 4l+ 5w 6w+)`: voters, the second to go, a learner, one that is to vote, a witness, one that is to be one;
 * `(1 2|1 3)`: a joint one, the new half first.
 */
export function membersText({ members, joint }: Configuration): string {
  const role = (member: Member): string => (isWitness(member) ? "w" : member.role === "voter" ? "" : "l") + (member.role === member.targetRole ? "" : member.role === "learner" ? "+" : "-");
  const incoming = members.filter((member) => member.role !== null).map((member) => `${member.number}${role(member)}`).join(" ");
  const outgoing = members.filter((member) => member.outgoingRole === "voter" || member.outgoingRole === "witness").map(({ number }) => number).join(" ");
  return joint ? `(${incoming}|${outgoing})` : `(${incoming})`;
}

/** `1>2 append t1 prev 0@0 +1..1 commit 0 round 0`. */
export function messageText(message: Message): string {
  return `${message.from}>${message.to} ${nameOf(message)} t${message.term}${fieldsOf(message)}`;
}

/** What `deliver` and `drop` call a message. */
export function nameOf(message: Message): string {
  switch (message.type) {
    case "voteRequest": return message.preVote ? "pre-vote?" : "vote?";
    case "voteReply": return message.preVote ? "pre-vote" : "vote";
    case "appendRequest": return "append";
    case "appendReply": return message.success ? "ack" : "nack";
    case "heartbeat": return "beat";
    case "heartbeatReply": return "heard";
    case "timeoutNow": return "timeout-now";
    case "readIndexRequest": return "read?";
    case "readIndexReply": return "read";
    default: return message.type;
  }
}

function fieldsOf(message: Message): string {
  switch (message.type) {
    case "voteRequest": {
      const forced = message.forcedLeader === 0 ? "" : ` forced by ${message.forcedLeader}@${message.forcedTerm}`;
      return ` last ${message.lastLogIndex}@${message.lastLogTerm}${forced}`;
    }
    case "voteReply": return ` ${message.granted ? "yes" : "no"} for t${message.requestTerm}`;
    case "appendRequest": {
      const { prevLogIndex, prevLogTerm, lastIndex } = message;
      const range = lastIndex === prevLogIndex ? "+0" : `+${prevLogIndex + 1}..${lastIndex}`;
      return ` prev ${prevLogIndex}@${prevLogTerm} ${range}${leaderFields(message)}`;
    }
    case "appendReply": return message.success
      ? ` match ${message.matchIndex} round ${message.round}${durableText(message)}`
      : ` at ${message.rejectedIndex} conflict ${message.conflictIndex}@${message.conflictTerm} point ${message.pointIndex}@${message.pointTerm}`;
    case "heartbeat": return leaderFields(message);
    case "heartbeatReply": return ` round ${message.round}${durableText(message)}`;
    case "readIndexRequest": return ` r${message.readId}`;
    case "readIndexReply": return ` r${message.readId} at ${message.index}`;
    default: return "";
  }
}

function leaderFields(message: { leaderCommit: number; round: number; heardQuorum: boolean }): string {
  return ` commit ${message.leaderCommit} round ${message.round}${message.heardQuorum ? "" : " no-quorum"}`;
}

function durableText(status: AckStatus): string {
  const check = status.checkIndex === 0 ? "" : ` check ${status.checkIndex}=${hexOf(status.checkDigest)}`;
  return ` durable ${status.durableIndex}@${status.durableTerm}${check}`;
}

/** An effect of member `number`, indented as output. */
export function effectText(number: number, effect: Effect, names: Names): string {
  switch (effect.type) {
    case "send": return `  ${messageText(effect.message)}`;
    case "store": {
      const hard = effect.hardState === null ? "" : ` term ${effect.hardState.term} vote ${effect.hardState.votedFor} commit ${effect.hardState.commitIndex}`;
      const cut = effect.truncateFrom === 0 ? "" : ` cut ${effect.truncateFrom}..`;
      const entries = effect.entries.map((entry) => ` ${entryText(entry, names)}`).join("");
      const held = effect.messages.map((message) => `\n  ${number}:   then ${messageText(message)}`).join("");
      return `  ${number}: store ${effect.store}${hard}${cut}${entries}${held}`;
    }
    case "apply": return `  ${number}: apply ${effect.from}..${effect.to}`;
    case "answerRead": return `  ${number}: read r${effect.readId} answered at ${effect.index}`;
    case "failPending": return `  ${number}: reads ${effect.readIds.map((id) => `r${id}`).join(" ")} fail: ${effect.reason}`;
    case "rejected": return `  ${number}: refused: ${effect.reason}`;
    case "transferEnded": return `  ${number}: transfer to ${effect.to} ${effect.refusal === null ? "done" : `ended: ${effect.refusal}`}`;
    case "roleChanged": return `  ${number}: ${effect.role} t${effect.term} leader ${effect.leaderId}`;
    case "configurationChanged": return `  ${number}: members ${membersText(effect.configuration)}`;
    case "diverged": return `  ${number}: DIVERGED at ${effect.index}`;
    default: return `  ${number}: ${effect.type}`;
  }
}

/** A state in one line. */
export function stateText(state: RaftState, log: readonly LogEntry[], names: Names): string {
  const { trail } = state;
  const entries = log.map((entry) => entryText(entry, names)).join(" ");
  const follows = state.role === "leader" || state.leaderId === 0 ? "" : ` of ${state.leaderId}`;
  const progress = [...state.progress.values()]
    .map((p) => ` ${p.member}:${p.state} match ${p.matchIndex} next ${p.nextIndex}`).join(";");
  const last = termAt(trail, trail.lastIndex);
  return `  ${state.config.self}: ${state.role}${follows} t${state.term} vote ${state.votedFor} commit ${state.commitIndex} durable ` +
    `${state.durableIndex} last ${trail.lastIndex}@${last} log [${entries}]${progress === "" ? "" : ` |${progress}`}`;
}
