/** Bugs in replication: appends, acknowledgements, commits, applications. */
import type { Mutant } from "./mutant.ts";

const FOLLOWER = "src/raft/follower.ts";

export const REPLICATION: readonly Mutant[] = [
  {
    id: "4", title: "append acked before fsync",
    file: FOLLOWER, find: "if (bringsNew) sendStored(state, message.from, body);", replace: "if (bringsNew) send(state, message.from, body);",
  },
  {
    id: "5", title: "leader counts itself before its fsync",
    file: "src/raft/commit.ts", find: "member === self ? state.durableIndex", replace: "member === self ? state.trail.lastIndex",
  },
  {
    id: "6", title: "old-term entries committed by counting",
    file: "src/raft/commit.ts", find: "  if (termAt(state.trail, reached) !== state.term) return;\n", replace: "",
  },
  {
    id: "11", title: "commit taken from the leader without cap",
    file: FOLLOWER,
    find: "commitTo(state, Math.min(message.leaderCommit, state.matchedIndex));\n  reply(",
    replace: "commitTo(state, Math.min(message.leaderCommit, trail.lastIndex));\n  reply(",
  },
  {
    id: "12", title: "commit index may fall",
    file: "src/raft/commit.ts", find: "if (index <= state.commitIndex) return;", replace: "if (index === state.commitIndex) return;",
  },
  {
    id: "13", title: "late shorter append truncates",
    file: FOLLOWER,
    find: "  for (; at < incoming.entries.length; at++) {\n    matched = append(",
    replace: `  const end = incoming.entries.at(-1);
  if (end !== undefined && matched === end.index && end.index < trail.lastIndex && end.index >= state.commitIndex) {
    truncate(state, end.index + 1, end.chain);
  }
  for (; at < incoming.entries.length; at++) {
    matched = append(`,
  },
  {
    id: "14", title: "stale success lowers match",
    file: "src/raft/progress.ts", find: "if (matchIndex <= progress.matchIndex) return false;", replace: "if (matchIndex === progress.matchIndex) return false;",
    // The durable position in the same answer would raise it again at once.
    also: [{
      file: "src/raft/acks.ts",
      find: "  } else noteRejected(state, progress, message);\n  noteDurable(state, progress, message, now);", replace: "  } else noteRejected(state, progress, message);",
    }],
  },
  {
    id: "38a", title: "apply skips one entry at a page boundary",
    file: "src/node/apply_queue.ts",
    find: "      this.#page = page;\n",
    replace: "      this.#page = page;\n      if (this.#next < this.#through) this.#next += 1;\n",
    also: [{
      file: "src/machine/applier.ts",
      find: "    assert(head.index === this.#at.index + 1 && !this.#restoring, \"entries are applied in order\", head.index, this.#at.index);\n", replace: "",
    }],
  },
  {
    id: "38b", title: "apply repeats one entry at a page boundary",
    file: "src/node/apply_queue.ts",
    find: "      this.#page = page;\n",
    replace: `      this.#page = page;
      if (page.reader.seek(this.#next)) {
        this.#apply(page.reader);
        this.#next -= 1;
      }
`,
    also: [{
      file: "src/machine/applier.ts",
      find: "    assert(head.index === this.#at.index + 1 && !this.#restoring, \"entries are applied in order\", head.index, this.#at.index);\n", replace: "",
    }],
  },
  {
    id: "43", title: "`stored` by index",
    file: FOLLOWER,
    find: "  for (const pending of state.pendingStores) pending.lastIndex = Math.min(pending.lastIndex, from - 1);\n", replace: "",
    also: [{
      file: "src/raft/step.ts",
      find: "Math.max(state.durableIndex, pending.lastIndex)",
      replace: "Math.max(state.durableIndex, Math.min(pending.lastIndex, state.trail.lastIndex))",
    }],
  },
  {
    id: "47a", title: "chain before an append not compared",
    file: FOLLOWER, find: "if (chain !== message.prevLogChain) {", replace: "if (chain !== chain) {",
  },
  {
    id: "51", title: "an old boot's ack counted",
    file: "src/raft/acks.ts", find: "if (message.bootId < progress.bootId) {", replace: "if (message.bootId === 0) {",
  },
];
