/** Watches by their prefixes, so that a key finds those that begin it with one look for each length that there is. */

/** What can be found. */
interface Prefixed {
  readonly prefix: string;
}

/** Those that wait. */
export class WatchIndex<W extends Prefixed> implements Iterable<W> {
  readonly #byPrefix: Map<string, Set<W>> = new Map();
  /** Use: how many prefixes have this length. */
  readonly #lengths: Map<number, number> = new Map();

  add(watch: W): void {
    const { prefix } = watch;
    const known = this.#byPrefix.get(prefix);
    if (known !== undefined) {
      known.add(watch);
      return;
    }
    this.#byPrefix.set(prefix, new Set([watch]));
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
  }

  remove(watch: W): void {
    const { prefix } = watch;
    const known = this.#byPrefix.get(prefix);
    if (known === undefined || !known.delete(watch) || known.size > 0) return;
    this.#byPrefix.delete(prefix);
    const left = (this.#lengths.get(prefix.length) ?? 1) - 1;
    if (left === 0) this.#lengths.delete(prefix.length);
    else this.#lengths.set(prefix.length, left);
  }

  /** Adds to `found` all whose prefix `key` begins with. */
  find(key: string, found: Set<W>): void {
    for (const length of this.#lengths.keys()) {
      if (length > key.length) continue;
      const watches = this.#byPrefix.get(key.slice(0, length));
      if (watches !== undefined) for (const watch of watches) found.add(watch);
    }
  }

  *[Symbol.iterator](): Generator<W, void> {
    for (const watches of this.#byPrefix.values()) yield* watches;
  }
}
