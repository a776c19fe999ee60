/**
 * What a leader believes of its followers (dissertation figure 3.1, matchIndex): that the follower's durable log equals
 * its own that far. It only rises while the leader leads and the follower's process lives. Commits rest on it. What an
 * earlier process of the follower said comes too late for anything.
 */
import type { Event } from "../../raft/event.ts";
import type { Progress } from "../../raft/progress.ts";
import type { Index, MemberNumber, Term } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import { pointText } from "./sealed_entries.ts";

interface Belief {
  term: Term;
  leaderBoot: number;
  bootId: number;
  matchIndex: Index;
  ackedRound: number;
  lastHeardMs: number;
}

/** Seats of a run, at most: what two of them are joined by. */
const SEATS_MAX = 4096;

function heardOf({ bootId, matchIndex, ackedRound, lastHeardMs }: Progress): Omit<Belief, "term" | "leaderBoot"> {
  return { bootId, matchIndex, ackedRound, lastHeardMs };
}

export class Matches implements Property {
  readonly name: string = "matches";
  readonly #model: ClusterModel;
  readonly #beliefs: Map<number, Belief> = new Map();

  constructor(model: ClusterModel) {
    this.#model = model;
  }

  stepped(member: SimMember, event: Event): void {
    const state = member.state!;
    if (state.role !== "leader" || event.type !== "receive") return;
    const { from, type } = event.message;
    if (type !== "appendReply" && type !== "heartbeatReply" && type !== "installSnapshotReply") return;
    const progress = state.progress.get(from);
    const { seats } = this.#model.sealed;
    const seat = seats.in(state.configurations.at(-1)!, from);
    const follower = this.#model.member(seat);
    if (progress === undefined || follower === undefined) return;
    this.#checkRises(member, seat, { term: state.term, leaderBoot: state.config.bootId, ...heardOf(progress) }, event.message.bootId);
    // A follower of a later term may have cut what it had acknowledged; one that restarted has not told of it yet.
    if (follower.is.term > state.term || follower.bootId !== progress.bootId || progress.matchIndex === 0) return;
    const own = this.#model.of(state).memory.at(progress.matchIndex);
    const theirs = follower.durable.at(progress.matchIndex);
    if (own !== theirs) {
      throw new Violation(this.name, `${member.id} believes that member ${from} holds ${pointText(own)}: durable there is ${pointText(theirs)}`);
    }
  }

  #checkRises(member: SimMember, from: MemberNumber, belief: Belief, bootId: number): void {
    const key = this.#model.of(member.state!).seat * SEATS_MAX + from;
    const known = this.#beliefs.get(key);
    if (known === undefined) {
      this.#beliefs.set(key, belief);
      return;
    }
    const isSame = known.term === belief.term && known.leaderBoot === belief.leaderBoot && known.bootId === belief.bootId;
    if (isSame && belief.matchIndex < known.matchIndex) {
      throw new Violation(this.name, `${member.id} lowers the match of member ${from} from ${known.matchIndex} to ${belief.matchIndex}`);
    }
    const isLate = known.term === belief.term && known.leaderBoot === belief.leaderBoot && bootId < known.bootId;
    if (isLate && (belief.bootId !== known.bootId || belief.matchIndex !== known.matchIndex || belief.ackedRound !== known.ackedRound || belief.lastHeardMs !== known.lastHeardMs)) {
      throw new Violation(this.name, `${member.id} counts an answer of boot ${bootId} of member ${from}, and has heard boot ${known.bootId}`);
    }
    Object.assign(known, belief);
  }
}
