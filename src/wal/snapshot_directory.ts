/** The snapshot files of one group: their names, and which of them are there. */
import { type Task, wait } from "../base/task.ts";
import type { Disk } from "../host/host.ts";
import type { Index, LogPoint, Term } from "../raft/types.ts";

const WRITING = ".writing";

/** What a name says. */
export interface SnapshotName {
  readonly index: Index;
  readonly term: Term;
}

/** The name of a whole snapshot. */
export function snapshotName({ index, term }: SnapshotName): string {
  return `${index}-${term}.snap`;
}

/** The name of one that is being written here. */
export function temporaryName({ index, term }: Pick<LogPoint, "index" | "term">): string {
  return `${index}-${term}${WRITING}`;
}

/** The name of one that is being fetched from another node. */
export const FETCHING_NAME = "fetching";

/** What the name of a whole snapshot says; null if it is none. */
export function snapshotNamed(name: string): SnapshotName | null {
  const match = /^([1-9]\d{0,15})-([1-9]\d{0,15})\.snap$/.exec(name);
  if (match === null) return null;
  const [index, term] = [Number(match[1]), Number(match[2])];
  return Number.isSafeInteger(index) && Number.isSafeInteger(term) ? { index, term } : null;
}

/** The whole snapshots in `directory`, the newest first. */
export function* listSnapshots(disk: Disk, directory: string): Task<SnapshotName[]> {
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  return names.map(snapshotNamed).filter((name) => name !== null).sort((a, b) => b.index - a.index || b.term - a.term);
}

/** At the start: removes all but the snapshot that the log names, leftovers of what a crash ended too. */
export function* removeAllBut(disk: Disk, directory: string, kept: SnapshotName | null): Task<void> {
  const stays = kept === null ? "" : snapshotName(kept);
  const isOurs = (name: string): boolean => snapshotNamed(name) !== null || name === FETCHING_NAME || name.endsWith(WRITING);
  yield* remove(disk, directory, (name) => isOurs(name) && name !== stays);
}

/** Removes the whole snapshots that one of `index` supersedes. */
export function* removeOlder(disk: Disk, directory: string, index: Index): Task<void> {
  yield* remove(disk, directory, (name) => (snapshotNamed(name)?.index ?? index) < index);
}

function* remove(disk: Disk, directory: string, goes: (name: string) => boolean): Task<void> {
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  const gone = names.filter(goes);
  for (const name of gone) yield* wait<void>((done) => disk.unlink(`${directory}/${name}`, done));
  if (gone.length > 0) yield* wait<void>((done) => disk.syncDirectory(directory, done));
}
