/** All rules together, and the exceptions to them. */
import { checkBanned, checkModuleState, checkOnly } from "./banned.ts";
import { checkCycles, checkExtensions, checkLayers } from "./layers.ts";
import { checkPackages } from "./packages.ts";
import { checkLock, checkScenarios, checkTop, checkUnfinished, checkVersions } from "./project.ts";
import { checkFileLines, checkFunctionLines } from "./size.ts";
import { type FileText, type Finding, parseSources } from "./source.ts";

/** A finding that is accepted for a while. */
export interface Exception {
  readonly rule: string;
  readonly path: string;
  readonly why: string;
}

/** Exceptions in force. The list only shrinks: one that nothing needs any more is itself an error. */
export const EXCEPTIONS: readonly Exception[] = [];

/** Applies all rules to the project's files. `files` holds every file, those that are no text with an empty one. */
export function tidy(files: readonly FileText[], exceptions: readonly Exception[] = EXCEPTIONS): Finding[] {
  const sources = parseSources(files);
  const named = new Map(files.map((file) => [file.path, file]));
  const manifest = named.get("package.json") ?? { path: "package.json", text: "{}" };
  const lock = named.get("package-lock.json") ?? { path: "package-lock.json", text: '{"packages":{}}' };
  return applyExceptions([
    ...checkTop(files),
    ...checkUnfinished(files),
    ...checkLock(lock),
    ...checkVersions(files),
    ...checkScenarios(files),
    ...checkFileLines(sources),
    ...checkFunctionLines(sources),
    ...checkExtensions(sources),
    ...checkLayers(sources),
    ...checkCycles(sources),
    ...checkPackages(sources, manifest),
    ...checkBanned(sources),
    ...checkModuleState(sources),
    ...checkOnly(sources),
  ], exceptions);
}

/** Takes away what an exception covers, and adds a finding for each exception that covers nothing. */
export function applyExceptions(findings: readonly Finding[], exceptions: readonly Exception[]): Finding[] {
  const left = findings.filter((finding) => !exceptions.some((each) => covers(each, finding)));
  const idle = exceptions.filter((each) => !findings.some((finding) => covers(each, finding)));
  return [
    ...left,
    ...idle.map(({ rule, path }) => (
      { rule: "exception", path, line: 0, message: `no longer needs its exception from ${rule}: take it out` }
    )),
  ];
}

function covers(exception: Exception, finding: Finding): boolean {
  return exception.rule === finding.rule && exception.path === finding.path;
}
