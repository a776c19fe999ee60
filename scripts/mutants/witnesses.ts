/** Seeded bugs of witnesses. */
import type { Mutant } from "./mutant.ts";

export const WITNESS_MUTANTS: readonly Mutant[] = [
  {
    id: "40a",
    title: "witness answers reads",
    witnesses: true,
    file: "src/node/requests.ts",
    find: "    return this.#node.groups.get(name)?.state.config.witness !== true;",
    replace: "    return true;",
    also: [{ file: "src/node/group.ts", find: "    if (this.state.config.witness) return done(holdsNoState(this));\n", replace: "" }],
  },
  {
    id: "40b",
    title: "witness seeds a snapshot",
    witnesses: true,
    file: "src/raft/snapshot_sender.ts",
    find: "if (!isThere || other.witness || other.snapshotIndex < base.index || other.snapshotIndex === 0) continue;",
    replace: "if (!isThere || other.snapshotIndex < base.index || other.snapshotIndex === 0) continue;",
    also: [{
      file: "src/raft/snapshot_sender.ts",
      find: "if (!hasSameState(state, other.member, other.snapshotIndex)) continue;",
      replace: "if (!other.witness && !hasSameState(state, other.member, other.snapshotIndex)) continue;",
    }],
  },
  {
    id: "49a",
    title: "witness sent ahead of data",
    witnesses: true,
    file: "src/raft/leader.ts",
    find: "  return progress.witness ? witnessEnd(state, now) : state.trail.lastIndex;",
    replace: "  return progress.witness && witnessEnd(state, now) < 0 ? 0 : state.trail.lastIndex;",
  },
  {
    id: "49b",
    title: "witness sent ahead of the leader's own disk",
    witnesses: true,
    file: "src/raft/in_step.ts",
    find: "  let end = state.durableIndex;",
    replace: "  let end = state.trail.lastIndex;",
  },
  {
    id: "49c",
    title: "start sent to a witness ahead of data",
    witnesses: true,
    file: "src/raft/snapshot_sender.ts",
    find: "  const isHeld = base.index <= witnessEnd(state, now);",
    replace: "  const isHeld = witnessEnd(state, now) >= 0;",
  },
  {
    id: "49d",
    title: "witness is sent payloads, and keeps them",
    witnesses: true,
    file: "src/node/append_sender.ts",
    find: "isWitness(message.to) ? [bareRun(runs)] : runs",
    replace: "runs",
    also: [{ file: "src/node/stores.ts", find: "state.config.witness ? bareRun([received]) : received", replace: "received" }],
  },
];
