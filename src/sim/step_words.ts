/**
 * One step of the core in words, however dull it is: for whoever looks at the very step that differs.
 */
import { Outline, type OutlineBit } from "../raft/effect_digest.ts";
import type { Effect, Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import { nameIn } from "../node/story.ts";

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
export function outlineText(outline: number): string {
  const bits = Object.keys(OUTLINE_WORDS) as OutlineBit[];
  const words = bits.filter((bit) => (outline & Outline[bit]) !== 0).map((bit) => OUTLINE_WORDS[bit]);
  return words.length === 0 ? "does nothing" : words.join(", ");
}

/** What happened: `b asks for its vote in term 8`. */
export function eventText(event: Event, state: RaftState): string {
  const name = (number: number): string => nameIn(state, number);
  switch (event.type) {
    case "start": return "it starts";
    case "deadline": return "its deadline passes";
    case "receive": return `${name(event.message.from)} sends ${messageText(event.message)}`;
    case "stored": return `store ${event.store} is durable`;
    case "applied": return `index ${event.index} is applied`;
    case "propose": return `${event.entries.length} proposals come`;
    case "read": return `read ${event.readId} comes`;
    case "transfer": return `it is asked to hand leadership to ${name(event.to)}`;
    case "changeMembership": return "it is asked to change the members";
    case "linkUp": return `it is connected to ${name(event.peer)}`;
    case "linkDown": return `it loses its connection to ${name(event.peer)}`;
    case "readFailed": return `entries ${event.from}–${event.to} cannot be read back`;
    case "diskStalled": return "its disk stands still";
    case "diskFull": return event.full ? "its disk is full" : "its disk has room again";
    case "snapshotStored": return `its snapshot of index ${event.point.index} is durable`;
    case "snapshotFetching": return event.index === 0 ? "it fetches no snapshot" : `it fetches the snapshot of index ${event.index}`;
    case "snapshotFetched": return `it has fetched the snapshot of index ${event.point.index}`;
    case "restored": return `its machine holds the snapshot of index ${event.index}`;
  }
}

/** The effects of a step, in their order. */
export function effectsText(effects: readonly Effect[], state: RaftState): string {
  return effects.length === 0 ? "does nothing" : effects.map((effect) => effectText(effect, state)).join("; ");
}

function effectText(effect: Effect, state: RaftState): string {
  const sends = (message: Message): string => `${messageText(message)} to ${nameIn(state, message.to)}`;
  switch (effect.type) {
    case "send": return `sends ${sends(effect.message)}`;
    case "store": {
      const { hardState, truncateFrom, reset, entries, messages } = effect;
      const parts = [
        ...(hardState === null ? [] : [`term ${hardState.term}, vote ${nameIn(state, hardState.votedFor)}`]),
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
    case "transferEnded": return `ends the transfer to ${nameIn(state, effect.to)} (${effect.refusal ?? "done"})`;
    case "roleChanged": return `is ${effect.role} of term ${effect.term}, leader ${nameIn(state, effect.leaderId)}`;
    case "configurationChanged": return `has ${effect.configuration.members.length} members`;
    case "diverged": return `differs from the leader at committed index ${effect.index}`;
    case "fetchSnapshot": return `wants a snapshot of index ${effect.index} or later from ${nameIn(state, effect.from)}`;
    case "installSnapshot": return `restores its machine from the snapshot of index ${effect.point.index}`;
    case "compact": return `drops its log through index ${effect.start.point.index}`;
  }
}

/** What a message says; who sends it to whom is told by others. */
export function messageText(message: Message): string {
  switch (message.type) {
    case "voteRequest": return `a ${message.preVote ? "question whether it would get a vote" : "request for a vote"} in term ${message.term} (log ends at ${message.lastLogIndex} of term ${message.lastLogTerm})`;
    case "voteReply": return `a ${message.granted ? "yes" : "no"} to the ${message.preVote ? "question for" : "vote of"} term ${message.requestTerm}`;
    case "appendRequest": {
      const { prevLogIndex, lastIndex, leaderCommit } = message;
      const range = lastIndex === prevLogIndex ? "no entries" : `entries ${prevLogIndex + 1}–${lastIndex}`;
      return `${range} behind ${prevLogIndex} (commit ${leaderCommit}, term ${message.term})`;
    }
    case "appendReply": return message.success ? `an ack of ${message.matchIndex}` : `a refusal at ${message.rejectedIndex}`;
    case "heartbeat": return `a heartbeat (commit ${message.leaderCommit}, term ${message.term}, round ${message.round})`;
    case "heartbeatReply": return `an answer to round ${message.round}`;
    case "timeoutNow": return "word to take over";
    case "readIndexRequest": return `a request for a read index (${message.readId})`;
    case "readIndexReply": return `read index ${message.index} (${message.readId})`;
    case "installSnapshot": return `word that a snapshot of index ${message.lastIncludedIndex} or later is needed`;
    case "installSnapshotReply": return message.success ? `an ack of ${message.lastIncludedIndex}` : `word that it fetches a snapshot (${message.lastIncludedIndex})`;
  }
}
