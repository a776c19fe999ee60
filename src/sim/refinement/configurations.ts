/**
 * Configurations of the abstract Raft (dissertation 4): each holds from the moment that its entry is appended and is gone
 * again when that is cut. While one is joint nothing is decided but by majorities of both halves (4.3).
 */
import type { StoreEffect } from "../../raft/event.ts";
import type { Configuration, MemberNumber, MemberRole } from "../../raft/types.ts";
import type { Seats } from "../properties/seats.ts";
import type { AbstractConfiguration, AbstractNode } from "./abstract.ts";
import type { Step } from "./step.ts";

export function abstractConfiguration({ index, joint, members }: Configuration, seats: Seats): AbstractConfiguration {
  const half = (roleOf: (member: Configuration["members"][number]) => MemberRole | null): MemberNumber[] =>
    members.filter((member) => ["voter", "witness"].includes(roleOf(member) ?? "")).map(({ number, incarnation }) => seats.of(number, incarnation));
  const entered = half(({ role }) => role);
  return { index, halves: joint ? [entered, half(({ outgoingRole }) => outgoingRole)] : [entered] };
}

/** Whether these are a majority of the voters of each half. */
export function isMajority({ halves }: AbstractConfiguration, has: (seat: MemberNumber) => boolean): boolean {
  return halves.every((voters) => voters.filter(has).length * 2 > voters.length);
}

/** Whether these are a majority by what holds on the node when the step is over. */
export function isQuorum(step: Step, has: (seat: MemberNumber) => boolean): boolean {
  return isMajority(inForceAfter(step), has);
}

/**
 * The same of whom a leader must have heard before it answers a read: where it appends a configuration in that step the
 * one before will do as well, for any majority of one has a member in common with any of the other.
 */
export function isQuorumToRead(step: Step, has: (seat: MemberNumber) => boolean): boolean {
  return isQuorum(step, has) || isMajority(inForce(step.node), has);
}

/** The same of what a leader commits: it does so before it appends the next step of a change, and behind a change that is asked for. */
export function isQuorumToCommit(step: Step, has: (seat: MemberNumber) => boolean): boolean {
  return step.event.type === "changeMembership" ? isQuorum(step, has) : isMajority(inForce(step.node), has);
}

/** What holds on the node. */
export function inForce({ configurations }: AbstractNode): AbstractConfiguration {
  return configurations.at(-1) as AbstractConfiguration;
}

function inForceAfter({ node, cluster, effects }: Step): AbstractConfiguration {
  const store = effects.find((effect) => effect.type === "store");
  if (store === undefined) return inForce(node);
  return behind(node.configurations, store, cluster.seats).at(-1) as AbstractConfiguration;
}

/** The node takes a store. */
export function takeConfigurations(node: AbstractNode, store: StoreEffect, seats: Seats): void {
  const isTouched = store.truncateFrom > 0 || store.reset !== null || store.entries.some(({ configuration }) => configuration !== null);
  if (isTouched) node.configurations = behind(node.configurations, store, seats);
}

function behind(before: readonly AbstractConfiguration[], { truncateFrom, reset, entries }: StoreEffect, seats: Seats): AbstractConfiguration[] {
  const kept = reset !== null ? [abstractConfiguration(reset.configuration, seats)]
    : before.filter(({ index }) => truncateFrom === 0 || index < truncateFrom);
  for (const { index, configuration } of entries) {
    if (configuration !== null) kept.push({ ...abstractConfiguration(configuration, seats), index });
  }
  return kept;
}
