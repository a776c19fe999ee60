/**
 * One change of the members at a time (dissertation 4.1; Ongaro's mail to raft-dev, July 2015): a leader appends a
 * configuration only when the one before it is committed and so is an entry of its own term, and from each configuration
 * to the next any two majorities share a member: one voter at most comes or goes, or a joint configuration of both stands
 * in between (4.3).
 */
import type { Effect, Event } from "../../raft/event.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { InForce, MemberModel } from "./member_model.ts";

export class OneChange implements Property {
  readonly name: string = "one change at a time";
  readonly #model: ClusterModel;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    const model = this.#model.of(member.state!);
    const { before, inForce, is, was } = model;
    if (before === null || (is.role !== "leader" && was.role !== "leader")) return;
    // Deposed by the append of a later leader, which takes it back.
    if (is.role !== "leader" && inForce.index < before.index) return;
    const appended = effects.flatMap((effect) => effect.type === "store" ? effect.entries.filter(({ configuration }) => configuration !== null) : []);
    if (appended.length > 1) throw this.#wrong(member, inForce, `so is ${appended[0]!.index} in the same step`);
    if (before.index > is.commitIndex) throw this.#wrong(member, inForce, `the one at ${before.index} is not committed, ${is.commitIndex} is`);
    this.#checkOwnTerm(member, model);
    const why = whyApart(before, inForce);
    if (why !== null) throw this.#wrong(member, inForce, why);
  }

  #checkOwnTerm(member: SimMember, { inForce, is, memory }: MemberModel): void {
    const term = memory.at(is.commitIndex)?.term ?? 0;
    if (term !== is.term) throw this.#wrong(member, inForce, `nothing of its own term ${is.term} is committed: ${is.commitIndex}@${term} is`);
  }

  #wrong({ id }: SimMember, { index }: InForce, why: string): Violation {
    return new Violation(this.name, `${id} appends the configuration ${index}: ${why}`);
  }
}

/** Why a majority of one and one of the other may share nobody; null if they always share one. */
function whyApart(before: InForce, after: InForce): string | null {
  const [from, to] = [before.voters, after.voters];
  const text = ({ configuration, voters: { incoming, outgoing } }: InForce): string => `[${incoming.join(" ")}]${configuration.joint ? ` and [${outgoing.join(" ")}]` : ""}`;
  const isSame = (one: readonly number[], other: readonly number[]): boolean => one.length === other.length && one.every((seat) => other.includes(seat));
  const step = `from ${text(before)} to ${text(after)}`;
  if (before.configuration.joint) return !after.configuration.joint && isSame(from.incoming, to.incoming) ? null : step;
  if (after.configuration.joint) return isSame(from.incoming, to.outgoing) ? null : step;
  const changed = from.incoming.filter((seat) => !to.incoming.includes(seat)).length + to.incoming.filter((seat) => !from.incoming.includes(seat)).length;
  return changed <= 1 ? null : step;
}
