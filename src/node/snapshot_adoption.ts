/**
 * A snapshot of another member under a log that is being repaired: what is missing at or before its entry need not be in
 * the log any more. Where the log holds that entry it goes on behind it; else it begins anew there.
 */
import { DraftError } from "../base/errors.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { Disk, FileStat, Host } from "../host/host.ts";
import type { Interview } from "../net/interview.ts";
import type { Peer } from "../net/link.ts";
import type { EventBody } from "../raft/event.ts";
import { encodeLogStart } from "../raft/log_start.ts";
import type { GroupId, Index, LogPoint, LogStart, Member } from "../raft/types.ts";
import { listSnapshots, snapshotName } from "../wal/snapshot_directory.ts";
import { verifySnapshot } from "../wal/snapshot_reader.ts";
import type { Wal } from "../wal/wal.ts";
import { flushed, pointAt } from "../wal/wal_repair.ts";
import { type NodeSettings, snapshotTuning } from "./settings.ts";
import { SnapshotFetch } from "./snapshot_fetch.ts";

export interface SnapshotAdoptionParts {
  readonly host: Pick<Host, "clock" | "disk" | "log">;
  readonly settings: NodeSettings;
  readonly clusterId: string;
  readonly group: GroupId;
  /** Of the group's snapshots. */
  readonly directory: string;
  readonly wal: Wal;
  readonly dial: (peer: Peer, done: Done<Interview>) => void;
  /** What is fetching, to be ended with the node; null when nothing is. */
  readonly fetching: (fetch: UnderWay | null) => void;
}

/** What can be ended before it has ended by itself. */
export interface UnderWay {
  end(): void;
}

/**
 * Fetches a snapshot of the entry at `point` or of a later one from the member, and lets the log say so, durably.
 *
 * @returns false if the member has none yet, or could not be asked
 */
export function* adoptSnapshot(parts: SnapshotAdoptionParts, from: Member, point: LogPoint): Task<boolean> {
  const { host: { disk }, directory } = parts;
  yield* wait<void>((done) => disk.makeDirectory(directory, done));
  const start = yield* fetched(parts, from, point);
  if (start === null) return false;
  yield* begin(parts, start);
  return true;
}

function* fetched({ host, settings, clusterId, group, directory, dial, fetching }: SnapshotAdoptionParts, from: Member, point: LogPoint): Task<LogStart | null> {
  const { number, incarnation, id, address } = from;
  const start = yield* wait<LogStart | null>((done) => {
    const submit = (event: EventBody): void => {
      if (event.type === "snapshotFetched") done(null, event);
      else if (event.type === "snapshotFetching" && event.index === 0) done(null, null);
    };
    const fetch = new SnapshotFetch({
      host, clusterId, group, directory, dial, submit, pieceBytes: snapshotTuning(settings).pieceBytes, spareBytes: settings.segmentBytes,
      peer: () => ({ number, incarnation, id, address }), committed: () => 0,
    });
    fetching({
      end: () => {
        fetch.end();
        done(null, null);
      },
    });
    fetch.begin(number, point);
  });
  fetching(null);
  return start;
}

function* begin({ wal, group }: SnapshotAdoptionParts, start: LogStart): Task<void> {
  const { point } = start;
  const log = wal.groupOf(group);
  if (point.index === log.snapshot.index) return;
  const own = point.index > log.lastIndex ? null : yield* pointAt(wal, group, point.index);
  const isHeld = own !== null && own.term === point.term && own.chain === point.chain;
  if (!isHeld && point.index <= log.lastIndex) {
    if (log.hardState.commitIndex >= point.index) throw new DraftError("DAMAGED", `the snapshot of index ${point.index} that was fetched is of another log than what is known committed here`);
    wal.appendTruncate(group, Math.max(point.index, log.prefix.index + 1));
  }
  const { term, commitIndex } = log.hardState;
  // Its source may have gone on into a term that this node has not heard of; before the log says so, its term does.
  if (point.term > term) wal.appendHardState(group, { term: point.term, votedFor: 0, commitIndex });
  if (isHeld) wal.appendSnapshotMark(group, point);
  if (point.index > log.prefix.index) wal.appendCompact(group, point, encodeLogStart(start));
  yield* flushed(wal);
}

/**
 * Lets the log begin behind the newest snapshot that is here, if it is of an entry behind `index` and can be believed:
 * of a log that lost something it may be that the record which said so is lost too. One that an edit emptied is never
 * believed: the edit may have been taken back, or have come no further than that file.
 */
export function* beginBehindOwn(parts: Pick<SnapshotAdoptionParts, "directory" | "wal" | "group"> & { readonly disk: Disk }, index: Index): Task<void> {
  const { disk, directory, wal, group } = parts;
  const stat = yield* wait<FileStat | null>((done) => disk.stat(directory, done));
  const [newest] = stat === null ? [] : yield* listSnapshots(disk, directory);
  const log = wal.groupOf(group);
  if (newest === undefined || newest.index <= Math.max(index, log.prefix.index) || newest.index > log.lastIndex) return;
  try {
    const head = yield* verifySnapshot(disk, `${directory}/${snapshotName(newest)}`);
    if (head.emptied) return;
    const own = yield* pointAt(wal, group, newest.index);
    if (own === null || own.chain !== head.point.chain || own.term !== head.point.term) return;
    if (newest.index > log.snapshot.index) wal.appendSnapshotMark(group, head.point);
    wal.appendCompact(group, head.point, encodeLogStart(head));
    yield* flushed(wal);
  } catch (error) {
    if (!(error instanceof DraftError) || error.code !== "DAMAGED") throw error;
  }
}
