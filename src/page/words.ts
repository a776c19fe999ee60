/** Numbers and spans of time, as a person reads them. Pure. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const UNITS: readonly (readonly [ms: number, name: string])[] = [[DAY_MS, "d"], [HOUR_MS, "h"], [MINUTE_MS, "min"], [SECOND_MS, "s"]];

/** `340 ms`, `12 s`, `3 min 20 s`, `2 d 4 h`: the two largest units. */
export function spanText(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))} ms`;
  const at = UNITS.findIndex(([unit]) => ms >= unit);
  const [unit, name] = UNITS[at] ?? [SECOND_MS, "s"];
  const whole = Math.floor(ms / unit);
  const [nextUnit, nextName] = UNITS[at + 1] ?? [0, ""];
  const rest = nextUnit === 0 ? 0 : Math.floor((ms - whole * unit) / nextUnit);
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${nextName}`;
}

/** A whole number in groups of three digits, by thin spaces. */
export function countText(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** A measured value in three digits or so: `0.42`, `4.2`, `42`, `4 200`. */
export function measureText(value: number): string {
  if (value === 0 || value >= 100) return countText(value);
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function bytesText(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let at = 0;
  while (value >= 1024 && at < names.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? countText(value) : measureText(value)} ${names[at] ?? ""}`;
}

/** `one node`, `3 nodes`. */
export function countedText(count: number, one: string, many: string = `${one}s`): string {
  return `${count === 1 ? "one" : countText(count)} ${count === 1 ? one : many}`;
}

/** Pieces of a sentence; those that are commands of draft are to be typed. */
export function commandPieces(sentence: string): { readonly text: string; readonly isCommand: boolean }[] {
  // `draft admin del b or replace`: the other verb is no part of the first.
  return sentence.split(/(draft (?:admin|serve|log|client|dev|sim) (?:(?! or )[^,;:()\n])*(?<! ))/).filter((text) => text !== "")
    .map((text) => ({ text, isCommand: /^draft (?:admin|serve|log|client|dev|sim) /.test(text) }));
}
