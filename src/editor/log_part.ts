/** A few entries of a stopped node's long log, without reading all of it: what is read is verified as ever. */
import type { Task } from "../base/task.ts";
import type { DataDir } from "../node/data_dir.ts";
import { type GroupId, type Index } from "../raft/types.ts";
import { scanPart, segmentHeads } from "../wal/part_scan.ts";
import { findLog, type OfflineHost, sourceOf, withDirectory } from "./log_files.ts";
import { type Entries, openedLog, readable, runOffline } from "./offline_log.ts";

/** Which entries: `from` 0 is where the log begins. */
export interface PartWanted {
  readonly directory: string;
  readonly group: GroupId;
  readonly from: Index;
  readonly to: Index;
}

/**
 * Opens what holds entries `from`..`to` of the log for as long as `use` runs. Where a part does not tell, or is damaged,
 * it is the whole log, read on behind what is damaged.
 *
 * @throws DraftError NOT_FOUND, IN_USE, WRONG_IDENTITY; DAMAGED if nothing can be read
 */
export function withEntries<T>(host: OfflineHost, wanted: PartWanted, use: (entries: Entries) => Task<T>): Promise<T> {
  return runOffline((function* (): Task<T> {
    const found = yield* withDirectory(host, wanted.directory, function* (dataDir): Task<{ readonly value: T } | null> {
      const entries = yield* partOf(host, dataDir, wanted);
      return entries === null ? null : { value: yield* use(entries) };
    });
    if (found !== null) return found.value;
    return yield* openedLog(host, { ...wanted, onDamage: "read on" }, use);
  })());
}

/** Null if the whole log has to be read. */
function* partOf({ disk }: OfflineHost, dataDir: DataDir, { group, from, to }: PartWanted): Task<Entries | null> {
  const files = yield* findLog(disk, dataDir);
  if (files === null || files.markFault !== null) return null;
  const source = sourceOf(disk, files, "stop");
  const heads = yield* segmentHeads(source, files.sequences, group);
  if (heads === null || heads.length < 2) return null;
  // How the log stands at its end, the last segment tells.
  const end = yield* scanPart(source, files.sequences, heads, { group, from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY });
  if (end === null) return null;
  const { prefix, lastIndex } = end.log;
  const range = { group, from: Math.max(from, prefix.index + 1), to: Math.min(to, lastIndex) };
  // Nothing of the log, or all of it, is wanted.
  if (range.from > range.to) return readable(dataDir, end.log, end.source, null);
  if (range.from === prefix.index + 1 && range.to === lastIndex) return null;
  const part = yield* scanPart(source, files.sequences, heads, range);
  if (part === null) return null;
  const { read } = readable(dataDir, part.log, part.source, null);
  return { ...readable(dataDir, end.log, end.source, null), read };
}
