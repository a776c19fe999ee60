/** A seeded bug: a patch that makes the product wrong in one way, which the simulator must find. */

/** A text that stands once in a file, and what stands there instead. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** What a hunt may ask for in each of its seeds. */
export type Drawn = "members" | "witnesses" | "versions";

/** A bug as data. */
export interface Mutant extends Patch {
  /** The number of SCENARIOS section 3, with a letter where a number has several. */
  readonly id: string;
  readonly title: string;
  /** Whether its seeds have members that come and go, all of them. */
  readonly members?: true;
  /** Whether its seeds have witnesses, all of them. */
  readonly witnesses?: true;
  /** Whether the machine changes in its seeds, in all of them. */
  readonly versions?: true;
  /** The test file that must fail, for what no client of a simulated cluster would notice; else seeds are run. */
  readonly test?: string;
  /** What else must go, where a second check stands behind the first. */
  readonly also?: readonly Patch[];
}

/** A mutant of the list that cannot be tried, or not be found. */
export interface Reason {
  readonly id: string;
  readonly title: string;
  readonly why: string;
}

/** All places that the mutant changes. */
export function patchesOf(mutant: Mutant): Patch[] {
  const { file, find, replace, also = [] } = mutant;
  return [{ file, find, replace }, ...also];
}

/** The number of the list that an id belongs to: 16 of `16b`. */
export function numberOf(id: string): number {
  return Number.parseInt(id, 10);
}

/** @throws Error if what is to be replaced does not stand there exactly once */
export function applyPatch(text: string, { file, find, replace }: Patch): string {
  const at = text.indexOf(find);
  if (at < 0) throw new Error(`${file}: does not hold ${JSON.stringify(find)}`);
  if (text.indexOf(find, at + 1) >= 0) throw new Error(`${file}: holds ${JSON.stringify(find)} more than once`);
  return text.slice(0, at) + replace + text.slice(at + find.length);
}
