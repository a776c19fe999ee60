/**
 * Votes (dissertation 3.4; figure 3.1: votedFor is durable before the answer): a member votes once a term, over restarts
 * too (that a durable vote is found again is the model's own rule), and who leads a term was voted for in it by a quorum
 * whose votes are durable, its own among them if it counts.
 */
import type { Message } from "../../raft/message.ts";
import type { MemberNumber, Term } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { MemberModel } from "./member_model.ts";
import { isQuorum } from "./voters.ts";

export class Votes implements Property {
  readonly name: string = "votes";
  readonly #model: ClusterModel;
  /** Votes that left, by voter's seat and term. */
  readonly #granted: Map<MemberNumber, Map<Term, MemberNumber>> = new Map();

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  opened(member: SimMember): void {
    if (!member.forgiven) return;
    // Only votes that damage took are excused: those of terms that it does not know, and of this one if it knows of none.
    const { config: { self, incarnation }, term, votedFor } = member.state!;
    const votes = this.#granted.get(this.#model.sealed.seats.of(self, incarnation));
    for (const known of votes?.keys() ?? []) if (known > term || (known === term && votedFor === 0)) votes?.delete(known);
  }

  stepped(member: SimMember): void {
    const model = this.#model.of(member.state!);
    const { was, is } = model;
    if (is.term === was.term && is.votedFor !== was.votedFor && was.votedFor !== 0) {
      throw new Violation(this.name, `${member.id} voted for ${was.votedFor} in term ${is.term}, then for ${is.votedFor}`);
    }
    if (is.role === "leader" && (was.role !== "leader" || was.term !== is.term)) this.#checkElected(member, model);
  }

  #checkElected(member: SimMember, { is, number, voters }: MemberModel): void {
    const voted = (voter: MemberNumber): boolean => this.#model.member(voter)?.votes.get(is.term) === number;
    if (isQuorum(voters, voted)) return;
    const list = voters.incoming.filter(voted).join(", ");
    throw new Violation(this.name, `${member.id} leads term ${is.term} by the durable votes of [${list}] among [${voters.incoming.join(", ")}]`);
  }

  sent(member: SimMember, message: Message): void {
    if (message.type !== "voteReply" || message.preVote || !message.granted) return;
    const { seat } = this.#model.of(member.state!);
    let votes = this.#granted.get(seat);
    if (votes === undefined) {
      votes = new Map();
      this.#granted.set(seat, votes);
    }
    const known = votes.get(message.requestTerm);
    if (known !== undefined && known !== message.to) {
      throw new Violation(this.name, `${member.id} grants its vote in term ${message.requestTerm} to ${message.to}, and granted it to ${known}`);
    }
    votes.set(message.requestTerm, message.to);
  }
}
