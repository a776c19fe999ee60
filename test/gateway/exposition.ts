/** The text format of Prometheus 0.0.4, read strictly: what a scraper would refuse, or take for something else, throws. */

/** One metric and its series. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** By name and labels, as they stand there. */
  readonly samples: ReadonlyMap<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const UNITS = /_(seconds|bytes|entries|changes|files|index)$/;

/** The families in `text`. @throws Error that says what is wrong, and where */
export function familiesIn(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family & { samples: Map<string, number> }>();
  let help: [name: string, text: string] | null = null;
  let family: (Family & { samples: Map<string, number> }) | null = null;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "HELP") help = [name, rest];
    else if (keyword === "TYPE") {
      if (help?.[0] !== name || help[1] === "") throw new Error(`no HELP before ${line}`);
      if (!NAME.test(name) || families.has(name)) throw new Error(`a bad or second name: ${name}`);
      if (!["counter", "gauge", "histogram"].includes(rest)) throw new Error(line);
      family = { name, type: rest, help: help[1], samples: new Map() };
      families.set(name, family);
    } else if (family === null) throw new Error(`outside of a metric: ${line}`);
    else takeSample(family, line);
  }
  for (const each of families.values()) checkFamily(each);
  return families;
}

function takeSample(family: { name: string; type: string; samples: Map<string, number> }, line: string): void {
  const [, name = "", labels = "", text = ""] = SAMPLE.exec(line) ?? [];
  const own = family.type === "histogram" ? [`${family.name}_bucket`, `${family.name}_sum`, `${family.name}_count`] : [family.name];
  if (!own.includes(name)) throw new Error(`${line} is not of ${family.name}`);
  const series = `${name}{${labelsIn(labels).join(",")}}`;
  const value = text === "+Inf" ? Infinity : Number(text);
  if (text === "" || Number.isNaN(value)) throw new Error(`no number: ${line}`);
  if (family.samples.has(series)) throw new Error(`twice: ${series}`);
  family.samples.set(series, value);
}

/** Sorted, so that the same labels are the same series. */
function labelsIn(text: string): string[] {
  const labels = new Map<string, string>();
  for (let rest = text; rest !== "";) {
    const found = LABEL.exec(rest);
    if (found === null || labels.has(found[1] ?? "")) throw new Error(`labels: ${text}`);
    labels.set(found[1] ?? "", found[2] ?? "");
    rest = rest.slice(found[0].length);
  }
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}="${value}"`);
}

function checkFamily({ name, type, samples }: Family): void {
  const isTotal = name.endsWith("_total");
  if (isTotal !== (type === "counter")) throw new Error(`${name} is a ${type}`);
  if (type === "counter") for (const [series, value] of samples) if (!(value >= 0)) throw new Error(`${series} is ${value}`);
  if (type !== "histogram") return;
  if (!UNITS.test(name)) throw new Error(`${name} has no unit`);
  const last = new Map<string, [le: number, count: number]>();
  for (const [series, value] of samples) {
    const [, le] = /le="([^"]*)"/.exec(series) ?? [];
    if (le === undefined) continue;
    const base = series.replace(/_bucket\{/, "_count{").replace(/le="[^"]*",?/, "").replace(",}", "}");
    const bound = le === "+Inf" ? Infinity : Number(le);
    const [before, count] = last.get(base) ?? [-Infinity, 0];
    if (!(bound > before) || value < count) throw new Error(`buckets do not rise: ${series}`);
    last.set(base, [bound, value]);
  }
  for (const [series, [le, count]] of last) {
    if (le !== Infinity || samples.get(series) !== count || !samples.has(series.replace("_count{", "_sum{"))) throw new Error(`${series}: buckets, sum and count do not agree`);
  }
}

/** The value of a series; 0 if there is none. */
export function valueOf(families: ReadonlyMap<string, Family>, name: string, labels: string = ""): number {
  return families.get(name)?.samples.get(`${name}{${labels}}`) ?? 0;
}
