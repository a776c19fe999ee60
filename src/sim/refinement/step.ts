/** One step of a core, as the rules look at it. */
import type { Effect, Event } from "../../raft/event.ts";
import type { Message } from "../../raft/message.ts";
import type { RaftState } from "../../raft/state.ts";
import type { AbstractCluster, AbstractNode, View } from "./abstract.ts";

export interface Step {
  readonly cluster: AbstractCluster;
  /** The node as it was. */
  readonly node: AbstractNode;
  readonly before: View;
  readonly after: View;
  readonly state: RaftState;
  readonly event: Event;
  readonly effects: readonly Effect[];
  /** What it received, if the step is about that. */
  readonly message: Message | null;
}

/** A rule: why no abstract action allows the step, or null. */
export type Rule = (step: Step) => string | null;

/** Whether two logs' ends compare as a vote wants it (dissertation 3.6.1): the later last term, else the longer log. */
export function isUpToDate(asks: { readonly lastLogTerm: number; readonly lastLogIndex: number }, { lastTerm, lastIndex }: View): boolean {
  return asks.lastLogTerm > lastTerm || (asks.lastLogTerm === lastTerm && asks.lastLogIndex >= lastIndex);
}

/** Whether it acts as the leader of its term: one that commits that it votes no more leads no longer when that is done (4.2.2). */
export function actsAsLeader({ before, after }: Pick<Step, "before" | "after">): boolean {
  return after.role === "leader" || (before.role === "leader" && before.term === after.term);
}

/** All messages that a step asks for, said at once or behind its store. */
export function saidBy(effects: readonly Effect[]): Message[] {
  return effects.flatMap((effect) => effect.type === "send" ? [effect.message] : effect.type === "store" ? [...effect.messages] : []);
}

/** Whether it was the leader of the term who sent this. */
export function isFromLeader({ cluster }: Step, message: Message): boolean {
  return cluster.leaders.get(message.term)?.number === message.from;
}
