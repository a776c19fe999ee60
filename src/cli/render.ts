/**
 * What a value, an answer or an error looks like: for people in the style of redis-cli, for programs as one JSON line.
 */
import type { DraftError } from "../base/errors.ts";
import { entriesOf, toJsonValue } from "../base/json_value.ts";
import { quoted } from "../base/quoting.ts";

/** `value` for people, without a line break at its end. */
export function renderText(value: unknown): string {
  if (value === null || value === undefined) return "(nil)";
  if (value === "OK") return "OK";
  if (typeof value === "string" || value instanceof Uint8Array) return quoted(value);
  if (typeof value === "bigint" || Number.isInteger(value)) return `(integer) ${String(value)}`;
  if (typeof value !== "object" || value instanceof Date) return JSON.stringify(toJsonValue(value));
  if (Array.isArray(value) || value instanceof Set) return renderList([...value]);
  return renderObject(entriesOf(value));
}

function renderList(items: readonly unknown[]): string {
  if (items.length === 0) return "(empty array)";
  const width = String(items.length).length;
  return items.map((item, i) => {
    const head = `${String(i + 1).padStart(width)}) `;
    return head + indentRest(renderText(item), head.length);
  }).join("\n");
}

function renderObject(entries: readonly [string, unknown][]): string {
  if (entries.length === 0) return "(empty object)";
  return entries.map(([key, value]) => {
    const text = renderText(value);
    const nested = text.includes("\n");
    return nested ? `${key}:\n  ${indentRest(text, 2)}` : `${key}: ${text}`;
  }).join("\n");
}

function indentRest(text: string, by: number): string {
  return text.replaceAll("\n", `\n${" ".repeat(by)}`);
}

/** The line that `--json` gives for an answer; one that may be old says so. */
export function renderJson(result: unknown, index: number, isStale: boolean = false): string {
  return JSON.stringify({ result: toJsonValue(result), index, ...(isStale ? { level: "stale" } : {}) });
}

/** The line that standard error gets for `error`. */
export function renderError(error: DraftError): string {
  return `(error) ${error.code} ${error.message}`;
}

/** `rows` as columns that stand below each other; the first row is the head. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n");
}
