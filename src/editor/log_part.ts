/** A few entries of a stopped node's long log, without reading all of it: what is read is verified as ever. */
import type { Task } from "../base/task.ts";
import type { DataDir } from "../node/data_dir.ts";
import type { GroupId, Index } from "../raft/types.ts";
import { scanPart } from "../wal/part_scan.ts";
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
  const part = files.sequences.length < 2 ? null : yield* scanPart(sourceOf(disk, files, "stop"), files.sequences, { group, from, to });
  if (part === null) return null;
  const { read } = readable(dataDir, part.log, part.source, null);
  return { ...readable(dataDir, part.end, part.source, null), read };
}
