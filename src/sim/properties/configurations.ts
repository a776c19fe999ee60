/**
 * Configurations are a matter of the log (dissertation 4.1): what holds on a member is the newest one in its log, from
 * its append on and until it is cut, over restarts and snapshots too; at one index all know the same one; and a member
 * number, once it is committed, is one directory's for ever.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { Configuration, Incarnation, Index, MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";
import type { MemberModel } from "./member_model.ts";

export class Configurations implements Property {
  readonly name: string = "configurations";
  readonly #model: ClusterModel;
  readonly #committed: Committed;
  readonly #given: Map<MemberNumber, Incarnation> = new Map();
  /** Committed ones, ascending; the first is that of the genesis, or where the run began. */
  readonly #decided: Configuration[] = [];
  #lookedAt: Index = 0;

  constructor(model: ClusterModel, committed: Committed) {
    this.#model = model;
    this.#committed = committed;
  }

  opened(member: SimMember): void {
    const state = member.state!;
    if (this.#decided.length === 0) this.#decide(member, state.configurations[0]!);
    const model = this.#model.of(state);
    const { index } = state.configurations.at(-1)!;
    const wanted = newestIn(model) ?? this.#decidedAt(model.memory.base.index);
    if (wanted !== null && index !== wanted) throw new Violation(this.name, `${member.id} begins with the configuration ${index}; ${wanted} is the newest in its log`);
    for (const configuration of state.configurations) {
      if (this.#isDecided(configuration.index, model.memory.at(configuration.index)?.chain ?? null)) this.#checkKnown(member, configuration);
    }
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    const state = member.state!;
    const model = this.#model.of(state);
    const { index } = state.configurations.at(-1)!;
    if (index !== model.inForce.index) {
      throw new Violation(this.name, `the configuration ${index} holds on ${member.id}; ${model.inForce.index} is the newest in its log`);
    }
    if (this.#committed.lastIndex > this.#lookedAt) this.#lookAtCommitted(member);
    for (const effect of effects) {
      if (effect.type !== "store") continue;
      if (effect.reset !== null) this.#checkFetched(member, effect.reset.point.index, effect.reset.configuration);
      for (const { index: at, chain, configuration } of effect.entries) {
        if (configuration !== null && this.#isDecided(at, chain)) this.#checkKnown(member, { ...configuration, index: at });
      }
    }
  }

  /** What a snapshot brings along is what held at its index, not what came later. */
  #checkFetched(member: SimMember, through: Index, configuration: Configuration): void {
    const wanted = this.#decidedAt(through);
    if (wanted !== null && configuration.index !== wanted) {
      throw new Violation(this.name, `${member.id} takes the configuration ${configuration.index} from a snapshot of ${through}; ${wanted} held there`);
    }
    this.#checkKnown(member, configuration);
  }

  /** Whether the entry there may be the one that is committed: a deposed leader may have appended another one. */
  #isDecided(index: Index, chain: number | null): boolean {
    const committed = this.#committed.at(index);
    return committed === null || chain === null || committed.chain === chain;
  }

  /** At one index of the log all know the same. */
  #checkKnown(member: SimMember, configuration: Configuration): void {
    const { index } = configuration;
    const known = this.#decided.find((decided) => decided.index === index) ?? this.#model.of(member.state!).memory.at(index)?.configuration ?? null;
    if (known === null || textOf(known) === textOf(configuration)) return;
    throw new Violation(this.name, `${member.id} knows the configuration ${index} as ${textOf(configuration)}, others as ${textOf(known)}`);
  }

  #lookAtCommitted(member: SimMember): void {
    const { lastIndex } = this.#committed;
    for (let index = this.#lookedAt + 1; index <= lastIndex; index++) {
      const configuration = this.#committed.at(index)?.configuration ?? null;
      if (configuration !== null) this.#decide(member, { ...configuration, index });
    }
    this.#lookedAt = lastIndex;
  }

  #decide({ id }: SimMember, configuration: Configuration): void {
    const before = this.#decided.at(-1);
    for (const { number, incarnation } of configuration.members) {
      const known = this.#given.get(number);
      const isNew = before !== undefined && known === undefined;
      if (isNew && number < before.nextMemberNumber) throw new Violation(this.name, `the configuration ${configuration.index}, committed on ${id}, gives the number ${number} again: ${before.nextMemberNumber} is next`);
      if (known !== undefined && known !== incarnation) throw new Violation(this.name, `member ${number} is ${known}, and ${incarnation} by the configuration ${configuration.index}, committed on ${id}`);
      this.#given.set(number, incarnation);
    }
    this.#decided.push(configuration);
  }

  #decidedAt(index: Index): Index | null {
    return this.#decided.findLast((decided) => decided.index <= index)?.index ?? null;
  }
}

/** Of the newest configuration among the entries of a log; null if none stands there. */
function newestIn({ memory }: MemberModel): Index | null {
  for (let at = memory.last; at.index > memory.base.index; ) {
    if (at.configuration !== null) return at.index;
    const before = memory.at(at.index - 1);
    if (before === null) return null;
    at = before;
  }
  return null;
}

function textOf({ joint, nextMemberNumber, members }: Configuration): string {
  const rows = members.map(({ number, id, address, incarnation, role, outgoingRole, targetRole, promoteByMs }) =>
    [number, id, address, incarnation, role, outgoingRole, targetRole, promoteByMs]);
  return JSON.stringify([joint, nextMemberNumber, rows]);
}
