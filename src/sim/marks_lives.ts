/** Marks of processes that come and go, and of what their disks kept. */
import { DraftError } from "../base/errors.ts";
import type { Effect, Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import { newestMarkSlot } from "./mark_slot.ts";
import type { SimMember } from "./property.ts";
import type { SimMachine } from "./sim_machine.ts";

/** What may happen to a process and its log. */
export const LIFE_MARKS = [
  "end during recovery", "end before the founding was over", "end with a store pending", "end of a leader", "end of a candidate",
  "all members gone at once", "two leaders of different terms at once",
  "what was not known durable is lost", "what was not known durable is there", "vote found again", "log of several terms found again",
  "100 entries found again", "fifth start of a machine",
  "state on disk gone on from", "state on disk made anew",
  "refused to start, damaged", "refused to start, too old for its log", "stopped at a raise, too old for it", "refused to start, disk full", "ended for a disk error", "genesis handed over",
  "lost directory recognised", "entries read back from the WAL", "segment rolled", "dial met a node in recovery",
  "a connection timed out", "silent loss found and named", "a lie lost what was durable",
  "own write cut from the log of a former leader", "leader again whose own write was cut",
  "a peer's second connection took the place of its first", "message refused by a full queue to its peer",
] as const;

/** One of them. */
export type LifeMark = (typeof LIFE_MARKS)[number];

/** Of a process that runs. */
interface Life {
  /** Writes of mark files, anybody's, when its own was last looked at. */
  markWrites: number;
  /** The segment that the newest mark speaks of; 0 while none was written in this life. */
  sequence: number;
  /** The last entry that was proposed here. */
  proposedIndex: number;
  wasCut: boolean;
  /** What its transport had counted when it was last looked at. */
  replaced: number;
  queueFull: number;
}

interface Last {
  readonly lastIndex: number;
  readonly durableIndex: number;
}

/** Keeps what is known of each member. */
export class LifeMarks {
  readonly #note: (mark: LifeMark) => void;
  readonly #last: Map<string, Last> = new Map();
  readonly #living: Map<SimMember, Life> = new Map();
  /** All that ever had a log. */
  readonly #known: Set<SimMachine> = new Set();
  #markWrites = 0;
  #markPath = "";
  readonly #leaders: Map<SimMember, number> = new Map();

  constructor(note: (mark: LifeMark) => void) {
    this.#note = note;
  }

  opened(member: SimMember): void {
    const { state } = member;
    if (state === null) return;
    this.#living.set(member, { markWrites: this.#markWrites, sequence: 0, proposedIndex: 0, wasCut: false, replaced: 0, queueFull: 0 });
    this.#known.add(member as SimMachine);
    const last = this.#last.get(member.id);
    const { lastIndex, lastTerm, runs } = state.trail;
    if (last !== undefined && last.lastIndex > last.durableIndex) {
      if (lastIndex < last.lastIndex) this.#note("what was not known durable is lost");
      if (lastIndex > last.durableIndex) this.#note("what was not known durable is there");
    }
    if (state.votedFor !== 0) this.#note("vote found again");
    if (lastIndex - state.trail.base.index >= 100) this.#note("100 entries found again");
    if ((runs[0]?.term ?? lastTerm) !== lastTerm) this.#note("log of several terms found again");
    if (member.boots === 5) this.#note("fifth start of a machine");
  }

  stepped(member: SimMember, state: RaftState, event: Event, effects: readonly Effect[]): void {
    const leaders = this.#leaders;
    const life = this.#living.get(member);
    if (life !== undefined) {
      this.#markOwnWrites(life, state, event, effects);
      if (life.markWrites !== this.#markWrites) this.#markSegment(life, member as SimMachine);
      this.#markConnections(life, member as SimMachine);
    }
    if (state.role === "leader") {
      if (leaders.get(member) !== state.term) {
        leaders.set(member, state.term);
        if (leaders.size > 1) this.#note("two leaders of different terms at once");
      }
    } else if (leaders.size > 0) leaders.delete(member);
  }

  ended(member: SimMember): void {
    const { state } = member;
    this.#living.delete(member);
    this.#leaders.delete(member);
    if (this.#living.size === 0 && this.#known.size > 1) this.#note("all members gone at once");
    if (state === null) return;
    this.#last.set(member.id, { lastIndex: state.trail.lastIndex, durableIndex: state.durableIndex });
    if (state.pendingStores.length > 0) this.#note("end with a store pending");
    if (state.role === "leader") this.#note("end of a leader");
    if (state.role === "candidate") this.#note("end of a candidate");
  }

  /** The power was cut, or the process killed, before its log was read. */
  endedEarly(isMember: boolean): void {
    this.#note(isMember ? "end during recovery" : "end before the founding was over");
  }

  failed(error: Error): void {
    if (!(error instanceof DraftError)) return;
    if (error.code === "DAMAGED") {
      this.#note("refused to start, damaged");
      for (const each of this.#known) if (each.startError === error && each.isSilentlyLost) this.#note("silent loss found and named");
    }
    if (error.code === "BAD_PLUGIN") {
      this.#note(/entry \d+ of the log/.test(error.message) ? "stopped at a raise, too old for it" : "refused to start, too old for its log");
    }
    if (error.code === "DISK_FULL") this.#note("refused to start, disk full");
    else if (error.code === "STORAGE_FAILED") this.#note("ended for a disk error");
  }

  /** A process did not find what its disk had said was durable. */
  lost(machine: SimMachine): void {
    if (machine.hasLied) this.#note("a lie lost what was durable");
  }

  said(message: string): void {
    if (/^welcomed \S+: taken$/.test(message)) this.#note("genesis handed over");
    else if (message.startsWith("the directory of")) this.#note("lost directory recognised");
    else if (message.endsWith("has not recovered yet")) this.#note("dial met a node in recovery");
    else if (message.startsWith("machine holds index ")) this.#note(message.endsWith("goes on from there") ? "state on disk gone on from" : "state on disk made anew");
    else if (message.includes("ETIMEDOUT")) this.#note("a connection timed out");
  }

  /** A disk call of a node that has read its log. */
  diskCall(kind: string, path: string): void {
    if (kind === "read" && path.endsWith(".seg")) this.#note("entries read back from the WAL");
    if (kind !== "write" || !path.endsWith("/wal/mark")) return;
    this.#markWrites += 1;
    this.#markPath = path;
  }

  /** A batch that began a segment is marked at once; a segment that was only made ready is not. */
  #markSegment(life: Life, machine: SimMachine): void {
    life.markWrites = this.#markWrites;
    const sequence = newestMarkSlot(machine.disk.content(this.#markPath) ?? new Uint8Array())?.sequence ?? 0;
    if (life.sequence > 0 && sequence > life.sequence) this.#note("segment rolled");
    life.sequence = sequence;
  }

  #markConnections(life: Life, { server }: SimMachine): void {
    if (server === null) return;
    const { counters } = server.node.transport;
    const [replaced, queueFull] = [counters.of("replaced"), counters.of("queueFull")];
    if (replaced > life.replaced) this.#note("a peer's second connection took the place of its first");
    if (queueFull > life.queueFull) this.#note("message refused by a full queue to its peer");
    life.replaced = replaced;
    life.queueFull = queueFull;
  }

  #markOwnWrites(life: Life, state: RaftState, event: Event, effects: readonly Effect[]): void {
    const isTaken = event.type === "propose" && state.role === "leader" && !effects.some(({ type }) => type === "rejected");
    if (isTaken) life.proposedIndex = state.trail.lastIndex;
    for (const effect of effects) {
      // Behind a snapshot nothing is its own.
      if (effect.type === "store" && effect.reset !== null) life.proposedIndex = 0;
      if (effect.type !== "store" || effect.truncateFrom === 0 || effect.truncateFrom > life.proposedIndex) continue;
      this.#note("own write cut from the log of a former leader");
      life.proposedIndex = effect.truncateFrom - 1;
      life.wasCut = true;
    }
    if (!life.wasCut || state.role !== "leader") return;
    this.#note("leader again whose own write was cut");
    life.wasCut = false;
  }
}
