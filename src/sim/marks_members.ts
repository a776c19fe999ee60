/** Marks of members that come and go: what becomes of changes, of newcomers, and of those who go. */
import { isRising, isSettled } from "../raft/configuration_change.ts";
import type { Effect, Event, StoreEffect } from "../raft/event.ts";
import { isVoting, votes } from "../raft/quorum.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Configuration, Incarnation, Index, Role } from "../raft/types.ts";
import { saidBy } from "./refinement/step.ts";
import type { SimMember } from "./property.ts";

/** What may happen around configurations. */
export const MEMBER_MARKS = [
  "learners added", "change entered directly", "change entered through a joint configuration", "joint configuration left by another leader",
  "learner made a voter", "learner stayed one, its time was up", "cluster shrank to one voter", "cluster grew from one voter",
  "change refused, another is under way", "change refused before an entry of the own term", "change refused, too few voters would be there",
  "configuration cut from a log", "joint configuration cut from a log", "configuration cut from the log of a former leader",
  "restart with a joint configuration", "restart with a configuration that is not committed",
  "entry committed while joint", "leader ended while joint", "leader that votes no more stepped down",
  "vote given by a learner", "vote given to one that the voter's configuration does not name", "candidate that its newest configuration leaves out",
  "leader elected while joint", "newcomer caught up by a snapshot", "newcomer ended before it knew what was committed",
  "joint configuration brings a witness", "joint configuration lets a witness go", "joint configuration left by a leader of another version",
  "damaged member replaced", "a node heard that it was removed", "emptied directory taken in again", "member number given again after its entry was cut",
] as const;

/** One of them. */
export type MemberMark = (typeof MEMBER_MARKS)[number];

/** Of a process that runs. */
interface Life {
  configuration: Configuration;
  role: Role;
  commitIndex: Index;
  /** The newest configuration that it appended as a leader. */
  ownIndex: Index;
  readonly isNewcomer: boolean;
}

/** Keeps what is known of each member. */
export class MemberMarks {
  readonly #note: (mark: MemberMark) => void;
  readonly #lives: Map<SimMember, Life> = new Map();
  /** By number: who bore it last. */
  readonly #incarnations: Map<number, number> = new Map();
  /** Lives of those whose disks were damaged. */
  readonly #damaged: Set<Incarnation> = new Set();
  /** By index of the joint configuration: which version of the machine its leader ran. */
  readonly #jointBy: Map<Index, number> = new Map();

  constructor(note: (mark: MemberMark) => void) {
    this.#note = note;
  }

  opened(member: SimMember): void {
    const { state } = member;
    if (state === null) return;
    const { config: { self, incarnation }, commitIndex, role } = state;
    const configuration = currentConfiguration(state);
    const known = this.#incarnations.get(self);
    if (known !== undefined && known !== incarnation) this.#note("member number given again after its entry was cut");
    if (known === undefined && (member.directories ?? 1) > 1) this.#note("emptied directory taken in again");
    this.#incarnations.set(self, incarnation);
    if (configuration.joint) this.#note("restart with a joint configuration");
    if (configuration.index > commitIndex) this.#note("restart with a configuration that is not committed");
    const isNewcomer = !configuration.members.some(({ number }) => number === self);
    this.#lives.set(member, { configuration, role, commitIndex, ownIndex: 0, isNewcomer });
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const { state } = member;
    const life = this.#lives.get(member);
    if (state === null || life === undefined) return;
    const configuration = currentConfiguration(state);
    if (member.forgiven) this.#damaged.add(state.config.incarnation);
    if (configuration !== life.configuration) this.#changed(member, life, state, effects);
    if (event.type === "changeMembership") this.#markRefusal(effects);
    if (event.type === "receive" && event.message.type === "voteRequest") this.#markVote(state, event.message.from, effects);
    if (event.type === "snapshotFetched" && life.isNewcomer && effects.some((effect) => effect.type === "store" && effect.reset !== null)) this.#note("newcomer caught up by a snapshot");
    if (state.commitIndex > life.commitIndex && life.configuration.joint && state.commitIndex > life.configuration.index) this.#note("entry committed while joint");
    if (state.role !== life.role) this.#roleChanged(life, state);
    life.configuration = configuration;
    life.role = state.role;
    life.commitIndex = state.commitIndex;
  }

  ended(member: SimMember): void {
    const life = this.#lives.get(member);
    this.#lives.delete(member);
    if (life === undefined) return;
    if (life.role === "leader" && life.configuration.joint) this.#note("leader ended while joint");
    if (life.isNewcomer && life.commitIndex === 0) this.#note("newcomer ended before it knew what was committed");
  }

  said(message: string): void {
    if (message.startsWith("this node was removed from the cluster")) this.#note("a node heard that it was removed");
  }

  #changed({ applier }: SimMember, life: Life, state: RaftState, effects: readonly Effect[]): void {
    const store = effects.find((effect): effect is StoreEffect => effect.type === "store");
    const { configuration: before } = life;
    if (store !== undefined && store.truncateFrom > 0 && before.index >= store.truncateFrom) {
      this.#note("configuration cut from a log");
      if (before.joint) this.#note("joint configuration cut from a log");
      if (before.index === life.ownIndex) this.#note("configuration cut from the log of a former leader");
      return;
    }
    if (life.role !== "leader") return;
    const after = currentConfiguration(state);
    life.ownIndex = after.index;
    this.#markAppended(before, after, state);
    this.#markMixture(before, after, applier?.plugin.version ?? 0);
  }

  /** What happens to members that are not all alike. */
  #markMixture(before: Configuration, after: Configuration, version: number): void {
    if (after.joint) {
      this.#jointBy.set(after.index, version);
      if (after.members.some(({ role, outgoingRole }) => role === "witness" && outgoingRole !== "witness")) this.#note("joint configuration brings a witness");
      if (after.members.some(({ role, outgoingRole }) => role !== "witness" && outgoingRole === "witness")) this.#note("joint configuration lets a witness go");
    } else if (before.joint) {
      if ((this.#jointBy.get(before.index) ?? version) !== version) this.#note("joint configuration left by a leader of another version");
      const isReplaced = before.members.some(({ role, outgoingRole }) => votes(role) && !votes(outgoingRole));
      const stays = (life: Incarnation): boolean => after.members.some(({ incarnation }) => incarnation === life);
      if (isReplaced && before.members.some(({ incarnation }) => this.#damaged.has(incarnation) && !stays(incarnation))) this.#note("damaged member replaced");
    }
  }

  #markAppended(before: Configuration, after: Configuration, { ownTermIndex }: RaftState): void {
    const voting = ({ members }: Configuration): number => members.filter(({ role }) => role === "voter").length;
    if (after.members.some(isRising) && !before.members.some(isRising)) this.#note("learners added");
    if (after.joint) this.#note("change entered through a joint configuration");
    else if (before.joint && before.index < ownTermIndex) this.#note("joint configuration left by another leader");
    else if (!before.joint && voting(before) !== voting(after)) this.#note("change entered directly");
    if (voting(before) > 1 && voting(after) === 1 && !after.joint) this.#note("cluster shrank to one voter");
    if (voting(before) === 1 && voting(after) > 1) this.#note("cluster grew from one voter");
    for (const member of before.members.filter(isRising)) {
      const now = after.members.find(({ number }) => number === member.number);
      if (now?.role === "voter") this.#note("learner made a voter");
      else if (now !== undefined && isSettled(after)) this.#note("learner stayed one, its time was up");
    }
  }

  #markRefusal(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== "rejected") continue;
      if (effect.reason === "change-pending") this.#note("change refused, another is under way");
      else if (effect.reason === "not-ready") this.#note("change refused before an entry of the own term");
      else if (effect.reason === "would-lose-quorum") this.#note("change refused, too few voters would be there");
    }
  }

  #markVote(state: RaftState, from: number, effects: readonly Effect[]): void {
    if (!saidBy(effects).some((message) => message.type === "voteReply" && message.granted)) return;
    if (!isVoting(state.voters, state.config.self)) this.#note("vote given by a learner");
    if (!currentConfiguration(state).members.some(({ number }) => number === from)) this.#note("vote given to one that the voter's configuration does not name");
  }

  #roleChanged(life: Life, state: RaftState): void {
    const isLeftOut = !isVoting(state.voters, state.config.self);
    if (state.role === "candidate" && isLeftOut) this.#note("candidate that its newest configuration leaves out");
    if (state.role === "leader" && life.configuration.joint) this.#note("leader elected while joint");
    if (life.role === "leader" && isLeftOut && life.configuration.index <= state.commitIndex) this.#note("leader that votes no more stepped down");
  }
}
