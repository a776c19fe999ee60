/** Patterns of `keys` and `scan`, as Redis matches them: byte by byte, `*`, `?`, `[a-z]`, `[^a]`, and `\` to quote. */
import type { Key } from "./text.ts";

const SPECIAL = /[*?[\\]/;

/** What every key that matches begins with. */
export function literalPrefix(pattern: Key): Key {
  const at = pattern.search(SPECIAL);
  return at < 0 ? pattern : pattern.slice(0, at);
}

/** Whether all of `key` matches. Takes time by the product of the lengths at worst: no pattern makes it go wild. */
export function matches(pattern: Key, key: Key): boolean {
  let [at, of] = [0, 0];
  // Where to go on if what follows the last star does not match here: only that star can take more.
  let [star, taken] = [-1, 0];
  while (at < key.length) {
    if (pattern[of] === "*") {
      star = of += 1;
      taken = at;
      continue;
    }
    const end = of < pattern.length ? oneMatches(pattern, of, key.charCodeAt(at)) : -1;
    if (end >= 0) {
      at += 1;
      of = end;
    } else if (star >= 0) {
      at = taken += 1;
      of = star;
    } else return false;
  }
  while (pattern[of] === "*") of += 1;
  return of === pattern.length;
}

/** Where the pattern goes on behind the part at `at`, which stands for one byte; -1 if `byte` is none of it. */
function oneMatches(pattern: Key, at: number, byte: number): number {
  switch (pattern[at]) {
    case "?":
      return at + 1;
    case "[":
      return classMatches(pattern, at + 1, byte);
    case "\\":
      // The last one quotes nothing and stands for itself.
      return pattern.charCodeAt(Math.min(at + 1, pattern.length - 1)) === byte ? Math.min(at + 2, pattern.length) : -1;
    default:
      return pattern.charCodeAt(at) === byte ? at + 1 : -1;
  }
}

/** As {@link oneMatches}, for what stands behind `[`. One that is not closed ends with the pattern. */
function classMatches(pattern: Key, from: number, byte: number): number {
  const isNot = pattern[from] === "^";
  let at = isNot ? from + 1 : from;
  let isIn = false;
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      at += 1;
      isIn ||= pattern.charCodeAt(at) === byte;
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const [one, other] = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      isIn ||= Math.min(one, other) <= byte && byte <= Math.max(one, other);
      at += 2;
    } else isIn ||= pattern.charCodeAt(at) === byte;
  }
  return isIn === isNot ? -1 : Math.min(at + 1, pattern.length);
}
