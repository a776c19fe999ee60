/** The snapshot files of one group: their names, and which of them are there. */
import { type Task, wait } from "../base/task.ts";
import { isHostError } from "../host/files.ts";
import type { Disk } from "../host/host.ts";
import type { Index, LogPoint, Term } from "../raft/types.ts";

const WRITING = ".writing";
const FETCHING = ".fetching";

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

/** What the name of a snapshot says that is being fetched from another member: which bytes it will be. */
export interface FetchingName extends SnapshotName {
  /** Of the whole file. */
  readonly bytes: number;
  /** The digest of the whole, with which it ends. */
  readonly sum: number;
}

/** The name of one that is being fetched: bytes that are there already are gone on with only if all of it fits. */
export function fetchingName({ index, term, bytes, sum }: FetchingName): string {
  return `${index}-${term}-${bytes}-${sum}${FETCHING}`;
}

/** What the name of one that is being fetched says; null if it is none. */
export function fetchingNamed(name: string): FetchingName | null {
  const match = /^(\d{1,16})-(\d{1,16})-(\d{1,16})-(\d{1,10})\.fetching$/.exec(name);
  if (match === null) return null;
  const [index, term, bytes, sum] = match.slice(1).map(Number) as [number, number, number, number];
  return { index, term, bytes, sum };
}

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

/**
 * At the start: removes all but the snapshot that the log names, leftovers of what a crash ended too. One that was being
 * fetched and is newer stays: it may be gone on with.
 */
export function* removeAllBut(disk: Disk, directory: string, kept: SnapshotName | null): Task<void> {
  const stays = kept === null ? "" : snapshotName(kept);
  const goes = (name: string): boolean => {
    const fetching = fetchingNamed(name);
    if (fetching !== null) return fetching.index <= (kept?.index ?? 0);
    return (snapshotNamed(name) !== null || name.endsWith(WRITING)) && name !== stays;
  };
  yield* remove(disk, directory, goes);
}

/**
 * Removes the snapshots that one of `index` supersedes, whole or being fetched.
 *
 * @returns how many stay because they are in use
 */
export function* removeOlder(disk: Disk, directory: string, index: Index, isInUse: (name: string) => boolean): Task<number> {
  let staying = 0;
  yield* remove(disk, directory, (name) => {
    const isOlder = (snapshotNamed(name)?.index ?? index) < index || (fetchingNamed(name)?.index ?? index + 1) <= index;
    if (isOlder && isInUse(name)) staying += 1;
    return isOlder && !isInUse(name);
  });
  return staying;
}

/** Removes that one snapshot, durably, if it is there. */
export function* removeSnapshot(disk: Disk, directory: string, snapshot: SnapshotName): Task<void> {
  yield* remove(disk, directory, (name) => name === snapshotName(snapshot));
}

/** Removes what was fetched of other snapshots than `kept`. */
export function* removeFetchedBut(disk: Disk, directory: string, kept: string): Task<void> {
  yield* remove(disk, directory, (name) => fetchingNamed(name) !== null && name !== kept);
}

function* remove(disk: Disk, directory: string, goes: (name: string) => boolean): Task<void> {
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  const gone = names.filter(goes);
  for (const name of gone) {
    try {
      yield* wait<void>((done) => disk.unlink(`${directory}/${name}`, done));
    } catch (error) {
      // Another look at the directory was faster.
      if (!isHostError(error, "ENOENT")) throw error;
    }
  }
  if (gone.length > 0) yield* wait<void>((done) => disk.syncDirectory(directory, done));
}
