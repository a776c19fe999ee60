/** Rules about the project as a whole: what stands at the top, the lock file, the version, the list of scenarios. */
import type { FileText, Finding } from "./source.ts";

/** All that may stand at the top of the project. */
const TOP: ReadonlySet<string> = new Set(
  `mod.ts src plugins scripts test docs .ci deno.json package.json package-lock.json tsconfig.json tsup.config.ts
  README.md CHANGELOG.md LICENSE .gitignore .npmrc .oxlintrc.json`.split(/\s+/),
);

/** Written in halves, or this file would break its own rule. */
const UNFINISHED = new RegExp(`\\b(${"TO"}${"DO"}|${"FIX"}${"ME"})\\b`);

interface LockEntry {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}

/** Checks that nothing stands at the top that has no business there. */
export function checkTop(files: readonly FileText[]): Finding[] {
  const names = new Set(files.map(({ path }) => path.split("/")[0] ?? path));
  return [...names].filter((name) => !TOP.has(name)).map((name) => (
    { rule: "top-level", path: name, line: 0, message: "is not one of the project's top-level files and folders" }
  ));
}

/** What is not done is an issue, not a comment. */
export function checkUnfinished(files: readonly FileText[]): Finding[] {
  return files.filter(({ path }) => path !== "package-lock.json").flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, at) => {
      const word = UNFINISHED.exec(line)?.[1];
      return word === undefined
        ? []
        : [{ rule: "unfinished", path, line: at + 1, message: `${word}: do it, or file an issue` }];
    })
  );
}

/**
 * `npm ci` refuses a lock that lacks the entry of an optional package, even of one for another platform; and addresses
 * in the lock would tie every installation to the registry that made it.
 */
export function checkLock(lock: FileText): Finding[] {
  const { packages } = JSON.parse(lock.text) as { packages: Record<string, LockEntry> };
  const findings: Finding[] = [];
  for (const [at, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined && entry.link !== true) {
      findings.push(inLock(lock, `${at} has a "resolved" address`));
    }
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (!isInstalled(packages, at, name)) findings.push(inLock(lock, `${name}, optional for ${at}, has no entry`));
    }
  }
  return findings;
}

/** The version is stated in four files that different tools read; they agree. */
export function checkVersions(files: readonly FileText[]): Finding[] {
  const stated = new Map(files.flatMap(({ path, text }): [string, string | undefined][] => {
    if (path === "src/base/version.ts") return [[path, /version: string = "([^"]*)"/.exec(text)?.[1]]];
    if (path === "deno.json" || path === "package-lock.json") {
      return [[path, (JSON.parse(text) as { version?: string }).version]];
    }
    return [];
  }));
  const manifest = files.find(({ path }) => path === "package.json")?.text ?? "{}";
  const { version } = JSON.parse(manifest) as { version?: string };
  return [...stated].filter(([, each]) => each !== version).map(([path, each]) => (
    { rule: "version", path, line: 0, message: `states version ${each}, package.json ${version}` }
  ));
}

/** In test/SCENARIOS.md each row names an id and the files that test it; the files exist and contain the id. */
export function checkScenarios(files: readonly FileText[]): Finding[] {
  const list = files.find(({ path }) => path === "test/SCENARIOS.md");
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const seen = new Set<string>();
  return (list?.text ?? "").split("\n").flatMap((row, at) => {
    const id = /^\|\s*`?([A-Z]{1,3}\d+[a-z]?)`?\s*\|/.exec(row)?.[1];
    const paths = [...row.matchAll(/(?:test|plugins|src|scripts)\/[\w./-]*\w\.\w+/g)].map(([path]) => path);
    const wrong = paths.filter((path) => !texts.has(path)).map((path) => `${path} does not exist`);
    if (id !== undefined) wrong.push(...wrongRow(id, paths, texts), ...(seen.has(id) ? [`${id} is listed twice`] : []));
    if (id !== undefined) seen.add(id);
    return wrong.map((message) => ({ rule: "scenario", path: "test/SCENARIOS.md", line: at + 1, message }));
  });
}

function wrongRow(id: string, paths: readonly string[], texts: ReadonlyMap<string, string>): string[] {
  if (paths.length === 0) return [`${id} names no test file`];
  const word = new RegExp(`(?<![\\w-])${id}(?!\\w)`);
  return paths
    .filter((path) => texts.has(path) && !word.test(texts.get(path) ?? ""))
    .map((path) => `${path} does not name ${id}`);
}

/** Whether `name` has an entry that the package at `at` would find: in its own folder or in one above. */
function isInstalled(packages: Record<string, LockEntry>, at: string, name: string): boolean {
  for (let folder = at;; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages[`${folder}${folder === "" ? "" : "/"}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

function inLock(lock: FileText, message: string): Finding {
  return { rule: "lock", path: lock.path, line: 0, message };
}
