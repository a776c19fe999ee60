/**
 * What is committed. State Machine Safety (dissertation figure 3.2): an entry that is committed is the one at its index
 * for ever and on all members. Each is on the durable logs of a quorum of the leader that commits it, crashed members
 * counted (DESIGN promise 1), and is of that leader's own term, or lies before one that is (3.6.2, figure 3.7).
 */
import type { Event } from "../../raft/event.ts";
import type { Index, MemberNumber, Term } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import { LogModel } from "./log_model.ts";
import type { MemberModel } from "./member_model.ts";
import { pointText, type Sealed } from "./sealed_entries.ts";
import { isQuorum, type Voters } from "./voters.ts";

export class Committed implements Property {
  readonly name: string = "committed";
  readonly #model: ClusterModel;
  #log: LogModel | null = null;
  /** The last entry that the leader of each term committed, ascending by term. */
  readonly #byTerm: { readonly term: Term; last: Sealed }[] = [];

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  /** The highest index that anybody has committed. */
  get lastIndex(): Index {
    return this.#log?.last.index ?? 0;
  }

  /** The committed entry at `index`; null if there is none. */
  at(index: Index): Sealed | null {
    return this.#log?.at(index) ?? null;
  }

  /** The last entry that leaders of terms below `term` committed; null if none. */
  lastBelow(term: Term): Sealed | null {
    for (let at = this.#byTerm.length - 1; at >= 0; at--) {
      const row = this.#byTerm[at]!;
      if (row.term < term) return row.last;
    }
    return null;
  }

  opened(member: SimMember): void {
    const state = member.state!;
    const model = this.#model.of(state);
    this.#log ??= new LogModel(model.memory.base);
    if (state.commitIndex <= this.lastIndex) return this.#checkEqual(member, model, state.commitIndex);
    if (model.lives > 1) {
      throw new Violation(this.name, `${member.id} begins with commitIndex ${state.commitIndex}; nobody committed more than ${this.lastIndex}`);
    }
    // A disk from before this run.
    this.#extend(model, model.memory.at(state.commitIndex)!);
  }

  stepped(member: SimMember, event: Event): void {
    const model = this.#model.of(member.state!);
    const { commitIndex } = model.is;
    if (commitIndex === model.was.commitIndex) return;
    const { last } = model.memory;
    if (commitIndex > last.index) throw new Violation(this.name, `${member.id} commits ${commitIndex}, its log ends with ${pointText(last)}`);
    if (commitIndex <= this.lastIndex) this.#checkEqual(member, model, commitIndex);
    // A leader commits before it appends the next step of a change, and behind a change that is asked for.
    else this.#announce(member, model, event.type === "changeMembership" ? model.voters : (model.before ?? model.inForce).voters);
  }

  #checkEqual(member: SimMember, model: MemberModel, index: Index): void {
    const own = model.memory.at(index);
    const committed = this.at(index);
    if (own !== committed) throw new Violation(this.name, `${member.id} commits ${pointText(own)}; ${pointText(committed)} was committed`);
  }

  #announce(member: SimMember, model: MemberModel, voters: Voters): void {
    const { is, was } = model;
    const entry = model.memory.at(is.commitIndex)!;
    this.#checkEqual(member, model, this.lastIndex);
    // Who commits that it votes no more leads no longer when the step is over (4.2.2).
    const leads = is.role === "leader" || (was.role === "leader" && was.term === is.term);
    if (!leads) throw new Violation(this.name, `${member.id}, ${is.role} of term ${is.term}, commits ${pointText(entry)}, which no leader has committed`);
    if (entry.term !== is.term) {
      throw new Violation(this.name, `${member.id} leads term ${is.term} and commits ${pointText(entry)} by counting: not of its own term`);
    }
    const holds = (seat: MemberNumber): boolean => this.#model.member(seat)?.held(entry) === true;
    if (!isQuorum(voters, holds)) {
      const { incoming, outgoing } = voters;
      const list = [...new Set([...incoming, ...outgoing])].filter(holds).join(", ");
      const left = outgoing.length === 0 ? "" : ` and [${outgoing.join(", ")}]`;
      throw new Violation(this.name, `${member.id} commits ${pointText(entry)}, which is durable on [${list}] of [${incoming.join(", ")}]${left}`);
    }
    this.#extend(model, entry);
  }

  #extend(model: MemberModel, entry: Sealed): void {
    const log = this.#log!;
    for (let index = log.last.index + 1; index <= entry.index; index++) log.push(model.memory.at(index)!);
    const row = this.#byTerm.at(-1);
    const term = Math.max(entry.term, model.is.role === "leader" ? model.is.term : 0);
    if (row !== undefined && row.term === term) row.last = entry;
    else this.#byTerm.push({ term, last: entry });
  }
}
