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
    file: RECOVERY, find: "    const place = yield* findDamage(source, sequences, progress);\n",
    replace: "    const place: DamagedPlace | null = source.mark.batch < 0 ? yield* findDamage(source, sequences, progress) : null;\n",
  },
  {
    id: "19", title: "failed fsync retried and believed",
    file: "src/wal/batch_writer.ts",
    find: "    yield* segment.sync.run();\n",
    replace: `    try {
      yield* segment.sync.run();
    } catch {
      yield* wait<void>((done) => segment.file.sync(done));
    }
`,
  },
  {
    id: "19b", title: "batch synced before its write has ended",
    file: "src/wal/batch_writer.ts",
    find: "    yield* this.#writeParts(segment, parts, isFirst ? 0 : offset);\n    yield* segment.sync.run();\n",
    replace: "    yield* segment.sync.run();\n    yield* this.#writeParts(segment, parts, isFirst ? 0 : offset);\n",
  },
  {
    id: "20", title: "new segment's directory entry not fsynced",
    file: "src/wal/segment_file.ts",
    find: "file.truncate(0, done));\n    yield* wait<void>((done) => disk.syncDirectory(directory, done));\n",
    replace: "file.truncate(0, done));\n",
  },
  {
    id: "20b", title: "directory not fsynced after a file was replaced",
    file: "src/host/files.ts", find: "  yield* wait<void>((done) => disk.syncDirectory(directory, done));\n", replace: "",
  },
  {
    id: "20c", title: "entry of the data directory itself not fsynced",
    file: "src/node/data_dir.ts", find: "    yield* wait<void>((done) => disk.syncDirectory(parentOf(level), done));\n", replace: "",
    also: [{ file: "src/node/data_dir.ts", find: "  yield* syncAbove(disk, path);\n", replace: "" }],
  },
  {
    id: "41", title: "mark ignored at recovery",
    file: "src/wal/recovery_damage.ts", find: "if (isBefore(end, mark) || mark.batch > lastBatch) {", replace: "if (mark.batch < 0) {",
  },
  {
    id: "42", title: "salt ignored",
    file: "src/wal/record.ts", find: "  seedView.setUint32(0, salt, true);\n", replace: "",
  },
];
