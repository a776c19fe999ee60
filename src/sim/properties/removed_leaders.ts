/**
 * Whoever knows that it was removed, or stepped back, leads no later term (dissertation 4.2.2): a leader votes by the
 * newest configuration that leaders of earlier terms have committed, or by a newer one in its log. One that holds the
 * entry and has not heard that it is committed may still be elected, by those whom it names; it goes as soon as it has.
 */
import type { Index, Term } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";
import { votes, type Voters, votersOf } from "./voters.ts";

interface Decided {
  readonly index: Index;
  readonly voters: Voters;
}

export class RemovedLeaders implements Property {
  readonly name: string = "removed leaders";
  readonly #model: ClusterModel;
  readonly #committed: Committed;
  readonly #decided: Decided[] = [];
  #lookedAt: Index = 0;

  constructor(model: ClusterModel, committed: Committed) {
    this.#model = model;
    this.#committed = committed;
  }

  stepped(member: SimMember): void {
    if (this.#committed.lastIndex > this.#lookedAt) this.#lookAtCommitted();
    const state = member.state!;
    const { is, was, seat } = this.#model.of(state);
    if (is.role !== "leader" || (was.role === "leader" && was.term === is.term)) return;
    const decided = this.#before(is.term);
    if (decided === null || is.commitIndex < decided.index || votes(decided.voters, seat)) return;
    const { seats } = this.#model.sealed;
    if (state.configurations.some((each) => each.index > decided.index && votes(votersOf(each, seats), seat))) return;
    throw new Violation(this.name, `${member.id} leads term ${is.term}; by the configuration ${decided.index}, which was committed before, it does not vote`);
  }

  /** What leaders of terms below have decided last. */
  #before(term: Term): Decided | null {
    const through = this.#committed.lastBelow(term)?.index ?? 0;
    return this.#decided.findLast(({ index }) => index <= through) ?? null;
  }

  #lookAtCommitted(): void {
    const { lastIndex } = this.#committed;
    for (let index = this.#lookedAt + 1; index <= lastIndex; index++) {
      const voters = this.#committed.at(index)?.voters ?? null;
      if (voters !== null) this.#decided.push({ index, voters });
    }
    this.#lookedAt = lastIndex;
  }
}
