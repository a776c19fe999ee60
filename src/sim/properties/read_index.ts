/**
 * ReadIndex (dissertation 6.4): the index under which a read is answered covers all that anybody had committed when it
 * came. So a leader that was deposed, and does not know, answers nothing that a later one has overtaken.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { RaftState } from "../../raft/state.ts";
import type { Index } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { Committed } from "./committed.ts";

export class ReadIndex implements Property {
  readonly name: string = "read-index";
  readonly #committed: Committed;
  /** By process and read: what was committed when it came. */
  readonly #floors: WeakMap<RaftState, Map<number, Index>> = new WeakMap();

  constructor(committed: Committed) {
    this.#committed = committed;
  }

  opened(member: SimMember): void {
    this.#floors.set(member.state!, new Map());
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const floors = this.#floors.get(member.state!)!;
    if (event.type === "read") floors.set(event.readId, this.#committed.lastIndex);
    if (floors.size === 0) return;
    for (const effect of effects) {
      if (effect.type === "answerRead") this.#answered(member, floors, effect.readId, effect.index);
      else if (effect.type === "failPending") for (const readId of effect.readIds) floors.delete(readId);
    }
  }

  #answered(member: SimMember, floors: Map<number, Index>, readId: number, index: Index): void {
    const floor = floors.get(readId);
    if (floor === undefined) throw new Violation(this.name, `${member.id} answers read ${readId}, which does not wait`);
    floors.delete(readId);
    if (index < floor) throw new Violation(this.name, `${member.id} answers read ${readId} with index ${index}; ${floor} was committed when it came`);
  }
}
