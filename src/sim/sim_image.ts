/**
 * One simulated file as a disk sees it: the image that survives a power cut, and above it what the system holds in
 * memory. A written block becomes durable by a sync, by chance at a crash, or never.
 */
import { nextFloat, nextInRange, type RandomState } from "../base/random.ts";

/** What a disk writes as a whole, or tears. */
export const BLOCK_BYTES = 512;

/** What a sync covers: the blocks that were dirty when it was asked for, as they were then. */
export interface SyncPoint {
  readonly blocks: Map<number, CoveredBlock>;
  readonly bytes: number;
  /** How often the length had changed. */
  readonly lengths: number;
}

interface CoveredBlock {
  readonly write: number;
  readonly content: Uint8Array;
}

/** How a crash treats what is pending: each block by chance, all of it kept, or all of it dropped. */
export type CrashFate = "by-chance" | "kept" | "dropped";

/** Content of one file, in memory and on disk. */
export class SimImage {
  #cache: Uint8Array = new Uint8Array(0);
  #durable: Uint8Array = new Uint8Array(0);
  #bytes = 0;
  #durableBytes = 0;
  /** How often the length changed, and which of these lengths is durable. */
  #lengths = 0;
  #durableLengths = 0;
  /** Dirty blocks by number; the value tells a later write of the same block from an earlier one. */
  #dirty: Map<number, number> = new Map();
  /** Which write of a block is durable: syncs that overlap may end in any order. */
  #durableWrites: Map<number, number> = new Map();
  /** Syncs that were begun and have not ended. */
  #syncing: Set<SyncPoint> = new Set();
  /** Blocks that a failed sync left as if they were clean. */
  #lost: Set<number> = new Set();
  /** Blocks that cannot be read until they are written again. */
  #bad: Set<number> = new Set();
  #writes = 0;

  /** Length of the file as the system shows it. */
  get bytes(): number {
    return this.#bytes;
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#bytes - position));
    into.set(this.#cache.subarray(position, position + count));
    return count;
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (bytes.length === 0) return;
    this.#setLength(Math.max(this.#bytes, end));
    this.#cache.set(bytes, position);
    this.#writes += 1;
    for (let block = Math.floor(position / BLOCK_BYTES); block * BLOCK_BYTES < end; block++) {
      this.#dirty.set(block, this.#writes);
      this.#lost.delete(block);
      this.#bad.delete(block);
    }
  }

  /** Whether one of these bytes stands in a bad sector. */
  isBad(position: number, bytes: number): boolean {
    for (const block of this.#bad) if (block * BLOCK_BYTES < position + bytes && (block + 1) * BLOCK_BYTES > position) return true;
    return false;
  }

  /** Whether any sector is bad. */
  get hasBad(): boolean {
    return this.#bad.size > 0;
  }

  /** Makes the sector around `position` bad: no read of it succeeds until it is written again. */
  spoil(position: number): void {
    this.#bad.add(Math.floor(position / BLOCK_BYTES));
  }

  truncate(bytes: number): void {
    if (bytes < this.#bytes) this.#cache.fill(0, bytes, this.#bytes);
    this.#setLength(bytes);
  }

  /** Begins a sync: what is written from now on is not covered by it. */
  beginSync(): SyncPoint {
    const blocks = new Map<number, CoveredBlock>();
    for (const [block, write] of this.#dirty) {
      blocks.set(block, { write, content: this.#cache.slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES) });
    }
    const point = { blocks, bytes: this.#bytes, lengths: this.#lengths };
    this.#syncing.add(point);
    return point;
  }

  /** What the sync covers is durable, as it was when the sync began. A block that was written again since stays dirty. */
  endSync(point: SyncPoint): void {
    this.#syncing.delete(point);
    this.#durable = grown(this.#durable, Math.max(this.#bytes, point.bytes));
    for (const [block, { write, content }] of point.blocks) {
      if (write < (this.#durableWrites.get(block) ?? 0)) continue;
      this.#persist(block, content);
      this.#durableWrites.set(block, write);
      if (this.#dirty.get(block) === write) this.#dirty.delete(block);
    }
    if (point.lengths < this.#durableLengths) return;
    if (point.bytes < this.#durableBytes) this.#durable.fill(0, point.bytes);
    this.#durableBytes = point.bytes;
    this.#durableLengths = point.lengths;
  }

  /**
   * A sync fails: as on Linux all dirty blocks are lost, yet they look clean and a later sync succeeds without them, and
   * so does one that is under way, for the error is told once.
   */
  failSync(): void {
    for (const block of this.#dirty.keys()) this.#lost.add(block);
    this.#dirty.clear();
    for (const point of this.#syncing) point.blocks.clear();
  }

  /** The system needs its memory: of what looks clean and is not on the disk, some is read from the disk again. */
  evict(random: RandomState): void {
    for (const block of this.#lost) {
      if (nextFloat(random) < 0.5) continue;
      this.#lost.delete(block);
      const at = block * BLOCK_BYTES;
      const onDisk = new Uint8Array(Math.max(0, Math.min(BLOCK_BYTES, this.#bytes - at)));
      onDisk.set(this.#durable.subarray(at, at + onDisk.length));
      this.#cache.set(onDisk, at);
    }
  }

  /** The power is cut: what is pending is kept, dropped or torn; what the system held in memory is gone. */
  crash(random: RandomState, fate: CrashFate): void {
    this.#durable = grown(this.#durable, this.#bytes);
    const lengthKept = this.#lengths !== this.#durableLengths && (fate === "kept" || (fate === "by-chance" && nextFloat(random) < 0.5));
    for (const block of this.#dirty.keys()) {
      const written = this.#cache.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
      const draw = fate === "by-chance" ? nextInRange(random, 0, 2) : 0;
      if (fate === "kept" || (fate === "by-chance" && draw === 1)) this.#persist(block, written);
      else if (draw === 2) this.#tear(block, written, random);
    }
    if (lengthKept) this.#durableBytes = this.#bytes;
    this.#durable.fill(0, this.#durableBytes);
    this.#bytes = this.#durableBytes;
    this.#cache = this.#durable.slice(0, this.#bytes);
    this.#dirty = new Map();
    this.#lost = new Set();
    this.#syncing = new Set();
    this.#durableLengths = this.#lengths;
  }

  /** The file as a power cut leaves it that drops all that is pending. */
  afterPowerCut(): SimImage {
    const image = new SimImage();
    image.#durable = this.#durable.slice(0, this.#durableBytes);
    image.#cache = image.#durable.slice();
    image.#bytes = this.#durableBytes;
    image.#durableBytes = this.#durableBytes;
    image.#bad = new Set(this.#bad);
    return image;
  }

  /** Bit rot: one bit turns over, on disk and in what is read. */
  flipBit(position: number, bit: number): void {
    this.#cache[position]! ^= 1 << bit;
    if (position < this.#durable.length) this.#durable[position]! ^= 1 << bit;
  }

  /** A copy of the content as the system shows it. */
  content(): Uint8Array {
    return this.#cache.slice(0, this.#bytes);
  }

  #setLength(bytes: number): void {
    if (bytes === this.#bytes) return;
    this.#cache = grown(this.#cache, bytes);
    this.#bytes = bytes;
    this.#lengths += 1;
  }

  #persist(block: number, written: Uint8Array): void {
    const at = block * BLOCK_BYTES;
    const room = this.#durable.length - at;
    if (room > 0) this.#durable.set(written.length <= room ? written : written.subarray(0, room), at);
  }

  /** Part of the block is new, the rest as it was before: a sector of another size, or a page that was on its way. */
  #tear(block: number, written: Uint8Array, random: RandomState): void {
    const cut = nextInRange(random, 1, BLOCK_BYTES - 1);
    const at = block * BLOCK_BYTES;
    const isFirst = nextFloat(random) < 0.5;
    // A file that was cut short may end before the block.
    const room = this.#durable.length - at;
    if (isFirst && room > 0) this.#durable.set(written.subarray(0, Math.min(cut, room)), at);
    else if (!isFirst && Math.min(written.length, room) > cut) this.#durable.set(written.subarray(cut, room), at + cut);
  }
}

/** `bytes` with room for at least `length`, in whole blocks; what is new is zero. */
function grown(bytes: Uint8Array, length: number): Uint8Array {
  if (length <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.ceil(Math.max(length, 2 * bytes.length) / BLOCK_BYTES) * BLOCK_BYTES);
  larger.set(bytes);
  return larger;
}
