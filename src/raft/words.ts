/**
 * The core in words, however dull: an event, a message, what a step asks for, how a member stands. Whoever tells of the
 * core, a story, a replay, a broken rule, tells it with these.
 */
import { Outline, type OutlineBit } from "./effect_digest.ts";
import type { Effect, Event } from "./event.ts";
import { currentMember } from "./membership.ts";
import type { AppendRequest, Message } from "./message.ts";
import type { RaftState } from "./state.ts";
import type { LogEntry, MemberNumber } from "./types.ts";

/** What a member is called. */
export type Names = (number: MemberNumber) => string;

/** Names for those who know no configuration. */
export const byNumber: Names = (number) => number === 0 ? "nobody" : `member ${number}`;

/** The names in the configuration of `state`. */
export function namesIn(state: RaftState): Names {
  return (number) => nameIn(state, number);
}

/** What people call the member with this number. */
export function nameIn(state: RaftState, number: MemberNumber): string {
  return currentMember(state, number)?.id ?? byNumber(number);
}

const OUTLINE_WORDS: Readonly<Record<OutlineBit, string>> = {
  grantsVote: "grants a vote",
  refusesVote: "refuses a vote",
  asksForVotes: "asks for votes",
  handsOver: "tells another to take over",
  changesRole: "changes role, term or leader",
  cutsLog: "cuts its log",
  refusesEntries: "refuses entries",
  diverges: "must stop, for its committed log differs",
  sendsAppends: "sends entries",
  sends: "sends messages",
  stores: "stores records",
  applies: "applies entries",
  answersRead: "answers reads",
  failsReads: "gives up reads",
  refuses: "refuses a proposal",
  endsTransfer: "ends a transfer",
  changesMembers: "changes the members",
  other: "does something that is not told apart",
};

/** What an outline says: all that is known of the effects of a recorded step besides their sum. */
export function outlineWords(outline: number): string {
  const bits = Object.keys(OUTLINE_WORDS) as OutlineBit[];
  const words = bits.filter((bit) => (outline & Outline[bit]) !== 0).map((bit) => OUTLINE_WORDS[bit]);
  return words.length === 0 ? "does nothing" : words.join(", ");
}

/** What happened: `b sends a request for a vote in term 8`, `it is connected to c`. */
export function eventWords(event: Event, name: Names): string {
  switch (event.type) {
    case "receive": return `${name(event.message.from)} sends ${messageWords(event.message)}`;
    case "stored": return `store ${event.store} is durable`;
    case "applied": return `index ${event.index} is applied`;
    case "propose": return event.entries.length === 1 ? "a proposal comes" : `${event.entries.length} proposals come`;
    case "read": return `${event.lease ? "lease read" : "read"} ${event.readId} comes`;
    case "promiseReady": return `it may promise for ${event.promiseMs} ms to vote for nobody`;
    case "deadline": return "its deadline passes";
    case "snapshotStored": return `its snapshot of index ${event.point.index} is durable`;
    case "entriesLost": return `what its log lost is in its snapshot of index ${event.point.index}`;
    case "checked": return `its machine comes to ${event.digest.toString(16).padStart(8, "0")} at index ${event.index}`;
    case "restored": return `its machine holds the snapshot of index ${event.index}`;
    default: return `it ${fateWords(event, name)}`;
  }
}

/** What befalls a member itself, in words that its name may stand before. */
export type Fate = Extract<Event, { type: "start" | "transfer" | "changeMembership" | "linkUp" | "linkDown" | "readFailed" | "diskStalled" | "diskFull" | "loopStalled" | "snapshotFetching" | "snapshotFetched" }>;

export function fateWords(event: Fate, name: Names): string {
  switch (event.type) {
    case "start": return "starts";
    case "transfer": return `is asked to hand leadership to ${name(event.to)}`;
    case "changeMembership": return "is asked to change the members";
    case "linkUp": return `is connected to ${name(event.peer)}`;
    case "linkDown": return `lost its connection to ${name(event.peer)}`;
    case "readFailed": return `cannot read entries ${event.from}–${event.to} back from its log`;
    case "diskStalled": return "waits for its disk, which stands still";
    case "loopStalled": return `stood still for ${Math.round(event.forMs)} ms`;
    case "diskFull": return event.full ? "has no room on its disk" : "has room on its disk again";
    case "snapshotFetching": return event.index === 0 ? "fetches no snapshot" : `fetches the snapshot of index ${event.index}`;
    case "snapshotFetched": return `has fetched the snapshot of index ${event.point.index}`;
  }
}

/** The effects of a step, in their order. */
export function effectsWords(effects: readonly Effect[], name: Names): string {
  return effects.length === 0 ? "does nothing" : effects.map((effect) => effectWords(effect, name)).join("; ");
}

function effectWords(effect: Effect, name: Names): string {
  const sends = (message: Message): string => `${messageWords(message)} to ${name(message.to)}`;
  switch (effect.type) {
    case "send": return `sends ${sends(effect.message)}`;
    case "store": {
      const { hardState, truncateFrom, reset, entries, messages } = effect;
      const parts = [
        ...(hardState === null ? [] : [`term ${hardState.term}, vote ${name(hardState.votedFor)}`]),
        ...(truncateFrom === 0 ? [] : [`a cut at ${truncateFrom}`]),
        ...(reset === null ? [] : [`a log that begins behind ${reset.point.index}`]),
        ...(entries.length === 0 ? [] : [`${entries.length} entries up to ${entries.at(-1)?.index ?? 0}`]),
      ];
      const then = messages.length === 0 ? "" : `, then sends ${messages.map(sends).join(", ")}`;
      return `stores ${parts.length === 0 ? "nothing new" : parts.join(", ")}${then}`;
    }
    case "apply": return `applies ${effect.from}–${effect.to}`;
    case "answerRead": return `answers read ${effect.readId} at ${effect.index}`;
    case "failPending": return `gives up ${effect.readIds.length} reads (${effect.reason})`;
    case "rejected": return `refuses the proposal (${effect.reason})`;
    case "transferEnded": return `ends the transfer to ${name(effect.to)} (${effect.refusal ?? "done"})`;
    case "roleChanged": return `is ${effect.role} of term ${effect.term}, leader ${name(effect.leaderId)}`;
    case "configurationChanged": return `has ${effect.configuration.members.length} members`;
    case "diverged": return `differs from the leader at committed index ${effect.index}`;
    case "fetchSnapshot": return `wants a snapshot of index ${effect.point.index} or later from ${name(effect.from)}`;
    case "installSnapshot": return `restores its machine from the snapshot of index ${effect.point.index}`;
    case "compact": return `drops its log through index ${effect.start.point.index}`;
  }
}

/** What a message says; who sends it to whom is told by others. */
export function messageWords(message: Message): string {
  const { term } = message;
  switch (message.type) {
    case "voteRequest": return `a ${message.preVote ? "question whether it would get a vote" : "request for a vote"} in term ${term} (log ends at ${message.lastLogIndex} of term ${message.lastLogTerm})`;
    case "voteReply": {
      const later = term === message.requestTerm ? "" : ` in term ${term}`;
      return `a ${message.granted ? "yes" : "no"} to the ${message.preVote ? "question for" : "vote of"} term ${message.requestTerm}${later}`;
    }
    case "appendRequest": {
      const { prevLogIndex, prevLogTerm, leaderCommit } = message;
      return `${rangeWords(message)} behind ${prevLogIndex} of term ${prevLogTerm} (commit ${leaderCommit}, term ${term})`;
    }
    case "appendReply": return `${message.success ? `an ack of ${message.matchIndex}` : `a refusal at ${message.rejectedIndex}`} in term ${term}`;
    case "heartbeat": return `a heartbeat (commit ${message.leaderCommit}, term ${term}, round ${message.round})`;
    case "heartbeatReply": return `an answer to round ${message.round} in term ${term} (durable to ${message.durableIndex} of term ${message.durableTerm})`;
    case "timeoutNow": return `word to take over in term ${term}`;
    case "readIndexRequest": return `a request for a read index (${message.readId})`;
    case "readIndexReply": return `read index ${message.index} (${message.readId})`;
    case "installSnapshot": return `word in term ${term} that a snapshot of index ${message.lastIncludedIndex} or later is needed`;
    case "installSnapshotReply": return message.success ? `an ack of ${message.lastIncludedIndex} in term ${term}` : `word that it fetches the snapshot of index ${message.lastIncludedIndex}`;
  }
}

/** The entries of a message; their terms stand in it only where their heads do. */
function rangeWords({ prevLogIndex, lastIndex, entries }: AppendRequest): string {
  if (lastIndex === prevLogIndex) return "no entries";
  const range = lastIndex === prevLogIndex + 1 ? `entry ${lastIndex}` : `entries ${prevLogIndex + 1}–${lastIndex}`;
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) return range;
  return `${range} of term ${first.term}${last.term === first.term ? "" : ` to ${last.term}`}`;
}

/** Entries as index@term. */
export function logWords(entries: readonly LogEntry[]): string {
  return entries.map((entry) => `${entry.index}@${entry.term}`).join(" ");
}

/** How a member stands, part by part. */
export function standingWords(state: RaftState, name: Names): string[] {
  const { role, term, votedFor, trail, commitIndex, durableIndex } = state;
  return [`${role} of term ${term}`, `vote ${name(votedFor)}`, `log to ${trail.lastIndex}@${trail.lastTerm}`, `durable ${durableIndex}`, `commit ${commitIndex}`];
}
