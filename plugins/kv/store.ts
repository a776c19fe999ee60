/**
 * The state: items by key in a Map, for points; the keys in a B-tree, touched only when one comes or goes, for order; a
 * heap of what expires. An item that is due at the moment of an operation is not there for it, swept or not.
 */
import sortedBtree from "sorted-btree";
import { Expiry } from "../../src/machine/expiry.ts";
import type { Entry } from "../../src/machine/machine.ts";
import { keyEmitted } from "./text.ts";
import type { Key, Value } from "./text.ts";

// CommonJS: what the default import is depends on the runtime.
type BTreeClass = typeof sortedBtree;
const BTree: BTreeClass = (sortedBtree as unknown as { default?: BTreeClass }).default ?? sortedBtree;

/** Above every binary string that follows a prefix: their characters end at U+00FF. */
const BEYOND = "\u0100";

/** Keys that one time entry deletes, at most; the rest goes with the next. A million at once would stop the loop. */
const SWEEP_MAX = 10_000;

/** One key's content. */
export interface Item {
  value: Value;
  /** Index of the entry that last wrote it. */
  revision: number;
  /** Log time at which it is gone; 0 never. */
  expiresAtMs: number;
}

/** One key in a snapshot. */
export type SavedItem = readonly [key: Key, value: Value, revision: number, expiresAtMs: number];

/** What `each` of a walk says to end it. */
export type Walk = (key: Key, item: Item) => "stop" | undefined;

/** The keys and what they hold. */
export class Store {
  readonly #items: Map<Key, Item> = new Map();
  #order: InstanceType<typeof BTree<Key, undefined>> = newOrder([]);
  #expiry: Expiry = this.#newExpiry();
  #timed = 0;

  /** The item at `key`, unless it is due at `timeMs`. */
  find(key: Key, timeMs: number): Item | undefined {
    const item = this.#items.get(key);
    return item === undefined || isDue(item, timeMs) ? undefined : item;
  }

  /** Gives `key` a value that expires at `expiresAtMs` (0: never), and tells watchers. */
  write(key: Key, value: Value, expiresAtMs: number, entry: Entry): void {
    const item = this.#items.get(key);
    if (item === undefined) {
      this.#items.set(key, { value, revision: entry.index, expiresAtMs: 0 });
      this.#order.set(key, undefined);
      if (expiresAtMs !== 0) this.expire(key, expiresAtMs);
    } else {
      item.value = value;
      item.revision = entry.index;
      if (item.expiresAtMs !== expiresAtMs) this.expire(key, expiresAtMs);
    }
    entry.emit(keyEmitted(key), value);
  }

  /** Lets the item at `key`, which must be there, expire at `atMs`; 0: never. Value and revision stay. */
  expire(key: Key, atMs: number): void {
    const item = this.#items.get(key)!;
    if (item.expiresAtMs !== 0) this.#timed -= 1;
    item.expiresAtMs = atMs;
    if (atMs === 0) return;
    this.#timed += 1;
    this.#expiry.add(key, atMs, this.#timed);
  }

  /** Deletes `key` and tells watchers, if it was there. */
  remove(key: Key, entry: Entry): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    if (item.expiresAtMs !== 0) this.#timed -= 1;
    this.#items.delete(key);
    this.#order.delete(key);
    entry.emit(keyEmitted(key));
  }

  /** The moment at which the next key falls due, or null. */
  wakeAt(): number | null {
    return this.#timed === 0 ? null : this.#expiry.nextMs();
  }

  /** Deletes what is due. */
  sweep(entry: Entry): void {
    for (let swept = 0; swept < SWEEP_MAX; swept++) {
      const key = this.#expiry.firstDue(entry.timeMs);
      if (key === null) return;
      this.remove(key, entry);
    }
  }

  /** How many keys there are at `timeMs`. */
  count(timeMs: number): number {
    return this.#items.size - (this.#timed === 0 ? 0 : this.#expiry.countDue(timeMs));
  }

  /**
   * Walks in order over the keys that begin with `prefix` and come behind `after`, those that are due left out.
   *
   * @param after null: from the first on
   */
  walk(range: { readonly prefix: Key; readonly after: Key | null }, timeMs: number, each: Walk): void {
    const end = range.prefix + BEYOND;
    // Nothing lies between a key and itself with U+0000 behind it.
    const behind = range.after === null ? range.prefix : `${range.after}\u0000`;
    const from = behind < range.prefix ? range.prefix : behind;
    if (from >= end) return;
    this.#order.forRange(from, end, false, (key) => {
      const item = this.find(key, timeMs);
      return item !== undefined && each(key, item) === "stop" ? { break: 0 } : undefined;
    });
  }

  /** All items in the order of their keys, due ones too: to be swept is still before them. */
  save(): SavedItem[] {
    const saved: SavedItem[] = [];
    for (const key of this.#order.keys()) {
      const { value, revision, expiresAtMs } = this.#items.get(key)!;
      saved.push([key, value, revision, expiresAtMs]);
    }
    return saved;
  }

  /** Becomes what `save` returned. Bytes in it may be views of a buffer that is used again, so they are copied. */
  restore(saved: readonly SavedItem[]): void {
    this.#items.clear();
    this.#timed = 0;
    this.#expiry = this.#newExpiry();
    this.#order = newOrder(saved.map(([key]) => [key, undefined]));
    for (const [key, value, revision, expiresAtMs] of saved) {
      const own = typeof value === "string" ? value : new Uint8Array(value);
      this.#items.set(key, { value: own, revision, expiresAtMs: 0 });
      if (expiresAtMs !== 0) this.expire(key, expiresAtMs);
    }
  }

  #newExpiry(): Expiry {
    return new Expiry((key) => this.#items.get(key)?.expiresAtMs);
  }
}

function newOrder(keys: [Key, undefined][]): InstanceType<typeof BTree<Key, undefined>> {
  return new BTree<Key, undefined>(keys, compareKeys);
}

function compareKeys(a: Key, b: Key): number {
  return a < b ? -1 : a === b ? 0 : 1;
}

function isDue(item: Item, timeMs: number): boolean {
  return item.expiresAtMs !== 0 && item.expiresAtMs <= timeMs;
}
