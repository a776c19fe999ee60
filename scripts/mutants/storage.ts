/** Bugs in the log on disk. */
import type { Mutant } from "./mutant.ts";

const RECOVERY = "src/wal/recovery.ts";

export const STORAGE: readonly Mutant[] = [
  {
    id: "17", title: "torn tail not trimmed before the next append",
    file: "src/wal/recovery_cut.ts", find: "  yield* clear(source, scan, file);\n", replace: "",
  },
  {
    id: "18", title: "bad checksum mid-log treated as end",
    file: RECOVERY, find: "  yield* refuseDamage(source, sequences, progress);\n", replace: "",
  },
  {
    id: "19", title: "failed fsync retried and believed",
    file: "src/wal/batch_writer.ts",
    find: "    yield* wait<void>((done) => segment.file.sync(done));\n",
    replace: `    try {
      yield* wait<void>((done) => segment.file.sync(done));
    } catch {
      yield* wait<void>((done) => segment.file.sync(done));
    }
`,
  },
  {
    id: "20", title: "new segment's directory entry not fsynced",
    file: "src/wal/segment_room.ts",
    find: "file.truncate(0, done));\n    yield* wait<void>((done) => disk.syncDirectory(directory, done));\n",
    replace: "file.truncate(0, done));\n",
  },
  {
    id: "41", title: "mark ignored at recovery",
    file: RECOVERY, find: "if (isBefore(end, source.mark) || source.mark.batch > lastBatch) {", replace: "if (source.mark.batch < 0) {",
  },
  {
    id: "42", title: "salt ignored",
    file: "src/wal/record.ts", find: "  seedView.setUint32(0, salt, true);\n", replace: "",
  },
];
