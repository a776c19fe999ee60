/** Seeded bugs of snapshots. */
import type { Mutant } from "./mutant.ts";

const CORE = "src/raft/snapshots.ts";
const WRITER = "src/wal/snapshot_writer.ts";
const TAKER = "src/node/group_snapshots.ts";

export const SNAPSHOT_MUTANTS: readonly Mutant[] = [
  {
    id: "21", title: "snapshot accepted below commit, cuts newer log",
    file: CORE,
    find: "  if (point.index <= state.commitIndex) return drop(state, \"late-snapshot\");\n", replace: "",
    also: [
      { file: CORE, find: "  const isHeld = termAt(trail, point.index) === point.term &&", replace: "  const isHeld = point.index > state.commitIndex && termAt(trail, point.index) === point.term &&" },
      { file: "src/node/snapshot_fetch.ts", find: "      if (committed() >= name.index) return false;\n", replace: "" },
      { file: "src/node/snapshot_fetch.ts", find: "    return committed() < name.index;", replace: "    return committed() >= 0;" },
    ],
  },
  {
    id: "22", title: "snapshot keeps a local entry with conflicting term",
    file: CORE,
    find: "  const isHeld = termAt(trail, point.index) === point.term &&", replace: "  const isHeld = point.index <= trail.lastIndex || termAt(trail, point.index) === point.term &&",
  },
  {
    id: "24", title: "snapshot omits the session table",
    file: TAKER,
    find: "      [PieceKind.sessions, (done) => done(null, sessions.next())],\n", replace: "",
  },
  {
    id: "24b", title: "session table in a snapshot shows what came later",
    file: "src/machine/sessions.ts",
    find: "    this.touch(session);\n    session.usedMs", replace: "    session.usedMs",
  },
  {
    id: "25a", title: "log trimmed before the snapshot is durable",
    file: WRITER,
    find: "    yield* wait<void>((done) => this.#file.sync(done));\n    yield* this.#close();\n", replace: "    yield* this.#close();\n",
  },
  {
    id: "25b", title: "log trimmed before the snapshot's name is durable",
    file: WRITER,
    find: "    yield* wait<void>((done) => this.#disk.syncDirectory(this.#directory, done));\n", replace: "",
  },
  {
    id: "25c", title: "own snapshot removed before the log names the one that takes its place",
    file: TAKER,
    find: "    yield* wait<void>((done) => log.barrier(done));\n    const progress", replace: "    const progress",
  },
  {
    id: "53", title: "running digest not in the snapshot",
    file: "src/machine/live_entry.ts",
    find: "    this.digest = digest | 0;\n", replace: "    this.digest = 0 * digest;\n",
  },
];
