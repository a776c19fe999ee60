/**
 * A simulated disk behind the ports of the host. Calls complete after a delay drawn from the seed, in no fixed order;
 * each has a number, so that a test can cut the power at every one of them in turn. What survives is decided by the
 * images (sim_image.ts) and names (sim_names.ts).
 */
import { assert } from "../base/assert.ts";
import { nextFloat, nextInRange, type RandomState, seedRandom } from "../base/random.ts";
import type { Done } from "../base/task.ts";
import { parentOf } from "../host/files.ts";
import type { Disk, File, FileLock, FileStat, OpenOptions } from "../host/host.ts";
import type { Scheduler } from "./scheduler.ts";
import { type DiskCall, type DiskCallKind, type DiskFault, type FaultRule, SimHostError } from "./sim_faults.ts";
import { type CrashFate, SimImage } from "./sim_image.ts";
import { SimNames } from "./sim_names.ts";

/** What a simulated disk is made with. */
export interface SimDiskOptions {
  readonly seed: number;
  readonly delayMinMs?: number;
  readonly delayMaxMs?: number;
}

/** One process that uses the disk: dead once the power was cut. */
interface Life {
  dead: boolean;
  readonly locks: Set<string>;
}

/** A call that was submitted and has not completed; `land` does to the disk what the call was for. */
interface Underway {
  readonly land: () => void;
}

/** The hardware: it outlives the processes that {@link SimDisk.boot} stands for. */
export class SimDisk {
  /** Calls submitted so far, by all processes. */
  calls = 0;
  /** Bytes that all files together may have. */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  /** Asked about each call. */
  fault: FaultRule = () => null;
  #scheduler: Scheduler;
  #random: RandomState;
  #delayMinMs: number;
  #delayMaxMs: number;
  #names: SimNames = new SimNames();
  #lives: Set<Life> = new Set();
  #underway: Set<Underway> = new Set();
  #stalled: (() => void)[] = [];
  #crashAt = 0;
  #onCrash: () => void = () => {};

  constructor(scheduler: Scheduler, options: SimDiskOptions) {
    this.#scheduler = scheduler;
    this.#random = seedRandom(options.seed);
    this.#delayMinMs = options.delayMinMs ?? 0.02;
    this.#delayMaxMs = options.delayMaxMs ?? 0.5;
  }

  /** The port of a new process. After a crash its calls are ignored and never complete. */
  boot(): Disk {
    const life: Life = { dead: false, locks: new Set() };
    this.#lives.add(life);
    return this.#port(life);
  }

  /** Cuts the power at the `call`-th call, counted from the disk's first; then tells `onCrash`. */
  crashAt(call: number, onCrash: () => void = () => {}): void {
    this.#crashAt = call;
    this.#onCrash = onCrash;
  }

  /** Cuts the power now. The calls that are under way may have reached the disk or not. */
  crash(): void {
    for (const life of this.#lives) life.dead = true;
    this.#lives.clear();
    const draw = nextInRange(this.#random, 0, 5);
    const fate: CrashFate = draw === 0 ? "kept" : draw === 1 ? "dropped" : "by-chance";
    for (const call of this.#underway) {
      if (fate === "kept" || (fate === "by-chance" && nextFloat(this.#random) < 0.5)) call.land();
    }
    this.#underway.clear();
    this.#stalled = [];
    const images = this.#names.images();
    this.#names.crash(this.#random, fate);
    for (const image of new Set([...images, ...this.#names.images()])) image.crash(this.#random, fate);
  }

  /** Stalled calls go on. */
  release(): void {
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const start of stalled) start();
  }

  /** The content of a file as the system shows it; null if there is none. */
  content(path: string): Uint8Array | null {
    const entry = this.#names.get(path);
    return entry instanceof SimImage ? entry.content() : null;
  }

  /** Turns one bit of a file over. */
  flipBit(path: string, position: number, bit: number): void {
    this.#image(path).flipBit(position, bit);
  }

  /** Replaces a file's content, durably and at once: what a foreign hand does. */
  overwrite(path: string, content: Uint8Array): void {
    const image = new SimImage();
    image.write(content, 0);
    image.endSync(image.beginSync());
    this.#makeDirectory(parentOf(path));
    this.#names.set(path, image);
    for (let directory = parentOf(path); ; directory = parentOf(directory)) {
      this.#names.sync(directory);
      if (directory === "." || directory === "/") break;
    }
  }

  /** Renames or removes (`to` null) a file, durably and at once. */
  move(from: string, to: string | null): void {
    if (to === null) this.#names.set(from, null);
    else this.#names.rename(from, to);
    this.#names.sync(parentOf(to ?? from));
  }

  #image(path: string): SimImage {
    const entry = this.#names.get(path);
    assert(entry instanceof SimImage, "the path names a file", path);
    return entry;
  }

  /**
   * Submits one call: `act` looks at the disk and changes it when the call completes, `land` (if given) does the change
   * alone, for a crash in between.
   */
  #submit<T>(
    life: Life,
    kind: DiskCallKind,
    path: string,
    act: (call: DiskCall, fault: DiskFault | null) => T,
    done: Done<T>,
    land: () => void = () => {},
  ): void {
    if (life.dead) return;
    const call: DiskCall = { number: ++this.calls, kind, path };
    const underway: Underway = { land };
    this.#underway.add(underway);
    if (call.number === this.#crashAt) {
      this.crash();
      this.#onCrash();
      return;
    }
    const fault = this.fault(call);
    const start = (): void => {
      const delayMs = this.#delayMinMs + nextFloat(this.#random) * (this.#delayMaxMs - this.#delayMinMs);
      this.#scheduler.after(delayMs, () => {
        if (life.dead) return;
        this.#underway.delete(underway);
        let value: T;
        try {
          value = act(call, fault);
          if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
        } catch (error) {
          if (!(error instanceof SimHostError)) throw error;
          done(error);
          return;
        }
        done(null, value);
      });
    };
    if (fault !== null && "stall" in fault) this.#stalled.push(start);
    else start();
  }

  /** As `#submit`, for calls that change nothing but names: an injected error means that nothing was done. */
  #submitNames(
    life: Life,
    kind: DiskCallKind,
    path: string,
    land: () => void,
    done: Done<void>,
    check: (call: DiskCall) => void,
  ): void {
    this.#submit<void>(life, kind, path, (call, fault) => {
      if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
      check(call);
      land();
    }, done, land);
  }

  #port(life: Life): Disk {
    const names = this.#names;
    const missing = (path: string) => (call: DiskCall): void => {
      if (names.get(path) === null) throw new SimHostError("ENOENT", call);
    };
    return {
      open: (path, options, done) => this.#open(life, path, options, done),
      makeDirectory: (path, done) => this.#submitNames(life, "makeDirectory", path, () => this.#makeDirectory(path), done, () => {}),
      list: (path, done) => this.#submit(life, "list", path, (call) => {
        missing(path)(call);
        return names.list(path);
      }, done),
      stat: (path, done) => this.#submit<FileStat | null>(life, "stat", path, () => {
        const entry = names.get(path);
        return entry === null ? null : { bytes: entry === "directory" ? 0 : entry.bytes, directory: entry === "directory" };
      }, done),
      rename: (from, to, done) => this.#submitNames(life, "rename", from, () => names.rename(from, to), done, missing(from)),
      unlink: (path, done) => this.#submitNames(life, "unlink", path, () => names.set(path, null), done, missing(path)),
      syncDirectory: (path, done) => this.#submit<void>(life, "syncDirectory", path, (call, fault) => {
        missing(path)(call);
        if (fault === null || !("error" in fault)) names.sync(path);
      }, done),
      freeBytes: (path, done) => this.#submit(life, "freeBytes", path, () => this.#freeBytes(), done),
      lock: (path, done) => this.#submit(life, "lock", path, () => this.#lock(life, path), done),
    };
  }

  #makeDirectory(path: string): void {
    if (this.#names.get(path) !== null) return;
    this.#makeDirectory(parentOf(path));
    this.#names.set(path, "directory");
  }

  #lock(life: Life, path: string): FileLock | null {
    for (const other of this.#lives) if (other.locks.has(path)) return null;
    if (this.#names.get(path) === null) this.#names.set(path, new SimImage());
    life.locks.add(path);
    return { release: () => life.locks.delete(path) };
  }

  #freeBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
    return Math.max(0, this.capacityBytes - this.#names.images().reduce((sum, image) => sum + image.bytes, 0));
  }

  #open(life: Life, path: string, options: OpenOptions, done: Done<File>): void {
    const make = (): void => {
      if (options.create === true && this.#names.get(path) === null) this.#names.set(path, new SimImage());
    };
    this.#submit(life, "open", path, (call, fault) => {
      if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
      const there = this.#names.get(path);
      if (there !== null && options.create === true && options.exclusive === true) throw new SimHostError("EEXIST", call);
      if (this.#names.get(parentOf(path)) !== "directory") throw new SimHostError("ENOENT", call);
      make();
      const entry = this.#names.get(path);
      if (entry === null) throw new SimHostError("ENOENT", call);
      if (entry === "directory") throw new SimHostError("EISDIR", call);
      return this.#file(life, path, entry);
    }, done, make);
  }

  #file(life: Life, path: string, image: SimImage): File {
    return {
      read: (into, position, done) => this.#submit(life, "read", path, () => image.read(into, position), done),
      write: (parts, position, done) => this.#write(life, path, image, parts, position, done),
      sync: (done) => {
        const point = image.beginSync();
        this.#submit<void>(life, "sync", path, (_, fault) => {
          if (fault !== null && "error" in fault) image.failSync(point);
          else image.endSync(point);
        }, done);
      },
      sizeBytes: (done) => this.#submit(life, "sizeBytes", path, () => image.bytes, done),
      truncate: (bytes, done) => this.#submitNames(life, "truncate", path, () => image.truncate(bytes), done, () => {}),
      close: (done) => this.#submit<void>(life, "close", path, () => {}, done),
    };
  }

  #write(life: Life, path: string, image: SimImage, parts: readonly Uint8Array[], position: number, done: Done<number>): void {
    const land = (bytesMax: number): number => {
      let taken = 0;
      for (const part of parts) {
        const piece = part.subarray(0, Math.max(0, bytesMax - taken));
        image.write(piece, position + taken);
        taken += piece.length;
      }
      return taken;
    };
    this.#submit(life, "write", path, (call, fault) => {
      if (fault !== null && "error" in fault) throw new SimHostError(fault.error, call);
      const room = image.bytes - position + this.#freeBytes();
      const taken = land(Math.min(room, fault !== null && "shortBytes" in fault ? fault.shortBytes : Number.POSITIVE_INFINITY));
      if (taken === 0 && parts.some((part) => part.length > 0)) throw new SimHostError("ENOSPC", call);
      return taken;
    }, done, () => land(Number.POSITIVE_INFINITY));
  }
}
