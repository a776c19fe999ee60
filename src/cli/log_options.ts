/** What all verbs of `draft log` share: which log is meant, and how it is opened. */
import { DraftError } from "../base/errors.ts";
import type { JsonValue } from "../base/json_value.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import { type Damage, lossText } from "../editor/damage.ts";
import { withEntries } from "../editor/log_part.ts";
import { type Entries, type GroupLog, type LogWanted, withGroupLog } from "../editor/offline_log.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { loadPlugin, SHIPPED_NAMES } from "../node/plugin_loader.ts";
import { type Index, type LogPoint, MAIN_GROUP } from "../raft/types.ts";
import type { Io } from "./io.ts";
import { type Options, type OptionSpec, UsageError } from "./leaf.ts";

export const LOG_OPTIONS: readonly OptionSpec[] = [
  { raw: "--data <dir>", description: "the data directory of a node that is stopped" },
  { raw: "--group <name>", description: "the group that is meant", default: "main" },
  { raw: "--json", description: "one object a line" },
];

/** What a verb ends with that met something damaged. */
export const DAMAGED = 10;

/** What a verb ends with that did not do what was asked, or found what was looked for. */
export const NOT_DONE = 1;

/** Of verbs that run commands or read them as the machine does. */
export const MACHINE_OPTION: OptionSpec = { raw: "--machine <name|file>", description: "the machine's plugin", default: "the log's, if draft ships it" };

/** Which directory is meant. @throws UsageError */
export function directoryOf(options: Options): string {
  const directory = options.text("data");
  if (directory === undefined) throw new UsageError("wants --data DIR, the data directory of a node that is stopped; it stands before a command's words");
  refuseOtherGroups(options, directory);
  return directory;
}

/** A directory has the group `main` alone. @throws DraftError NOT_FOUND */
export function refuseOtherGroups(options: Options, directory: string): void {
  const group = options.text("group") ?? "main";
  if (group !== "main") throw new DraftError("NOT_FOUND", `no group "${group}" in ${directory}: draft log last --data ${shellWord(directory)}`);
}

/** The index that was typed. @throws UsageError */
export function indexOf(text: string | undefined): Index {
  const index = Number(text);
  if (text === undefined || !/^\d+$/.test(text) || !Number.isSafeInteger(index) || index < 1) throw new UsageError(`"${text ?? ""}": wants an index, a whole number from 1`);
  return index;
}

/** Waits for a promise inside a task. */
export function awaited<T>(make: () => Promise<T>): Task<T> {
  return wait<T>((done) => {
    make().then((value) => done(null, value), (error: unknown) => done(error instanceof Error ? error : new Error(String(error))));
  });
}

/** Where a log ends, as people compare it. */
export function sealJson({ index, term, chain }: LogPoint): { index: number; term: number; chain: string } {
  return { index, term, chain: chain.toString(16).padStart(8, "0") };
}

/** What an edit left the log in; null if nothing. */
export function conditionOf({ edit }: GroupLog): string | null {
  return edit === null || edit.condition === "none" ? null : edit.condition;
}

/** Opens the log that is meant, for as long as `use` runs. A damaged one is refused if nothing else is said. */
export function withLog<T>(
  options: Options, use: (log: GroupLog, host: ReturnType<typeof createNodeHost>) => Task<T>, onDamage: LogWanted["onDamage"] = "refuse",
): Promise<T> {
  const host = createNodeHost(silentLog);
  return withGroupLog(host, { directory: directoryOf(options), group: MAIN_GROUP, onDamage }, (log) => use(log, host));
}

/** Opens what holds entries `from`..`to`, for as long as `use` runs. */
export function withPart<T>(options: Options, { from, to }: { readonly from: Index; readonly to: Index }, use: (entries: Entries) => Task<T>): Promise<T> {
  return withEntries(createNodeHost(silentLog), { directory: directoryOf(options), group: MAIN_GROUP, from, to }, use);
}

/** Says on standard error what of the log cannot be read. @returns the exit code that tells it */
export function tellDamage({ damage, group: { lastIndex }, directory }: Pick<Entries, "damage" | "group" | "directory">, io: Io): number {
  if (damage === null) return 0;
  for (const { words } of damage.places) io.err(words);
  io.err(`${lossText(damage, lastIndex)}; what a start makes of it: draft log check --data ${shellWord(directory)}`);
  return DAMAGED;
}

/** What is damaged, for programs; null if nothing is. */
export function damageJson(damage: Damage | null): JsonValue {
  if (damage === null) return null;
  const { places, loss } = damage;
  return {
    places: places.map(({ path, offset, bytes, words }) => ({ path, offset, bytes, words })),
    verdict: loss?.verdict ?? null, lost: (loss?.absent ?? []).map(({ from, to }) => ({ from, to })),
  };
}

/**
 * The plugin of the machine called `name`, as a log names it.
 *
 * @throws DraftError BAD_PLUGIN if it is not shipped and was not given, or is another one
 */
export async function pluginFor(name: string, options: Options): Promise<AnyPlugin> {
  const given = options.text("machine");
  if (given === undefined && !SHIPPED_NAMES.includes(name)) {
    throw new DraftError("BAD_PLUGIN", `the log is of the machine "${name}", which draft does not ship: add --machine FILE`);
  }
  const plugin = await loadPlugin(given ?? name);
  if (plugin.name === name) return plugin;
  throw new DraftError("BAD_PLUGIN", `--machine ${given ?? ""} is the machine "${plugin.name}", the log is of "${name}"`);
}
