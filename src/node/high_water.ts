/**
 * How far each member was, as this node heard of it: its newest start, its newest term, and of what it acknowledged to
 * this node as its leader the newest that was committed. All of that was durable there before it was said, so no directory
 * of that incarnation falls behind it again, unless an older copy was put back, or its disk lost what it had called
 * durable. Such a node may have forgotten a vote, and is on one disk less than the cluster counts.
 *
 * It is kept in memory, over leaders and links, as long as this process runs. A hello may be heard late, so whoever seems
 * to have fallen back is asked afresh (neighbours.ts), and compared with what was known when it was asked.
 */
import type { Hello } from "../net/hello.ts";
import type { Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import { type BootId, type Incarnation, type Index, MAIN_GROUP, type Term } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import { openConfigurations } from "./standing.ts";

/** What a member showed of itself. */
export interface Mark {
  readonly bootId: BootId;
  readonly term: Term;
  readonly index: Index;
}

const NOTHING: Mark = { bootId: 0, term: 0, index: 0 };

/** Looks on at the group main. */
export class HighWater implements GroupObserver {
  readonly #marks: Map<Incarnation, { bootId: BootId; term: Term; index: Index }> = new Map();

  opened(): void {}

  sent(): void {}

  stepped(state: RaftState, event: Event): void {
    if (event.type !== "receive") return;
    const { message } = event;
    const mark = this.#marks.get(message.fromIncarnation);
    if (mark === undefined) return;
    // A pre-vote bears a term that its sender is not in.
    const isOfItsTerm = !("preVote" in message && message.preVote);
    if (isOfItsTerm && message.term > mark.term) mark.term = message.term;
    if (state.role === "leader" && "durableIndex" in message) mark.index = Math.max(mark.index, acknowledged(state, message));
  }

  /** A member was let in, and said this of itself. */
  met({ incarnation, bootId }: Hello, state: Pick<RaftState, "configurations" | "commitIndex">): void {
    const mark = this.#marks.get(incarnation);
    if (mark !== undefined) mark.bootId = Math.max(mark.bootId, bootId);
    else {
      this.#forget(state);
      this.#marks.set(incarnation, { bootId, term: 0, index: 0 });
    }
  }

  /** What is known of it now. */
  markOf(incarnation: Incarnation): Mark {
    return { ...(this.#marks.get(incarnation) ?? NOTHING) };
  }

  #forget(state: Pick<RaftState, "configurations" | "commitIndex">): void {
    const members = new Set(openConfigurations(state).flatMap((each) => each.members.map(({ incarnation }) => incarnation)));
    for (const incarnation of this.#marks.keys()) if (!members.has(incarnation)) this.#marks.delete(incarnation);
  }
}

/** Of what the sender of an answer holds, what is committed. */
function acknowledged({ progress, commitIndex }: RaftState, { from, bootId }: Message & { readonly bootId: BootId }): Index {
  const known = progress.get(from);
  return known?.bootId === bootId ? Math.min(known.matchIndex, commitIndex) : 0;
}

/**
 * Whether a member says that it was started less often than it was, or is in an earlier term: it may vote where it has
 * voted before. That it holds less than it acknowledged is no such case, for an ack overtakes a hello under load, and whom
 * it was acknowledged to holds it.
 */
export function mayHaveForgotten({ bootId, groups }: Hello, mark: Mark): boolean {
  const flags = groups.find(({ group }) => group === MAIN_GROUP);
  if (flags === undefined || flags.damage > 0) return false;
  return bootId < mark.bootId || (flags.term > 0 && flags.term < mark.term);
}

/**
 * How what a member says of itself falls short of what it showed before, in words; null if it does not. Of one that names
 * a loss itself, or has not read its log yet, nothing is told; an offline edit may have made its log shorter.
 */
export function fallenBack({ bootId, groups }: Hello, mark: Mark): string | null {
  const flags = groups.find(({ group }) => group === MAIN_GROUP);
  if (flags === undefined || flags.damage > 0) return null;
  if (bootId < mark.bootId) return `it was started ${mark.bootId} times, and says that it was ${bootId} times`;
  const { term, durableIndex, edited } = flags;
  if (term > 0 && term < mark.term) return `it was in term ${mark.term}, and says that it is in term ${term}`;
  if (edited > 0 || durableIndex === 0 || durableIndex >= mark.index) return null;
  return `it acknowledged entries up to ${mark.index}, and holds those up to ${durableIndex}`;
}
