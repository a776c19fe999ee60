/**
 * Log time (DESIGN section 2): it never falls along a log, and, where the simulator tells the true time, no leader's
 * entry bears a time that is further ahead of it than the clocks of a majority may be.
 */
import type { Effect, Event } from "../../raft/event.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import { pointText, type Sealed } from "./sealed_entries.ts";

/** What is known of the simulated clocks. */
export interface TrueTime {
  readonly wallMs: () => number;
  /** How far log time may be ahead of it: what the clocks of a majority, and a leader's drift, amount to. */
  readonly skewMaxMs: number;
}

export class LogTime implements Property {
  readonly name: string = "log-time";
  readonly #model: ClusterModel;
  readonly #trueTime: TrueTime | null;

  constructor(model: ClusterModel, trueTime: TrueTime | null) {
    this.#model = model;
    this.#trueTime = trueTime;
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== "store" || effect.entries.length === 0) continue;
      const { memory, number } = this.#model.of(member.state!);
      for (const { index } of effect.entries) {
        const entry = memory.at(index)!;
        this.#check(member, entry, memory.at(index - 1));
        if (entry.by === number) this.#checkAhead(member, entry);
      }
    }
  }

  #check(member: SimMember, entry: Sealed, before: Sealed | null): void {
    if (before !== null && entry.timeMs < before.timeMs) {
      throw new Violation(this.name, `${member.id} holds ${pointText(entry)} of ${entry.timeMs} behind one of ${before.timeMs}: log time falls`);
    }
  }

  #checkAhead(member: SimMember, entry: Sealed): void {
    if (this.#trueTime === null) return;
    const { wallMs, skewMaxMs } = this.#trueTime;
    const aheadMs = entry.timeMs - wallMs();
    if (aheadMs > skewMaxMs) throw new Violation(this.name, `${member.id} seals ${pointText(entry)} ${aheadMs} ms ahead of true time: at most ${skewMaxMs}`);
  }
}
