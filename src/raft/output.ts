/**
 * How handlers speak: what may leave at once, and what must wait until the state that it depends on is durable.
 */
import { assert } from "../base/assert.ts";
import type { Now } from "./event.ts";
import { promiseMs } from "./lease.ts";
import type { AckStatus, Message } from "./message.ts";
import type { RaftState } from "./state.ts";
import { pointAtOrBelow } from "./trail.ts";
import type { LogPoint, MemberNumber, Term } from "./types.ts";

const NOWHERE: LogPoint = { index: 0, term: 0, chain: 0 };

/** A message without what every message bears. */
export type Body<M> = M extends Message ? Omit<M, "group" | "from" | "fromIncarnation" | "to" | "term"> : never;

/**
 * Sends a message that promises nothing but the term. It leaves at once if the term is durable, else behind the store
 * that makes it so.
 */
export function send(state: RaftState, to: MemberNumber, body: Body<Message>, term: Term = state.term): void {
  const message = addressed(state, to, body, term);
  const termIsDurable = state.durableTerm === state.term && state.storedTerm === state.term;
  if (termIsDurable) state.effects.push({ type: "send", message });
  else state.step.messages.push(message);
}

/** Sends a message that tells of the vote, or of entries, behind everything stored so far, this step's records too. */
export function sendStored(state: RaftState, to: MemberNumber, body: Body<Message>): void {
  state.step.messages.push(addressed(state, to, body, state.term));
}

function addressed(state: RaftState, to: MemberNumber, body: Body<Message>, term: Term): Message {
  const { group, self, incarnation } = state.config;
  assert(to !== self && to !== 0, "a message goes to another member", to, self);
  return { ...body, group, from: self, fromIncarnation: incarnation, to, term } as Message;
}

/** What this node says of itself with each answer. */
export function ackStatus(state: RaftState, now: Now): AckStatus {
  const { trail, durableIndex } = state;
  // The base that a snapshot brought counts once the store that says so is durable.
  const durable = durableIndex < trail.base.index ? NOWHERE : pointAtOrBelow(trail, durableIndex);
  return {
    bootId: state.config.bootId,
    promiseMs: promiseMs(state, now),
    wallMs: now.wallMs,
    checkIndex: state.checkIndex,
    checkDigest: state.checkDigest,
    durableIndex: durable.index,
    durableTerm: durable.term,
    durableChain: durable.chain,
  };
}
