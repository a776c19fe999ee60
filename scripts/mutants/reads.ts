/** Bugs in reads and log time. */
import type { Mutant } from "./mutant.ts";

const READS = "src/raft/reads.ts";

export const READ_MUTANTS: readonly Mutant[] = [
  {
    id: "32", title: "ReadIndex before the no-op commits",
    file: READS, find: " || state.commitIndex < state.ownTermIndex) return;", replace: ") return;",
  },
  {
    id: "33a", title: "ReadIndex without a quorum round",
    file: READS, find: "if (acked < reads.round) return;", replace: "if (acked < 0) return;",
  },
  {
    id: "33b", title: "ReadIndex with an old round's acks",
    file: READS,
    find: "  broadcastHeartbeat(state, now);\n  reads.round = state.round;",
    replace: "  reads.round = state.round;\n  broadcastHeartbeat(state, now);",
  },
  {
    id: "33c", title: "read on a newer state that shows what has expired",
    file: "src/node/group_reads.ts", find: "else if (this.#hasPassed(batch.timeMs))", replace: "else if (this.#hasPassed(0))",
  },
  {
    id: "48", title: "log time from the leader's wall clock",
    file: "src/raft/log_time.ts",
    find: "Math.floor(quorumValue(state.voters, (member) => reportedWallMs(state, member, now)))", replace: "Math.floor(now.wallMs)",
  },
];
