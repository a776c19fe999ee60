/** What came of many runs. */
import { MARKS } from "./marks.ts";
import type { Outcome } from "./run_seed.ts";

/** From so many runs on a mark that hardly ever occurred is a fault of the simulator. */
export const MARKED_RUNS = 1000;

/** In so many of them each mark must occur: once may be luck that the next change takes away. */
const RUNS_A_MARK = 3;

/** A run that broke a rule. */
export interface ReportedViolation {
  readonly seed: number;
  readonly property: string;
  readonly message: string;
  readonly event: number;
  readonly atMs: number;
}

/** One line for programs; the fields are the contract of `draft sim --json`. */
export interface ReportLine {
  readonly seeds: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly simulatedHours: number;
  readonly operations: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, number>>;
  readonly violations: readonly ReportedViolation[];
}

/** Adds outcomes up. */
export class Report {
  seeds = 0;
  events = 0;
  operations = 0;
  simulatedMs = 0;
  readonly violations: ReportedViolation[] = [];
  readonly #faults: Map<string, number> = new Map();
  readonly #marks: Map<string, number> = new Map(MARKS.map((mark) => [mark, 0]));
  /** Runs in which it occurred. */
  readonly #markedRuns: Map<string, number> = new Map(MARKS.map((mark) => [mark, 0]));

  add(outcome: Outcome): void {
    const { seed, events, simulatedMs, violation } = outcome;
    this.seeds += 1;
    this.events += events;
    this.operations += outcome.operations;
    this.simulatedMs += simulatedMs;
    addTo(this.#faults, outcome.faults);
    addTo(this.#marks, outcome.marks);
    for (const [mark, count] of Object.entries(outcome.marks)) if (count > 0) addTo(this.#markedRuns, { [mark]: 1 });
    if (violation === null) return;
    this.violations.push({ seed, property: violation.property, message: violation.message, event: events, atMs: Math.round(simulatedMs) });
  }

  /** Marks that never occurred, or in too few of many runs. */
  get missing(): string[] {
    const least = this.seeds >= MARKED_RUNS ? RUNS_A_MARK : 1;
    return [...this.#markedRuns].filter(([, runs]) => runs < least).map(([mark, runs]) => runs === 0 ? mark : `${mark} (in ${runs} only)`);
  }

  get marksMet(): number {
    return this.#markedRuns.size - this.missing.length;
  }

  get faultCount(): number {
    return [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
  }

  line(elapsedMs: number): ReportLine {
    return {
      seeds: this.seeds,
      events: this.events,
      eventsPerSecond: elapsedMs > 0 ? Math.round(this.events / elapsedMs * 1000) : 0,
      simulatedHours: Math.round(this.simulatedMs / 3600) / 1000,
      operations: this.operations,
      faults: Object.fromEntries(this.#faults),
      marks: Object.fromEntries(this.#marks),
      violations: this.violations,
    };
  }
}

function addTo(sums: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count);
}
