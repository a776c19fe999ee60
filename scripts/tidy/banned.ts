/**
 * What a layer may not use. The core must replay byte for byte and run alike on every runtime: so no clock, no chance,
 * no promise and no device reaches it but through the ports of src/host.
 */
import ts from "typescript";
import { type Use, usesOf } from "./names.ts";
import { type Finding, isShipped, isTest, layerOf, lineOf, type Source } from "./source.ts";

interface Ban {
  readonly rule: string;
  readonly where: (path: string) => boolean;
  readonly names: RegExp;
  readonly why: string;
}

/** Promises belong to plugins' pieces, the client and the doors; loading a module has no other form. */
const PROMISE_FREE: ReadonlySet<string> = new Set(["raft", "wal", "net", "node"]);
const PLUGIN_LOADER = "src/node/plugin_loader.ts";

/** Layers whose every run must be the same for the same events. */
const PURE: ReadonlySet<string> = new Set(["raft", "machine", "plugins"]);
const REPLAYED: ReadonlySet<string> = new Set(["base", "host", "wal", "net", "client", "node", "gateway", "sim"]);

/** Layers with timers of their own: one runs in a terminal, one in a browser. */
const OF_OTHERS: ReadonlySet<string> = new Set(["cli", "page"]);

const CHANCE = String.raw`^(crypto\.)?(getRandomValues|random(Bytes|Int|UUID))$|\.localeCompare$`;

const BANS: readonly Ban[] = [
  {
    rule: "pure",
    where: (path) => PURE.has(layerOf(path) ?? ""),
    names: /^(new )?Date\b|^performance\b|^crypto\b|^Intl\b|\.localeCompare$/,
    why: "no clock, chance or locale here: time and randomness come with the entry or event",
  },
  {
    rule: "pure",
    where: (path) => REPLAYED.has(layerOf(path) ?? "") && !isNodeHost(path),
    names: new RegExp(String.raw`^Date\.now$|^new Date\(\)$|^performance\b|^process\.hrtime\b|${CHANCE}`),
    why: "take time and randomness from the ports of src/host",
  },
  {
    rule: "pure",
    where: (path) => PURE.has(layerOf(path) ?? "") || (REPLAYED.has(layerOf(path) ?? "") && !isNodeHost(path)),
    names: /^Math(\.(random|a?(cos|sin|tan)h?|atan2|cbrt|expm?1?|hypot|log(10|1p|2)?|pow))?$/,
    why: "Math.random does not replay, and engines differ in the transcendental functions",
  },
  {
    rule: "timer",
    where: (path) => isShipped(path) && !OF_OTHERS.has(layerOf(path) ?? "") && !isNodeHost(path),
    names: /^(set|clear)(Timeout|Interval|Immediate)$|^queueMicrotask$|^process\.nextTick$|^scheduler\.(wait|yield)$/,
    why: "timers stand in src/host/node_*.ts alone: use the Clock port",
  },
  {
    rule: "promise",
    where: (path) => PROMISE_FREE.has(layerOf(path) ?? "") && path !== PLUGIN_LOADER,
    names: /^(new )?Promise(Like|Constructor|SettledResult)?\b|^async$|^await$/,
    why: "no promise in raft, wal, net and node: submit, and take the completion as an event",
  },
  {
    rule: "print",
    where: (path) => isShipped(path) && layerOf(path) !== "cli",
    names: /^console\b/,
    why: "src/cli is the only code that prints",
  },
  {
    rule: "print",
    where: (path) => isShipped(path) && layerOf(path) !== "cli" && !isNodeHost(path),
    names: /^process\.(stdout|stderr|exit|exitCode|abort)\b/,
    why: "src/cli alone prints and ends the process",
  },
];

/** Checks the names that each shipped file uses. */
export function checkBanned(sources: readonly Source[]): Finding[] {
  return sources.filter((source) => isShipped(source.path)).flatMap((source) => {
    const bans = BANS.filter((ban) => ban.where(source.path));
    return usesOf(source).flatMap((use) =>
      bans.filter((ban) => ban.names.test(use.name)).map((ban) => hit(source, use, ban))
    );
  });
}

/** State of a module is shared by all nodes of a process: in the simulator, by the whole cluster. */
export function checkModuleState(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => {
    const { path, tree } = source;
    if (!isShipped(path) || layerOf(path) === "cli" || path === "src/base/codec.ts") return [];
    return tree.statements.filter(ts.isVariableStatement).filter(isState).map((node) => ({
      rule: "module-state",
      path,
      line: lineOf(tree, node),
      message: "module-level let, or a collection that starts empty: keep state in an object that somebody owns",
    }));
  });
}

/** A test run that `only` narrows passes without the others. */
export function checkOnly(sources: readonly Source[]): Finding[] {
  return sources.filter((source) => isTest(source.path)).flatMap((source) =>
    usesOf(source)
      .filter((use) => /^\w+\.only$/.test(use.name))
      .map(({ line }) => ({ rule: "only", path: source.path, line, message: "leaves out the other tests of the file" }))
  );
}

/** Whether `path` is one of the files that touch the runtime. */
export function isNodeHost(path: string): boolean {
  return /^src\/host\/node_\w+\.ts$/.test(path);
}

function isState(statement: ts.VariableStatement): boolean {
  const list = statement.declarationList;
  const scope = list.flags & ts.NodeFlags.BlockScoped;
  if (scope === ts.NodeFlags.None || scope === ts.NodeFlags.Let) return true;
  return list.declarations.some(({ initializer, type }) => {
    const collection = initializer !== undefined && ts.isNewExpression(initializer) &&
      /^(Weak)?(Map|Set)$/.test(initializer.expression.getText()) && (initializer.arguments ?? []).length === 0;
    return collection && !(type?.getText() ?? "").startsWith("Readonly");
  });
}

function hit(source: Source, use: Use, ban: Ban): Finding {
  return { rule: ban.rule, path: source.path, line: use.line, message: `${use.name}: ${ban.why}` };
}
