/**
 * Witnesses (DESIGN section 2): they keep positions and no payloads, answer nothing, seed nobody, and trail the data: no
 * leader tells one of a position that its own disk, or a data voter which surely keeps up with it, does not hold. Who
 * surely keeps up is counted here without the core's own rounds, and with less than half of its patience: whoever held all
 * that stood in the log a moment ago, was heard since, and did so three steps long.
 */
import type { Effect, Event } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import { currentConfiguration, type RaftState } from "../../raft/state.ts";
import type { Index, Member, MemberNumber } from "../../raft/types.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

const STEPS = 3;

/** What a leader can know of a data voter. */
interface Follower {
  /** When it last held all that stood in the log. */
  fullMs: number;
  /** Steps for which it did so, none too long after the one before. */
  steps: number;
  matchIndex: Index;
}

interface Leadership {
  readonly term: number;
  steppedMs: number;
  readonly followers: Map<MemberNumber, Follower>;
}

export class Witnesses implements Property {
  readonly name: string = "witnesses";
  readonly #led: WeakMap<RaftState, Leadership> = new WeakMap();

  stepped(member: SimMember, { nowMs }: Event, effects: readonly Effect[]): void {
    const state = member.state!;
    if (state.config.witness) return this.#checkWitness(member, effects);
    const { members } = currentConfiguration(state);
    if (state.role !== "leader" || !members.some(keepsPositions)) {
      this.#led.delete(state);
      return;
    }
    for (const message of messagesOf(effects)) this.#checkMessage(member, message, nowMs);
    this.#look(state, nowMs);
  }

  opened(member: SimMember): void {
    this.#checkDisk(member);
  }

  finished(members: readonly SimMember[]): void {
    for (const member of members) this.#checkDisk(member);
  }

  #checkDisk(member: SimMember): void {
    if (member.state?.config.witness !== true) return;
    for (const [index, { payloadBytes }] of member.durableLog?.().entries ?? []) {
      if (payloadBytes > 0) throw new Violation(this.name, `the witness ${member.id} keeps ${payloadBytes} bytes of entry ${index}`);
    }
  }

  #checkWitness({ id, state }: SimMember, effects: readonly Effect[]): void {
    const wrong = effects.find(({ type }) => type === "answerRead" || type === "apply" || type === "fetchSnapshot" || type === "installSnapshot");
    if (wrong !== undefined) throw new Violation(this.name, `the witness ${id} has no machine and no snapshot: ${wrong.type}`);
    if (state!.role !== "follower") throw new Violation(this.name, `the witness ${id} is ${state!.role}`);
  }

  #checkMessage({ id, state }: SimMember, message: Message, nowMs: number): void {
    const { members } = currentConfiguration(state!);
    if (message.type === "installSnapshot") {
      const source = members.find(({ number }) => number === message.source);
      if (source !== undefined && keepsPositions(source)) throw new Violation(this.name, `${id} sends ${message.to} to the witness ${source.id} for a snapshot`);
    }
    const to = members.find(({ number }) => number === message.to);
    if (to === undefined || !keepsPositions(to)) return;
    const last = lastIn(message);
    if (last === 0) return;
    if (last > state!.durableIndex) throw new Violation(this.name, `${id} tells the witness ${to.id} of ${last}, its own disk holds ${state!.durableIndex}`);
    for (const other of members) {
      const { number } = other;
      const match = state!.progress.get(number)?.matchIndex ?? 0;
      if (number === state!.config.self || match >= last || !keepsData(other) || !this.#keepsUp(state!, number, nowMs)) continue;
      throw new Violation(this.name, `${id} tells the witness ${to.id} of ${last}; ${other.id} keeps up, and is known to hold ${match}`);
    }
  }

  #keepsUp(state: RaftState, number: MemberNumber, nowMs: number): boolean {
    const led = this.#led.get(state);
    const follower = led?.followers.get(number);
    if (led === undefined || led.term !== state.term || follower === undefined || follower.steps < STEPS) return false;
    const limitMs = state.config.electionMinMs / 2;
    const { lastHeardMs } = state.progress.get(number)!;
    return nowMs - led.steppedMs < limitMs && nowMs - follower.fullMs < limitMs && nowMs - Math.max(lastHeardMs, follower.fullMs) < limitMs;
  }

  #look(state: RaftState, nowMs: number): void {
    let led = this.#led.get(state);
    if (led === undefined || led.term !== state.term) {
      // A new leader holds all data voters to keep up, until they show that they do not.
      const isNew = state.commitIndex < state.ownTermIndex;
      led = { term: state.term, steppedMs: nowMs, followers: new Map() };
      if (isNew) for (const { number } of currentConfiguration(state).members.filter(keepsData)) led.followers.set(number, { fullMs: nowMs, steps: STEPS, matchIndex: 0 });
      this.#led.set(state, led);
    }
    const limitMs = state.config.electionMinMs / 2;
    const isLate = nowMs - led.steppedMs >= limitMs;
    led.steppedMs = nowMs;
    for (const { member: number, matchIndex, lastHeardMs } of state.progress.values()) {
      const follower = led.followers.get(number) ?? { fullMs: nowMs, steps: 0, matchIndex };
      led.followers.set(number, follower);
      // It started anew, or was away: from then on it has to show that it keeps up.
      if (matchIndex < follower.matchIndex || isLate || nowMs - follower.fullMs >= limitMs) follower.steps = 0;
      follower.matchIndex = matchIndex;
      if (matchIndex < state.trail.lastIndex || nowMs - lastHeardMs >= limitMs) continue;
      follower.fullMs = nowMs;
      follower.steps += 1;
    }
  }
}

function messagesOf(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => (effect.type === "send" ? [effect.message] : effect.type === "store" ? effect.messages : []));
}

/** The last position that the message tells of; 0: none. */
function lastIn(message: Message): Index {
  if (message.type === "installSnapshot") return message.lastIncludedIndex;
  return message.type === "appendRequest" && message.lastIndex > message.prevLogIndex ? message.lastIndex : 0;
}

function keepsPositions({ role, outgoingRole, targetRole }: Member): boolean {
  return [role, outgoingRole, targetRole].includes("witness");
}

function keepsData({ role, outgoingRole }: Member): boolean {
  return role === "voter" || outgoingRole === "voter";
}
