/** All rules, made anew for each run. */
import { type Property, type SimMember, Violation } from "../property.ts";

/** One of each. */
export function allProperties(): Property[] {
  return [new OneLeaderATerm()];
}

class OneLeaderATerm implements Property {
  readonly name = "one leader a term";
  readonly #leaders: Map<number, string> = new Map();

  stepped(member: SimMember): void {
    const { state, id } = member;
    if (state === null || state.role !== "leader") return;
    const other = this.#leaders.get(state.term) ?? id;
    if (other !== id) throw new Violation(this.name, `${other} and ${id} lead term ${state.term}`);
    this.#leaders.set(state.term, id);
  }
}
