/** Election Safety (dissertation figure 3.2): at most one leader a term, and nobody else speaks as it. */
import type { Message } from "../../raft/message.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";

export class OneLeader implements Property {
  readonly name: string = "one-leader";
  readonly #model: ClusterModel;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember): void {
    const { is, number } = this.#model.of(member.state!);
    if (is.role !== "leader") return;
    const leader = this.#model.leaderOf(is.term)?.number;
    if (leader !== number) throw new Violation(this.name, `${member.id} (member ${number}) leads term ${is.term}, in which member ${leader} was leader`);
  }

  sent(member: SimMember, message: Message): void {
    if (message.type !== "appendRequest" && message.type !== "heartbeat") return;
    if (this.#model.leaderOf(message.term)?.number !== message.from) {
      throw new Violation(this.name, `${member.id} sends a ${message.type} of term ${message.term}, which it never led`);
    }
  }
}
