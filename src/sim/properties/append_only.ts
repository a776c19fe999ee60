/** Leader Append-Only (dissertation figure 3.2): a leader cuts and rewrites nothing, and adds entries of its own term. */
import type { Effect, Event } from "../../raft/event.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";

export class AppendOnly implements Property {
  readonly name: string = "append-only";
  readonly #model: ClusterModel;

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    const { was, is } = this.#model.of(member.state!);
    if (is.role !== "leader") return;
    for (const effect of effects) {
      if (effect.type !== "store") continue;
      if (effect.truncateFrom > 0) throw new Violation(this.name, `${member.id} leads term ${is.term} and cuts its log from ${effect.truncateFrom} on`);
      for (const entry of effect.entries) {
        if (entry.term !== is.term) throw new Violation(this.name, `${member.id} leads term ${is.term} and appends ${entry.index}@${entry.term}`);
      }
    }
    if (was.role === "leader" && was.term !== is.term) {
      throw new Violation(this.name, `${member.id} leads term ${was.term}, and after one step term ${is.term}`);
    }
  }
}
