/** Bugs in what a node does about rot, full disks and disks that stand still. Tests see them sooner than clients would. */
import type { Mutant } from "./mutant.ts";

const MENDER = "src/wal/mender.ts";
const ROOM = "src/wal/segment_room.ts";
const INTAKE = "src/node/intake.ts";
const SCRUB = "test/node/scrub.test.ts";
const REPAIR = "test/node/log_repair.test.ts";
const FULL_NODE = "test/node/full_disk.test.ts";
const FULL_WAL = "test/wal/full_disk.test.ts";

export const DISK_MUTANTS: readonly Mutant[] = [
  {
    id: "52", title: "damage class forgotten over a restart", test: "test/node/lost_end.test.ts",
    file: "src/node/recovered_log.ts", find: "this.#edit.condition === \"none\" ? 0", replace: "this.#edit.condition !== \"edited\" ? 0",
  },
  {
    id: "52b", title: "the mark of a lost end is written last", test: REPAIR,
    file: "src/node/log_repair.ts",
    find: "      this.#mark();\n      yield* this.#flushed();\n    }\n    for (const range of [...loss.absent].reverse()) yield* this.#fill(range);\n",
    replace: "      this.#check();\n    }\n    for (const range of [...loss.absent].reverse()) yield* this.#fill(range);\n    if (loss.verdict === \"end\") this.#mark();\n",
  },
  {
    id: "52c", title: "a base that the mark's batch begins with stands without it", test: REPAIR,
    file: "src/wal/wal_group.ts", find: "    if (content.change === \"none\") this.edit = mark;\n", replace: "",
  },
  {
    id: "52d", title: "what was cut is marked only behind the cut", test: REPAIR,
    file: "src/node/log_repair.ts", find: "    this.#mark();\n    wal.appendTruncate(group, range.from);\n", replace: "    wal.appendTruncate(group, range.from);\n    yield* this.#flushed();\n    this.#mark();\n",
  },
  {
    id: "52e", title: "a segment that was begun in part makes certain what its base says", test: REPAIR,
    file: "src/wal/recovery.ts", find: "        doubtAgain();\n", replace: "",
  },
  {
    id: "58a", title: "what is read back is believed without its payload's sum", test: SCRUB,
    file: "src/wal/wal_read.ts", find: "if (!payloadHolds(this.#window, this.#view, offset - this.#windowAt, head)) {", replace: "if (head.index < 0) {",
  },
  {
    id: "58b", title: "rot that a read met ends the node", test: SCRUB,
    file: MENDER, find: "if (!isRot(error) || this.regain === null) return done(error);", replace: "if (error !== null) return done(error);",
  },
  {
    id: "58c", title: "a rotten segment stays in the log", test: SCRUB,
    file: "src/wal/compactor.ts", find: "    this.#rottenThrough = Math.max(this.#rottenThrough, sequence);\n", replace: "",
  },
  {
    id: "58d", title: "the scrub looks at no bodies", test: SCRUB,
    file: "src/wal/scrub_segment.ts", find: "  const what = faultOf(envelope, reader, offset, read.lasts);", replace: "  const what = offset < 0 ? faultOf(envelope, reader, offset, read.lasts) : null;",
  },
  {
    id: "58e", title: "a rotten snapshot counts as mended by the one that is there", test: SCRUB,
    file: "src/node/group_snapshots.ts", find: "if (!isAnew && applier.lastApplied", replace: "if (applier.lastApplied",
  },
  {
    id: "58f", title: "what nobody has stays in the log, though a snapshot holds it", test: SCRUB,
    file: "src/node/scrub.ts", find: "    submit({ type: \"entriesLost\", point, timeMs });\n", replace: "    if (timeMs < 0) submit({ type: \"entriesLost\", point, timeMs });\n",
  },
  {
    id: "58g", title: "an entry that came again counts though the log was cut meanwhile", test: "test/wal/relocation.test.ts",
    file: "src/wal/relocation.ts", find: "    if (type === RecordType.truncate && firstIndex <= to) return false;\n", replace: "",
  },
  {
    id: "59a", title: "a write has an index before DISK_FULL is decided", test: FULL_NODE,
    file: INTAKE, find: "if (space() === \"none\" || (space() === \"scarce\" && !frees)) return", replace: "if (space() === \"none\" && bytes < 0) return",
  },
  {
    id: "59b", title: "what makes room is refused on a full disk", test: FULL_NODE,
    file: INTAKE, find: "(space() === \"scarce\" && !frees)", replace: "space() === \"scarce\"",
  },
  {
    id: "59c", title: "the reserve is not made again", test: FULL_WAL,
    file: ROOM, find: "    return space.reserve.missingBytes > 0 ? \"grow\" : null;", replace: "    return null;",
  },
  {
    id: "59d", title: "the reserve is kept when the disk takes no more", test: FULL_WAL,
    file: ROOM, find: "    if (isMet && this.giveReserve()) return;\n", replace: "",
  },
  {
    id: "59e", title: "the watchdog of the disk never fires", test: "test/node/disk_faults.test.ts",
    file: "src/wal/stall_watch.ts", find: "    if (quietMs < this.#stallMs) return", replace: "    if (quietMs >= 0) return",
  },
  {
    id: "59f", title: "a leader whose disk is full keeps the lead", test: "test/node/leader_care.test.ts",
    file: "src/raft/care.ts", find: "if (state.diskFull && now.nowMs >= state.handOverNotBeforeMs)", replace: "if (state.diskFull && now.nowMs < 0)",
  },
  {
    id: "59g", title: "a group that begins on a full disk is not told", test: FULL_NODE,
    file: "src/node/node.ts", find: "    this.disk.tellAgain();\n", replace: "",
  },
  {
    id: "59i", title: "a restore that nobody goes on with is never given up", test: "test/node/restore.test.ts",
    file: "src/machine/backup_pieces.ts", find: "timeMs >= this.#newestMs + GIVEN_UP_MS", replace: "timeMs < 0",
  },
  {
    id: "59h", title: "a full disk calls for no snapshot", test: FULL_NODE,
    file: "src/node/group_snapshots.ts", find: "if (space() !== \"ample\" && bytesBetween(trail, trail.base.index + 1, index) >= fullDiskBytes) return true;\n", replace: "",
  },
];
