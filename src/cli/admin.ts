/**
 * `draft admin`: what operators ask of a cluster.
 */
import { toJsonValue } from "../base/json_value.ts";
import type { Client } from "../client/client.ts";
import type { ClientAnswer } from "../client/client_options.ts";
import { askEach, survey } from "../gateway/survey.ts";
import { CLIENT_OPTIONS, clientFrom, type RequestSettings, settingsFrom } from "./client_options.ts";
import { hintFor } from "./hints.ts";
import { DraftError } from "../base/errors.ts";
import { LOG_LEVELS } from "../node/config.ts";
import { backupTo } from "./admin_backup.ts";
import { restoreFrom } from "./admin_restore.ts";
import { changeMembers, MEMBERS_COMMANDS, type MembersCommand, optionsOf } from "./admin_members.ts";
import { rehearseMembers } from "./admin_rehearsal.ts";
import { tokenLeaf } from "./admin_token.ts";
import { explain } from "./admin_why.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, type OptionSpec, UsageError } from "./leaf.ts";
import { splitWords } from "../base/quoting.ts";
import { recordTo } from "./recording.ts";
import { renderError, renderJson, renderTable, renderText } from "./render.ts";
import { statesText } from "./states_text.ts";

/** How many words follow a command. */
const NONE = { min: 0, max: 0 };
const ONE = { min: 1, max: 1 };

const TRANSFER_TRIES = 3;
const TRANSFER_PAUSE_MS = 500;

/** What a command does once there is a client. */
type AdminRun = (client: Client, settings: RequestSettings, io: Io, words: readonly string[], options: Options) => Promise<void>;

const servers: Leaf = adminLeaf({
  words: ["admin", "servers"],
  aliases: ["members"],
  summary: "the members of a group, as one node knows them",
  examples: ["draft admin servers -c 127.0.0.1:7101"],
  run: async (client, { group, timeoutMs, json }, io) => {
    const list = await client.members({ group, timeoutMs });
    if (json) return io.out(JSON.stringify(toJsonValue(list)));
    const rows = list.members.map(({ id, address, role, target, reachable }) =>
      [id, address, role === target ? role : `${role} → ${target}`, reachable ? "yes" : "no"]);
    io.out(renderTable([["ID", "ADDRESS", "ROLE", "REACHABLE"], ...rows]));
  },
});

const states: Leaf = adminLeaf({
  words: ["admin", "states"],
  aliases: ["status"],
  summary: "what every node says of itself; works without a leader",
  examples: ["draft admin states --json"],
  run: async (client, { group, timeoutMs, json }, io) => {
    const all = await survey(client, { group, timeoutMs });
    io.out(json ? JSON.stringify(toJsonValue(all)) : statesText(all, group));
  },
});

const transfer: Leaf = adminLeaf({
  words: ["admin", "transfer"],
  usage: "ID",
  count: ONE,
  summary: "makes another member the leader; returns when it leads",
  examples: ["draft admin transfer b"],
  run: async (client, { group, timeoutMs, json }, io, [id = ""]) => {
    const { result, index } = await handOver(client, id, { group, timeoutMs }, io);
    io.out(json ? renderJson(result, index) : `${id} leads group ${group}`);
  },
});

/**
 * Under load a member may lack a little for as long as one transfer may take. Each try holds writes up for that long, so
 * there are few.
 */
async function handOver(client: Client, id: string, options: Pick<RequestSettings, "group" | "timeoutMs">, io: Io): Promise<ClientAnswer> {
  for (let left = TRANSFER_TRIES - 1; ; left--) {
    try {
      return await client.transfer(id, options);
    } catch (error) {
      const isGivenUp = error instanceof DraftError && error.code === "TIMEOUT" && error.outcome === "not-done";
      if (!isGivenUp || left === 0) throw error;
      io.err(`${error.message}; asks once more`);
      await new Promise((resolve) => setTimeout(resolve, TRANSFER_PAUSE_MS));
    }
  }
}

const snapshot: Leaf = adminLeaf({
  words: ["admin", "snapshot"],
  summary: "has every node that answers take a snapshot now, so that its log may begin later; returns when they are durable",
  examples: ["draft admin snapshot", "draft admin snapshot --timeout-ms 60000"],
  run: async (client, { group, timeoutMs, json }, io) => {
    const { answers, missing } = await askEach(client, { group, timeoutMs }, (address) => client.snapshot({ group, timeoutMs, address }));
    const held = Object.fromEntries(answers.map(({ nodeId, answer }) => [nodeId, answer]));
    if (json) return io.out(renderJson(held, Math.max(...Object.values(held))));
    for (const each of missing) io.err(`no snapshot: ${each}`);
    io.out(answers.map(({ nodeId, answer }) => `${nodeId} has a snapshot of index ${answer}`).join("\n"));
  },
});

const DRY_RUN: OptionSpec = { raw: "--dry-run", description: "only says what would be done" };

const backup: Leaf = adminLeaf({
  words: ["admin", "backup"],
  usage: "FILE",
  count: ONE,
  options: [DRY_RUN],
  summary: "writes the whole state of a group to a new file while the cluster runs; returns when it is whole",
  examples: ["draft admin backup main.draft", "draft log check main.draft"],
  run: (client, settings, io, [path = ""], options) => backupTo(path, client, settings, io, options.has("dry-run")),
});

const restore: Leaf = adminLeaf({
  words: ["admin", "restore"],
  usage: "FILE",
  count: ONE,
  options: [DRY_RUN],
  summary: "makes a group that has applied nothing what a backup holds, while the cluster runs; returns when it is done",
  examples: ["draft admin restore main.draft --dry-run", "draft admin restore main.draft"],
  run: (client, settings, io, [path = ""], options) => restoreFrom(path, client, settings, io, options.has("dry-run")),
});

const record: Leaf = adminLeaf({
  words: ["admin", "record"],
  usage: "FILE",
  count: ONE,
  summary: "writes what the cores of all nodes decided of late to a new file; it holds no data of users",
  examples: ["draft admin record incident.rec", "draft sim --replay incident.rec"],
  run: (client, settings, io, [path = ""]) => recordTo(path, client, settings, io),
});

const append: Leaf = adminLeaf({
  words: ["admin", "append"],
  usage: "COMMAND",
  count: { min: 1, max: 1024 },
  summary: "proposes a command of the machine: one word, split as at the prompt, or words behind --",
  examples: ["draft admin append 'set k \"a value\"'", "draft admin append -- incrby n -5"],
  run: async (client, { group, timeoutMs, json }, io, words) => {
    const [operation, ...rest] = words.length === 1 ? splitWords(words[0] ?? "") : words;
    if (typeof operation !== "string") throw new DraftError("BAD_REQUEST", "the name of an operation is text: draft client help lists them");
    const { result, index } = await client.write([operation, ...rest], { group, timeoutMs });
    io.out(json ? renderJson(result, index) : renderText(result));
  },
});

const logLevel: Leaf = adminLeaf({
  words: ["admin", "log-level"],
  usage: "LEVEL",
  count: ONE,
  summary: `how much every node that answers says in its log from now on, until it is started again: ${LOG_LEVELS.join(", ")}`,
  examples: ["draft admin log-level debug"],
  run: async (client, { group, timeoutMs, json }, io, [typed = ""]) => {
    const level = LOG_LEVELS.find((each) => each === typed);
    if (level === undefined) throw new UsageError(`"${typed}": wants one of ${LOG_LEVELS.join(", ")}`);
    const { answers, missing } = await askEach(client, { group, timeoutMs }, (address) => client.setLogLevel(level, { timeoutMs, address }));
    if (json) return io.out(renderJson(Object.fromEntries(answers.map(({ nodeId }) => [nodeId, level])), 0));
    for (const each of missing) io.err(`unchanged: ${each}`);
    io.out(answers.map(({ nodeId, answer }) => `${nodeId}: ${level}, was ${answer}`).join("\n"));
  },
});

const why: Leaf = adminLeaf({
  words: ["admin", "why"],
  usage: "[ID]",
  count: { min: 0, max: 1 },
  summary: "what is wrong, in plain words: why nobody leads, why a node is behind, why something was refused",
  examples: ["draft admin why", "draft admin why b"],
  run: (client, settings, io, [id]) => explain(client, settings, io, id ?? null),
});

/** The commands. */
export const adminLeaves: readonly Leaf[] = [
  servers, states, ...MEMBERS_COMMANDS.map(membersLeaf), transfer, append, snapshot, backup, restore, logLevel, why, record, tokenLeaf,
];

function membersLeaf(command: MembersCommand): Leaf {
  const { words, usage, count, summary, examples, wishes } = command;
  return adminLeaf({
    words, usage, count, summary, examples, options: optionsOf(command),
    run: (client, settings, io, typed, given) => {
      const wanted = { wishes: wishes(typed, given), force: given.has("force") };
      return given.has("dry-run") ? rehearseMembers(client, settings, io, wanted) : changeMembers(client, settings, io, wanted);
    },
  });
}

interface AdminLeaf {
  readonly words: readonly string[];
  readonly aliases?: readonly string[];
  readonly usage?: string;
  readonly count?: { readonly min: number; readonly max: number };
  readonly options?: readonly OptionSpec[] | undefined;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly run: AdminRun;
}

function adminLeaf({ words, aliases = [], usage = "", count = NONE, options: own = [], summary, examples, run }: AdminLeaf): Leaf {
  return {
    words,
    aliases,
    usage,
    summary,
    options: [...own, ...CLIENT_OPTIONS],
    positionals: count,
    examples,
    run: async ({ options, positionals }, io) => {
      const settings = settingsFrom(options);
      await using client = clientFrom(options, io.env);
      try {
        await run(client, settings, io, positionals, options);
        return 0;
      } catch (error) {
        if (!(error instanceof DraftError)) throw error;
        if (settings.json) io.out(JSON.stringify(error));
        else io.err(renderError(hintFor(error)));
        return error.exitCode;
      }
    },
  };
}
