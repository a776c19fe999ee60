/** How long each seeded bug lived, as lines for a terminal and as a table for the documentation. */
import type { Hunt } from "./hunt.ts";
import type { Mutant, Reason } from "./mutant.ts";

/** What came of a mutant; a text if its process came to no result. */
export interface Result {
  readonly mutant: Mutant;
  readonly hunt: Hunt | string;
}

const BEGIN = "<!-- mutants: npm run mutants -- --table -->";
const END = "<!-- mutants end -->";

/** The rule that the mutant broke; null if it lives. */
function killerOf({ hunt }: Result): string | null {
  return typeof hunt === "string" ? null : hunt.property;
}

/** One line. */
export function textOf(result: Result): string {
  const { mutant, hunt } = result;
  const name = `${mutant.id.padEnd(4)} ${mutant.title.padEnd(58)}`;
  if (typeof hunt === "string") return `${name} LIVES, ${hunt}`;
  const ran = `${String(hunt.seeds).padStart(5)} seeds ${hunt.seconds.toFixed(1).padStart(6)} s`;
  if (hunt.property === null) return `${name} LIVES ${ran}${hunt.thrown > 0 ? `, ${hunt.thrown} of them with an error of the engine` : ""}`;
  return `${name} ${ran}  ${hunt.property} (seed ${hunt.seed})`;
}

/** What the whole run shows. */
export function summaryOf(results: readonly Result[], waiting: readonly Reason[], unkillable: readonly Reason[]): string {
  const alive = results.filter((result) => killerOf(result) === null);
  const head = `${results.length - alive.length} of ${results.length} killed; ${waiting.length} wait for their feature, ${unkillable.length} cannot be seen`;
  return alive.length === 0 ? head : `${head}\nalive: ${alive.map(({ mutant }) => `${mutant.id} ${mutant.title}`).join("; ")}`;
}

/** The rows of the table in `document`, by id. */
export function rowsIn(document: string): Map<string, string> {
  const { from, to } = placeIn(document);
  const rows = document.slice(from, to).split("\n").filter((line) => /^\| \d/.test(line));
  return new Map(rows.map((row) => [row.split("|")[1]!.trim(), row]));
}

/** The row of one that was tried. */
export function rowOf({ mutant: { id, title }, hunt }: Result): string {
  if (typeof hunt === "string") return `| ${id} | ${title} | lives | | |`;
  return `| ${id} | ${title} | ${hunt.property ?? "lives"} | ${hunt.seeds} | ${hunt.seconds.toFixed(1)} |`;
}

/** The tables of docs/testing.md. */
export function tableOf(rows: readonly string[], waiting: readonly Reason[], unkillable: readonly Reason[]): string {
  const lines = ["| # | seeded bug | killed by | seeds | seconds |", "|---|---|---|---|---|", ...rows];
  if (unkillable.length > 0) lines.push("", "Not seen by the simulator, and not tried:", "", ...unkillable.map(({ id, title, why }) => `- ${id}, ${title}: ${why}.`));
  lines.push("", `Waiting for their feature: ${waiting.map(({ id, title, why }) => `${id} ${title} (${why})`).join("; ")}.`);
  return lines.join("\n");
}

/** The document with the tables in their place. */
export function putTable(document: string, table: string): string {
  const { from, to } = placeIn(document);
  return `${document.slice(0, from)}\n${table}\n${document.slice(to)}`;
}

function placeIn(document: string): { from: number; to: number } {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the document has no ${BEGIN} … ${END}`);
  return { from: begin + BEGIN.length, to: end };
}
