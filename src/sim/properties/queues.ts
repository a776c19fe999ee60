/**
 * Every queue within its bound (DESIGN promise 9): those of the core, by what its configuration says and it promises
 * itself, and the bytes that wait before the connections to each peer.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { RaftState } from "../../raft/state.ts";
import { SESSION_ROOM_BYTES } from "../../raft/step.ts";
import { bytesAfter, bytesBetween, RUN_ENTRIES_MAX } from "../../raft/trail.ts";
import type { MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

/** Stores that are not durable, at most, beyond which no answer is held any more; see raft/settle.ts. */
const PENDING_ANSWERS_MAX = 1024;
/** Entries that the core makes itself (no-op, time) go past the quota of proposals. */
const OWN_ENTRIES_BYTES = 4 * 64;
/** Effects of one step besides messages: store, apply, role, configuration, transfer, refusal, divergence and answers. */
const EFFECTS_BESIDES = 16;
/** What a message takes besides its entries, and what a connection sends of its own. */
const MESSAGE_BYTES = 512;

export class Queues implements Property {
  readonly name: string = "queues";
  /** The longest append that each member sent to each other one in this life. */
  readonly #longest: Map<SimMember, Map<MemberNumber, number>> = new Map();

  opened(member: SimMember): void {
    this.#longest.set(member, new Map());
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const state = member.state!;
    const { config, reads, forwardedReads, pendingStores } = state;
    const held = reads.waiting.length + reads.confirming.length + reads.confirmed.length;
    if (held > config.pendingReadsMax) throw this.#over(member, "reads", held, config.pendingReadsMax);
    if (forwardedReads.size > config.pendingReadsMax) throw this.#over(member, "forwarded reads", forwardedReads.size, config.pendingReadsMax);
    if (state.role === "leader") this.#checkWindows(member, state);
    else if (state.progress.size > 0) throw this.#over(member, "progress of one that does not lead", state.progress.size, 0);
    this.#checkEffects(member, state, effects, held);
    if (pendingStores.length > PENDING_ANSWERS_MAX) this.#checkStores(member, effects, pendingStores.length);
    if (event.type === "propose") this.#checkQuota(member, state, effects);
  }

  #checkWindows(member: SimMember, { config, progress }: RaftState): void {
    // A message goes while there is room at all, so the last one may reach beyond.
    const bytesMax = config.inflightBytesMax + config.appendBytesMax + config.uncommittedBytesMax;
    for (const follower of progress.values()) {
      if (follower.inflight.length > config.inflightAppendsMax) throw this.#over(member, "appends in flight", follower.inflight.length, config.inflightAppendsMax);
      if (follower.inflightBytes > bytesMax) throw this.#over(member, "bytes in flight", follower.inflightBytes, bytesMax);
    }
  }

  #checkEffects(member: SimMember, state: RaftState, effects: readonly Effect[], held: number): void {
    if (effects.length <= EFFECTS_BESIDES) return;
    const { config, progress } = state;
    const max = EFFECTS_BESIDES + (progress.size + 1) * (config.inflightAppendsMax + 3) + config.pendingReadsMax + held;
    if (effects.length > max) throw this.#over(member, "effects of one step", effects.length, max);
  }

  sent(member: SimMember, message: Message): void {
    this.#checkOutbound(member, message);
    if (message.type !== "appendRequest") return;
    // One that starts at a lower point, where chains are known, reaches to where the follower stands.
    const max = member.state!.config.appendEntriesMax + 2 * RUN_ENTRIES_MAX;
    const entries = message.lastIndex - message.prevLogIndex;
    if (entries > max) throw this.#over(member, "entries in one append", entries, max);
  }

  /** One message has room however long it is; others only while all of them stay within the bound. */
  #checkOutbound(member: SimMember, message: Message): void {
    const { to } = message;
    const longest = this.#longest.get(member);
    const before = longest?.get(to) ?? 0;
    for (const { bytes, bytesMax } of member.queuesTo?.(to) ?? []) {
      const max = Math.max(bytesMax, before) + MESSAGE_BYTES;
      if (bytes > max) throw this.#over(member, `bytes for member ${to}`, bytes, max);
    }
    if (message.type !== "appendRequest" || message.lastIndex === message.prevLogIndex) return;
    const { trail } = member.state!;
    // Of entries that lie far back the sizes are only estimated: then nothing can be said.
    const isKnown = [message.prevLogIndex, message.lastIndex].every((at) => at >= trail.recentFirst || at === trail.base.index);
    const size = isKnown ? bytesBetween(trail, message.prevLogIndex + 1, message.lastIndex) : Number.POSITIVE_INFINITY;
    // Appends that wait behind a read of the log are joined into one, of all that is in flight at most.
    const joined = Math.max(size, member.state!.progress.get(to)?.inflightBytes ?? 0);
    if (joined > before) longest?.set(to, joined);
  }

  #checkStores(member: SimMember, effects: readonly Effect[], stores: number): void {
    for (const effect of effects) {
      if (effect.type !== "store" || effect.hardState !== null || effect.entries.length > 0) continue;
      throw this.#over(member, "stores that only hold answers", stores, PENDING_ANSWERS_MAX);
    }
  }

  #checkQuota(member: SimMember, state: RaftState, effects: readonly Effect[]): void {
    if (!effects.some((effect) => effect.type === "store" && effect.entries.length > 0)) return;
    const bytes = bytesAfter(state.trail, state.commitIndex);
    const max = state.config.uncommittedBytesMax + SESSION_ROOM_BYTES + OWN_ENTRIES_BYTES;
    if (bytes > max) throw this.#over(member, "uncommitted bytes", bytes, max);
  }

  #over(member: SimMember, what: string, is: number, max: number): Violation {
    return new Violation(this.name, `${member.id} holds ${is} ${what}: at most ${max}`);
  }
}
