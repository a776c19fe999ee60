/**
 * `draft log`: what a stopped node's log holds.
 */
import { ENTRY_HEADER_BYTES, type EntryHead, EntryKind, readHeader, sealedBytes } from "../base/entry.ts";
import { hexOf, viewOf } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { type JsonValue, toJsonValue, utf8OrNull } from "../base/json_value.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import { createNodeHost, silentLog } from "../host/node_host.ts";
import { decodeEnvelope } from "../machine/command.ts";
import { decodeMachineVersion } from "../machine/version_entry.ts";
import { decodeConfiguration } from "../raft/configuration.ts";
import { type Configuration, MAIN_GROUP } from "../raft/types.ts";
import type { Io } from "./io.ts";
import { type Leaf, type Options, UsageError } from "./leaf.ts";
import { type GroupLog, withGroupLog } from "./log_files.ts";
import { quoted } from "./quoting.ts";

const OPTIONS = [
  { raw: "--data <dir>", description: "the data directory of a node that is stopped" },
  { raw: "--group <name>", description: "the group that is meant", default: "main" },
  { raw: "--json", description: "one object a line" },
];

const KIND_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(EntryKind).map(([name, kind]) => [kind, name]));

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
  const print = options.has("json") ? jsonLine : textLine;
  for (let next = from; next <= to;) {
    const read = yield* log.read(next, to);
    for (const run of read.runs) {
      for (const entry of entriesOf(run, options.has("raw"))) if (key === undefined || hasKey(entry, key)) io.out(print(entry));
    }
    next = read.to + 1;
  }
}

function* showLast(log: GroupLog, options: Options, io: Io): Task<void> {
  const { lastIndex, prefix, snapshot } = log.group;
  const lastHead = lastIndex === prefix.index ? null : headOf((yield* log.read(lastIndex, lastIndex)).runs[0]);
  const summary = {
    group: "main",
    nodeId: log.identity.nodeId,
    clusterId: log.identity.clusterId,
    incarnation: String(log.identity.incarnation),
    firstIndex: lastIndex === prefix.index ? 0 : prefix.index + 1,
    lastIndex,
    lastTerm: lastHead?.term ?? prefix.term,
    compactedIndex: prefix.index,
    compactedTerm: prefix.term,
    membership: membershipOf(log.configuration),
    hardState: { ...log.hardState },
    snapshot: snapshot.index === 0 ? null : { index: snapshot.index, term: snapshot.term },
  };
  if (options.has("json")) io.out(JSON.stringify(summary));
  else io.out(Object.entries(summary).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join("\n"));
}

interface ShownEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: string;
  readonly timeMs: number;
  readonly bytes: number;
  readonly session: string | null;
  readonly command: readonly unknown[] | null;
  readonly configuration?: JsonValue;
  readonly machineVersion?: number;
  readonly raw?: string;
}

function* entriesOf(run: Uint8Array, raw: boolean): Generator<ShownEntry> {
  const view = viewOf(run);
  for (let at = 0; at < run.length;) {
    const head = readHeader(run, view, at);
    if (head === null) throw new DraftError("DAMAGED", "an entry that was just verified cannot be read: draft log show again");
    const from = at + ENTRY_HEADER_BYTES;
    yield shownEntry(head, run.subarray(from, from + head.payloadBytes), raw);
    at += sealedBytes(head.payloadBytes);
  }
}

function shownEntry(head: EntryHead, payload: Uint8Array, raw: boolean): ShownEntry {
  const { index, term, timeMs, payloadBytes } = head;
  const kind = KIND_NAMES.get(head.kind) ?? `kind ${head.kind}`;
  const shown = { index, term, kind, timeMs, bytes: payloadBytes, session: null, command: null };
  if (raw) return { ...shown, raw: hexOf(payload) };
  if (head.kind === EntryKind.config) {
    return { ...shown, configuration: membershipOf(decodeConfiguration(payload, index)) };
  }
  if (head.kind === EntryKind.version) return { ...shown, machineVersion: decodeMachineVersion(payload, index) };
  if (head.kind !== EntryKind.command) return shown;
  const { session, command } = decodeEnvelope(payload);
  return { ...shown, session, command };
}

function membershipOf({ index, joint, members }: Configuration): JsonValue {
  return {
    index,
    joint,
    members: members.map(({ id, address, role, number, incarnation }) => ({ id, address, role, number, incarnation: String(incarnation) })),
  };
}

function headOf(run: Uint8Array | undefined): EntryHead | null {
  return run === undefined ? null : readHeader(run, viewOf(run), 0);
}

function hasKey({ command }: ShownEntry, key: string): boolean {
  return command !== null && command.slice(1).some((each) => each === key || (each instanceof Uint8Array && utf8OrNull(each) === key));
}

function jsonLine({ command, ...entry }: ShownEntry): string {
  return JSON.stringify({ ...entry, command: command === null ? null : toJsonValue(command) });
}

function textLine({ index, term, kind, bytes, session, command, configuration, machineVersion, raw }: ShownEntry): string {
  const words = command?.map((each, i) => i === 0 ? String(each) : shownWord(each)) ?? [];
  const what = raw ?? machineVersion ?? (configuration === undefined ? words.join(" ") : JSON.stringify(configuration));
  const columns = [String(index).padStart(8), `t${term}`.padEnd(5), kind.padEnd(13), `${bytes} B`.padStart(9), session ?? "-", what];
  return columns.join("  ").trimEnd();
}

function shownWord(value: unknown): string {
  return typeof value === "string" || value instanceof Uint8Array ? quoted(value) : JSON.stringify(toJsonValue(value));
}
