/** Bugs in changes of the members. All of their seeds have members that come and go. */
import type { Mutant } from "./mutant.ts";

const CHANGE = "src/raft/membership_change.ts";
const COMMIT = "src/raft/commit.ts";
const MATCH = "member === self ? state.durableIndex : (state.progress.get(member)?.matchIndex ?? 0));";

/** Who votes is known there only with this. */
const KNOWS_VOTERS = { file: COMMIT, find: "import { quorumValue } from", replace: "import { isVoting, quorumValue } from" };

export const MEMBERSHIP: readonly Mutant[] = [
  {
    id: "8", title: "learner acks counted", members: true,
    file: COMMIT, find: MATCH,
    replace: `Math.max(member === self ? state.durableIndex : 0, ...[...state.progress.values()]
      .filter(({ number }) => number === member || !isVoting(state.voters, number)).map(({ matchIndex }) => matchIndex)));`,
    also: [KNOWS_VOTERS],
  },
  {
    id: "23", title: "snapshot stores the newest, not its-index, config", members: true,
    file: "src/node/group_snapshots.ts", find: "state.configurations.findLast((each) => each.index <= index);", replace: "state.configurations.at(-1);",
  },
  {
    id: "26", title: "config change allowed before an own-term commit", members: true,
    file: CHANGE, find: "  if (state.commitIndex < state.ownTermIndex) return \"not-ready\";\n", replace: "",
  },
  {
    id: "27", title: "second change allowed while one is pending", members: true,
    file: CHANGE, find: "  if (current.index > state.commitIndex || wanted.index !== current.index) return \"change-pending\";\n  if (!isSettled(current)) return isCallOff(current, wanted) ? null : \"change-pending\";\n",
    replace: "  if (current.joint || wanted.index !== current.index) return \"change-pending\";\n",
  },
  {
    id: "28a", title: "joint commit needs only the new half", members: true,
    file: COMMIT, find: "quorumValue(state.voters, (member)", replace: "quorumValue({ ...state.voters, outgoing: [] }, (member)",
  },
  {
    id: "28b", title: "joint election needs only the new half", members: true,
    file: "src/raft/quorum.ts", find: "  if (quorumValue(sets, granted) === 1) return \"won\";", replace: "  if (majorityValue(sets.incoming, granted) === 1) return \"won\";",
  },
  {
    id: "29", title: "truncated config not rolled back", members: true,
    file: "src/raft/membership.ts", find: "  if (currentConfiguration(state).index < from) return;\n", replace: "  if (from > 0) return;\n",
  },
  {
    id: "30a", title: "learner refuses votes", members: true,
    file: "src/raft/election.ts", find: "  if (isSticky(state, message, now)) return false;\n  const raises",
    replace: "  if (isSticky(state, message, now) || (!state.voters.incoming.includes(state.config.self) && !state.voters.outgoing.includes(state.config.self))) return false;\n  const raises",
  },
  {
    id: "30b", title: "auto-leave lost on leader change", members: true,
    file: CHANGE, find: "  if (current.joint) return appendConfiguration(", replace: "  if (current.joint && current.index < state.ownTermIndex) return;\n  if (current.joint) return appendConfiguration(",
  },
  {
    id: "31", title: "removed leader counts itself", members: true,
    file: COMMIT, find: "  const reached = quorumValue(state.voters, (member)",
    replace: `  const counted = isVoting(state.voters, self) ? state.voters : { ...state.voters, incoming: [self, ...state.voters.incoming.slice(1)] };
  const reached = quorumValue(counted, (member)`,
    also: [KNOWS_VOTERS],
  },
];
