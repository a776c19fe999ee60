/** How many cases of each kind ended how. */

/** Counts by kind and verdict. */
export class Tally {
  readonly #counts: Map<string, Map<string, number>> = new Map();

  add(kind: string, verdict: string): void {
    const row = this.#counts.get(kind) ?? new Map<string, number>();
    this.#counts.set(kind, row);
    row.set(verdict, (row.get(verdict) ?? 0) + 1);
  }

  /** Cases in all, or those of one verdict. */
  count(verdict?: string): number {
    return [...this.#counts.values()].reduce((sum, row) => sum + [...row].reduce((all, [name, count]) => all + (verdict === undefined || name === verdict ? count : 0), 0), 0);
  }

  /** A table in Markdown: a row a kind, a column a verdict. */
  table(): string {
    const verdicts = [...new Set([...this.#counts.values()].flatMap((row) => [...row.keys()]))].sort();
    const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
    const rows = [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1).map(([kind, row]) => line([kind, ...verdicts.map((verdict) => row.get(verdict) ?? "")]));
    const sums = line(["all", ...verdicts.map((verdict) => this.count(verdict))]);
    return [line(["damage", ...verdicts]), `|${"---|".repeat(verdicts.length + 1)}`, ...rows, sums].join("\n");
  }
}
