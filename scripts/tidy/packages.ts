/**
 * Which modules of the runtime and of npm a file may import. Devices are opened in src/host/node_*.ts alone, where the
 * simulator puts its own; the few packages are each imported in one place.
 */
import { builtinModules } from "node:module";
import { isNodeHost } from "./banned.ts";
import { type FileText, type Finding, isShipped, layerOf, type Source } from "./source.ts";

/** Modules that do input, output or timing, and the layers that may use them besides src/host/node_*.ts and cli. */
const DEVICES: ReadonlyMap<string, readonly string[]> = new Map([
  ...["child_process", "cluster", "dgram", "dns", "fs", "http2", "https", "inspector", "net", "readline", "repl"].map(
    (name): [string, string[]] => [name, []],
  ),
  ...["perf_hooks", "sqlite", "timers", "tls", "worker_threads"].map((name): [string, string[]] => [name, []]),
  ["buffer", ["base", "wal"]],
  ["http", ["gateway"]],
  ["zlib", ["base", "wal"]],
]);

/** Layers that import no module of the runtime at all. */
const BARE: ReadonlySet<string> = new Set(["raft", "machine", "plugins"]);

/** What the one machine on disk that ships may import: its engine, and the files that this keeps its state in. */
const OF_SQL: ReadonlySet<string> = new Set(["sqlite", "fs", "process"]);

/** What runs in the browser: whatever it imports is put into the one asset by a build, and is no dependency of who installs. */
const BUNDLED = /^src\/page\//;

/** Packages that have their one place. */
const PLACES: ReadonlyMap<string, RegExp> = new Map([
  ["cbor-x", /^src\/base\/codec\.ts$/],
  ["smol-toml", /^src\/(cli\/config_file|gateway\/auth\/auth_file)\.ts$/],
  ["prom-client", /^src\/gateway\/metrics\/registry\.ts$/],
  ["hyperid", /^src\/(cli|gateway)\//],
  ["preact", BUNDLED],
]);

/** Checks every import of a module of the runtime or of a package in the shipped files. */
export function checkPackages(sources: readonly Source[], packageJson: FileText): Finding[] {
  const manifest = JSON.parse(packageJson.text) as { dependencies?: Record<string, string> };
  const dependencies = new Set(Object.keys(manifest.dependencies ?? {}));
  return sources.filter((source) => isShipped(source.path)).flatMap(({ path, imports }) =>
    imports.filter((each) => each.target === null).flatMap(({ specifier, line }) => {
      const why = whyNot(path, specifier, dependencies);
      return why === null ? [] : [{ rule: "package", path, line, message: `import "${specifier}": ${why}` }];
    })
  );
}

function whyNot(path: string, specifier: string, dependencies: ReadonlySet<string>): string | null {
  const layer = layerOf(path) ?? "";
  if (specifier.startsWith("node:")) return isNodeHost(path) ? null : whyNotBuiltin(path, specifier.slice(5), layer);
  if (specifier.startsWith("bun:")) {
    return isNodeHost(path) || path === "src/node/plugin_loader.ts"
      ? null
      : "only src/host/node_*.ts knows the runtime";
  }
  if (specifier === "draft") return layer === "plugins" ? null : '"draft" is for plugins';
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  if (builtinModules.includes(name)) return "write node: before it";
  if (!dependencies.has(name) && !(BUNDLED.test(path) && PLACES.get(name) === BUNDLED)) return "not among the dependencies of package.json";
  const place = PLACES.get(name);
  return place === undefined || place.test(path) ? null : `${name} is imported in ${place.source} alone`;
}

function whyNotBuiltin(path: string, name: string, layer: string): string | null {
  const root = name.split("/")[0] ?? name;
  if (BARE.has(layer)) {
    return path.startsWith("plugins/sql/") && OF_SQL.has(name) ? null : `no module of the runtime in ${layer}`;
  }
  if (layer === "cli") return null;
  const layers = DEVICES.get(root);
  return layers === undefined || layers.includes(layer)
    ? null
    : "devices and timers are opened in src/host/node_*.ts alone";
}
