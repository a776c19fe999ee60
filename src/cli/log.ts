/**
 * `draft log`: what a stopped node's log holds.
 */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import { MAIN_GROUP } from "../raft/types.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, UsageError } from "./leaf.ts";
import { type GroupLog, lastPointOf, withGroupLog } from "./log_files.ts";
import { entriesIn, entryJson, entryText, hasKey, membershipJson, type ShownEntry } from "./shown_entry.ts";

const OPTIONS = [
  { raw: "--data <dir>", description: "the data directory of a node that is stopped" },
  { raw: "--group <name>", description: "the group that is meant", default: "main" },
  { raw: "--json", description: "one object a line" },
];

const show: Leaf = {
  words: ["log", "show"],
  usage: "",
  summary: "the entries of a stopped node's log",
  options: [
    ...OPTIONS,
    { raw: "--from <n>", description: "first index", default: "the first" },
    { raw: "--to <n>", description: "last index", default: "the last" },
    { raw: "--key <key>", description: "only commands with this argument" },
    { raw: "--raw", description: "payloads in hexadecimal" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft log show --data ./draft-data/a --from 100", "draft log show --data ./draft-data/a --key k --json"],
  run: ({ options }, io) => withLog(options, (log) => showEntries(log, options, io)),
};

const last: Leaf = {
  words: ["log", "last"],
  usage: "",
  summary: "how far a stopped node's log goes",
  options: OPTIONS,
  positionals: { min: 0, max: 0 },
  examples: ["draft log last --data ./draft-data/a"],
  run: ({ options }, io) => withLog(options, (log) => showLast(log, options, io)),
};

/** The commands. */
export const logLeaves: readonly Leaf[] = [show, last];

async function withLog(options: Options, use: (log: GroupLog) => Task<void>): Promise<number> {
  const directory = options.text("data");
  if (directory === undefined) throw new UsageError("wants --data DIR, the data directory of a node that is stopped");
  const group = options.text("group") ?? "main";
  if (group !== "main") throw new DraftError("NOT_FOUND", `no group "${group}" in ${directory}: draft log last --data ${shellWord(directory)}`);
  await withGroupLog(createNodeHost(silentLog), { directory, group: MAIN_GROUP }, use);
  return 0;
}

function* showEntries(log: GroupLog, options: Options, io: Io): Task<void> {
  const { lastIndex, prefix } = log.group;
  const from = options.number("from", { otherwise: prefix.index + 1, from: 1, to: Number.MAX_SAFE_INTEGER });
  if (from <= prefix.index) {
    throw new DraftError("COMPACTED", `entry ${from} left the log, which begins behind ${prefix.index}: --from ${prefix.index + 1}`);
  }
  const to = Math.min(lastIndex, options.number("to", { otherwise: lastIndex, from: 0, to: Number.MAX_SAFE_INTEGER }));
  const key = options.text("key");
  const print = options.has("json") ? (entry: ShownEntry) => JSON.stringify(entryJson(entry)) : entryText;
  for (let next = from; next <= to;) {
    const read = yield* log.read(next, to);
    for (const run of read.runs) {
      for (const entry of entriesIn(run, options.has("raw"))) if (key === undefined || hasKey(entry, key)) io.out(print(entry));
    }
    next = read.to + 1;
  }
}

function* showLast(log: GroupLog, options: Options, io: Io): Task<void> {
  const { lastIndex, prefix, snapshot } = log.group;
  const lastPoint = yield* lastPointOf(log);
  const summary = {
    group: "main",
    nodeId: log.identity.nodeId,
    clusterId: log.identity.clusterId,
    incarnation: String(log.identity.incarnation),
    firstIndex: lastIndex === prefix.index ? 0 : prefix.index + 1,
    lastIndex,
    lastTerm: lastPoint.term,
    compactedIndex: prefix.index,
    compactedTerm: prefix.term,
    membership: membershipJson(log.configuration),
    hardState: { ...log.hardState },
    snapshot: snapshot.index === 0 ? null : { index: snapshot.index, term: snapshot.term },
  };
  if (options.has("json")) io.out(JSON.stringify(summary));
  else io.out(Object.entries(summary).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join("\n"));
}
