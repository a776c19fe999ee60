/**
 * The model that the properties share: every member's log in memory and on disk, every sealed entry, who led when. It is
 * itself a property, the first to hear of each event.
 *
 * Its rule (dissertation figure 3.1, "persistent state"; DESIGN promises 3 and 5): a process finds on its disk at least
 * what was durable, and nothing but what was asked for, in that order; and what the core holds in memory is what it
 * asked to be stored.
 */
import { Applier } from "../../machine/applier.ts";
import type { AnyPlugin } from "../../machine/machine.ts";
import type { SessionLimits } from "../../machine/session_limits.ts";
import { Sessions } from "../../machine/sessions.ts";
import type { Effect, Event } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { RaftState } from "../../raft/state.ts";
import { chainAt, termAt } from "../../raft/trail.ts";
import { MAIN_GROUP, type MemberNumber, type Term } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import { MemberModel } from "./member_model.ts";
import { pointText, type Sealed, SealedEntries } from "./sealed_entries.ts";

/** A chain that the trail does not know any more. */
const UNKNOWN_CHAIN = -1;

/** All members. */
export class ClusterModel implements Property {
  readonly name: string = "recovery";
  readonly sealed: SealedEntries = new SealedEntries();
  /** Whose machines run, of the highest version that any member had; null as long as none does. */
  plugin: AnyPlugin | null = null;
  /** What their nodes remember of sessions. */
  #sessionLimits: Partial<SessionLimits> = {};
  /** Which version of the machine they began with. */
  #machineVersion = 1;
  readonly #members: Map<MemberNumber, MemberModel> = new Map();
  /** By the state of the process that runs. */
  readonly #running: Map<RaftState, MemberModel> = new Map();
  /** Who led which term. */
  readonly #leaders: Map<Term, MemberModel> = new Map();
  /** Somebody tells when a store is durable, before its messages leave. */
  #isTold = false;

  /** The model of the member of this seat; undefined before its first log was read. */
  member(seat: MemberNumber): MemberModel | undefined {
    return this.#members.get(seat);
  }

  /** All members that ever were. */
  get all(): Iterable<MemberModel> {
    return this.#members.values();
  }

  /** Who leads, or led, that term. */
  leaderOf(term: Term): MemberModel | undefined {
    return this.#leaders.get(term);
  }

  /** The model of the member whose core this is. */
  of(state: RaftState): MemberModel {
    return this.#running.get(state)!;
  }

  /** A machine as the members have one, to which nothing was applied; null as long as none runs. */
  newApplier(version: number = this.#machineVersion): Applier | null {
    if (this.plugin === null) return null;
    const applier = new Applier({ plugin: this.plugin, group: MAIN_GROUP, directory: "", log: () => {} });
    applier.begin(version);
    applier.sessions = new Sessions(this.#sessionLimits);
    return applier;
  }

  /** The same, to which every operation is known that a client may ask for; nothing is to be applied to it. */
  newAsker(): Applier | null {
    return this.newApplier(this.plugin?.version);
  }

  opened(member: SimMember): void {
    const state = member.state!;
    if (this.plugin !== null && member.applier !== null && member.applier.plugin.version > this.plugin.version) this.plugin = member.applier.plugin;
    const { base } = state.trail;
    const root = this.sealed.adopt(base, null);
    const { seats } = this.sealed;
    const seat = seats.of(state.config.self, state.config.incarnation);
    let model = this.#members.get(seat);
    const isNew = model === undefined;
    if (model === undefined) {
      model = new MemberModel(member, state.config, { base: root, seats });
      this.#members.set(seat, model);
    }
    this.#running.set(state, model);
    const owed = `${pointText(model.durable.last)}, term ${model.hardState.term}, vote ${model.hardState.votedFor}`;
    const isFound = model.recover(state);
    if (!isFound && !isNew && !member.forgiven) {
      const { lastIndex: index, lastTerm: term, lastChain: chain } = state.trail;
      throw new Violation(this.name, `${member.id} finds ${pointText({ index, term, chain })}, term ${state.term}, vote ${state.votedFor}; durable was ${owed}`);
    }
    if (!isFound) model.adopt(state, root, this.#lastOf(state, root));
    model.begin(member, state);
  }

  /** The last entry of a log that was found, with all before it as far as known. */
  #lastOf({ trail }: RaftState, root: Sealed): Sealed {
    const known = this.sealed.find(trail.lastIndex, trail.lastTerm, trail.lastChain);
    if (known !== null) return known;
    let last = root;
    for (let index = root.index + 1; index <= trail.lastIndex; index++) {
      last = this.sealed.adopt({ index, term: termAt(trail, index)!, chain: chainAt(trail, index) ?? UNKNOWN_CHAIN }, last);
    }
    return last;
  }

  /** The host says that a store is durable; its messages leave next. Who says so at all is held to it from then on. */
  durable(member: SimMember, store: number): void {
    this.#isTold = true;
    this.of(member.state!).complete(store);
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const state = member.state!;
    const model = this.of(state);
    model.glance(state);
    if (this.plugin === null && member.applier !== null) {
      this.plugin = member.applier.plugin;
      this.#sessionLimits = member.applier.sessions.limits;
      this.#machineVersion = member.applier.view().version;
    }
    if (event.type === "stored") model.complete(event.store);
    for (const effect of effects) if (effect.type === "store") model.store(effect, this.sealed);
    const { last } = model.memory;
    const { trail } = state;
    if (last.index !== trail.lastIndex || last.chain !== trail.lastChain || last.term !== trail.lastTerm) {
      throw new Violation(this.name, `${member.id} holds a log to ${trail.lastIndex}@${trail.lastTerm}, and asked to store one to ${pointText(last)}`);
    }
    if (state.role === "leader" && !this.#leaders.has(state.term)) this.#leaders.set(state.term, model);
  }

  sent(member: SimMember, message: Message): void {
    // Where nobody tells, a message that was held says by leaving that its store is durable: a crash will show.
    if (this.#isTold) return;
    const model = this.of(member.state!);
    const store = model.storeOf(message);
    if (store > 0) model.complete(store);
  }

  ended(member: SimMember): void {
    const { state } = member;
    const model = state === null ? undefined : this.#running.get(state);
    if (state === null || model === undefined) return;
    model.isUp = false;
    this.#running.delete(state);
  }
}
