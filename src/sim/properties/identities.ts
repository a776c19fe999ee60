/**
 * A node is what its data directory says (DESIGN promise 11), over all its processes: its id and incarnation never
 * change; its cluster, its genesis and its member number are given once and stay; each process has a boot id above all
 * before, for answers of an earlier one count for nothing. There is one cluster, and no two directories are one member.
 * Only a directory that was lost or damaged, or whose disk lied, may begin anew.
 */
import { hexOf } from "../../base/bytes.ts";
import type { Identity } from "../../node/identity.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

interface Known {
  readonly identity: Identity;
  /** Of which process it was, and on which directory. */
  readonly boots: number;
  readonly directories: number;
}

/** What is given once: nothing before, and then always the same. */
const GIVEN_ONCE: readonly (readonly [what: string, of: (identity: Identity) => string])[] = [
  ["cluster id", ({ clusterId }) => clusterId],
  ["member number", ({ memberNumber }) => memberNumber === 0 ? "" : String(memberNumber)],
  ["genesis", ({ genesis }) => genesis === null ? "" : hexOf(genesis)],
];

export class Identities implements Property {
  readonly name: string = "identities";
  readonly #known: Map<string, Known> = new Map();

  /** A process says who it is, before it has a core. */
  began(member: SimMember): void {
    this.#look(member);
  }

  opened(member: SimMember): void {
    this.#look(member);
    const { identity, state } = member;
    if (identity === null || identity === undefined || state === null) return;
    const { self, incarnation, bootId } = state.config;
    if (self === identity.memberNumber && incarnation === identity.incarnation && bootId === identity.bootCount) return;
    const core = `member ${self}, incarnation ${incarnation}, boot ${bootId}`;
    throw new Violation(this.name, `the core of ${member.id} is ${core}; its directory says ${textOf(identity)}`);
  }

  stepped(member: SimMember): void {
    if (member.identity !== this.#known.get(member.id)?.identity) this.#look(member);
  }

  #look(member: SimMember): void {
    const { id, boots, directories = 0, identity } = member;
    if (identity === null || identity === undefined) return;
    const before = this.#known.get(id);
    const isSameProcess = before?.boots === boots;
    // What a disk that lied or was lost held is not owed to the next process.
    const isOwed = isSameProcess || (member.isSilentlyLost !== true && before?.directories === directories);
    // Who lost its hard state gives up who it was, and is nobody until it is let in again.
    const gaveUp = member.forgiven && before !== undefined && hasGivenUp(before.identity, identity);
    if (before !== undefined && isOwed && !gaveUp) this.#compare(id, before.identity, identity, isSameProcess);
    this.#known.set(id, { identity, boots, directories });
    for (const [other, known] of this.#known) if (other !== id) this.#checkApart(id, identity, other, known.identity);
  }

  #compare(id: string, before: Identity, now: Identity, isSameProcess: boolean): void {
    if (now.nodeId !== before.nodeId) throw this.#changed(id, "node id", before.nodeId, now.nodeId);
    if (now.incarnation !== before.incarnation) throw this.#changed(id, "incarnation", before.incarnation, now.incarnation);
    for (const [what, of] of GIVEN_ONCE) {
      if (of(before) !== "" && of(before) !== of(now)) throw this.#changed(id, what, of(before), of(now));
    }
    if (isSameProcess && now.bootCount !== before.bootCount) throw this.#changed(id, "boot id", before.bootCount, now.bootCount);
    if (!isSameProcess && now.bootCount <= before.bootCount) {
      throw new Violation(this.name, `${id} starts with boot id ${now.bootCount}; an earlier process had ${before.bootCount}`);
    }
  }

  #checkApart(id: string, identity: Identity, other: string, known: Identity): void {
    if (identity.incarnation === known.incarnation) throw new Violation(this.name, `${id} and ${other} are both incarnation ${known.incarnation}`);
    if (identity.clusterId === "" || known.clusterId === "") return;
    if (identity.clusterId !== known.clusterId) {
      throw new Violation(this.name, `${id} belongs to cluster "${identity.clusterId}", ${other} to "${known.clusterId}"`);
    }
    // An entry that gave the number may have been cut: the next one gave it to another node.
    const mayBeCut = (identity.welcome?.index ?? 0) > 0 || (known.welcome?.index ?? 0) > 0;
    if (identity.memberNumber !== 0 && identity.memberNumber === known.memberNumber && !mayBeCut) {
      throw new Violation(this.name, `${id} and ${other} are both member ${known.memberNumber}`);
    }
  }

  #changed(id: string, what: string, from: string | number, to: string | number): Violation {
    return new Violation(this.name, `the ${what} of ${id} changes from "${from}" to "${to}"`);
  }
}

function hasGivenUp(before: Identity, { nodeId, bootCount, clusterId, memberNumber, genesis, rebuilding }: Identity): boolean {
  return rebuilding?.incarnation === before.incarnation && rebuilding.clusterId === before.clusterId && nodeId === before.nodeId && bootCount >= before.bootCount &&
    clusterId === "" && memberNumber === 0 && genesis === null;
}

function textOf({ memberNumber, incarnation, bootCount }: Identity): string {
  return `member ${memberNumber}, incarnation ${incarnation}, boot ${bootCount}`;
}
