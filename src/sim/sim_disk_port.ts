/** What one process sees of a simulated disk: the ports of the host, each call submitted to the hardware. */
import type { Done } from "../base/task.ts";
import { parentOf } from "../host/files.ts";
import type { Disk, File, FileLock, FileStat, OpenOptions } from "../host/host.ts";
import { type DiskCall, type DiskCallKind, type DiskFault, SimHostError } from "./sim_faults.ts";
import { SimImage, type SyncPoint } from "./sim_image.ts";
import type { NamesPoint, SimNames } from "./sim_names.ts";

/** One process that uses the disk: dead once it was killed or the power was cut. */
export interface Life {
  dead: boolean;
  readonly locks: Set<string>;
}

/** What a call does besides what it does when it completes. */
export interface CallHooks {
  /** When it is submitted, with what is going wrong: settles what a sync covers. */
  readonly begin?: (fault: DiskFault | null) => void;
  /** Does its change alone, for a crash before it completes. */
  readonly land?: () => void;
}

/** What lies behind the ports. */
export interface DiskHardware {
  readonly names: SimNames;
  /** Submits one call: `act` looks at the disk and changes it when the call completes. */
  submit<T>(
    life: Life,
    kind: DiskCallKind,
    path: string,
    act: (call: DiskCall, fault: DiskFault | null) => T,
    done: Done<T>,
    hooks?: CallHooks,
  ): void;
  lock(life: Life, path: string): FileLock | null;
  /** The error of a write for which there is no room. */
  full(call: DiskCall): SimHostError;
  freeBytes(): number;
}

/** The port of one process. */
export function portOf(disk: DiskHardware, life: Life): Disk {
  const { names } = disk;
  const missing = (path: string) => (call: DiskCall): void => {
    if (names.get(path) === null) throw new SimHostError("ENOENT", call);
  };
  return {
    open: (path, options, done) => open(disk, life, path, options, done),
    makeDirectory: (path, done) => submitNames(disk, life, "makeDirectory", path, () => makeDirectory(names, path), done, () => {}),
    list: (path, done) => disk.submit(life, "list", path, (call) => {
      missing(path)(call);
      return names.list(path);
    }, done),
    stat: (path, done) => disk.submit<FileStat | null>(life, "stat", path, () => {
      const entry = names.get(path);
      return entry === null ? null : { bytes: entry === "directory" ? 0 : entry.bytes, directory: entry === "directory" };
    }, done),
    rename: (from, to, done) => submitNames(disk, life, "rename", from, () => names.rename(from, to), done, missing(from)),
    unlink: (path, done) => submitNames(disk, life, "unlink", path, () => names.set(path, null), done, missing(path)),
    syncDirectory: (path, done) => {
      let point: NamesPoint = new Set();
      const land = (): void => names.endSync(point);
      const begin = (fault: DiskFault | null): void => {
        if (fault === null || !("error" in fault || "lie" in fault)) point = names.beginSync(path);
      };
      disk.submit<void>(life, "syncDirectory", path, (call) => {
        missing(path)(call);
        land();
      }, done, { begin, land });
    },
    freeBytes: (path, done) => disk.submit(life, "freeBytes", path, () => disk.freeBytes(), done),
    lock: (path, done) => disk.submit(life, "lock", path, () => disk.lock(life, path), done),
  };
}

/** Makes the directory and its missing parents. */
export function makeDirectory(names: SimNames, path: string): void {
  if (names.get(path) !== null) return;
  makeDirectory(names, parentOf(path));
  names.set(path, "directory");
}

/** For calls that change nothing but names: an injected error means that nothing was done. */
function submitNames(
  disk: DiskHardware,
  life: Life,
  kind: DiskCallKind,
  path: string,
  land: () => void,
  done: Done<void>,
  check: (call: DiskCall) => void,
): void {
  disk.submit<void>(life, kind, path, (call, fault) => {
    if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
    check(call);
    land();
  }, done, { land });
}

function open(disk: DiskHardware, life: Life, path: string, options: OpenOptions, done: Done<File>): void {
  const { names } = disk;
  const make = (): void => {
    if (options.create === true && names.get(path) === null) names.set(path, new SimImage());
  };
  disk.submit(life, "open", path, (call, fault) => {
    if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
    const there = names.get(path);
    if (there !== null && options.create === true && options.exclusive === true) throw new SimHostError("EEXIST", call);
    if (names.get(parentOf(path)) !== "directory") throw new SimHostError("ENOENT", call);
    make();
    const entry = names.get(path);
    if (entry === null) throw new SimHostError("ENOENT", call);
    if (entry === "directory") throw new SimHostError("EISDIR", call);
    return fileOf(disk, life, path, entry);
  }, done, { land: make });
}

function fileOf(disk: DiskHardware, life: Life, path: string, image: SimImage): File {
  return {
    read: (into, position, done) => disk.submit(life, "read", path, (call) => {
      if (image.isBad(position, into.length)) throw new SimHostError("EIO", call);
      return image.read(into, position);
    }, done),
    write: (parts, position, done) => write(disk, life, path, image, parts, position, done),
    sync: (done) => sync(disk, life, path, image, done),
    sizeBytes: (done) => disk.submit(life, "sizeBytes", path, () => image.bytes, done),
    truncate: (bytes, done) => submitNames(disk, life, "truncate", path, () => image.truncate(bytes), done, () => {}),
    close: (done) => disk.submit<void>(life, "close", path, () => {}, done),
  };
}

function write(
  disk: DiskHardware, life: Life, path: string, image: SimImage, parts: readonly Uint8Array[], position: number, done: Done<number>,
): void {
  const land = (bytesMax: number, at: number): number => {
    let taken = 0;
    for (const part of parts) {
      const piece = part.subarray(0, Math.max(0, bytesMax - taken));
      image.write(piece, at + taken);
      taken += piece.length;
    }
    return taken;
  };
  disk.submit(life, "write", path, (call, fault) => {
    if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
    const room = image.bytes - position + disk.freeBytes();
    const most = fault !== null && "shortBytes" in fault ? fault.shortBytes : Number.POSITIVE_INFINITY;
    const at = fault !== null && "elsewhereBytes" in fault ? Math.max(0, position + fault.elsewhereBytes) : position;
    if (fault !== null && "lost" in fault) return parts.reduce((sum, part) => sum + part.length, 0);
    const taken = land(Math.min(room, most), at);
    if (taken === 0 && parts.some((part) => part.length > 0)) throw disk.full(call);
    return taken;
  }, done, { land: () => land(Number.POSITIVE_INFINITY, position) });
}

/** One that fails has lost its blocks at once, and says so later: another sync may meanwhile succeed without them. */
function sync(disk: DiskHardware, life: Life, path: string, image: SimImage, done: Done<void>): void {
  let point: SyncPoint | null = null;
  const land = (): void => {
    if (point !== null) image.endSync(point);
  };
  const begin = (fault: DiskFault | null): void => {
    if (fault !== null && "error" in fault) image.failSync();
    else if (fault === null || !("lie" in fault)) point = image.beginSync();
  };
  disk.submit<void>(life, "sync", path, land, done, { begin, land });
}
