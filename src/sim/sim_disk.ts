/**
 * A simulated disk behind the ports of the host. Calls complete after a delay drawn from the seed, in no fixed order;
 * each has a number, so that a test can cut the power at every one of them in turn. What survives is decided by the
 * images (sim_image.ts) and names (sim_names.ts).
 */
import { assert } from "../base/assert.ts";
import { nextFloat, nextInRange, type RandomState, seedRandom } from "../base/random.ts";
import type { Done } from "../base/task.ts";
import { parentOf } from "../host/files.ts";
import type { Disk, FileLock } from "../host/host.ts";
import type { Scheduler } from "./scheduler.ts";
import { type DiskCall, type DiskCallKind, type DiskFault, type FaultRule, SimHostError } from "./sim_faults.ts";
import { type CrashFate, SimImage } from "./sim_image.ts";
import { type CallHooks, type DiskHardware, type Life, makeDirectory, portOf } from "./sim_disk_port.ts";
import { SimNames } from "./sim_names.ts";

/** What a simulated disk is made with. */
export interface SimDiskOptions {
  readonly seed: number;
  readonly delayMinMs?: number;
  readonly delayMaxMs?: number;
}

/** A call that was submitted and has not completed; `land` does to the disk what the call was for. */
interface Underway {
  readonly life: Life;
  readonly land: () => void;
}

/** The hardware: it outlives the processes that {@link SimDisk.boot} stands for. */
export class SimDisk implements DiskHardware {
  /** Calls submitted so far, by all processes. */
  calls = 0;
  /** Writes for which there was no room. */
  refusals = 0;
  /** Bytes that all files together may have. */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  /** Asked about each call. */
  fault: FaultRule = () => null;
  /** Hears of each call. */
  seen: ((call: DiskCall) => void) | null = null;
  /** How much longer everything takes than it should. */
  slowness = 1;
  readonly names: SimNames = new SimNames();
  readonly #scheduler: Scheduler;
  readonly #random: RandomState;
  readonly #delayMinMs: number;
  readonly #delayMaxMs: number;
  #lives: Map<Disk, Life> = new Map();
  #underway: Set<Underway> = new Set();
  #stalled: (() => void)[] = [];
  #endAt = 0;
  #end: () => void = () => {};

  constructor(scheduler: Scheduler, options: SimDiskOptions) {
    this.#scheduler = scheduler;
    this.#random = seedRandom(options.seed);
    this.#delayMinMs = options.delayMinMs ?? 0.02;
    this.#delayMaxMs = options.delayMaxMs ?? 0.5;
  }

  /** The port of a new process. After a crash its calls are ignored and never complete. */
  boot(): Disk {
    for (const image of this.names.images()) image.evict(this.#random);
    const life: Life = { dead: false, locks: new Set() };
    const port = portOf(this, life);
    this.#lives.set(port, life);
    return port;
  }

  /**
   * The process of that port is gone, the machine is not: what it wrote stands in the system's memory, its locks are
   * free. A call that was under way had taken effect or not.
   */
  kill(port: Disk): void {
    const life = this.#lives.get(port);
    if (life === undefined) return;
    life.dead = true;
    this.#lives.delete(port);
    for (const call of this.#underway) {
      if (call.life !== life) continue;
      this.#underway.delete(call);
      if (nextFloat(this.#random) < 0.5) call.land();
    }
  }

  /** Cuts the power at the `call`-th call, counted from the disk's first; then tells `onCrash`. */
  crashAt(call: number, onCrash: () => void = () => {}): void {
    this.endAt(call, () => {
      this.crash();
      onCrash();
    });
  }

  /** Calls `end`, which ends the process, at the `call`-th call; 0: at none. */
  endAt(call: number, end: () => void): void {
    this.#endAt = call;
    this.#end = end;
  }

  /** Cuts the power now. The calls that are under way may have reached the disk or not. */
  crash(fate: CrashFate = this.#drawFate()): void {
    for (const life of this.#lives.values()) life.dead = true;
    this.#lives.clear();
    for (const call of this.#underway) {
      if (fate === "kept" || (fate === "by-chance" && nextFloat(this.#random) < 0.5)) call.land();
    }
    this.#underway.clear();
    this.#stalled = [];
    const images = this.names.images();
    this.names.crash(this.#random, fate);
    for (const image of new Set([...images, ...this.names.images()])) image.crash(this.#random, fate);
  }

  #drawFate(): CrashFate {
    const draw = nextInRange(this.#random, 0, 5);
    return draw === 0 ? "kept" : draw === 1 ? "dropped" : "by-chance";
  }

  /** Stalled calls go on. */
  release(): void {
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const start of stalled) start();
  }

  /** The content of a file as the system shows it; null if there is none. */
  content(path: string): Uint8Array | null {
    const entry = this.names.get(path);
    return entry instanceof SimImage ? entry.content() : null;
  }

  /** Turns one bit of a file over. */
  flipBit(path: string, position: number, bit: number): void {
    this.#image(path).flipBit(position, bit);
  }

  /** Makes the sector at `position` of a file unreadable until it is written again. */
  spoil(path: string, position: number): void {
    this.#image(path).spoil(position);
  }

  /** Whether there is a sector that cannot be read. */
  get hasBad(): boolean {
    return this.names.images().some((image) => image.hasBad);
  }

  /** Another disk, which holds what this one would after a power cut that keeps nothing of what is pending. */
  afterPowerCut(scheduler: Scheduler): SimDisk {
    const disk = new SimDisk(scheduler, { seed: 1, delayMinMs: 0, delayMaxMs: 0 });
    for (const [path, entry] of this.names.durable()) disk.names.set(path, entry === "directory" ? entry : entry.afterPowerCut());
    return disk;
  }

  /** Replaces a file's content, durably and at once: what a foreign hand does. */
  overwrite(path: string, content: Uint8Array): void {
    const image = new SimImage();
    image.write(content, 0);
    image.endSync(image.beginSync());
    makeDirectory(this.names, parentOf(path));
    this.names.set(path, image);
    for (let directory = parentOf(path); ; directory = parentOf(directory)) {
      this.names.sync(directory);
      if (directory === "." || directory === "/") break;
    }
  }

  /** Renames or removes (`to` null) a file, durably and at once. */
  move(from: string, to: string | null): void {
    if (to === null) this.names.set(from, null);
    else this.names.rename(from, to);
    this.names.sync(parentOf(to ?? from));
  }

  #image(path: string): SimImage {
    const entry = this.names.get(path);
    assert(entry instanceof SimImage, "the path names a file", path);
    return entry;
  }

  /** Submits one call: `act` looks at the disk and changes it when the call completes. */
  submit<T>(
    life: Life,
    kind: DiskCallKind,
    path: string,
    act: (call: DiskCall, fault: DiskFault | null) => T,
    done: Done<T>,
    hooks: CallHooks = {},
  ): void {
    if (life.dead) return;
    const call: DiskCall = { number: ++this.calls, kind, path };
    const underway: Underway = { life, land: hooks.land ?? (() => {}) };
    this.#underway.add(underway);
    this.seen?.(call);
    if (call.number === this.#endAt) {
      this.#end();
      return;
    }
    const fault = this.fault(call);
    hooks.begin?.(fault);
    const start = (): void => {
      if (life.dead) return;
      const delayMs = this.#delayMinMs + nextFloat(this.#random) * (this.#delayMaxMs - this.#delayMinMs);
      this.#scheduler.after(delayMs * this.slowness, () => {
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

  lock(life: Life, path: string): FileLock | null {
    for (const other of this.#lives.values()) if (other.locks.has(path)) return null;
    if (this.names.get(path) === null) this.names.set(path, new SimImage());
    life.locks.add(path);
    return { release: () => life.locks.delete(path) };
  }

  full(call: DiskCall): SimHostError {
    this.refusals += 1;
    return new SimHostError("ENOSPC", call);
  }

  freeBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    return this.names.images().reduce((sum, image) => sum + image.bytes, 0);
  }
}
