/** Opening a WAL: reads what is there, cuts what is unfinished, makes the first room. Nothing counts before the end. */
import { DraftError } from "../base/errors.ts";
import { Progress } from "../base/progress.ts";
import { type Task, wait } from "../base/task.ts";
import { isDiskFull } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { damageError, isHardStateLost, type LogDamage } from "./damage.ts";
import { DiskSpace } from "./disk_space.ts";
import { type Mark, openMark } from "./mark.ts";
import { RecoveredGroups } from "./recovered_groups.ts";
import { scanLog } from "./recovery.ts";
import type { RecoverySource, Scan } from "./scan.ts";
import { cutTail, removeOthers } from "./recovery_cut.ts";
import { Reserve } from "./reserve.ts";
import { HEADER_BYTES, sequenceOf, type WalIdentity } from "./segment.ts";
import { fillChunk, makeSegment, type SegmentFile } from "./segment_file.ts";
import { SegmentRoom } from "./segment_room.ts";
import type { WalVisitor } from "./telling.ts";
import { Wal } from "./wal.ts";
import type { WalOptions } from "./wal_options.ts";

/**
 * Opens the WAL of the data directory, making it if there is none.
 *
 * @param directory the data directory; the WAL is `wal` in it
 * @param visitor is told all that the log holds, in its order
 * @throws DraftError DAMAGED, WRONG_IDENTITY, DISK_FULL, STORAGE_FAILED
 */
export function* openWal(
  host: Pick<Host, "clock" | "disk" | "random" | "log">,
  directory: string,
  identity: WalIdentity,
  options: WalOptions,
  visitor: WalVisitor,
): Task<Wal> {
  try {
    return yield* open(host, directory, identity, options, visitor);
  } catch (error) {
    if (error instanceof DraftError || !(error instanceof Error) || !("code" in error)) throw error;
    const code = isDiskFull(error) ? "DISK_FULL" : "STORAGE_FAILED";
    throw new DraftError(code, `log "${directory}/wal" cannot be opened: ${error.message}`, { cause: error });
  }
}

function* open(
  host: Pick<Host, "clock" | "disk" | "random" | "log">,
  dataDirectory: string,
  identity: WalIdentity,
  options: WalOptions,
  visitor: WalVisitor,
): Task<Wal> {
  const { disk } = host;
  const directory = `${dataDirectory}/wal`;
  yield* wait<void>((done) => disk.makeDirectory(directory, done));
  yield* wait<void>((done) => disk.syncDirectory(dataDirectory, done));
  const names = yield* wait<string[]>((done) => disk.list(directory, done));
  const sequences = names.map(sequenceOf).filter((sequence) => sequence > 0);
  const { file: markFile, mark } = yield* openMark(disk, directory, identity.incarnation, sequences.length === 0);
  const progress = new Progress(() => host.clock.monotonicMs(), (text) => host.log.write("info", text));
  const reads = (segment: number, segments: number): void => progress.at(() => `reads its log: ${segment} of ${segments} segments`);
  const source: RecoverySource = { disk, directory, identity, mark, readBytes: options.readBytes, reads, onDamage: options.onDamage === undefined ? "refuse" : "read on" };
  let scan: Scan;
  try {
    scan = yield* scanLog(source, sequences, new RecoveredGroups(visitor));
    if (scan.damage !== null) tellDamage(directory, options, scan.damage);
  } catch (error) {
    yield* wait<void>((done) => markFile.close(done));
    throw error;
  }
  const segment = yield* readySegment(source, sequences, scan, options);
  const { firstSegment } = mark;
  const vouched: Mark = { batch: scan.lastBatch, ...scan.end, firstSegment };
  yield* wait<void>((done) => markFile.write(vouched, done));
  const reserve = yield* Reserve.find(disk, directory, options.reserveBytes);
  const space = new DiskSpace({ disk, directory, reserve, highMarkBytes: options.reserveBytes, onSpace: options.onSpace });
  host.log.write("info", "log read", { directory, batches: scan.lastBatch, segment: scan.end.sequence, offset: scan.end.offset });
  return new Wal({
    host,
    directory,
    identity,
    options,
    groups: scan.groups.logs(),
    segments: scan.segments,
    mark: markFile,
    end: { sequence: segment.sequence, offset: scan.end.offset },
    lastBatch: scan.lastBatch,
    firstSegment,
    room: (onFailure) => new SegmentRoom(segment, { clock: host.clock, disk, directory, ...options, space, onFailure }),
  });
}

/** @throws DraftError DAMAGED if the log cannot be opened so */
function tellDamage(directory: string, { onDamage }: WalOptions, damage: LogDamage): void {
  onDamage?.(damage);
  const [place] = damage.places;
  if (isHardStateLost(damage) && place !== undefined) throw damageError(directory, place);
}

/** The segment that the next batch goes to: the last one, cut; or the first, made now. */
function* readySegment(source: RecoverySource, sequences: readonly number[], scan: Scan, options: WalOptions): Task<SegmentFile> {
  if (scan.end.sequence > 0) {
    const segment = yield* cutTail(source, sequences, scan);
    segment.sizeBytes = Math.max(segment.sizeBytes, options.segmentBytes);
    return segment;
  }
  yield* removeOthers(source, sequences, 0);
  const segment = yield* makeSegment(source.disk, source.directory, 1, Math.max(options.segmentBytes, 2 * HEADER_BYTES));
  const readyBytes = Math.min(options.readyBytes, segment.sizeBytes);
  while (segment.filledBytes < readyBytes) yield* fillChunk(segment, readyBytes);
  return segment;
}
