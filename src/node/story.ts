/**
 * What happened to a member, in words: who asked for votes and why, who voted for whom, who leads, who stepped down, what
 * was cut, refused or stood still. What goes well and goes on, appends, acks, heartbeats and commits, is not told.
 */
import { isSticky } from "../raft/election.ts";
import { EffectDigest, Outline } from "../raft/effect_digest.ts";
import type { Effect, Event, Refusal } from "../raft/event.ts";
import type { AppendReply, Message, VoteReply, VoteRequest } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import { termAt } from "../raft/trail.ts";
import type { Index, MemberNumber, Role, Term } from "../raft/types.ts";
import { fateWords, nameIn, namesIn } from "../raft/words.ts";

/** Effects of which there is something to tell. */
const NOTABLE = Outline.changesRole | Outline.cutsLog | Outline.failsReads | Outline.refuses | Outline.grantsVote |
  Outline.refusesVote | Outline.asksForVotes | Outline.handsOver | Outline.endsTransfer | Outline.changesMembers |
  Outline.diverges | Outline.refusesEntries;

/** What happens again and again is told once in so long. */
const REPEATED_MS = 1000;

const REFUSALS: Readonly<Record<Refusal, string>> = {
  "not-leader": "it does not lead",
  "transferring": "leadership is being handed over",
  "busy": "too much is under way",
  "unknown-member": "there is no such member",
  "not-a-voter": "only a voter can lead",
  "timed-out": "no answer came in time",
  "given-up": "the other one did not catch up in time and was told nothing",
  "in-doubt": "the other one was told to lead, and does not yet",
  "replaced": "it was asked for another transfer",
  "change-pending": "another change of the members is under way",
  "not-ready": "no entry of its term is committed yet",
  "would-lose-quorum": "too few voters would be there afterwards",
  "too-many-witnesses": "witnesses would be no fewer than voters that keep the data",
};

/** What the last step left behind; a step is told as the difference. */
interface Before {
  role: Role;
  term: Term;
  leaderId: MemberNumber;
  lastIndex: Index;
  diskStalled: boolean;
}

/** Tells one member's story, step by step. Steps that are not told must be shown to it, too. */
export class Storyteller {
  readonly #before: Before = { role: "follower", term: 0, leaderId: 0, lastIndex: 0, diskStalled: false };
  /** When the leader was last heard; NaN: never. */
  #heardMs = Number.NaN;
  #votes: { granted: MemberNumber[]; refused: MemberNumber[] } = { granted: [], refused: [] };
  readonly #toldMs: Map<string, number> = new Map();
  readonly #digest: EffectDigest = new EffectDigest();

  /** The state before the first step that is told. */
  opened(state: RaftState): void {
    this.#note(state);
    this.#heardMs = Number.isFinite(state.leaderHeardMs) ? state.leaderHeardMs : Number.NaN;
  }

  /**
   * One step of the core, as an observer is shown it.
   *
   * @param outline of the effects, if it is known
   * @returns a sentence that begins with the member's name; null if nothing is worth telling
   */
  tell(event: Event, effects: readonly Effect[], state: RaftState, outline: number = this.#outlineOf(effects)): string | null {
    if (event.type === "receive") this.#hear(event.message, event.nowMs);
    const quiet = (outline & NOTABLE) === 0 && isUsual(event) && !this.#before.diskStalled;
    const parts = quiet ? [] : this.#parts(event, effects, state, outline);
    this.#note(state);
    if (parts.length === 0) return null;
    return `${nameIn(state, state.config.self)} ${parts.join("; ")}`;
  }

  #outlineOf(effects: readonly Effect[]): number {
    this.#digest.take(effects);
    return this.#digest.outline;
  }

  #note(state: RaftState): void {
    const before = this.#before;
    before.role = state.role;
    before.term = state.term;
    before.leaderId = state.leaderId;
    before.lastIndex = state.trail.lastIndex;
    before.diskStalled = state.diskStalled;
  }

  #hear(message: Message, nowMs: number): void {
    if (message.type === "heartbeat" || message.type === "appendRequest") {
      if (message.term >= this.#before.term) this.#heardMs = nowMs;
    } else if (message.type === "voteReply") {
      const list = message.granted ? this.#votes.granted : this.#votes.refused;
      if (!list.includes(message.from)) list.push(message.from);
    }
  }

  #parts(event: Event, effects: readonly Effect[], state: RaftState, outline: number): string[] {
    const parts: string[] = [];
    const say = (part: string | null): void => void (part !== null && parts.push(part));
    say(ofEvent(event, state, outline));
    if (this.#before.diskStalled && !state.diskStalled) say("sees its disk move again");
    const role = effects.find((effect) => effect.type === "roleChanged");
    if (role !== undefined) say(this.#ofRole(event, state));
    else if ((outline & Outline.asksForVotes) !== 0) say(`got no majority and asks again who would vote for it in term ${state.term + 1}`);
    for (const effect of effects) {
      if (effect.type === "send") say(this.#ofMessage(effect.message, event, state));
      else if (effect.type === "store") {
        if (effect.truncateFrom > 0) say(this.#ofCut(effect.truncateFrom, event, state));
        for (const message of effect.messages) say(this.#ofMessage(message, event, state));
      } else say(this.#ofEffect(effect, event, state));
    }
    if ((outline & Outline.asksForVotes) !== 0) this.#votes = { granted: [], refused: [] };
    return parts;
  }

  #ofRole(event: Event, state: RaftState): string | null {
    switch (state.role) {
      case "pre-candidate": return `${this.#whyCampaign(event, state)} and asks who would vote for it in term ${state.term + 1}`;
      case "candidate": return `campaigns in term ${state.term}${this.#whyNow(event, state)}`;
      case "leader": {
        const voters = this.#votes.granted.map((number) => nameIn(state, number));
        return `leads term ${state.term}, ${voters.length === 0 ? "as the only voter" : `elected by ${listed([...voters, "itself"])}`}`;
      }
      case "follower": return this.#ofFollower(event, state);
    }
  }

  #whyCampaign(event: Event, state: RaftState): string {
    const { role, leaderId, term } = this.#before;
    if (role === "candidate") return `got no majority in term ${term}`;
    if (leaderId === 0) return "knows no leader";
    const leader = nameIn(state, leaderId);
    const ms = Math.round(event.nowMs - this.#heardMs);
    return Number.isNaN(ms) ? `never heard ${leader}` : `heard nothing from ${leader} for ${ms} ms`;
  }

  #whyNow(event: Event, state: RaftState): string {
    if (event.type !== "receive") return "";
    const from = nameIn(state, event.message.from);
    if (event.message.type === "timeoutNow") return `: ${from} hands leadership over`;
    const { granted } = this.#votes;
    return granted.length === 0 ? "" : `: ${listed(granted.map((number) => nameIn(state, number)))} would vote for it`;
  }

  #ofFollower(event: Event, state: RaftState): string | null {
    const { role, term, leaderId } = this.#before;
    const follows = state.leaderId === 0 ? "" : `follows ${nameIn(state, state.leaderId)} in term ${state.term}`;
    if (role === "leader") return `steps down${this.#whyDown(event, state)}${follows === "" ? "" : `, and ${follows}`}`;
    if (follows !== "") return state.leaderId === leaderId && state.term === term ? null : follows;
    if (role === "follower") return isVoteFor(event) || state.term === term ? null : `moves on to term ${state.term}${saidBy(event, state)}`;
    if (state.term > term) return `gives up: term ${state.term} has begun${saidBy(event, state)}`;
    const refused = this.#votes.refused.map((number) => nameIn(state, number));
    return refused.length === 0 ? null : `gives up: refused by ${listed(refused)}`;
  }

  #whyDown(event: Event, state: RaftState): string {
    switch (event.type) {
      case "deadline": return `: it heard no majority for ${state.config.electionMaxMs} ms`;
      case "diskStalled": return "";
      case "readFailed": return `: it cannot read entries ${event.from}–${event.to} back from its log`;
      case "receive": {
        const asks = event.message.type === "voteRequest";
        return asks ? `: ${nameIn(state, event.message.from)} campaigns in term ${state.term}` : `: term ${state.term} has begun${saidBy(event, state)}`;
      }
      default: return "";
    }
  }

  #ofCut(from: Index, event: Event, state: RaftState): string {
    const { lastIndex } = this.#before;
    const count = lastIndex - from + 1;
    const whose = event.type === "receive" ? `: the log of ${nameIn(state, event.message.from)} differs` : "";
    const entries = count === 1 ? "one entry that was" : `${count} entries that were`;
    return `cuts ${entries} never committed (${count === 1 ? `index ${from}` : `indexes ${from}–${lastIndex}`})${whose}`;
  }

  #ofMessage(message: Message, event: Event, state: RaftState): string | null {
    if (message.type === "timeoutNow") return `tells ${nameIn(state, message.to)} to take over`;
    if (message.type === "appendReply" && !message.success) return this.#ofRefusedEntries(message, event, state);
    if (message.type !== "voteReply" || event.type !== "receive" || event.message.type !== "voteRequest") return null;
    return ofVote(message, event.message, event, state);
  }

  #ofRefusedEntries(message: AppendReply, event: Event, state: RaftState): string | null {
    if (this.#wasToldLately("entries", event.nowMs)) return null;
    const { lastIndex } = state.trail;
    const why = message.rejectedIndex > lastIndex ? `its own log ends at ${lastIndex}` : `its own entry there is of term ${termAt(state.trail, message.rejectedIndex) ?? 0}`;
    return `cannot take what ${nameIn(state, message.to)} sends behind index ${message.rejectedIndex}: ${why}`;
  }

  #ofEffect(effect: Effect, event: Event, state: RaftState): string | null {
    switch (effect.type) {
      case "rejected": return this.#ofRefusal(effect.reason, event);
      case "failPending": {
        if (this.#wasToldLately(`reads ${effect.reason}`, event.nowMs)) return null;
        const { length } = effect.readIds;
        return `gives up ${length === 1 ? "a round of reads" : `${length} rounds of reads`}: ${effect.reason === "not-leader" ? "the leader is gone" : REFUSALS[effect.reason]}`;
      }
      case "transferEnded": {
        const to = nameIn(state, effect.to);
        return effect.refusal === null ? `has handed leadership to ${to}` : `gives up the transfer to ${to}: ${REFUSALS[effect.refusal]}`;
      }
      case "configurationChanged": return `has ${listed(effect.configuration.members.map(({ id }) => id))} for members from index ${effect.configuration.index} on`;
      case "diverged": return `must stop: its committed log differs from the leader's at index ${effect.index}`;
      default: return null;
    }
  }

  #ofRefusal(reason: Refusal, event: Event): string | null {
    if (event.type === "changeMembership") return `refuses to change the members: ${REFUSALS[reason]}`;
    return this.#wasToldLately(reason, event.nowMs) ? null : `refuses a proposal: ${REFUSALS[reason]}`;
  }

  #wasToldLately(what: string, nowMs: number): boolean {
    const toldMs = this.#toldMs.get(what) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - toldMs < REPEATED_MS) return true;
    this.#toldMs.set(what, nowMs);
    return false;
  }
}

/** Whether there is nothing to tell of the event itself. */
function isUsual(event: Event): boolean {
  switch (event.type) {
    case "start":
    case "transfer":
    case "linkUp":
    case "linkDown":
    case "readFailed":
    case "diskStalled":
    case "diskFull":
    case "loopStalled":
    case "entriesLost":
    case "snapshotStored":
    case "snapshotFetching":
    case "snapshotFetched":
    case "restored": return false;
    default: return true;
  }
}

function ofEvent(event: Event, state: RaftState, outline: number): string | null {
  switch (event.type) {
    case "start": {
      const { lastIndex } = state.trail;
      const log = lastIndex === 0 ? "with an empty log" : `with ${lastIndex - state.trail.base.index} entries, ${state.commitIndex} of them known to be committed`;
      return `starts in term ${state.term} ${log}`;
    }
    case "transfer": return (outline & Outline.endsTransfer) !== 0 ? null : fateWords(event, namesIn(state));
    case "diskStalled": return state.diskStalled ? fateWords(event, namesIn(state)) : null;
    case "linkUp":
    case "linkDown":
    case "readFailed":
    case "diskFull":
    case "loopStalled":
    case "snapshotFetching":
    case "snapshotFetched": return fateWords(event, namesIn(state));
    case "entriesLost": return `lost entries, and lets its log begin behind ${state.trail.base.index}`;
    case "snapshotStored": return `took a snapshot of index ${event.point.index}; its log begins behind ${state.trail.base.index}`;
    case "restored": return `has restored its machine from the snapshot of index ${event.index}`;
    default: return null;
  }
}

function ofVote(reply: VoteReply, request: VoteRequest, event: Event, state: RaftState): string {
  const to = nameIn(state, reply.to);
  const { requestTerm: term, preVote } = reply;
  if (reply.granted) return preVote ? `would vote for ${to} in term ${term}` : `votes for ${to} in term ${term}`;
  return `${preVote ? "would not vote" : "does not vote"} for ${to} in term ${term}: ${whyNoVote(request, event, state)}`;
}

/** A refusal leaves what it was decided by as it was. */
function whyNoVote(request: VoteRequest, event: Event, state: RaftState): string {
  const { trail, leaderId, votedFor } = state;
  if (request.term < state.term) return `term ${state.term} has begun`;
  if (isSticky(state, request, event)) {
    if (state.role === "leader") return "it leads, and hears a majority";
    return `it heard ${nameIn(state, leaderId)} ${Math.round(event.nowMs - state.leaderHeardMs)} ms ago`;
  }
  const behind = request.lastLogTerm < trail.lastTerm || (request.lastLogTerm === trail.lastTerm && request.lastLogIndex < trail.lastIndex);
  if (behind) return `its own log reaches ${trail.lastIndex} of term ${trail.lastTerm}, that of ${nameIn(state, request.from)} ${request.lastLogIndex} of term ${request.lastLogTerm}`;
  if (votedFor !== 0 && votedFor !== request.from) return `its vote went to ${votedFor === state.config.self ? "itself" : nameIn(state, votedFor)}`;
  return leaderId === 0 ? "it may not" : `${nameIn(state, leaderId)} leads that term`;
}

function isVoteFor(event: Event): boolean {
  return event.type === "receive" && event.message.type === "voteRequest";
}

function saidBy(event: Event, state: RaftState): string {
  return event.type === "receive" ? `, as ${nameIn(state, event.message.from)} says` : "";
}

/** `a, b and c`. */
function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
}
