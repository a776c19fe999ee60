/**
 * Waits until those who are to decide have shown that they are there now. What a leader last heard may be older than the
 * request: a member that died since would be counted, and a configuration is in force from its append.
 */
import type { Clock } from "../host/host.ts";
import { enteredConfiguration, isRising, reachedConfiguration } from "../raft/configuration_change.ts";
import { quorumValue, voterSets } from "../raft/quorum.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Configuration } from "../raft/types.ts";

/**
 * @param wanted what is asked for; whoever rises to vote is looked at when it does
 * @param done called once a quorum of the voters that `wanted` leads to has answered a round that began later than this
 *   call, or the shortest election timeout is over: then the core no longer counts who did not answer
 */
export function awaitFreshRound({ clock, state }: { readonly clock: Clock; readonly state: RaftState }, wanted: Configuration, done: () => void): void {
  const current = currentConfiguration(state);
  if (state.role !== "leader" || current.joint || wanted.members.some(isRising)) return done();
  const voters = voterSets(enteredConfiguration(current, reachedConfiguration(wanted)));
  const { self, heartbeatMs, electionMinMs } = state.config;
  const { round, term } = state;
  const answered = (member: number): number => (member === self || (state.progress.get(member)?.ackedRound ?? 0) > round ? 1 : 0);
  const untilMs = clock.monotonicMs() + electionMinMs;
  const look = (): void => {
    const isOver = state.role !== "leader" || state.term !== term || clock.monotonicMs() >= untilMs;
    if (isOver || quorumValue(voters, answered) === 1) done();
    else clock.setTimer(Math.max(1, heartbeatMs / 4), look);
  };
  look();
}
