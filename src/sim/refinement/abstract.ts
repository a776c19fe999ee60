/**
 * An abstract Raft as plain data: what each node is, what its disk holds, and the history that the rules need. It knows
 * nothing of how the core works; it is told what the core became, and says whether Raft allows it.
 */
import type { MemberNumber, Role } from "../../raft/types.ts";
import type { Trail } from "../../raft/trail.ts";
import type { RaftState } from "../../raft/state.ts";
import { Seats } from "../properties/seats.ts";

/** An entry: its term, and the sum over the log through it. A chain that nobody remembers is null, and fits any. */
export interface AbstractEntry {
  readonly term: number;
  readonly chain: number | null;
}

/** What a store makes durable, in its order. */
export interface AbstractStore {
  readonly store: number;
  readonly term: number;
  readonly votedFor: MemberNumber;
  readonly hasHardState: boolean;
  readonly truncateFrom: number;
  /** The last index that a snapshot stands for which took the place of the log; 0: none did. */
  readonly resetThrough: number;
  readonly entries: readonly AbstractEntry[];
}

/** What a crash leaves. */
export interface AbstractDisk {
  term: number;
  votedFor: MemberNumber;
  readonly log: AbstractEntry[];
}

/** A read that a node answers from, and what it must not fall behind. */
export interface AbstractRead {
  /** What was committed anywhere when it was asked. */
  readonly required: number;
  /** The leader's last round before it was asked: only later ones prove that it still leads. */
  readonly round: number;
  /** A lease will do, and nobody led a later term when it was asked: who holds one is the only leader there is. */
  readonly mayLease: boolean;
  /** A majority of the configuration that was in force then has answered a later round: another one may be by the answer. */
  isConfirmed?: boolean;
}

/** Who votes from the entry at `index` on, by seat. */
export interface AbstractConfiguration {
  readonly index: number;
  /** One set, or two while it is joint. */
  readonly halves: readonly (readonly MemberNumber[])[];
}

/** One node. */
export interface AbstractNode {
  readonly number: MemberNumber;
  /** Who that number stands for here. */
  readonly seat: MemberNumber;
  up: boolean;
  /** What its disk held each time that damage took some of it: who had acknowledged that then was no liar. */
  readonly lost: readonly AbstractDisk[];
  view: View;
  readonly log: AbstractEntry[];
  /** Those of its log, and the one that held where it begins. */
  configurations: AbstractConfiguration[];
  readonly disk: AbstractDisk;
  /** Stores under way, oldest first. */
  stores: AbstractStore[];
  applyRequested: number;
  /** Who granted the pre-vote, and the vote, of the present round, by seat. */
  readonly preVotes: Set<MemberNumber>;
  readonly votes: Set<MemberNumber>;
  /** Leaders: the greatest round that each seat answered. */
  readonly rounds: Map<MemberNumber, number>;
  /** Reads that it registered as a leader, by who asked; and its own, by number. */
  readonly leaderReads: Map<string, AbstractRead[]>;
  readonly ownReads: Map<number, number>;
}

/** What is read of a core's state after a step. */
export interface View {
  readonly term: number;
  readonly votedFor: MemberNumber;
  readonly role: Role;
  readonly leaderId: MemberNumber;
  readonly commitIndex: number;
  readonly durableIndex: number;
  readonly durableTerm: number;
  readonly round: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly lastChain: number;
}

/** A term's leader and its log, which only grows. */
export interface AbstractLeader {
  readonly number: MemberNumber;
  readonly log: AbstractEntry[];
}

/** All nodes and their history. */
export interface AbstractCluster {
  readonly seats: Seats;
  /** By seat. */
  readonly nodes: Map<MemberNumber, AbstractNode>;
  /** Durable votes, by term and voter's seat. */
  readonly votes: Map<number, Map<MemberNumber, MemberNumber>>;
  readonly leaders: Map<number, AbstractLeader>;
  /** What was ever committed. */
  readonly committed: AbstractEntry[];
}

export function emptyCluster(): AbstractCluster {
  return { seats: new Seats(), nodes: new Map(), votes: new Map(), leaders: new Map(), committed: [] };
}

/** Terms whose leaders' logs and votes are kept; no message of an older one is expected to matter. */
const TERMS_KEPT = 64;

/** Forgets terms that are long gone. */
export function forgetOldTerms({ votes, leaders }: AbstractCluster, newest: number): void {
  for (const map of [votes, leaders]) {
    for (const term of map.keys()) if (term < newest - TERMS_KEPT) map.delete(term);
  }
}

/** What a core is, read from its fields. */
export function viewOf(state: RaftState): View {
  const { term, votedFor, role, leaderId, commitIndex, durableIndex, durableTerm, round } = state;
  const { lastIndex, lastTerm, lastChain } = state.trail;
  return { term, votedFor, role, leaderId, commitIndex, durableIndex, durableTerm, round, lastIndex, lastTerm, lastChain };
}

/** A log read from a trail: chains are known one by one where it remembers them, and at the end of each run. */
export function logOf({ base, runs, lastIndex, recentFirst, chains }: Trail, committed: readonly AbstractEntry[]): AbstractEntry[] {
  const log: AbstractEntry[] = [];
  // What left the log was committed.
  for (let index = 1; index < base.index; index++) log.push(committed[index - 1] ?? { term: base.term, chain: null });
  if (base.index > 0) log.push({ term: base.term, chain: base.chain });
  for (const [at, run] of runs.entries()) {
    const last = (runs[at + 1]?.first ?? lastIndex + 1) - 1;
    for (let index = run.first; index <= last; index++) {
      const known = index >= recentFirst ? (chains[index & (chains.length - 1)] ?? null) : null;
      log.push({ term: run.term, chain: index === last ? run.chain : known });
    }
  }
  return log;
}

/** Whether two entries may be one. Chains sum up what lies before them: where two logs share an entry, they share all before. */
export function isSame(a: AbstractEntry | undefined, b: AbstractEntry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.term === b.term && (a.chain === null || b.chain === null || a.chain === b.chain);
}

/** Whether the entry stands on the node's disk, or stood there before the disk lost it. */
export function held({ disk, lost }: AbstractNode, index: number, entry: AbstractEntry | undefined): boolean {
  return entry !== undefined && [disk, ...lost].some(({ log }) => log.length >= index && isSame(log[index - 1], entry));
}
