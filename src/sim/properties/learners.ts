/**
 * Learners (dissertation 4.2.1) keep all and decide nothing: none campaigns, unless a configuration that is not committed
 * made it one (4.2.2). That none is counted, in votes and in acknowledgements, is seen where those are counted.
 */
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import { votes, votersOf } from "./voters.ts";

export class Learners implements Property {
  readonly name: string = "learners";
  readonly #model: ClusterModel;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember): void {
    const state = member.state!;
    const { is, was, seat } = this.#model.of(state);
    if (is.role === was.role || (is.role !== "candidate" && is.role !== "pre-candidate")) return;
    const { configurations, commitIndex } = state;
    const committed = configurations.findLastIndex(({ index }) => index <= commitIndex);
    const { seats } = this.#model.sealed;
    if (configurations.slice(Math.max(committed, 0)).some((each) => votes(votersOf(each, seats), seat))) return;
    throw new Violation(this.name, `${member.id} is ${is.role} of term ${is.term}, and votes by no configuration from ${configurations[Math.max(committed, 0)]!.index} on`);
  }
}
