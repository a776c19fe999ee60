/**
 * How the machine's version rises (D13; DESIGN section 2): the leader that seals the entry knows of every member that it
 * can run the version, so nobody meets one that it cannot run unless it was set back; and the version in force is a
 * matter of the log, alike wherever machines stand at one index.
 */
import { ENTRY_HEADER_BYTES, EntryKind, sealedBytes } from "../../base/entry.ts";
import { decodeMachineVersion } from "../../machine/version_entry.ts";
import type { Event } from "../../raft/event.ts";
import { isWitness } from "../../raft/configuration.ts";
import { currentConfiguration, type RaftState } from "../../raft/state.ts";
import type { Incarnation, Index, LogEntry, Member, MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

/** What a member's plugin could run. */
interface Ran {
  /** In the process that was started last. */
  readonly last: number;
  readonly bootId: number;
  /** In any. */
  readonly highest: number;
}

export class Versions implements Property {
  readonly name: string = "versions";
  /** By number and incarnation. */
  readonly #ran: Map<string, Ran> = new Map();
  readonly #inForce: Map<Index, number> = new Map();
  /** Use: nothing is to be looked at while there is one version only. */
  #newest = 1;

  opened(member: SimMember): void {
    const { config: { self, incarnation, bootId } } = member.state!;
    const who = keyOf(self, incarnation);
    const last = member.applier?.plugin.version ?? 1;
    this.#newest = Math.max(this.#newest, last);
    this.#ran.set(who, { last, bootId, highest: Math.max(last, this.#ran.get(who)?.highest ?? 1) });
    if (member.applier !== null) this.#compare(member);
  }

  entriesSealed(member: SimMember, entries: readonly LogEntry[], bytes: Uint8Array): void {
    let at = 0;
    for (const { kind, index, payloadBytes } of entries) {
      const from = at + ENTRY_HEADER_BYTES;
      if (kind === EntryKind.version) this.#checkRaise(member, decodeMachineVersion(bytes.subarray(from, from + payloadBytes), index));
      at += sealedBytes(payloadBytes);
    }
  }

  stepped(member: SimMember, event: Event): void {
    if (this.#newest > 1 && (event.type === "applied" || event.type === "restored") && member.applier !== null) this.#compare(member);
  }

  #checkRaise({ id, state }: SimMember, version: number): void {
    // Witnesses have no machine; learners do.
    for (const member of currentConfiguration(state!).members.filter((each) => !isWitness(each))) {
      const able = this.#able(state!, member);
      if (able < version) throw new Violation(this.name, `${id} raises the version to ${version}, member ${member.number} can run ${able}`);
    }
  }

  /** What the leader may believe of the member: of a process that it has heard, what that can run; else what any could. */
  #able(leader: RaftState, { number, incarnation }: Member): number {
    const ran = this.#ran.get(keyOf(number, incarnation));
    if (ran === undefined) return 0;
    const isHeard = number === leader.config.self || leader.progress.get(number)?.bootId === ran.bootId;
    return isHeard ? ran.last : ran.highest;
  }

  #compare(member: SimMember): void {
    const { plugin } = member.applier!;
    const { index, version } = member.applier!.view();
    if (version > plugin.version) throw new Violation(this.name, `${member.id} is at version ${version}, its plugin can run ${plugin.version}`);
    const known = this.#inForce.get(index);
    if (known === undefined) this.#inForce.set(index, version);
    else if (known !== version) throw new Violation(this.name, `at index ${index} ${member.id} is at version ${version}, another one was at ${known}`);
  }
}

function keyOf(number: MemberNumber, incarnation: Incarnation): string {
  return `${number} ${incarnation}`;
}
