/**
 * `draft log`: what a stopped node's log holds.
 */
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import { partsOf } from "../editor/damage.ts";
import { configurationAt, type Entries, type GroupLog, pointAt } from "../editor/offline_log.ts";
import type { EntryRange } from "../wal/damage.ts";
import type { Io } from "./io.ts";
import type { Leaf, Options } from "./leaf.ts";
import { logCheckLeaves } from "./log_check.ts";
import { logEditLeaves } from "./log_edit.ts";
import { logPrompt } from "./log_prompt.ts";
import { conditionOf, damageJson, LOG_OPTIONS, sealJson, tellDamage, withLog, withPart } from "./log_options.ts";
import { entriesIn, entryJson, entryText, hasKey, membershipJson, type ShownEntry } from "./shown_entry.ts";

const show: Leaf = {
  words: ["log", "show"],
  usage: "",
  summary: "the entries of a stopped node's log",
  options: [
    ...LOG_OPTIONS,
    { raw: "--from <n>", description: "first index", default: "the first" },
    { raw: "--to <n>", description: "last index", default: "the last" },
    { raw: "--key <key>", description: "only commands with this argument" },
    { raw: "--raw", description: "payloads in hexadecimal" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft log show --data ./draft-data/a --from 100", "draft log show --data ./draft-data/a --key k --json"],
  run: ({ options }, io) => {
    const from = options.number("from", { otherwise: 0, from: 0, to: Number.MAX_SAFE_INTEGER });
    const to = options.number("to", { otherwise: Number.MAX_SAFE_INTEGER, from: 0, to: Number.MAX_SAFE_INTEGER });
    return withPart(options, { from, to }, (entries) => showEntries(entries, { from, to }, options, io));
  },
};

const last: Leaf = {
  words: ["log", "last"],
  usage: "",
  summary: "how far a stopped node's log goes",
  options: LOG_OPTIONS,
  positionals: { min: 0, max: 0 },
  examples: ["draft log last --data ./draft-data/a"],
  run: ({ options }, io) => withLog(options, (log) => showLast(log, options, io), "read on"),
};

const verbs: readonly Leaf[] = [show, last, ...logCheckLeaves, ...logEditLeaves];

/** The commands. The prompt comes last: what it is called by is the beginning of all others. */
export const logLeaves: readonly Leaf[] = [...verbs, logPrompt(verbs)];

/** What is lost has a line in its place, and standard error says where it stood. */
function* showEntries(log: Entries, wanted: EntryRange, options: Options, io: Io): Task<number> {
  const { damage, group: { lastIndex, prefix } } = log;
  const from = wanted.from === 0 ? prefix.index + 1 : wanted.from;
  if (from <= prefix.index) {
    throw new DraftError("COMPACTED", `entry ${from} left the log, which begins behind ${prefix.index}: --from ${prefix.index + 1}`);
  }
  const key = options.text("key");
  const json = options.has("json");
  const print = json ? (entry: ShownEntry) => JSON.stringify(entryJson(entry)) : entryText;
  for (const part of partsOf(damage, from, Math.min(lastIndex, wanted.to))) {
    if (part.isAbsent) io.out(json ? JSON.stringify({ lost: true, from: part.from, to: part.to }) : `${String(part.from).padStart(8)}  LOST${part.to > part.from ? ` up to ${part.to}` : ""}`);
    for (let next = part.isAbsent ? part.to + 1 : part.from; next <= part.to;) {
      const read = yield* log.read(next, part.to);
      for (const run of read.runs) {
        for (const entry of entriesIn(run, options.has("raw"))) if (key === undefined || hasKey(entry, key)) io.out(print(entry));
      }
      next = read.to + 1;
    }
  }
  return tellDamage(log, io);
}

function* showLast(log: GroupLog, options: Options, io: Io): Task<number> {
  const { lastIndex, prefix, snapshot } = log.group;
  const seal = sealJson(yield* pointAt(log, lastIndex));
  const summary = {
    group: "main",
    nodeId: log.identity.nodeId,
    clusterId: log.identity.clusterId,
    incarnation: String(log.identity.incarnation),
    firstIndex: lastIndex === prefix.index ? 0 : prefix.index + 1,
    lastIndex,
    lastTerm: seal.term,
    lastChain: seal.chain,
    compactedIndex: prefix.index,
    compactedTerm: prefix.term,
    membership: membershipJson(configurationAt(log, lastIndex)),
    hardState: { ...log.hardState },
    snapshot: snapshot.index === 0 ? null : { index: snapshot.index, term: snapshot.term },
    condition: conditionOf(log),
    damage: damageJson(log.damage),
  };
  if (options.has("json")) io.out(JSON.stringify(summary));
  else io.out(Object.entries(summary).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join("\n"));
  return tellDamage(log, io);
}
