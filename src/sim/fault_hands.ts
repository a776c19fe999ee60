/** What the acts of faults work with, and how they find the machines that they meet. */
import type { RandomState } from "../base/random.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Builds } from "./builds.ts";
import type { Cuts, Way } from "./cuts.ts";
import type { DiskTroubles } from "./disk_troubles.ts";
import type { Excuses } from "./excuses.ts";
import type { FaultBody, FaultKind, Who } from "./script.ts";
import type { Operator } from "./operator.ts";
import type { SimCluster } from "./sim_cluster.ts";
import type { SimMachine } from "./sim_machine.ts";

const TRANSFER_TIMEOUT_MS = 2000;

/** What an act works with. */
export interface FaultHands {
  readonly cluster: SimCluster;
  readonly random: RandomState;
  readonly cuts: Cuts;
  readonly wiped: Set<SimMachine>;
  readonly excuses: Excuses;
  /** Null where there is one version of the plugin. */
  readonly builds: Builds | null;
  /** The faults are over: what waited for its moment does not happen any more. */
  readonly isHealed: boolean;
  readonly operator: Operator;
  /** Machines whose directory was lost and which nobody has taken in again, and those that take part in nothing any more. */
  lost(): readonly SimMachine[];
  /** Whether the cluster lives on without what the machine holds; `atOnce`: all of it goes now. */
  mayLose(machine: SimMachine, atOnce: boolean): boolean;
  /** Puts an empty disk in, and starts the machine after a while, whatever was wrong with it. */
  empty(machine: SimMachine, downMs: number): void;
  later(delayMs: number, act: () => void): void;
  troubles(machine: SimMachine): DiskTroubles;
  start(machine: SimMachine): void;
  stop(machine: SimMachine, downMs: number): void;
  failsFor(machine: SimMachine, downMs: number): void;
}

/** Does a fault; returns what it did in words, or null if it could not. */
export type Act<K extends FaultKind> = (hands: FaultHands, fault: Extract<FaultBody, { kind: K }>) => string | null;

/** All machines, in their order. */
export function all(hands: FaultHands): SimMachine[] {
  return [...hands.cluster.machines.values()];
}

/** All machines but this one. */
export function others(hands: FaultHands, machine: SimMachine): SimMachine[] {
  return all(hands).filter((each) => each !== machine);
}

/** The machine that is meant; null if nobody leads. */
export function someone(hands: FaultHands, who: Who): SimMachine | null {
  if (who === 0) return hands.cluster.leaderMachine();
  return all(hands)[who - 1] ?? null;
}

/** Acts on the machine that is meant, if there is one. */
export function withMachine(hands: FaultHands, who: Who, act: (machine: SimMachine) => string | null): string | null {
  const machine = someone(hands, who);
  return machine === null ? null : act(machine);
}

/** Acts on the machine that is meant, if a process runs there. */
export function withProcess(hands: FaultHands, who: Who, act: (machine: SimMachine) => string | null): string | null {
  const machine = someone(hands, who);
  return machine === null || !machine.isUp ? null : act(machine);
}

/** Acts on two machines, if they are two. */
export function withTwo(hands: FaultHands, one: Who, other: Who, act: (one: SimMachine, other: SimMachine) => string | null): string | null {
  const [a, b] = [someone(hands, one), someone(hands, other)];
  return a === null || b === null || a === b ? null : act(a, b);
}

/** Asks whoever leads to hand over to another one; returns the leader, or null if it was not asked. */
export function handOverTo(hands: FaultHands, target: SimMachine): SimMachine | null {
  const leader = hands.cluster.leaderMachine();
  if (leader === null || leader === target || leader.server === null || leader.gate.isShut) return null;
  leader.server.requests.transfer("main", target.id, TRANSFER_TIMEOUT_MS, () => {});
  return leader;
}

/** The ways from each of these to each of those. */
export function between(from: readonly SimMachine[], to: readonly SimMachine[]): Way[] {
  return from.flatMap((one) => to.map((other): Way => [one.id, other.id]));
}

/** The ways between one and these others, in both directions. */
export function around(machine: SimMachine, others: readonly SimMachine[]): Way[] {
  return others.flatMap(({ id }): Way[] => [[machine.id, id], [id, machine.id]]);
}

/** Cuts these ways, and heals them after a while. */
export function cutFor(hands: FaultHands, ways: readonly Way[], forMs: number): void {
  hands.cuts.cut(ways);
  hands.later(forMs, () => hands.cuts.heal(ways));
}

/** Acts on the first step that `isIt`, once, unless the faults are over. A core must not go from under its step: do that later. */
export function atNextStep(
  hands: FaultHands, isIt: (machine: SimMachine, state: RaftState, event: Event) => boolean, act: (machine: SimMachine, state: RaftState) => void,
): void {
  const { watch } = hands.cluster;
  const { stepped } = watch;
  let isDone = false;
  watch.stepped = (machine, state, event) => {
    stepped?.(machine, state, event);
    if (isDone || hands.isHealed || !isIt(machine, state, event)) return;
    isDone = true;
    act(machine, state);
  };
}

/** A time in words. */
export function ms(durationMs: number): string {
  return `${Math.round(durationMs)} ms`;
}
