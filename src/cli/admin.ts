/**
 * `draft admin`: what operators ask of a cluster.
 */
import { toJsonValue } from "../base/json_value.ts";
import type { Client } from "../client/client.ts";
import { CLIENT_OPTIONS, clientFrom, type RequestSettings, settingsFrom } from "./client_options.ts";
import { hintFor } from "./hints.ts";
import { DraftError } from "../base/errors.ts";
import type { Io } from "./io.ts";
import type { Leaf } from "./leaf.ts";
import { recordTo } from "./recording.ts";
import { renderError, renderJson, renderTable } from "./render.ts";
import { askEach, statesText, survey } from "./survey.ts";

/** What a command does once there is a client. */
type AdminRun = (client: Client, settings: RequestSettings, io: Io, words: readonly string[]) => Promise<void>;

const servers: Leaf = adminLeaf({
  words: ["admin", "servers"],
  aliases: ["members"],
  summary: "the members of a group, as one node knows them",
  examples: ["draft admin servers -c 127.0.0.1:7101"],
  run: async (client, { group, timeoutMs, json }, io) => {
    const list = await client.members({ group, timeoutMs });
    if (json) return io.out(JSON.stringify(toJsonValue(list)));
    const rows = list.members.map(({ id, address, role, reachable }) => [id, address, role, reachable ? "yes" : "no"]);
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
  count: 1,
  summary: "makes another member the leader; returns when it leads",
  examples: ["draft admin transfer b"],
  run: async (client, { group, timeoutMs, json }, io, [id = ""]) => {
    const { result, index } = await client.transfer(id, { group, timeoutMs });
    io.out(json ? renderJson(result, index) : `${id} leads group ${group}`);
  },
});

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

const record: Leaf = adminLeaf({
  words: ["admin", "record"],
  usage: "FILE",
  count: 1,
  summary: "writes what the cores of all nodes decided of late to a new file; it holds no data of users",
  examples: ["draft admin record incident.rec", "draft sim --replay incident.rec"],
  run: (client, settings, io, [path = ""]) => recordTo(path, client, settings, io),
});

/** The commands. */
export const adminLeaves: readonly Leaf[] = [servers, states, transfer, snapshot, record];

interface AdminLeaf {
  readonly words: readonly string[];
  readonly aliases?: readonly string[];
  readonly usage?: string;
  readonly count?: number;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly run: AdminRun;
}

function adminLeaf({ words, aliases = [], usage = "", count = 0, summary, examples, run }: AdminLeaf): Leaf {
  return {
    words,
    aliases,
    usage,
    summary,
    options: CLIENT_OPTIONS,
    positionals: { min: count, max: count },
    examples,
    run: async ({ options, positionals }, io) => {
      const settings = settingsFrom(options);
      await using client = clientFrom(options, io.env);
      try {
        await run(client, settings, io, positionals);
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
