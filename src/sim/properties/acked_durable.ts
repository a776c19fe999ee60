/**
 * What was acknowledged is durable in the end (DESIGN promise 1): the entry of each write that a client was told of, by
 * index, term and chain, stands on the disks of a quorum of the voters, or a snapshot there stands for it. It is read
 * from what a power cut would leave, of machines that are down too, so no account of the core or of its log is believed.
 *
 * Nothing excuses a write that is not there: damage meets a minority of the machines, and those that it did not meet
 * agree and have stored all by then.
 */
import type { Configuration, Index } from "../../raft/types.ts";
import type { DurableLog } from "../durable_log.ts";
import { DraftError } from "../../base/errors.ts";
import { type ClientOperation, type Property, type SimMember, Violation } from "../property.ts";
import type { Committed } from "./committed.ts";
import { pointText, type Sealed } from "./sealed_entries.ts";
import { Seats } from "./seats.ts";
import { isQuorum, votersOf } from "./voters.ts";

export class AckedDurable implements Property {
  readonly name: string = "acknowledged is durable";
  readonly #committed: Committed;
  /** Indexes of acknowledged writes, each with one of them in words. */
  readonly #acked: Map<Index, string> = new Map();

  constructor(committed: Committed) {
    this.#committed = committed;
  }

  answered({ read, answer, client, member, command }: ClientOperation): void {
    if (read !== null || answer === null || answer instanceof DraftError || this.#acked.has(answer.index)) return;
    this.#acked.set(answer.index, `client ${client}'s ${String(command[0])} through ${member}`);
  }

  finished(members: readonly SimMember[]): void {
    const configuration = configurationAmong(members);
    if (configuration === null) return;
    const seats = new Seats();
    const voters = votersOf(configuration, seats);
    const logs = new Map<number, DurableLog>();
    for (const member of members) {
      const log = member.durableLog?.();
      if (log === undefined) return;
      if (member.number > 0) logs.set(seatOf(member, configuration, seats), log);
    }
    for (const [index, what] of this.#acked) {
      const entry = this.#committed.at(index);
      if (entry === null) throw new Violation(this.name, `nothing is committed at ${index}, where ${what} was acknowledged`);
      const holds = (seat: number): boolean => this.#holds(logs.get(seat), entry);
      if (isQuorum(voters, holds)) continue;
      const standing = members.map((member) => {
        const seat = member.number === 0 ? 0 : seatOf(member, configuration, seats);
        return `${member.id} ${holds(seat) ? "holds it" : standingOf(logs.get(seat))}`;
      });
      throw new Violation(this.name, `${pointText(entry)}, ${what}, is durable on no quorum: ${standing.join("; ")}`);
    }
  }

  #holds(log: DurableLog | undefined, entry: Sealed): boolean {
    if (log === undefined || log.damage !== null) return false;
    const { snapshot } = log;
    if (snapshot !== null && entry.index <= snapshot.index) return this.#committed.at(snapshot.index)?.chain === snapshot.chain;
    const own = log.entries.get(entry.index);
    return own !== undefined && own.term === entry.term && own.chain === entry.chain;
  }
}

/** The configuration of whoever knows most committed; null if no process has read its log. */
function configurationAmong(members: readonly SimMember[]): Configuration | null {
  const states = members.flatMap(({ state }) => state ?? []).sort((a, b) => b.commitIndex - a.commitIndex);
  return states[0]?.configurations.findLast(({ index }) => index <= (states[0]?.commitIndex ?? 0)) ?? null;
}

/** One that bears the number of a member and is another directory is none. */
function seatOf({ number, incarnation }: SimMember, configuration: Configuration, seats: Seats): number {
  return incarnation === undefined ? seats.in(configuration, number) : seats.of(number, incarnation);
}

function standingOf(log: DurableLog | undefined): string {
  if (log === undefined) return "is no member";
  if (log.damage !== null) return `cannot be read: ${log.damage}`;
  return `ends at ${Math.max(log.snapshot?.index ?? 0, ...log.entries.keys())}`;
}
