/**
 * Log time (DESIGN section 2): it never falls along a log; where the simulator tells the true time, no leader's entry
 * bears a time that is further ahead of it than the clocks of a majority may be; and where it shows every clock, none
 * that a majority of the clocks has not reached, whatever the leader's own says.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import { pointText, type Sealed } from "./sealed_entries.ts";
import type { Voters } from "./voters.ts";

/** What is known of the simulated clocks. */
export interface TrueTime {
  readonly wallMs: () => number;
  /** How far log time may be ahead of it: what the clocks of a majority, and a leader's drift, amount to. */
  readonly skewMaxMs: number;
}

/** What clocks may gain or lose, as a part of one, and what is lost by rounding. */
const DRIFT_MAX = 1e-3;
const ROUNDING_MS = 5;

export class LogTime implements Property {
  readonly name: string = "log-time";
  readonly #model: ClusterModel;
  readonly #trueTime: TrueTime | null;
  readonly #members: Map<MemberNumber, SimMember> = new Map();
  /** By whom a member counted when its last step ended: an entry that changes that is sealed while they count. */
  readonly #counted: Map<SimMember, Voters> = new Map();
  /** What a majority's clocks have reached, or an entry bore that was there already; and when that was. */
  #ceilingMs = Number.NEGATIVE_INFINITY;
  #ceilingAtMs = 0;

  constructor(model: ClusterModel, trueTime: TrueTime | null) {
    this.#model = model;
    this.#trueTime = trueTime;
  }

  opened(member: SimMember): void {
    if (member.clocks === undefined) return;
    const state = member.state!;
    this.#members.set(this.#model.of(state).seat, member);
    this.#counted.delete(member);
    this.#raise(state.trail.timeMs, member.clocks.trueMs());
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    const { voters } = this.#model.of(member.state!);
    for (const each of [this.#counted.get(member) ?? voters, voters]) {
      if (member.clocks !== undefined) this.#raise(this.#majorityMs(each), member.clocks.trueMs());
    }
    this.#counted.set(member, voters);
    for (const effect of effects) {
      if (effect.type !== "store" || effect.entries.length === 0) continue;
      const { memory, number } = this.#model.of(member.state!);
      for (const { index } of effect.entries) {
        const entry = memory.at(index)!;
        this.#check(member, entry, memory.at(index - 1));
        if (entry.by !== number) continue;
        this.#checkAhead(member, entry);
        this.#checkReached(member, entry);
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

  /** What the wall clocks of a majority of the voters show, at least. */
  #majorityMs({ incoming, outgoing }: Voters): number {
    const reachedBy = (voters: readonly MemberNumber[]): number => {
      const shown = voters.map((voter) => this.#members.get(voter)?.clocks?.wallMs() ?? Number.POSITIVE_INFINITY);
      return shown.sort((a, b) => b - a)[Math.floor(voters.length / 2)]!;
    };
    return outgoing.length === 0 ? reachedBy(incoming) : Math.min(reachedBy(incoming), reachedBy(outgoing));
  }

  #raise(reachedMs: number, trueMs: number): void {
    if (reachedMs <= this.#ceiling(trueMs)) return;
    this.#ceilingMs = reachedMs;
    this.#ceilingAtMs = trueMs;
  }

  #ceiling(trueMs: number): number {
    return this.#ceilingMs + (trueMs - this.#ceilingAtMs) * (1 + DRIFT_MAX);
  }

  #checkReached(member: SimMember, entry: Sealed): void {
    if (member.clocks === undefined) return;
    const aheadMs = entry.timeMs - this.#ceiling(member.clocks.trueMs());
    if (aheadMs <= ROUNDING_MS) return;
    throw new Violation(this.name, `${member.id} seals ${pointText(entry)} ${Math.round(aheadMs)} ms ahead of what a majority's clocks have ever reached`);
  }
}
