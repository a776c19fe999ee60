/**
 * Leases (dissertation 6.4.1): while a leader holds one, by its own clocks, nobody else commits anything. So what it
 * answers from is the newest state there is. And nobody promises more than its data directory says, or its next process
 * would not wait for as long.
 */
import type { Event } from "../../raft/event.ts";
import { holdsLease } from "../../raft/lease.ts";
import type { Message } from "../../raft/message.ts";
import type { Index, MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

export class Lease implements Property {
  readonly name: string = "lease";
  readonly #members: Map<MemberNumber, SimMember> = new Map();
  readonly #commits: Map<MemberNumber, Index> = new Map();

  opened(member: SimMember): void {
    if (member.state === null || member.clocks === undefined) return;
    this.#members.set(member.number, member);
    this.#commits.set(member.number, member.state.commitIndex);
  }

  stepped(member: SimMember, _event: Event): void {
    const { state } = member;
    if (state === null || state.commitIndex === this.#commits.get(member.number)) return;
    this.#commits.set(member.number, state.commitIndex);
    if (state.role !== "leader") return;
    for (const other of this.#members.values()) if (other !== member) this.#check(member, state.term, other);
  }

  #check(member: SimMember, term: number, other: SimMember): void {
    const { state, clocks } = other;
    if (state === null || clocks === undefined || state.role !== "leader" || state.term >= term) return;
    if (!holdsLease(state, { nowMs: clocks.monotonicMs(), wallMs: clocks.wallMs() })) return;
    throw new Violation(this.name, `${member.id} commits in term ${term}, while ${other.id} holds a lease of term ${state.term}`);
  }

  sent(member: SimMember, message: Message): void {
    if (!("promiseMs" in message) || member.identity === undefined || member.identity === null) return;
    const { promiseMaxMs } = member.identity;
    if (message.promiseMs > promiseMaxMs) throw new Violation(this.name, `${member.id} promises ${message.promiseMs} ms, its directory says ${promiseMaxMs}`);
  }

  ended(member: SimMember): void {
    this.#members.delete(member.number);
  }
}
