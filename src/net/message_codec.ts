/**
 * The members' messages as tuples: `[kind, group, from, fromIncarnation, to, term, …]`, then the fields of the kind in
 * the order of the tables below. Fields are added at the end of a table and get a default there; a reader ignores what
 * is behind the fields that it knows. Only an append request ends otherwise: `…, more, entries]`, where `more` is a
 * tuple that can grow, and `entries` the sealed entries one behind the other, last so that they are sent uncopied; to a
 * witness they are bare. And behind the fields of installSnapshot stands where the log of a witness begins (log_start.ts),
 * an empty byte string for others.
 */
import { assert } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import { chainAfter, endOf, ENTRY_HEADER_BYTES, EntryKind, readRun } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { decodeConfiguration } from "../raft/configuration.ts";
import { decodeLogStart, encodeLogStart } from "../raft/log_start.ts";
import type { AppendRequest, Message, MessageType } from "../raft/message.ts";
import type { LogEntry, LogStart } from "../raft/types.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { bytesOf, decodeTuple, durationOf, flagOf, refused, tupleOf, wholeOf } from "./tuple.ts";

/** An append as it arrives: what the core sees, and the sealed bytes of its entries, a view of the received piece. */
export interface ReceivedAppend extends AppendRequest {
  readonly run: Uint8Array;
}

/** Numbers of the kinds of messages; below 64, see hello.ts. */
export const MessageKind: Readonly<Record<MessageType, number>> = {
  voteRequest: 1,
  voteReply: 2,
  appendRequest: 3,
  appendReply: 4,
  heartbeat: 5,
  heartbeatReply: 6,
  timeoutNow: 7,
  readIndexRequest: 8,
  readIndexReply: 9,
  installSnapshot: 10,
  installSnapshotReply: 11,
};

/** *added*: a whole number at the end, or a flag, that older senders leave out, and do not look at; then it is 0, or false. */
type FieldKind = "whole" | "u32" | "flag" | "duration" | "added" | "added flag";
type EnvelopeField = "type" | "group" | "from" | "fromIncarnation" | "to" | "term";
type MessageOf<T extends MessageType> = Extract<Message, { type: T }>;
type FieldTable = { readonly [T in MessageType]: Readonly<Record<Exclude<keyof MessageOf<T>, EnvelopeField | "entries" | "start">, FieldKind>> };

const ENVELOPE = { group: "whole", from: "whole", fromIncarnation: "whole", to: "whole", term: "whole" } as const;

const STATUS = {
  bootId: "whole",
  promiseMs: "duration",
  wallMs: "whole",
  checkIndex: "whole",
  checkDigest: "whole",
  durableIndex: "whole",
  durableTerm: "whole",
  durableChain: "u32",
} as const;

/** The order of the lines is the order on the wire. */
const FIELDS: FieldTable = {
  voteRequest: {
    preVote: "flag",
    lastLogIndex: "whole",
    lastLogTerm: "whole",
    forcedLeader: "whole",
    forcedTerm: "whole",
  },
  voteReply: { preVote: "flag", requestTerm: "whole", granted: "flag", bootId: "whole" },
  appendRequest: {
    prevLogIndex: "whole",
    prevLogTerm: "whole",
    prevLogChain: "u32",
    lastIndex: "whole",
    leaderCommit: "whole",
    round: "whole",
    heardQuorum: "flag",
  },
  appendReply: {
    ...STATUS,
    success: "flag",
    matchIndex: "whole",
    rejectedIndex: "whole",
    conflictTerm: "whole",
    conflictIndex: "whole",
    pointIndex: "whole",
    pointTerm: "whole",
    pointChain: "u32",
    round: "whole",
  },
  heartbeat: { leaderCommit: "whole", round: "whole", heardQuorum: "flag" },
  heartbeatReply: { ...STATUS, round: "whole", snapshotIndex: "whole" },
  timeoutNow: {},
  readIndexRequest: { readId: "whole", bootId: "whole", lease: "added flag" },
  readIndexReply: { readId: "whole", bootId: "whole", index: "whole", leaderCommit: "whole", timeMs: "added" },
  installSnapshot: {
    lastIncludedIndex: "whole",
    lastIncludedTerm: "whole",
    lastIncludedChain: "u32",
    source: "whole",
    round: "whole",
  },
  installSnapshotReply: { ...STATUS, success: "flag", lastIncludedIndex: "whole", round: "whole" },
};

interface Layout {
  readonly type: MessageType;
  readonly names: readonly string[];
  /** Of the field of the same position in `names`. */
  readonly kinds: readonly FieldKind[];
  /** Items of the tuple: kind, fields, and what ends an append request. */
  readonly items: number;
  /** Without those that were added. */
  readonly itemsMin: number;
}

/** By kind number. */
const LAYOUTS: readonly (Layout | undefined)[] = layouts();

function layouts(): (Layout | undefined)[] {
  const table: (Layout | undefined)[] = [];
  for (const type of Object.keys(FIELDS) as MessageType[]) {
    const fields: Readonly<Record<string, FieldKind>> = { ...ENVELOPE, ...FIELDS[type] };
    const names = Object.keys(fields);
    const behind = type === "appendRequest" ? 2 : type === "installSnapshot" ? 1 : 0;
    const items = 1 + names.length + behind;
    const kinds = Object.values(fields);
    const added = kinds.filter((kind) => kind.startsWith("added")).length + (type === "installSnapshot" ? 1 : 0);
    table[MessageKind[type]] = { type, names, kinds, items, itemsMin: items - added };
  }
  return table;
}

/**
 * Writes `message` as one frame. `runs` are the sealed bytes of an append request's entries, in as many pieces as they
 * lie in; they go out as they are, and must stay unchanged.
 */
export function writeMessage(writer: FrameWriter, message: Message, runs: readonly Uint8Array[]): void {
  const kind = MessageKind[message.type];
  const layout = LAYOUTS[kind] as Layout;
  const values = message as unknown as Readonly<Record<string, number | boolean>>;
  writer.begin();
  writer.array(layout.items);
  writer.whole(kind);
  const { names, kinds } = layout;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = values[name];
    if (value === true || value === false) writer.flag(value);
    else if (kinds[i] === "duration") writer.number(value as number);
    else writeWhole(writer, value, name);
  }
  if (message.type === "appendRequest") {
    writer.array(0);
    writer.endWithBytes(runs);
    return;
  }
  assert(runs.length === 0, "only an append request carries entries", message.type);
  if (message.type === "installSnapshot") writer.endWithBytes(message.start === null ? [] : [encodeLogStart(message.start)]);
  else writer.end();
}

/** Calls `assert` only to fail: its list of values costs more than the number. */
function writeWhole(writer: FrameWriter, value: unknown, name: string): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) writer.whole(value);
  else assert(false, "a number on the wire is whole", name, value);
}

/** Tells apart a message of a newer version, which is ignored. */
export interface UnknownMessage {
  readonly type: "unknown";
  readonly kind: number;
}

/**
 * Reads the message in the body of a frame. The entries of an append request are verified, header, payload and chain,
 * and continue one another from `prevLogIndex`; those of configurations are decoded.
 *
 * @throws DraftError BAD_REQUEST if it is malformed
 */
export function readMessage(body: Uint8Array): Message | UnknownMessage {
  return messageOf(decodeTuple(body, 1));
}

/** {@link readMessage} of a tuple that was decoded already. */
export function messageOf(tuple: readonly unknown[]): Message | UnknownMessage {
  const kind = wholeOf(tuple[0], "kind");
  const layout = LAYOUTS[kind];
  if (layout === undefined) return { type: "unknown", kind };
  tupleOf(tuple, layout.itemsMin, layout.type);
  const message: Record<string, unknown> = { type: layout.type };
  const { names, kinds } = layout;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    message[name] = valueOf(tuple[i + 1], kinds[i] as FieldKind, name);
  }
  if (layout.type === "appendRequest") message["entries"] = [];
  const read = message as unknown as Message;
  if (read.type === "appendRequest") {
    tupleOf(tuple[layout.items - 2], 0, "more");
    const run = bytesOf(tuple[layout.items - 1], "entries");
    message["run"] = run;
    message["entries"] = entriesOf(read, run);
  } else if (read.type === "installSnapshot") message["start"] = startOf(read, tuple[layout.items - 1]);
  return read;
}

function startOf({ lastIncludedIndex: index, lastIncludedTerm: term, lastIncludedChain: chain }: MessageOf<"installSnapshot">, value: unknown): LogStart | null {
  if (value === undefined) return null;
  const bytes = bytesOf(value, "start");
  if (bytes.length === 0) return null;
  try {
    return decodeLogStart({ index, term, chain }, bytes);
  } catch (error) {
    throw error instanceof DraftError ? refused("start", "where a log begins") : error;
  }
}

function valueOf(value: unknown, kind: FieldKind, name: string): number | boolean {
  if (kind === "added flag" && value === undefined) return false;
  if (kind === "flag" || kind === "added flag") return flagOf(value, name);
  if (kind === "duration") return durationOf(value, name);
  if (kind === "added" && value === undefined) return 0;
  return wholeOf(value, name, kind === "u32" ? 0xffff_ffff : Number.MAX_SAFE_INTEGER);
}

function blankEntry(): LogEntry {
  return { kind: 0, group: 0, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes: 0, payloadSum: 0, configuration: null };
}

function entriesOf(request: AppendRequest, run: Uint8Array): LogEntry[] {
  const { entries, fault, faultAt } = readRun(run, blankEntry);
  if (fault !== null) throw refused("entries", `sealed entries, not one with a bad ${fault} at byte ${faultAt}`);
  if (request.prevLogIndex + entries.length !== request.lastIndex) {
    throw refused("entries", `${request.lastIndex - request.prevLogIndex} entries, not ${entries.length}`);
  }
  let index = request.prevLogIndex;
  let term = request.prevLogTerm;
  let chain = request.prevLogChain;
  const view = viewOf(run);
  let at = 0;
  for (const entry of entries) {
    index += 1;
    chain = chainAfter(chain, entry);
    const follows = entry.group === request.group && entry.index === index && entry.term >= term;
    if (!follows || entry.term > request.term || entry.chain !== chain) {
      throw refused("entries", `an entry that continues the log at index ${index}`);
    }
    term = entry.term;
    if (entry.kind === EntryKind.config) {
      const from = at + ENTRY_HEADER_BYTES;
      entry.configuration = decodeConfiguration(run.subarray(from, from + entry.payloadBytes), index);
    }
    at = endOf(view, at);
  }
  return entries;
}
