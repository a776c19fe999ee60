/**
 * Tells whether two machines of this process iterate over the same things in another order: Maps and Sets are noted when
 * they are made. For the one run that explains what was found; machines are closures, and nothing else looks into them.
 */

type Collection = Map<unknown, unknown> | Set<unknown>;

/** Collections that one owner makes, at most: those of his state are among the first, or made by a restore. */
const COLLECTIONS_MAX = 10_000;

/** A watch that is kept. */
export interface CollectionWatch {
  /** Whose the Maps and Sets are that are made from now on. */
  enter(owner: object): void;
  /** Whether one of `other` holds what one of `one` holds, in another order, and none of `one` in its order. */
  differInOrder(one: object, other: object): boolean;
  /** Gives the runtime's own Map and Set back. */
  remove(): void;
}

/** Begins to note Maps and Sets. */
export function watchCollections(): CollectionWatch {
  const made = new Map<object, Collection[]>();
  const globals = globalThis as unknown as Record<"Map" | "Set", MapConstructor | SetConstructor>;
  const own = { Map: globals.Map, Set: globals.Set };
  let owner: object | null = null;
  const noting = <C extends MapConstructor | SetConstructor>(constructor: C): C => new Proxy(constructor, {
    construct(target, values, newTarget) {
      const collection = Reflect.construct(target, values, newTarget) as Collection;
      const all = owner === null ? undefined : made.get(owner);
      if (all !== undefined && all.length < COLLECTIONS_MAX) all.push(collection);
      return collection;
    },
  });
  Object.assign(globals, { Map: noting(own.Map as MapConstructor), Set: noting(own.Set as SetConstructor) });
  return {
    enter: (next) => {
      owner = next;
      if (!made.has(next)) made.set(next, []);
    },
    differInOrder: (one, other) => {
      const ordered = (made.get(one) ?? []).map(keysOf);
      return (made.get(other) ?? []).map(keysOf).some((keys) => keys !== null && isReordered(keys, ordered));
    },
    remove: () => void Object.assign(globals, own),
  };
}

/** The keys in the order of iteration; null if they cannot be compared, or there is no order of fewer than two. */
function keysOf(collection: Collection): string[] | null {
  if (collection.size < 2) return null;
  const keys = [...collection.keys()];
  if (keys.some((key) => (typeof key === "object" && key !== null) || typeof key === "function" || typeof key === "symbol")) return null;
  return keys.map((key) => `${typeof key} ${String(key)}`);
}

function isReordered(keys: readonly string[], all: readonly (readonly string[] | null)[]): boolean {
  const sorted = [...keys].sort();
  const alike = all.filter((each): each is string[] => each !== null && each.length === keys.length && isEqual([...each].sort(), sorted));
  return alike.length > 0 && !alike.some((each) => isEqual(each, keys));
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.every((each, at) => each === other[at]);
}
