/**
 * Log Matching (dissertation figure 3.2): entries of equal index and term are the same entry, made by the leader of that
 * term, and all before them are the same. DESIGN promise 4 adds the content: the chain.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { Index } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { MemberModel } from "./member_model.ts";
import { pointText } from "./sealed_entries.ts";

export class LogMatching implements Property {
  readonly name: string = "log-matching";
  readonly #model: ClusterModel;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== "store" || effect.entries.length === 0) continue;
      const model = this.#model.of(member.state!);
      for (const { index } of effect.entries) this.#check(member, model, index);
    }
  }

  #check(member: SimMember, model: MemberModel, index: Index): void {
    const entry = model.memory.at(index)!;
    if (entry.index !== index) throw new Violation(this.name, `${member.id} appends ${pointText(entry)} where ${index} is next`);
    const before = model.memory.at(index - 1);
    if (entry.previous !== before) {
      throw new Violation(this.name, `${member.id} holds ${pointText(entry)} behind ${pointText(before)}, another log behind ${pointText(entry.previous)}`);
    }
    if (entry.term < (before?.term ?? 0)) throw new Violation(this.name, `${member.id} holds ${pointText(entry)} behind ${pointText(before)}: the term falls`);
    for (let other = this.#model.sealed.at(index); other !== null; other = other.other) {
      // What was found on a disk may have been edited there: it must not match, but may be there.
      if (other !== entry && other.term === entry.term && other.by !== 0) {
        throw new Violation(this.name, `${member.id} holds ${pointText(entry)}, another log ${pointText(other)}`);
      }
    }
    if (entry.by === model.number && this.#model.leaderOf(entry.term)?.number !== entry.by) {
      throw new Violation(this.name, `${member.id} makes ${pointText(entry)} and does not lead its term`);
    }
  }
}
