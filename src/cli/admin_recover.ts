/**
 * `draft admin recover`: offline, when a majority is gone for good, one survivor goes on alone.
 */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import { type GroupLog, pointAt, withGroupLog } from "../editor/offline_log.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import { decideRecovery, isDecided, savedIdentityName, survivorOf } from "../node/recovery.ts";
import { MAIN_GROUP } from "../raft/types.ts";
import { confirmed } from "./confirm.ts";
import { hintFor } from "./hints.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, UsageError } from "./leaf.ts";
import { refuseOtherGroups } from "./log_options.ts";
import { renderJson } from "./render.ts";

export const recoverLeaf: Leaf = {
  words: ["admin", "recover"],
  usage: "",
  summary: "offline, when the majority is gone for good: one stopped survivor goes on alone, as a cluster of its own",
  options: [
    { raw: "--data <dir>", description: "the data directory of the survivor, stopped" },
    { raw: "--keep-only <id>", description: "its id: of the survivors the one with the greatest last term and index" },
    { raw: "--group <name>", description: "the group that is meant", default: "main" },
    { raw: "--dry-run", description: "says what would be lost; changes nothing" },
    { raw: "--yes", description: "do not ask" },
    { raw: "--json", description: "one line, {\"result\":…,\"index\":…}" },
  ],
  positionals: { min: 0, max: 0 },
  examples: ["draft log last --data ./data/a", "draft admin recover --data ./data/a --keep-only a"],
  run: async ({ options }, io) => {
    const wanted = wantedOf(options);
    try {
      return await recover(wanted, io);
    } catch (error) {
      if (!wanted.json || !(error instanceof DraftError)) throw error;
      io.out(JSON.stringify(hintFor(error)));
      return error.exitCode;
    }
  },
};

interface Wanted {
  readonly directory: string;
  readonly keepOnly: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

function wantedOf(options: Options): Wanted {
  const directory = options.text("data");
  const keepOnly = options.text("keep-only");
  if (directory === undefined || keepOnly === undefined) throw new UsageError("wants --data DIR --keep-only ID, the survivor's directory and id");
  refuseOtherGroups(options, directory);
  return { directory, keepOnly, dryRun: options.has("dry-run"), yes: options.has("yes"), json: options.has("json") };
}

/** Asked between two looks at the directory, which is not held meanwhile: the second one finds what has changed. */
async function recover(wanted: Wanted, io: Io): Promise<number> {
  const host = createNodeHost(silentLog);
  const at = { directory: wanted.directory, group: MAIN_GROUP };
  const before = await withGroupLog(host, at, (log) => outlook(log, wanted));
  if (before.words === null) {
    print(before.clusterId, before.lastIndex, wanted, io);
    return 0;
  }
  io.err(before.words);
  if (wanted.dryRun) {
    if (wanted.json) io.out(renderJson({ id: wanted.keepOnly, clusterId: before.clusterId, changed: false }, before.lastIndex));
    return 0;
  }
  if (!wanted.yes && !await confirmed(`${wanted.keepOnly} goes on alone`, io)) return 1;
  const { clusterId, recovery } = await withGroupLog(host, at, function* (log, dataDir) {
    const { clusterId: now, lastIndex } = yield* outlook(log, wanted);
    if (now !== before.clusterId || lastIndex !== before.lastIndex) {
      throw new DraftError("CONFLICT", `"${wanted.directory}" has changed since: draft admin recover --data ${shellWord(wanted.directory)} --keep-only ${wanted.keepOnly}`);
    }
    return yield* decideRecovery(host, dataDir, { ...log, lastIndex: log.group.lastIndex });
  });
  print(clusterId, recovery?.index ?? 0, wanted, io);
  return 0;
}

function print(clusterId: string, index: number, { directory, keepOnly, json }: Wanted, io: Io): void {
  if (json) return io.out(renderJson({ id: keepOnly, clusterId }, index));
  io.out(`${keepOnly} goes on alone from its next start on, as cluster ${clusterId}: draft serve --data ${shellWord(directory)}`);
}

/** What is there to be said before; words null if all is decided already. */
interface Outlook {
  readonly clusterId: string;
  readonly lastIndex: number;
  readonly words: string | null;
}

function* outlook(log: GroupLog, { directory, keepOnly }: Wanted): Task<Outlook> {
  const { identity, group: { lastIndex } } = log;
  const { nodeId, clusterId } = identity;
  if (nodeId !== keepOnly) {
    throw new DraftError("WRONG_IDENTITY", `"${directory}" is ${nodeId}'s, wanted ${keepOnly}'s: draft admin recover --data ${shellWord(directory)} --keep-only ${nodeId}`);
  }
  const survivor = { ...log, lastIndex };
  if (isDecided(survivor)) return { clusterId, lastIndex: identity.recovery?.index ?? 0, words: null };
  survivorOf(survivor, directory);
  const condition = log.edit?.condition ?? "none";
  if (condition !== "none") {
    // It would wait for a leader to compare its log with, and nobody is left who could lead.
    throw new DraftError("CONFLICT", `the log of ${nodeId} is marked as ${condition}: draft log accept --data ${shellWord(directory)}, or take the edit back, first`);
  }
  const last = yield* pointAt(log, lastIndex);
  return { clusterId, lastIndex, words: lossWords(log, last.term, directory) };
}

/** The loss window, as far as the files of one node can tell. */
function lossWords({ identity, hardState, configuration, group: { lastIndex, prefix, snapshot } }: GroupLog, lastTerm: number, directory: string): string {
  const { nodeId } = identity;
  // It is written down now and then; only what is committed goes into a snapshot, or is compacted.
  const commitIndex = Math.max(hardState.commitIndex, prefix.index, snapshot.index);
  const others = configuration.members.filter(({ id }) => id !== nodeId).map(({ id }) => id).join(", ");
  const open = lastIndex > commitIndex
    ? `entries ${commitIndex + 1} to ${lastIndex} count as done from then on; its files do not tell whether they were, and some may never have been`
    : "it knew that all of them were committed";
  return [
    `${nodeId} holds the log up to entry ${lastIndex}, of term ${lastTerm}; ${open}`,
    `lost for good: whatever the cluster acknowledged behind entry ${lastIndex}; how much that is ${nodeId}'s files cannot tell. ` +
      "If another survivor's log has a greater last term, or as great a one and a greater last index, take that one: draft log last --data DIR",
    `${others} will be refused for ever, with what they hold: empty their directories and add them again, and do not start them before; ` +
      `as many of them as were a majority would go on as the old cluster ${identity.clusterId}`,
    `the identity as it is now stays as ${directory}/${savedIdentityName(identity)}: until ${nodeId} is started it may be put back`,
  ].join("\n");
}
