/**
 * How somebody who says that it is a member stands to a group: what one node's log says of it. A node whose log is behind
 * does not know the newest members yet, so only what is decided, and was told in order, is held against anybody.
 */
import type { Hello } from "../net/hello.ts";
import type { RaftState } from "../raft/state.ts";
import { type Configuration, type Incarnation, type Index, MAIN_GROUP, type MemberNumber } from "../raft/types.ts";

/** Who somebody says that it is. */
export interface Claimed {
  readonly number: MemberNumber;
  readonly incarnation: Incarnation;
  /** Index of the entry that took it in, as it was told; 0: it has seen that itself, or was a founder. */
  readonly welcomeIndex: Index;
}

/**
 * *member*: of the configuration in force, or of the one that is committed. *gone*: it was removed, or the entry that was
 * to take it in was cut. *unknown*: numbers are given in order, and this one is still to come.
 */
export type Standing = "member" | "gone" | "unknown";

/** Of whoever claims it, by this node's log. */
export function standingOf(state: Pick<RaftState, "configurations" | "commitIndex">, claimed: Claimed): Standing {
  const { number, incarnation, welcomeIndex } = claimed;
  const { commitIndex, configurations } = state;
  const names = ({ members }: Configuration): boolean => members.some((member) => member.number === number && member.incarnation === incarnation);
  // Asked with each read, mostly of a member of the newest one.
  const newest = configurations.at(-1);
  if ((newest !== undefined && names(newest)) || openConfigurations(state).some(names)) return "member";
  const isDecided = number < committedConfiguration(state).nextMemberNumber || (welcomeIndex > 0 && welcomeIndex <= commitIndex);
  return isDecided ? "gone" : "unknown";
}

/** Whether it is certain that who says `hello` is no member any more. */
export function isGone(state: Pick<RaftState, "configurations" | "commitIndex">, hello: Hello): boolean {
  const { memberNumber: number, incarnation } = hello;
  return number !== 0 && standingOf(state, { number, incarnation, welcomeIndex: welcomeIndexOf(hello) }) === "gone";
}

/** Index of the entry that took whoever says `hello` in, as it was told; 0: it has seen that itself, or was a founder. */
export function welcomeIndexOf({ groups }: Hello): Index {
  return groups.find(({ group }) => group === MAIN_GROUP)?.welcomeIndex ?? 0;
}

/** The configurations that may be in force somewhere: the newest that is known committed, and those behind it. */
export function openConfigurations(state: Pick<RaftState, "configurations" | "commitIndex">): Configuration[] {
  const { index: committed } = committedConfiguration(state);
  return state.configurations.filter(({ index }) => index >= committed);
}

/** The newest configuration that is known committed. */
export function committedConfiguration({ configurations, commitIndex }: Pick<RaftState, "configurations" | "commitIndex">): Configuration {
  const at = configurations.findLastIndex(({ index }) => index <= commitIndex);
  return configurations[Math.max(at, 0)] as Configuration;
}
