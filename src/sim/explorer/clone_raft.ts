/** Copies of a core's state, so that it can be stepped in more than one way. */
import type { Trail } from "../../raft/trail.ts";
import type { RaftState } from "../../raft/state.ts";

/** A state that shares nothing with `state` that a step changes. */
export function cloneRaft(state: RaftState): RaftState {
  const { reads, step, transfer } = state;
  const progress = new Map([...state.progress].map(([member, each]) => [member, { ...each, inflight: [...each.inflight] }]));
  return {
    ...state,
    random: { ...state.random },
    trail: cloneTrail(state.trail),
    configurations: [...state.configurations],
    pendingStores: state.pendingStores.map((pending) => ({ ...pending })),
    votes: new Map(state.votes),
    progress,
    rounds: [...state.rounds],
    transfer: transfer === null ? null : { ...transfer },
    reads: {
      waiting: reads.waiting.map((each) => ({ ...each })),
      confirming: reads.confirming.map((each) => ({ ...each })),
      round: reads.round,
      confirmed: reads.confirmed.map((each) => ({ ...each })),
    },
    forwardedReads: new Map(state.forwardedReads),
    step: { truncateFrom: step.truncateFrom, reset: step.reset, entries: [...step.entries], messages: [...step.messages] },
    effects: [],
    dropped: {},
  };
}

function cloneTrail(trail: Trail): Trail {
  return {
    ...trail,
    runs: trail.runs.map((run) => ({ ...run })),
    chains: trail.chains.slice(),
    ends: trail.ends.slice(),
  };
}
