/**
 * What never falls (dissertation figure 3.1): term, commitIndex and lastApplied while a process lives; the commit index
 * that was durable, over restarts too: no record and no process may fall behind the highest that this member's disk ever
 * held. (Term, vote and log over restarts are the model's own rule.)
 */
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";

export class Monotonic implements Property {
  readonly name: string = "monotonic";
  readonly #model: ClusterModel;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  opened(member: SimMember): void {
    const state = member.state!;
    const { durableCommit } = this.#model.of(state);
    if (state.commitIndex < durableCommit) {
      throw new Violation(this.name, `${member.id} begins with commitIndex ${state.commitIndex}; ${durableCommit} was durable`);
    }
  }

  durable(member: SimMember): void {
    const { hardState, durableCommit } = this.#model.of(member.state!);
    if (hardState.commitIndex < durableCommit) throw this.#fell(member, "the durable commitIndex", durableCommit, hardState.commitIndex);
  }

  stepped(member: SimMember): void {
    const { was, is } = this.#model.of(member.state!);
    if (is.term < was.term) throw this.#fell(member, "term", was.term, is.term);
    if (is.commitIndex < was.commitIndex) throw this.#fell(member, "commitIndex", was.commitIndex, is.commitIndex);
    if (is.lastApplied < was.lastApplied) throw this.#fell(member, "lastApplied", was.lastApplied, is.lastApplied);
  }

  #fell(member: SimMember, what: string, from: number, to: number): Violation {
    return new Violation(this.name, `${what} of ${member.id} falls from ${from} to ${to}`);
  }
}
