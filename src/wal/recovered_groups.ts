/**
 * The groups of a log while it is read at the start: each record must continue what stands before it, then it is told
 * to the visitor. A record that verifies and yet contradicts what stands before is damage, wherever it lies.
 */
import { crc32, equalBytes } from "../base/bytes.ts";
import { chainOfGenesis, ENTRY_HEADER_BYTES, type EntryHead, payloadHolds, readHeader, sealedBytes } from "../base/entry.ts";
import type { Task } from "../base/task.ts";
import type { GroupId, HardState, Index } from "../raft/types.ts";
import { type Envelope, ENVELOPE_BYTES, readBaseBody, readHardStateBody, readMadeBody } from "./record.ts";
import type { Place } from "./segment.ts";
import { readEntries, type ReadSource } from "./wal_read.ts";
import { WalGroup } from "./wal_group.ts";

/** Who is told what a log holds, in its order. Bytes are views that last for the call: copy what is kept. */
export interface WalVisitor {
  groupMade(group: GroupId, genesis: Uint8Array): void;
  hardState(group: GroupId, hardState: HardState): void;
  /** `from` and all after it are removed. */
  truncated(group: GroupId, from: Index): void;
  entry(group: GroupId, head: EntryHead, payload: Uint8Array): void;
}

/** What is wrong with a record: its content does not verify, or it contradicts what stands before. */
export interface RecordFault {
  readonly what: string;
  readonly group: GroupId;
  readonly index: Index;
  readonly contradicts: boolean;
}

/** A group's end, for what continues it. */
interface GroupEnd {
  readonly log: WalGroup;
  lastTerm: number;
  lastChain: number;
}

/** All groups, as far as the log was read. */
export class RecoveredGroups {
  #groups: Map<GroupId, GroupEnd> = new Map();
  #visitor: WalVisitor;
  #heads: EntryHead[] = [];

  constructor(visitor: WalVisitor) {
    this.#visitor = visitor;
  }

  /** The groups by id, once the whole log was read. */
  logs(): Map<GroupId, WalGroup> {
    const logs = new Map<GroupId, WalGroup>();
    for (const [group, end] of this.#groups) {
      end.log.appendedLast = end.log.lastIndex;
      end.log.isPlaced = true;
      end.log.landed();
      logs.set(group, end.log);
    }
    return logs;
  }

  /** Takes in a run of sealed entries, all of it or nothing. `at` is where its envelope stands in `bytes`. */
  entries(envelope: Envelope, bytes: Uint8Array, view: DataView, at: number, place: Place): RecordFault | null {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    if (envelope.firstIndex !== end.log.lastIndex + 1) {
      return contradiction(envelope, `the group ends at index ${end.log.lastIndex}`);
    }
    const fault = this.#verifyRun(envelope, end, bytes, view, at);
    if (fault !== null) return fault;
    const run = bytes.subarray(at + ENVELOPE_BYTES, at + envelope.length);
    end.log.append(envelope.firstIndex, envelope.count, run, { sequence: place.sequence, offset: place.offset + ENVELOPE_BYTES });
    let from = ENTRY_HEADER_BYTES;
    for (const head of this.#heads) {
      this.#visitor.entry(envelope.group, head, run.subarray(from, from + head.payloadBytes));
      from += sealedBytes(head.payloadBytes);
      end.lastTerm = head.term;
      end.lastChain = head.chain;
    }
    return null;
  }

  hardState(envelope: Envelope, body: Uint8Array): RecordFault | null {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const hardState = readHardStateBody(body);
    if (hardState === null) return unreadable(envelope, "a hard state that cannot be read");
    if (hardState.term < end.log.hardState.term) {
      return contradiction(envelope, `hard state of term ${hardState.term} behind one of term ${end.log.hardState.term}`);
    }
    end.log.hardState = hardState;
    this.#visitor.hardState(envelope.group, hardState);
    return null;
  }

  groupMade(envelope: Envelope, body: Uint8Array): RecordFault | null {
    if (this.#groups.has(envelope.group)) return contradiction(envelope, "its group was made before");
    const genesis = readMadeBody(body);
    if (genesis === null) return unreadable(envelope, "a genesis that cannot be read");
    this.#groups.set(envelope.group, { log: new WalGroup(envelope.group, genesis), lastTerm: 0, lastChain: chainOfGenesis(genesis) });
    this.#visitor.groupMade(envelope.group, genesis);
    return null;
  }

  /** A base says nothing new, and must say just what the log before it says. */
  base(envelope: Envelope, body: Uint8Array): RecordFault | null {
    const base = readBaseBody(body);
    if (base === null) return unreadable(envelope, "a base that cannot be read");
    if (base.prefix.index !== 0) return contradiction(envelope, "a compacted log, which this version does not know");
    const log = this.#groups.get(envelope.group)?.log;
    if (log === undefined) return contradiction(envelope, "its group was never made");
    const { term, votedFor, commitIndex } = log.hardState;
    const agrees = base.lastIndex === log.lastIndex && equalBytes(base.genesis, log.genesis) &&
      base.hardState.term === term && base.hardState.votedFor === votedFor && base.hardState.commitIndex === commitIndex;
    return agrees ? null : contradiction(envelope, `a base up to index ${base.lastIndex} behind a log up to index ${log.lastIndex}`);
  }

  /** Removes a suffix; term and chain of what is now the last entry are read back. */
  *truncate(envelope: Envelope, source: Omit<ReadSource, "points">): Task<RecordFault | null> {
    const end = this.#groups.get(envelope.group);
    if (end === undefined) return contradiction(envelope, "its group was never made");
    const from = envelope.firstIndex;
    if (from < 1 || from > end.log.lastIndex) return contradiction(envelope, `the group ends at index ${end.log.lastIndex}`);
    end.log.truncate(from);
    end.lastTerm = 0;
    end.lastChain = chainOfGenesis(end.log.genesis);
    if (from > 1) {
      const request = { group: envelope.group, from: from - 1, to: from - 1, bytesMax: 1 };
      const read = yield* readEntries({ ...source, points: end.log.index.route(from - 1, from - 1, 1).points }, request);
      const run = read.runs[0] as Uint8Array;
      const head = readHeader(run, new DataView(run.buffer, run.byteOffset, run.length), 0) as EntryHead;
      end.lastTerm = head.term;
      end.lastChain = head.chain;
    }
    this.#visitor.truncated(envelope.group, from);
    return null;
  }

  /** The last index of a group, for messages; 0 if there is none. */
  lastIndex(group: GroupId): Index {
    return this.#groups.get(group)?.log.lastIndex ?? 0;
  }

  /** Verifies each entry of a run and keeps the heads. A body of another write must not pass: the chain tells it. */
  #verifyRun(envelope: Envelope, end: GroupEnd, bytes: Uint8Array, view: DataView, at: number): RecordFault | null {
    const runEnd = at + envelope.length;
    this.#heads.length = 0;
    let from = at + ENVELOPE_BYTES;
    let chain = end.lastChain;
    let term = end.lastTerm;
    for (let i = 0; i < envelope.count; i++) {
      const index = envelope.firstIndex + i;
      const head = from + ENTRY_HEADER_BYTES <= runEnd ? readHeader(bytes, view, from) : null;
      if (head === null) return unreadable(envelope, "an entry's header does not fit its sum", index);
      const next = from + sealedBytes(head.payloadBytes);
      if (next > runEnd || !payloadHolds(bytes, from, head)) return unreadable(envelope, "a payload does not fit its sum", index);
      // The same as chainAfter(), on the bytes as they lie: this loop decides how long a start takes.
      chain = crc32(bytes, from + 4, from + 48, chain);
      if (head.index !== index || head.group !== envelope.group || head.chain !== chain || head.term < term) {
        return unreadable(envelope, "an entry does not continue the one before", index);
      }
      term = head.term;
      this.#heads.push(head);
      from = next;
    }
    return from === runEnd && envelope.count > 0 ? null : unreadable(envelope, "its entries do not fill it");
  }
}

function unreadable(envelope: Envelope, what: string, index: Index = envelope.firstIndex): RecordFault {
  return { what, group: envelope.group, index, contradicts: false };
}

function contradiction(envelope: Envelope, what: string): RecordFault {
  return { what, group: envelope.group, index: envelope.firstIndex, contradicts: true };
}
