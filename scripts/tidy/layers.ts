/**
 * The layer table: who may import whom. A file imports from its own folder and from folders below, never sideways and
 * never up, types included, because a type that points up is a design that points up.
 */
import { type Finding, type Import, isShipped, isTest, layerOf, type Source } from "./source.ts";

/** Low to high; layers of one row may not import each other. */
export const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["host"],
  ["raft"],
  ["machine"],
  ["plugins"],
  ["wal", "net"],
  ["client", "node"],
  ["gateway", "editor"],
  ["sim", "page"],
  ["mod"],
  ["cli"],
];

/** The contract: all that a plugin may import from this project, besides its own folder and "draft". */
const CONTRACT: ReadonlySet<string> = new Set(["machine", "base"]);

/** Who may import a plugin. */
const PLUGIN_LOADER = "src/node/plugin_loader.ts";

/** Checks each import of the shipped files against the table. */
export function checkLayers(sources: readonly Source[]): Finding[] {
  return sources.filter((source) => isShipped(source.path)).flatMap((source) => [
    ...(rank(layerOf(source.path)) < 0 ? [unknownFolder(source.path)] : []),
    ...source.imports.flatMap((each) => checkImport(source.path, each)),
  ]);
}

/** Relative imports name the file as it is: all three runtimes run the source, and only that is the same for all. */
export function checkExtensions(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((each) => each.target !== null && !each.target.endsWith(".ts"))
      .map((each) => ({
        rule: "extension",
        path: source.path,
        line: each.line,
        message: `import "${each.specifier}": write the whole file name, with .ts`,
      }))
  );
}

/** Each import cycle once, at its first file in alphabetical order. */
export function checkCycles(sources: readonly Source[]): Finding[] {
  const graph = new Map(sources.map((source) => [source.path, source.imports]));
  const findings: Finding[] = [];
  const done = new Set<string>();
  for (const start of [...graph.keys()].sort()) {
    const cycle = done.has(start) ? null : cycleFrom(start, graph);
    if (cycle === null) continue;
    for (const path of cycle) done.add(path);
    findings.push({ rule: "cycle", path: start, line: 0, message: `import cycle: ${[...cycle, start].join(" -> ")}` });
  }
  return findings;
}

/** A shortest way from `start` over imports back to `start`. */
function cycleFrom(start: string, graph: ReadonlyMap<string, readonly Import[]>): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const path of queue) {
    for (const { target } of graph.get(path) ?? []) {
      if (target === start) return wayTo(path, start, cameFrom);
      if (target === null || cameFrom.has(target)) continue;
      cameFrom.set(target, path);
      queue.push(target);
    }
  }
  return null;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end];
  while (way[0] !== start) way.unshift(cameFrom.get(way[0] ?? "") ?? start);
  return way;
}

function checkImport(path: string, { target, line, specifier }: Import): Finding[] {
  const why = target === null ? null : whyForbidden(path, target);
  return why === null ? [] : [{ rule: "layer", path, line, message: `import "${specifier}": ${why}` }];
}

function whyForbidden(from: string, to: string): string | null {
  const source = layerOf(from);
  const target = layerOf(to);
  if (target === null) return isTest(to) ? "a test is not part of the program" : "not part of the program";
  if (target === "plugins" && source === "plugins") {
    return pluginOf(from) === pluginOf(to) ? null : "a plugin imports no other plugin";
  }
  if (target === "plugins") return whyNotPlugin(from, source);
  if (source === "plugins" && target !== "mod") {
    return CONTRACT.has(target) ? null : 'a plugin imports the contract only: src/machine, src/base or "draft"';
  }
  return source === target || source === "mod" || rank(target) < rank(source) ? null : whyNotBelow(source, target);
}

function whyNotPlugin(from: string, source: string | null): string | null {
  if (from === PLUGIN_LOADER || source === "cli" || source === "mod") return null;
  return `plugins are imported by ${PLUGIN_LOADER} and src/cli alone`;
}

function whyNotBelow(source: string | null, target: string): string {
  return rank(source) === rank(target) ? `${source} and ${target} are side by side` : `${target} is above ${source}`;
}

function rank(layer: string | null): number {
  return LAYERS.findIndex((row) => layer !== null && row.includes(layer));
}

function pluginOf(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function unknownFolder(path: string): Finding {
  return { rule: "layer", path, line: 0, message: "stands in no folder of the layer table (scripts/tidy/layers.ts)" };
}
