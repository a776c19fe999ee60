/**
 * No message leaves before the state that it depends on is durable (DESIGN promise 3; dissertation figure 3.1, 3.8), by
 * the model's own account of the sender's disk:
 *
 * - any message: the term that it bears (a pre-vote's request bears the next one, a pre-vote that is granted the asker's);
 * - a vote, and a candidate's request: the vote in that term; the request's last entry, too;
 * - a success: everything through matchIndex, equal to the log of the leader that it answers;
 * - any answer of a follower: the durable position that it names, and that its next process will know of its promise;
 * - a leader's message: the entry that it starts from is in its log, and what it calls committed is.
 */
import type { AckStatus, AppendReply, AppendRequest, Message, VoteRequest } from "../../raft/message.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";
import type { MemberModel } from "./member_model.ts";
import { type Point, pointText, type Sealed } from "./sealed_entries.ts";

export class DurableFirst implements Property {
  readonly name: string = "durable-first";
  readonly #model: ClusterModel;
  readonly #committed: Committed;
  /** How long a process of each member may promise not to vote, for all that was seen on its disk. */
  readonly #leave: Map<string, { readonly boots: number; readonly ms: number }> = new Map();

  constructor(model: ClusterModel, committed: Committed) {
    this.#model = model;
    this.#committed = committed;
  }

  sent(member: SimMember, message: Message): void {
    const model = this.#model.of(member.state!);
    this.#checkTerm(member, model, message);
    switch (message.type) {
      case "voteRequest":
        if (!message.preVote) this.#checkCandidate(member, model, message);
        return;
      case "voteReply":
        if (message.granted && !message.preVote) this.#checkVote(member, model, message.requestTerm, message.to);
        return;
      case "appendRequest":
        this.#checkCommit(member, message);
        return this.#checkStart(member, model, message);
      case "heartbeat":
      case "readIndexReply":
        return this.#checkCommit(member, message);
      case "appendReply":
        this.#checkPosition(member, model, message);
        if (message.success) this.#checkMatch(member, model, message);
        return;
      case "heartbeatReply":
        return this.#checkPosition(member, model, message);
      case "installSnapshotReply":
        this.#checkPosition(member, model, message);
        if (message.success && model.durable.at(message.lastIncludedIndex) === null) {
          throw this.#early(member, message, `match ${message.lastIncludedIndex} is claimed, ${pointText(model.durable.last)} is durable`);
        }
        return;
      default:
    }
  }

  #checkTerm(member: SimMember, { hardState }: MemberModel, message: Message): void {
    if (message.type === "voteReply" && message.preVote && message.granted) return;
    const needed = message.type === "voteRequest" && message.preVote ? message.term - 1 : message.term;
    if (hardState.term < needed) throw this.#early(member, message, `term ${hardState.term} is durable`);
  }

  #checkVote(member: SimMember, model: MemberModel, term: number, candidate: number): void {
    const vote = model.votes.get(term) ?? 0;
    if (vote !== candidate) throw new Violation(this.name, `${member.id} tells of its vote for ${candidate} in term ${term}; durable is one for ${vote}`);
  }

  #checkCandidate(member: SimMember, model: MemberModel, message: VoteRequest): void {
    this.#checkVote(member, model, message.term, message.from);
    const last = model.durable.at(message.lastLogIndex);
    if (last?.term !== message.lastLogTerm) {
      throw this.#early(member, message, `${message.lastLogIndex}@${message.lastLogTerm} is claimed, ${pointText(last)} is durable there`);
    }
  }

  #checkPosition(member: SimMember, model: MemberModel, message: Message & AckStatus): void {
    if (message.promiseMs > 0) this.#checkPromise(member, message);
    const { durableIndex: index, durableTerm: term, durableChain: chain } = message;
    // Nothing is claimed.
    if (index === 0) return;
    this.#checkHeld(member, model, message, { index, term, chain });
  }

  /** The disk is looked at once a process, and again where it promises more. */
  #checkPromise(member: SimMember, message: Message & AckStatus): void {
    const { id, boots, forgiven } = member;
    const leave = this.#leave.get(id);
    if (forgiven || (leave?.boots === boots && leave.ms >= message.promiseMs)) return;
    const identity = member.durableLog?.().identity;
    if (identity === undefined) return;
    const ms = identity?.promiseMaxMs ?? 0;
    if (ms < message.promiseMs) throw this.#early(member, message, `${message.promiseMs} ms are promised, leave for ${ms} ms is durable`);
    if (identity!.bootCount < message.bootId) throw this.#early(member, message, `it is boot ${message.bootId}, durable is ${identity!.bootCount}`);
    this.#leave.set(id, { boots, ms });
  }

  #checkMatch(member: SimMember, model: MemberModel, message: AppendReply): void {
    const { matchIndex, pointIndex, pointTerm, pointChain, term } = message;
    // A log that was repaired may begin with a snapshot that it fetched: what lies before is committed, and held by that.
    const own = model.durable.at(matchIndex) ?? (matchIndex < model.durable.base.index ? this.#committed.at(matchIndex) : null);
    if (own === null) throw this.#early(member, message, `match ${matchIndex} is claimed, ${pointText(model.durable.last)} is durable`);
    if (pointIndex === matchIndex && matchIndex > 0) this.#checkHeld(member, model, message, { index: pointIndex, term: pointTerm, chain: pointChain });
    const leader = this.#model.leaderOf(term);
    // A leader that restarted, or leads no more, may hold another log by now.
    if (leader === undefined || leader.number !== message.to || !leader.isUp || leader.is.role !== "leader" || leader.is.term !== term) return;
    const theirs = leader.memory.at(matchIndex);
    if (own !== theirs) {
      throw new Violation(this.name, `${member.id} tells leader ${message.to} of term ${term} that ${matchIndex} matches: it has ${pointText(own)}, the leader ${pointText(theirs)}`);
    }
  }

  #checkHeld(member: SimMember, model: MemberModel, message: Message, point: Point): void {
    const own = model.durable.at(point.index);
    if (own !== null && own.term === point.term && own.chain === point.chain) return;
    throw this.#early(member, message, `${pointText(point)} is claimed, ${pointText(own)} is durable there`);
  }

  #checkStart(member: SimMember, model: MemberModel, message: AppendRequest): void {
    if (model.is.role !== "leader" || model.is.term !== message.term) return;
    const { prevLogIndex: index, prevLogTerm: term, prevLogChain: chain, lastIndex } = message;
    const previous: Sealed | null = model.memory.at(index);
    if (previous === null || previous.term !== term || previous.chain !== chain || model.memory.at(lastIndex) === null) {
      throw new Violation(this.name, `${member.id} sends entries from ${pointText({ index, term, chain })} to ${lastIndex}; its log has ${pointText(previous)} there and ends with ${pointText(model.memory.last)}`);
    }
  }

  #checkCommit(member: SimMember, message: Message & { readonly leaderCommit: number }): void {
    if (message.leaderCommit <= this.#committed.lastIndex) return;
    throw this.#early(member, message, `leaderCommit ${message.leaderCommit} is claimed, ${this.#committed.lastIndex} is committed`);
  }

  #early(member: SimMember, message: Message, why: string): Violation {
    return new Violation(this.name, `${member.id} sends a ${message.type} of term ${message.term} to ${message.to} too early: ${why}`);
  }
}
