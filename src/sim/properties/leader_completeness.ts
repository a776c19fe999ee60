/**
 * Leader Completeness (dissertation figure 3.2): who leads a term holds every entry that leaders of lower terms have
 * committed. (Not those of higher terms: late votes may make a leader of a term that is over.)
 *
 * Where disks were damaged or lied, it is owed as long as every quorum still meets an intact member that holds the entry.
 */
import type { MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";
import { pointText } from "./sealed_entries.ts";
import { mayBePassedOver } from "./voters.ts";

export class LeaderCompleteness implements Property {
  readonly name: string = "leader-completeness";
  readonly #model: ClusterModel;
  readonly #committed: Committed;

  constructor(model: ClusterModel, committed: Committed) {
    this.#model = model;
    this.#committed = committed;
  }

  stepped(member: SimMember): void {
    const { was, is, memory, voters } = this.#model.of(member.state!);
    if (is.role !== "leader" || (was.role === "leader" && was.term === is.term)) return;
    const owed = this.#committed.lastBelow(is.term);
    if (owed === null || memory.at(owed.index) === owed) return;
    const keeps = (seat: MemberNumber): boolean => {
      const model = this.#model.member(seat);
      return model !== undefined && !model.member.forgiven && model.durable.at(owed.index) === owed;
    };
    if (mayBePassedOver(voters, keeps) && this.#someForgiven()) return;
    throw new Violation(this.name, `${member.id} leads term ${is.term} without ${pointText(owed)}, which was committed: it has ${pointText(memory.at(owed.index))}`);
  }

  #someForgiven(): boolean {
    for (const { member } of this.#model.all) if (member.forgiven) return true;
    return false;
  }
}
