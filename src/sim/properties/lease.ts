/**
 * Leases (dissertation 6.4.1): while a leader holds one, by its own clocks, nobody else commits anything. So what it
 * answers from is the newest state there is. Nobody promises more than its data directory says, or its next process would
 * not wait for as long; and nobody, nor its next process, votes for another one than whom it promised before that time has
 * passed, unless a leader told that one to campaign.
 */
import type { Effect, Event } from "../../raft/event.ts";
import { holdsLease } from "../../raft/lease.ts";
import type { Message } from "../../raft/message.ts";
import type { Index, MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

export class Lease implements Property {
  readonly name: string = "lease";
  readonly #members: Map<MemberNumber, SimMember> = new Map();
  readonly #commits: Map<MemberNumber, Index> = new Map();
  /** By its machine's clock, which goes on while processes come and go. */
  readonly #promised: Map<MemberNumber, { readonly to: MemberNumber; readonly untilMs: number }> = new Map();
  readonly #votes: Map<MemberNumber, MemberNumber> = new Map();

  opened(member: SimMember): void {
    if (member.state === null || member.clocks === undefined) return;
    this.#members.set(member.number, member);
    this.#commits.set(member.number, member.state.commitIndex);
    this.#votes.set(member.number, member.state.votedFor);
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const { state } = member;
    if (state === null) return;
    if (state.votedFor !== this.#votes.get(member.number)) {
      this.#votes.set(member.number, state.votedFor);
      // A later leader was heard since: that it was elected ended the lease of the one before.
      if (state.votedFor !== 0 && state.votedFor !== state.heardFrom) this.#checkVote(member, state.votedFor, event);
    }
    for (const effect of effects) {
      // Most promises go with what has to be stored before.
      const messages = effect.type === "send" ? [effect.message] : effect.type === "store" ? effect.messages : [];
      for (const message of messages) {
        if (!("promiseMs" in message) || message.promiseMs === 0) continue;
        this.#promised.set(member.number, { to: message.to, untilMs: event.nowMs + message.promiseMs });
      }
    }
    if (state.commitIndex === this.#commits.get(member.number)) return;
    this.#commits.set(member.number, state.commitIndex);
    if (state.role !== "leader") return;
    for (const other of this.#members.values()) if (other !== member) this.#check(member, state.term, other);
  }

  #checkVote({ id, number, forgiven }: SimMember, vote: MemberNumber, event: Event): void {
    const promised = this.#promised.get(number);
    if (promised === undefined || promised.to === vote || event.nowMs >= promised.untilMs || forgiven) return;
    const message = event.type === "receive" ? event.message : null;
    const isForced = message?.type === "timeoutNow" || (message?.type === "voteRequest" && message.forcedLeader !== 0);
    if (isForced) return;
    throw new Violation(this.name, `${id} votes for ${vote}, and promised ${promised.to} not to for ${Math.round(promised.untilMs - event.nowMs)} ms more`);
  }

  #check(member: SimMember, term: number, other: SimMember): void {
    const { state, clocks } = other;
    if (state === null || clocks === undefined || state.role !== "leader" || state.term >= term) return;
    if (!holdsLease(state, { nowMs: clocks.monotonicMs(), wallMs: clocks.wallMs() })) return;
    throw new Violation(this.name, `${member.id} commits in term ${term}, while ${other.id} holds a lease of term ${state.term}`);
  }

  sent(member: SimMember, message: Message): void {
    if (!("promiseMs" in message) || member.identity === undefined || member.identity === null) return;
    const { promiseMaxMs } = member.identity;
    if (message.promiseMs > promiseMaxMs) throw new Violation(this.name, `${member.id} promises ${message.promiseMs} ms, its directory says ${promiseMaxMs}`);
  }

  ended(member: SimMember): void {
    this.#members.delete(member.number);
  }
}
