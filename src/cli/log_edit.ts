/**
 * `draft log` verbs that change a stopped node's log. Each says first what it means, then asks.
 */
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import { payloadOf } from "../editor/command_payload.ts";
import { makeEdit, undoable, undoEdit } from "../editor/edit_log.ts";
import { planCut } from "../editor/cut_plan.ts";
import { planEdit, type Wanted } from "../editor/edit_plan.ts";
import { type GroupLog, pointAt } from "../editor/offline_log.ts";
import type { AnyPlugin, Command } from "../machine/machine.ts";
import { confirmed } from "./confirm.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, type Parsed, UsageError } from "./leaf.ts";
import { awaited, conditionOf, indexOf, LOG_OPTIONS, MACHINE_OPTION, NOT_DONE, pluginFor, sealJson, withLog } from "./log_options.ts";
import { splitWords } from "../base/quoting.ts";

const EDIT_OPTIONS = [...LOG_OPTIONS, { raw: "--yes", description: "do not ask" }];
const NONE = { min: 0, max: 0 };
const ONE = { min: 1, max: 1 };

const chop: Leaf = {
  words: ["log", "chop"],
  usage: "INDEX",
  summary: "removes INDEX and all after it from a stopped node's log",
  options: EDIT_OPTIONS,
  positionals: ONE,
  examples: ["draft log chop 812 --data ./draft-data/a"],
  run: ({ options, positionals }, io) => edit(options, io, false, () => ({ change: "chop", index: indexOf(positionals[0]) }), "stop"),
};

const drop: Leaf = {
  words: ["log", "drop"],
  usage: "INDEX",
  summary: "removes all up to and including INDEX from a stopped node's log",
  options: [...EDIT_OPTIONS, { raw: "--force", description: "beyond the snapshot too: the machine's state is lost" }, MACHINE_OPTION],
  positionals: ONE,
  examples: ["draft log drop 500 --data ./draft-data/a"],
  run: ({ options, positionals }, io) => edit(options, io, options.has("force"), () => ({ change: "drop", index: indexOf(positionals[0]), force: options.has("force") })),
};

const append: Leaf = {
  words: ["log", "append"],
  usage: "COMMAND…",
  summary: "adds a command behind the end of a stopped node's log",
  options: [...EDIT_OPTIONS, MACHINE_OPTION],
  positionals: { min: 1, max: Number.POSITIVE_INFINITY },
  verbatim: true,
  examples: ["draft log append --data ./draft-data/a set k v", "draft log append --data ./draft-data/a 'set k \"two words\"'"],
  run: ({ options, positionals }, io) => edit(options, io, true, (log, plugin) => {
    const command = (positionals.length === 1 ? splitWords(positionals[0] ?? "") : positionals) as unknown as Command;
    if (typeof command[0] !== "string") throw new UsageError("wants COMMAND…, an operation and its arguments");
    return { change: "append", payload: payloadOf(plugin as AnyPlugin, log.machineVersionAt(log.group.lastIndex), command) };
  }),
};

const accept: Leaf = {
  words: ["log", "accept"],
  usage: "",
  summary: "clears the mark of an edit that was made alike on every member, and prints the seal to compare",
  options: EDIT_OPTIONS,
  positionals: NONE,
  examples: ["draft log accept --data ./draft-data/a"],
  run: ({ options }, io) => edit(options, io, false, () => ({ change: "accept" })),
};

const undo: Leaf = {
  words: ["log", "undo"],
  usage: "",
  summary: "takes back the last edit of a stopped node's log, if the node was not started since",
  options: EDIT_OPTIONS,
  positionals: NONE,
  examples: ["draft log undo --data ./draft-data/a"],
  run: runUndo,
};

/** The commands. */
export const logEditLeaves: readonly Leaf[] = [append, chop, drop, undo, accept];

/** What to edit; the plugin is there if it was asked for. */
type WantedOf = (log: GroupLog, plugin: AnyPlugin | null) => Wanted;

/** Plans, tells, asks and does, all while nobody else can open the directory. */
function edit(options: Options, io: Io, wantsPlugin: boolean, wantedOf: WantedOf, onDamage: "refuse" | "stop" = "refuse"): Promise<number> {
  return withLog(options, function* (log, host): Task<number> {
    const plugin = wantsPlugin ? yield* awaited(() => pluginFor(log.identity.machine, options)) : null;
    const wanted = wantedOf(log, plugin);
    const plan = log.damage !== null && wanted.change === "chop" ? yield* planCut(host.disk, log, wanted.index) : yield* planEdit(log, wanted);
    const ends = sealJson(plan.seal);
    // What is accepted is what the others have: whoever is asked must be able to compare it first.
    const asked = log.edit?.condition === "lost" ? "" : ": the same on every member, or do not accept";
    const compared = plan.edit.content.change === "accept" ? [`the log ends at index ${ends.index}, term ${ends.term}, seal ${ends.chain}${asked}`] : [];
    if (!(yield* agreed([...plan.meaning, ...compared], options, io))) return NOT_DONE;
    const saved = yield* makeEdit(host, log, plan, plugin);
    const { mark: { number, condition }, content: { change } } = plan.edit;
    const seal = sealJson(plan.seal);
    if (options.has("json")) io.out(JSON.stringify({ edit: number, change, condition: condition === "none" ? null : condition, seal, meaning: plan.meaning, saved }));
    else io.out(`done: the log ends at index ${seal.index}, term ${seal.term}, seal ${seal.chain}; saved first: ${saved}; ${plan.cuts ? "what a node makes of it now: draft log check" : "to take it back: draft log undo"} --data ${shellWord(log.directory)}`);
    return 0;
  }, onDamage);
}

async function runUndo({ options }: Parsed, io: Io): Promise<number> {
  const number = await withLog(options, function* (log, host): Task<number> {
    const { number: last } = undoable(log);
    const meaning = [`takes back edit ${last}: the log is again as it was before, and this node says so to nobody, for it was not started since`];
    if (!(yield* agreed(meaning, options, io))) return 0;
    yield* undoEdit(host, log);
    return last;
  });
  if (number === 0) return NOT_DONE;
  return withLog(options, function* (log): Task<number> {
    const seal = sealJson(yield* pointAt(log, log.group.lastIndex));
    if (options.has("json")) io.out(JSON.stringify({ edit: number, change: "undo", condition: conditionOf(log), seal }));
    else io.out(`done: edit ${number} is taken back, the log ends at index ${seal.index}, term ${seal.term}, seal ${seal.chain}`);
    return 0;
  });
}

/** Says what it means; whether the user wants it. */
function* agreed(meaning: readonly string[], options: Options, io: Io): Task<boolean> {
  const tell = options.has("json") ? io.err : io.out;
  for (const line of meaning) tell(`- ${line}`);
  if (options.has("yes")) return true;
  return yield* awaited(async () => confirmed("this changes the log", io));
}
