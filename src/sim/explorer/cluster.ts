/**
 * What must hold of the cluster as a whole, and the history that this needs: who led which term, and what was ever
 * committed, with the term whose leader committed it. History is part of a state, or a past leader would be forgotten.
 */
import type { Local } from "./local.ts";
import type { Renaming } from "./canonical.ts";
import { sumsOf } from "./canonical.ts";
import type { MemberRecord } from "./tables.ts";

/** One entry that was committed. */
interface Committed {
  readonly chain: number;
  /** The term of the leader that committed it. */
  readonly by: number;
}

const LEADER_BITS = 2;
const LEADER_MASK = 3;

/** Histories that were met, once each, under a number. */
export class Histories {
  readonly #committed: (readonly Committed[])[] = [[]];
  readonly #sums: (readonly [number, number])[] = [sumsOf("")];
  readonly #byText: Map<string, number> = new Map([["", 0]]);

  committed(history: number): readonly Committed[] {
    return this.#committed[history] as readonly Committed[];
  }

  sums(history: number): readonly [number, number] {
    return this.#sums[history] as readonly [number, number];
  }

  /** The history after a member's commit index rose: the same one, a longer one, or what is wrong in words. */
  afterCommit(history: number, { state, log }: Local): number | string {
    const known = this.committed(history);
    for (let at = 0; at < Math.min(known.length, state.commitIndex); at++) {
      if (log[at]?.chain !== known[at]?.chain) return `member ${state.config.self} commits another entry ${at + 1} than was committed before`;
    }
    if (state.commitIndex <= known.length) return history;
    if (state.role !== "leader") return `member ${state.config.self} commits ${state.commitIndex}, which no leader has committed`;
    const added = log.slice(known.length, state.commitIndex).map((entry) => ({ chain: entry.chain, by: state.term }));
    return this.#number([...known, ...added]);
  }

  #number(committed: readonly Committed[]): number {
    const text = committed.map(({ chain, by }) => `${chain}/${by}`).join(" ");
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    this.#byText.set(text, this.#committed.length);
    this.#sums.push(sumsOf(text));
    return this.#committed.push(committed) - 1;
  }
}

/** Notes that a member leads; null if another one led that term. */
export function withLeader(leaders: number, { state }: Local): number | null {
  const shift = LEADER_BITS * state.term;
  const known = (leaders >>> shift) & LEADER_MASK;
  if (known !== 0 && known !== state.config.self) return null;
  return leaders | (state.config.self << shift);
}

/** The leaders of all terms under a renaming. */
export function renamedLeaders(leaders: number, as: Renaming): number {
  let renamed = 0;
  for (let shift = 0; leaders >>> shift !== 0; shift += LEADER_BITS) renamed |= (as[(leaders >>> shift) & LEADER_MASK] as number) << shift;
  return renamed;
}

/** What is wrong with a cluster, in words; null if nothing is. */
export function whyWrong(members: readonly MemberRecord[], numbers: readonly number[], committed: readonly Committed[]): string | null {
  for (let a = 0; a < members.length; a++) {
    for (let b = a + 1; b < members.length; b++) {
      const first = members[a] as MemberRecord;
      const secondNumber = numbers[b] as number;
      if (first.compared.has(secondNumber)) continue;
      const wrong = whyUnmatched(first.local, (members[b] as MemberRecord).local);
      if (wrong !== null) return wrong;
      first.compared.add(secondNumber);
    }
  }
  for (const { local } of members) {
    const wrong = whyIncomplete(local, committed);
    if (wrong !== null) return wrong;
  }
  return whyUnsafe(members, committed);
}

/** Log Matching: where two logs agree in index and term they agree in all before (dissertation 3.5). */
function whyUnmatched(a: Local, b: Local): string | null {
  for (let at = Math.min(a.log.length, b.log.length) - 1; at >= 0; at--) {
    const [mine, other] = [a.log[at], b.log[at]];
    if (mine?.term === other?.term && mine?.chain !== other?.chain) {
      return `log matching: entry ${at + 1} of term ${mine?.term} differs on members ${a.state.config.self} and ${b.state.config.self}`;
    }
  }
  return null;
}

/** Leader Completeness: who leads a later term holds what was committed (dissertation 3.6.3). */
function whyIncomplete({ state, log }: Local, committed: readonly Committed[]): string | null {
  if (state.role !== "leader") return null;
  for (const [at, { chain, by }] of committed.entries()) {
    if (by < state.term && log[at]?.chain !== chain) {
      return `leader completeness: member ${state.config.self} leads term ${state.term} without entry ${at + 1}, committed in term ${by}`;
    }
  }
  return null;
}

/** What is committed is durable on a majority, now and for ever. */
function whyUnsafe(members: readonly MemberRecord[], committed: readonly Committed[]): string | null {
  const last = committed.at(-1);
  if (last === undefined) return null;
  const holders = members.filter(({ local }) => local.durable.entries[committed.length - 1]?.chain === last.chain);
  if (holders.length * 2 > members.length) return null;
  return `entry ${committed.length} is committed and durable on ${holders.length} of ${members.length} members`;
}
