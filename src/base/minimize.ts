/** Makes a list small that shows something: ddmin (Zeller and Hildebrandt, 2002). */

/**
 * The smallest part of `parts` that was found to show it still: without any one of them it does not, unless `goOn`
 * ended the search.
 *
 * @param shows asked about parts of the list, in their order; the whole list is taken to show it
 * @param goOn asked now and then: false ends it
 */
export async function minimize<T>(parts: readonly T[], shows: (rest: T[]) => Promise<boolean>, goOn: () => boolean): Promise<T[]> {
  let left = [...parts];
  for (let pieces = 2; left.length > 0 && goOn();) {
    const size = Math.ceil(left.length / pieces);
    const smaller = await withoutOnePiece(left, size, shows);
    if (smaller !== null) {
      left = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(left.length, pieces * 2);
  }
  return left;
}

/** `parts` without the first piece that is not needed; null if all are. */
async function withoutOnePiece<T>(parts: readonly T[], size: number, shows: (rest: T[]) => Promise<boolean>): Promise<T[] | null> {
  for (let at = 0; at < parts.length; at += size) {
    const rest = [...parts.slice(0, at), ...parts.slice(at + size)];
    if (await shows(rest)) return rest;
  }
  return null;
}
