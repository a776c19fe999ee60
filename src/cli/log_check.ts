/**
 * `draft log check`, `diff`, `at` and `replay`: whether a stopped node's files are sound, where two logs part, what the
 * machine held at an index, and whether another build of it does with the log what this one does.
 */
import { toJsonValue } from "../base/json_value.ts";
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import { type Checked, checkDirectory, checkFile } from "../editor/check_files.ts";
import { compareLogs } from "../editor/compare.ts";
import { type GroupLog, openedLog, runOffline } from "../editor/offline_log.ts";
import { machineAt } from "../editor/rebuild.ts";
import { type Replayed, replayLog } from "../editor/replay.ts";
import { temporaryDirectory } from "../host/node_directory.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { AnyPlugin, Command } from "../machine/machine.ts";
import { loadPlugin, SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { type Index, MAIN_GROUP } from "../raft/types.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, type Parsed, UsageError } from "./leaf.ts";
import { awaited, DAMAGED, directoryOf, indexOf, LOG_OPTIONS, MACHINE_OPTION, NOT_DONE, pluginFor, tellDamage, withLog } from "./log_options.ts";
import { splitWords } from "../base/quoting.ts";
import { renderJson, renderText } from "./render.ts";
import { entriesIn, entryJson, entryText, type ShownEntry } from "./shown_entry.ts";

const check: Leaf = {
  words: ["log", "check"],
  usage: "[FILE]",
  summary: "verifies every record, segment and snapshot of a stopped node; or one file: a backup, a snapshot, what an edit saved",
  options: LOG_OPTIONS,
  positionals: { min: 0, max: 1 },
  examples: ["draft log check --data ./draft-data/a", "draft log check main.draft"],
  run: runCheck,
};

const diff: Leaf = {
  words: ["log", "diff"],
  usage: "DIR2",
  summary: "the first index where the logs of two stopped nodes differ; exit 1 if they do",
  options: LOG_OPTIONS,
  positionals: { min: 1, max: 1 },
  examples: ["draft log diff ./draft-data/b --data ./draft-data/a"],
  run: ({ options, positionals }, io) => {
    const other = { directory: positionals[0] ?? "", group: MAIN_GROUP, onDamage: "read on" } as const;
    return withLog(options, (one, host) => openedLog(host, other, (two) => showDiff(one, two, options, io)), "read on");
  },
};

const at: Leaf = {
  words: ["log", "at"],
  usage: "INDEX [COMMAND…]",
  summary: "makes the machine as it was at INDEX from a stopped node's files, and asks it",
  options: [...LOG_OPTIONS, MACHINE_OPTION],
  positionals: { min: 1, max: Number.POSITIVE_INFINITY },
  verbatim: true,
  examples: ["draft log at --data ./draft-data/a 812 get k", "draft log at --data ./draft-data/a 812"],
  run: ({ options, positionals }, io) => withMachineDirectory((directory) =>
    withLog(options, (log, host): Task<number> => showAt({ log, host, directory, options, io }, positionals), "read on")),
};

const replay: Leaf = {
  words: ["log", "replay"],
  usage: "",
  summary: "applies a stopped node's log to another build of its machine: the first entry whose answer or state differs",
  options: [
    ...LOG_OPTIONS,
    { raw: "--machine <file>", description: "the other build" },
    { raw: "--older <file>", description: "the build that the log was written with", default: "the shipped one; else what the log says of the replicas' states" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft log replay --data ./draft-data/a --machine ./kv_next.ts", "draft log replay --data ./draft-data/a --older ./mine.ts --machine ./mine_next.ts"],
  run: ({ options }, io) => withMachineDirectory((one) => withMachineDirectory((other) =>
    withLog(options, (log, host) => showReplay(log, host, [one, other], options, io), "read on"))),
};

/** The commands. */
export const logCheckLeaves: readonly Leaf[] = [check, diff, at, replay];

async function runCheck({ options, positionals: [path] }: Parsed, io: Io): Promise<number> {
  const host = createNodeHost(silentLog);
  const json = options.has("json");
  let code = 0;
  const told = (checked: Checked): void => {
    if (checked.damage !== null) code = DAMAGED;
    io.out(json ? JSON.stringify({ ok: checked.damage === null, ...checked }) : checkedText(checked));
  };
  await runOffline(path === undefined ? checkDirectory(host, directoryOf(options), told) : (function* (): Task<void> {
    told(yield* checkFile(host.disk, path));
  })());
  return code;
}

function checkedText({ path, what, bytes, holds, damage, next }: Checked): string {
  if (damage === null) return `sound    ${path}: ${what} of ${bytes} bytes, ${holds}`;
  // A place is in its words already.
  const named = what === "place" ? damage : `${path}: ${damage}${holds === "" ? "" : `; it holds ${holds}`}`;
  return `DAMAGED  ${named}${next === undefined ? "" : `\nnext     ${next}`}`;
}

function* showDiff(one: GroupLog, other: GroupLog, options: Options, io: Io): Task<number> {
  const { from, to, differsAt, differsFrom } = yield* compareLogs(one, other);
  const ends = [one, other].map(({ directory, group }) => ({ directory, firstIndex: group.prefix.index + 1, lastIndex: group.lastIndex }));
  const entries = differsAt === 0 ? [] : [yield* shownAt(one, differsAt), yield* shownAt(other, differsAt)];
  if (options.has("json")) {
    io.out(JSON.stringify({ from, to, differsAt: differsAt === 0 ? null : differsAt, differsFrom: differsAt === 0 ? null : differsFrom, logs: ends, entries: entries.map((entry) => entry === null ? null : entryJson(entry)) }));
  } else if (differsAt === 0) {
    io.out(`the logs agree from index ${from} to ${to}${ends.map(({ directory, lastIndex }) => lastIndex > to ? `; "${directory}" goes on to ${lastIndex}` : "").join("")}`);
  } else {
    io.out(differsFrom < differsAt ? `the logs differ at index ${differsAt}, and may from ${differsFrom} on: what stands before it is lost in one of them` : `the logs differ from index ${differsAt} on`);
    entries.forEach((entry, i) => io.out(`${ends[i]?.directory}: ${entry === null ? "before its first entry" : entryText(entry)}`));
  }
  const damaged = Math.max(tellDamage(one, io), tellDamage(other, io));
  return differsAt === 0 ? damaged : NOT_DONE;
}

function* shownAt(log: GroupLog, index: Index): Task<ShownEntry | null> {
  if (index <= log.group.prefix.index) return null;
  const [entry] = entriesIn((yield* log.read(index, index)).runs[0] as Uint8Array, false);
  return entry ?? null;
}

interface AtParts {
  readonly log: GroupLog;
  readonly host: ReturnType<typeof createNodeHost>;
  readonly directory: string;
  readonly options: Options;
  readonly io: Io;
}

function* showAt({ log, host, directory, options, io }: AtParts, [text, ...words]: readonly string[]): Task<number> {
  const index = indexOf(text);
  const plugin = yield* awaited(() => pluginFor(log.identity.machine, options));
  const applier = yield* machineAt(host, log, plugin, index, directory);
  if (words.length === 0) {
    const { term, timeMs } = applier.lastApplied;
    const state = { index, term, timeMs, machine: plugin.name, machineVersion: applier.view().version, stateHash: applier.stateHash() };
    io.out(options.has("json") ? JSON.stringify(state) : Object.entries(state).map(([name, value]) => `${name}: ${value}`).join("\n"));
    return 0;
  }
  const command = (words.length === 1 ? splitWords(words[0] ?? "") : words) as unknown as Command;
  if (typeof command[0] !== "string") throw new UsageError("wants INDEX [COMMAND…], an operation and its arguments");
  const prepared = applier.operations.prepare(command);
  if (applier.operations.kindOf(prepared) === "write") throw new DraftError("BAD_REQUEST", `operation '${prepared[0]}' changes the state: what was, is asked with reads`);
  const answer = applier.query(prepared);
  if (answer instanceof DraftError) throw answer;
  io.out(options.has("json") ? renderJson(toJsonValue(answer), index) : renderText(answer));
  return 0;
}

function* showReplay(log: GroupLog, host: ReturnType<typeof createNodeHost>, directories: readonly [string, string], options: Options, io: Io): Task<number> {
  const path = options.text("machine");
  if (path === undefined) throw new UsageError("wants --machine FILE, the other build");
  const { machine } = log.identity;
  const newer = yield* awaited(() => buildOf(machine, path, "--machine"));
  const olderPath = options.text("older") ?? (SHIPPED_NAMES.includes(machine) ? machine : undefined);
  const older = olderPath === undefined ? null : yield* awaited(() => buildOf(machine, olderPath, "--older"));
  const replayed = yield* replayLog(host, log, { older, newer, directories });
  return yield* tellReplay(log, replayed, older === null, options, io);
}

function* tellReplay(log: GroupLog, { from, to, found, verdicts }: Replayed, isAlone: boolean, options: Options, io: Io): Task<number> {
  const entry = found === null ? null : yield* shownAt(log, found.index);
  if (options.has("json")) {
    io.out(JSON.stringify({ from, to, against: isAlone ? "verdicts" : "build", verdicts: isAlone ? verdicts : null, differs: found, entry: entry === null ? null : entryJson(entry) }));
  } else if (found !== null) {
    const where = entry === null ? `entry ${found.index}` : entryText(entry);
    io.out(`the first ${found.what === "verdict" ? "check point" : "entry"} that differs, in its ${found.what}:\n${where}\nthe log's build: ${found.older}\nthe other:       ${found.newer}`);
  } else if (to < from) io.out("there is nothing to apply");
  else if (isAlone && verdicts === 0) io.out(`entries ${from} to ${to} were applied, and the log tells of no state to compare with: add --older FILE, the build that it was written with`);
  else if (isAlone) io.out(`entries ${from} to ${to} come to what a majority held at ${verdicts} check points of the log; with --older FILE each answer is compared too`);
  else io.out(`both builds did the same with entries ${from} to ${to}`);
  const damaged = tellDamage(log, io);
  if (found !== null || damaged !== 0) return found === null ? damaged : NOT_DONE;
  // What was held against nothing is not known to be the same.
  return isAlone && verdicts === 0 && to >= from ? NOT_DONE : 0;
}

/** A build of the log's machine. @throws DraftError BAD_PLUGIN */
async function buildOf(machine: string, path: string, option: string): Promise<AnyPlugin> {
  const plugin = await loadPlugin(path);
  if (plugin.name === machine) return plugin;
  throw new DraftError("BAD_PLUGIN", `${option} ${path} is the machine "${plugin.name}", the log is of "${machine}"`);
}

/** Runs `use` with an empty directory for a machine that keeps files. */
async function withMachineDirectory(use: (directory: string) => Promise<number>): Promise<number> {
  const temporary = temporaryDirectory();
  try {
    return await use(temporary.make());
  } finally {
    temporary.remove();
  }
}
