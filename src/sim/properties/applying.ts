/**
 * What is applied (dissertation 3.5, figure 3.1): base ≤ asked for ≤ commitIndex ≤ last, lastApplied ≤ asked for; every
 * committed entry once and in order, from the snapshot on after each start and each restore, and the machine is where the
 * core believes it to be.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { RaftState } from "../../raft/state.ts";
import type { Index } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";

export class Applying implements Property {
  readonly name: string = "applying";
  readonly #model: ClusterModel;
  readonly #committed: Committed;
  /** The last index that each member's process was asked to apply. */
  readonly #asked: WeakMap<RaftState, Index> = new WeakMap();

  constructor(model: ClusterModel, committed: Committed) {
    this.#model = model;
    this.#committed = committed;
  }

  opened(member: SimMember): void {
    this.#asked.set(member.state!, member.state!.snapshotIndex);
    this.#checkOrder(member);
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    if (event.type === "applied" || event.type === "restored") this.#applied(member, event.index);
    for (const effect of effects) {
      if (effect.type === "apply") this.#asks(member, effect.from, effect.to);
      else if (effect.type === "installSnapshot") this.#asked.set(member.state!, effect.point.index);
    }
    this.#checkOrder(member);
  }

  #checkOrder(member: SimMember): void {
    const { trail, snapshotIndex, applyRequested, lastApplied, commitIndex } = member.state!;
    const ascends = trail.base.index <= snapshotIndex && snapshotIndex <= applyRequested && applyRequested <= commitIndex && commitIndex <= trail.lastIndex;
    if (ascends && lastApplied <= applyRequested) return;
    throw new Violation(this.name, `${member.id} holds base ${trail.base.index}, snapshot ${snapshotIndex}, lastApplied ${lastApplied} of ${applyRequested}, ` +
      `commitIndex ${commitIndex}, last ${trail.lastIndex}: must ascend`);
  }

  #asks(member: SimMember, from: Index, to: Index): void {
    const state = member.state!;
    const asked = this.#asked.get(state)!;
    if (from !== asked + 1 || to < from) throw new Violation(this.name, `${member.id} is to apply ${from}..${to}; ${asked + 1} is next`);
    if (to > state.commitIndex) throw new Violation(this.name, `${member.id} is to apply ${from}..${to}; ${state.commitIndex} is committed`);
    this.#asked.set(state, to);
  }

  #applied(member: SimMember, index: Index): void {
    const asked = this.#asked.get(member.state!)!;
    const { was } = this.#model.of(member.state!);
    if (index > asked || index < was.lastApplied) {
      throw new Violation(this.name, `${member.id} applied ${was.lastApplied + 1}..${index}; asked for was ${asked}`);
    }
    if (member.applier === null) return;
    const { index: at, term } = member.applier.lastApplied;
    if (at !== index) throw new Violation(this.name, `${member.id} says that it applied ${index}, its machine is at ${at}`);
    const committed = this.#committed.at(index);
    if (committed !== null && committed.index > 0 && committed.term !== term) {
      throw new Violation(this.name, `${member.id} applied an entry ${index}@${term}; ${index}@${committed.term} is committed`);
    }
  }
}
