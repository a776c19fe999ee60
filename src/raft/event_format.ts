/**
 * How events of a core are packed, so that they can be stepped through again: everything that the core looked at, and
 * nothing else. Of an entry that is its head and, of a configuration, its content; no payload.
 *
 * ```text
 * event    byte: number of its type, 0x20 same moment as the event before, 0x40 nowMs alone changed
 *          [nowMs f64] [wallMs near the last wallMs], then what the type has:
 *   receive            message
 *   stored             store near the last store
 *   applied            index near the last index, byte: 0 or 1 and wakeAtMs near the last log time
 *   propose            count near 0, proposals
 *   read               readId near 0, byte: 1 if a lease will do
 *   transfer           to near 0
 *   changeMembership   number of the configuration near 0, promoteWithinMs near 0, byte: 0 or 1 (force)
 *   linkUp, linkDown   peer near 0
 *   readFailed         from, to near the last index
 *   diskFull           byte: 0 or 1
 *   promiseReady       promiseMs near 0
 *   loopStalled        forMs near 0
 *   restored           as applied
 *   snapshotFetching   index near the last index
 *   snapshotStored     index near the last index, term near the last term, chain u32, timeMs near the last log time
 *   entriesLost        the same
 *   snapshotFetched    the same, number of the configuration near 0
 *   checked            index near the last index, digest u32, byte: 0 or 1 and unjudgedSinceMs near the last log time
 *
 * message  byte: number of its type, 0x10 group, to and incarnation are the usual ones, 0x20 and 0x40 its flags
 *          from near 0, [group, to, fromIncarnation near 0], term near the last term, fields in the order of FIELDS,
 *          of an append request besides: count near 0, entries; of an installSnapshot with the flag 0x20 besides: where
 *          the log begins, timeMs near the last log time, number of the configuration near 0
 * entry    byte: kind * 8 + (1 group and index are not the usual ones) + (2 it is a configuration) + (4 of the last term
 *          and log time), payloadBytes near 0, payloadSum u32, chain u32, [kind near 0, if that above is 31]
 *          [group near 0, index near the last index] [term near the last term, timeMs near the last log time]
 *          [number of the configuration near 0]
 * proposal the same, of no index, term, time and chain
 * ```
 *
 * "The last" are those that were packed before, each 0 at the beginning; an incarnation is usual if the sender's last
 * message bore it. Configurations stand in a list beside the bytes.
 */
import type { EventBody } from "./event.ts";
import type { MessageType } from "./message.ts";
import type { Index, Term } from "./types.ts";

/** The position in the list is the number. */
export const EVENT_TYPES: readonly EventBody["type"][] = [
  "start", "deadline", "receive", "stored", "applied", "propose", "read", "transfer", "changeMembership", "linkUp", "linkDown",
  "readFailed", "diskStalled", "diskFull", "snapshotStored", "snapshotFetching", "snapshotFetched", "restored", "checked",
  "promiseReady", "loopStalled", "entriesLost",
];
export const SAME_MOMENT = 0x20;
export const SAME_WALL = 0x40;

/** The position in the list is the number. */
export const MESSAGE_TYPES: readonly MessageType[] = [
  "voteRequest", "voteReply", "appendRequest", "appendReply", "heartbeat", "heartbeatReply", "timeoutNow",
  "readIndexRequest", "readIndexReply", "installSnapshot", "installSnapshotReply",
];
export const USUAL = 0x10;
export const FLAG_A = 0x20;
export const FLAG_B = 0x40;

export const ENTRY_UNUSUAL = 1;
export const ENTRY_CONFIGURATION = 2;
export const ENTRY_SAME_TIME = 4;
/** Stands for kinds from here on. */
export const ENTRY_KIND_MAX = 31;

/** What a number is near to: zero, the last index, term, round, wall clock or log time; `chain` is 4 bytes of its own. */
export type Base = "zero" | "index" | "term" | "round" | "wall" | "time" | "chain";

interface MessageFormat {
  /** Names of the fields behind the flags 0x20 and 0x40. */
  readonly flags: readonly string[];
  readonly fields: readonly (readonly [name: string, base: Base])[];
}

const STATUS: MessageFormat["fields"] = [
  ["bootId", "zero"], ["promiseMs", "zero"], ["wallMs", "wall"], ["checkIndex", "zero"], ["checkDigest", "zero"],
  ["durableIndex", "index"], ["durableTerm", "term"], ["durableChain", "chain"],
];

/** What messages hold besides their envelope, in the order in which it is packed. */
export const FIELDS: { readonly [T in MessageType]: MessageFormat } = {
  voteRequest: {
    flags: ["preVote"],
    fields: [["lastLogIndex", "index"], ["lastLogTerm", "zero"], ["forcedLeader", "zero"], ["forcedTerm", "zero"]],
  },
  voteReply: { flags: ["preVote", "granted"], fields: [["requestTerm", "term"], ["bootId", "zero"]] },
  appendRequest: {
    flags: ["heardQuorum"],
    fields: [
      ["prevLogIndex", "index"], ["prevLogTerm", "term"], ["prevLogChain", "chain"], ["lastIndex", "index"],
      ["leaderCommit", "index"], ["round", "round"],
    ],
  },
  appendReply: {
    flags: ["success"],
    fields: [
      ["matchIndex", "index"], ["rejectedIndex", "zero"], ["conflictTerm", "zero"], ["conflictIndex", "zero"],
      ["pointIndex", "index"], ["pointTerm", "term"], ["pointChain", "chain"], ["round", "round"], ...STATUS,
    ],
  },
  heartbeat: { flags: ["heardQuorum"], fields: [["leaderCommit", "index"], ["round", "round"]] },
  heartbeatReply: { flags: [], fields: [["round", "round"], ...STATUS, ["snapshotIndex", "index"]] },
  timeoutNow: { flags: [], fields: [] },
  readIndexRequest: { flags: ["lease"], fields: [["readId", "zero"], ["bootId", "zero"]] },
  readIndexReply: {
    flags: [],
    fields: [["readId", "zero"], ["bootId", "zero"], ["index", "index"], ["leaderCommit", "index"], ["timeMs", "time"]],
  },
  installSnapshot: {
    flags: [],
    fields: [
      ["lastIncludedIndex", "index"], ["lastIncludedTerm", "term"], ["lastIncludedChain", "chain"],
      ["source", "zero"], ["round", "round"],
    ],
  },
  installSnapshotReply: {
    flags: ["success"],
    fields: [["lastIncludedIndex", "index"], ["round", "round"], ...STATUS],
  },
};

/** What was packed last; writer and reader keep one each, and begin alike. */
export interface Context {
  nowMs: number;
  wallMs: number;
  index: Index;
  term: Term;
  round: number;
  store: number;
  timeMs: number;
  /** By member number. */
  readonly incarnations: number[];
}

/** Members whose incarnation is remembered have a number below this. */
export const REMEMBERED_MAX = 256;

export function createContext(): Context {
  return { nowMs: 0, wallMs: 0, index: 0, term: 0, round: 0, store: 0, timeMs: 0, incarnations: [] };
}

/** What later numbers are near to: a whole number, or 0 for anything odd. */
export function whole(value: number): number {
  return value >= 0 && value < 2 ** 53 && value === Math.floor(value) ? value : 0;
}
