/**
 * What a step asked for, in two numbers, so that a later run of the same step can be compared with it.
 *
 * The *digest* covers each effect in its order, and in each message every field but group, sender and the sender's
 * incarnation, which are the node's own. Of entries: their number, and index, term, time and chain of the last one, whose
 * chain sums up the heads of all before it. Of configurations all but ids and addresses. Numbers count
 * by the low 32 bits of their whole part. Two differing steps have equal digests by a chance of 2^-32.
 *
 * The *outline* says in bits what kinds of effects there were, so that a difference can be told in words.
 */
import { assertNever } from "../base/assert.ts";
import type { Effect, StoreEffect } from "./event.ts";
import type { AckStatus, Message } from "./message.ts";
import type { Configuration, LogEntry } from "./types.ts";

/** Bits of an outline, the frequent ones low. */
export const Outline = {
  sends: 0x1,
  stores: 0x2,
  applies: 0x4,
  answersRead: 0x8,
  changesRole: 0x10,
  cutsLog: 0x20,
  sendsAppends: 0x40,
  failsReads: 0x80,
  refuses: 0x100,
  grantsVote: 0x200,
  refusesVote: 0x400,
  asksForVotes: 0x800,
  handsOver: 0x1000,
  endsTransfer: 0x2000,
  changesMembers: 0x4000,
  diverges: 0x8000,
  refusesEntries: 0x10000,
  other: 0x20000,
} as const;

export type OutlineBit = keyof typeof Outline;

/** Adds up the effects of one step after the other. */
export class EffectDigest {
  /** Of the step last taken. */
  digest = 0;
  outline = 0;

  take(effects: readonly Effect[]): void {
    this.digest = effects.length;
    this.outline = 0;
    for (let i = 0; i < effects.length; i++) this.#effect(effects[i] as Effect);
    this.digest >>>= 0;
  }

  #mix(value: number): void {
    const mixed = Math.imul(this.digest ^ value, 0x9e3779b1);
    this.digest = mixed ^ (mixed >>> 15);
  }

  #effect(effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.outline |= Outline.sends;
        return this.#message(effect.message, 1);
      case "store": return this.#store(effect);
      case "apply":
        this.outline |= Outline.applies;
        return this.#three(3, effect.from, effect.to);
      case "answerRead":
        this.outline |= Outline.answersRead;
        this.#three(4, effect.readId, effect.index);
        return this.#mix(effect.timeMs);
      case "failPending":
        this.outline |= Outline.failsReads;
        this.#text(5, effect.reason);
        for (const readId of effect.readIds) this.#mix(readId);
        return;
      case "rejected":
        this.outline |= Outline.refuses;
        return this.#text(6, effect.reason);
      case "transferEnded":
        this.outline |= Outline.endsTransfer;
        this.#text(7, effect.refusal ?? "");
        return this.#mix(effect.to);
      case "roleChanged":
        this.outline |= Outline.changesRole;
        this.#text(8, effect.role);
        this.#mix(effect.term);
        return this.#mix(effect.leaderId);
      case "configurationChanged":
        this.outline |= Outline.changesMembers;
        return this.#configuration(effect.configuration);
      case "diverged":
        this.outline |= Outline.diverges;
        this.#three(10, effect.index, effect.ownChain);
        return this.#mix(effect.leaderChain);
      case "fetchSnapshot":
        this.outline |= Outline.other;
        this.#three(11, effect.from, effect.point.index);
        this.#mix(effect.point.term);
        return this.#mix(effect.point.chain);
      case "installSnapshot":
        this.outline |= Outline.other;
        return this.#three(13, effect.point.index, effect.point.chain);
      case "compact":
        this.outline |= Outline.other;
        return this.#three(14, effect.start.point.index, effect.start.point.chain);
      default: return assertNever(effect);
    }
  }

  #configuration({ index, joint, members, nextMemberNumber }: Configuration): void {
    this.#three(9, index, joint ? 1 : 0);
    this.#mix(nextMemberNumber);
    for (const { number, incarnation, role, outgoingRole, targetRole, promoteByMs } of members) {
      this.#three(number, incarnation, promoteByMs);
      this.#text(16, `${role ?? ""} ${outgoingRole ?? ""} ${targetRole ?? ""}`);
    }
  }

  #store(effect: StoreEffect): void {
    this.outline |= Outline.stores;
    const { hardState, reset, entries } = effect;
    this.#three(2, effect.store, effect.truncateFrom);
    if (effect.truncateFrom > 0) this.outline |= Outline.cutsLog;
    if (hardState !== null) this.#three(hardState.term, hardState.votedFor, hardState.commitIndex);
    if (reset !== null) this.#three(15, reset.point.index, reset.point.chain);
    this.#mix(entries.length);
    if (entries.length > 0) {
      const last = entries[entries.length - 1] as LogEntry;
      this.#three(last.index, last.term, last.timeMs);
      this.#mix(last.chain);
    }
    this.#mix(effect.messages.length);
    for (const message of effect.messages) this.#message(message, 12);
  }

  #message(message: Message, kind: number): void {
    this.#three(kind, message.to, message.term);
    switch (message.type) {
      case "voteRequest":
        this.outline |= Outline.asksForVotes;
        this.#three(message.preVote ? 21 : 22, message.lastLogIndex, message.lastLogTerm);
        this.#mix(message.forcedLeader);
        return this.#mix(message.forcedTerm);
      case "voteReply":
        this.outline |= message.granted ? Outline.grantsVote : Outline.refusesVote;
        this.#three(message.preVote ? 23 : 24, message.granted ? 1 : 0, message.requestTerm);
        return this.#mix(message.bootId);
      case "appendRequest":
        this.outline |= Outline.sendsAppends;
        this.#three(message.heardQuorum ? 25 : 26, message.prevLogIndex, message.prevLogTerm);
        this.#three(message.prevLogChain, message.lastIndex, message.leaderCommit);
        return this.#mix(message.round);
      case "appendReply":
        if (!message.success) this.outline |= Outline.refusesEntries;
        this.#three(message.success ? 27 : 28, message.matchIndex, message.rejectedIndex);
        this.#three(message.conflictTerm, message.conflictIndex, message.pointIndex);
        this.#three(message.pointTerm, message.pointChain, message.round);
        return this.#status(message);
      case "heartbeat": return this.#three(message.heardQuorum ? 29 : 30, message.leaderCommit, message.round);
      case "heartbeatReply":
        this.#mix(message.round);
        this.#mix(message.snapshotIndex);
        return this.#status(message);
      case "timeoutNow":
        this.outline |= Outline.handsOver;
        return this.#mix(31);
      case "readIndexRequest": return this.#three(message.lease ? 37 : 32, message.readId, message.bootId);
      case "readIndexReply":
        this.#three(33, message.readId, message.bootId);
        this.#mix(message.index);
        this.#mix(message.leaderCommit);
        return this.#mix(message.timeMs);
      case "installSnapshot":
        this.#three(34, message.lastIncludedIndex, message.lastIncludedTerm);
        this.#three(message.lastIncludedChain, message.source, message.round);
        return message.start === null ? undefined : this.#configuration(message.start.configuration);
      case "installSnapshotReply":
        this.#three(message.success ? 35 : 36, message.lastIncludedIndex, message.round);
        return this.#status(message);
      default: return assertNever(message);
    }
  }

  #status(status: AckStatus): void {
    this.#three(status.bootId, status.promiseMs, status.wallMs);
    this.#three(status.checkIndex, status.checkDigest, status.durableIndex);
    this.#mix(status.durableTerm);
    this.#mix(status.durableChain);
  }

  #three(a: number, b: number, c: number): void {
    this.#mix(a);
    this.#mix(b);
    this.#mix(c);
  }

  #text(kind: number, text: string): void {
    this.#mix(kind);
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }
}
