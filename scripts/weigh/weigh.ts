/** What all measures of weight share. */

/** Sizes and times of a measure; each takes those that it has use for. */
export interface WeighOptions {
  readonly keys: number;
  readonly valueBytes: number;
  /** Writes a second while something else is measured. */
  readonly rate: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Bytes of log. */
  readonly bytes: number;
  /** What runs draft. */
  readonly program: readonly string[];
}

/** What a measure ends with. */
export interface Outcome {
  /** Whether all is as it must be, apart from how long it took. */
  readonly isSound: boolean;
  readonly figures: Readonly<Record<string, number | string>>;
}

/** Tells what is going on. */
export type Say = (line: string) => void;

/** The middle of several figures. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** What runs the nodes, as an option of a cluster. */
export function programOf({ program }: WeighOptions): { program: () => readonly string[] } {
  return { program: () => program };
}
