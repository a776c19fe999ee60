/** What may be wrong with a record when a log is read, and how a run of entries is looked through. */
import { crc32 } from "../base/bytes.ts";
import { endOf, ENTRY_HEADER_BYTES, type EntryHead, payloadHolds, readHeader } from "../base/entry.ts";
import type { GroupId, Index, Term } from "../raft/types.ts";
import { type Envelope, ENVELOPE_BYTES } from "./record.ts";

/** What is wrong with a record: its content does not verify, or it contradicts what stands before. */
export interface RecordFault {
  readonly what: string;
  readonly group: GroupId;
  readonly index: Index;
  readonly contradicts: boolean;
  /** A later draft wrote it: nobody may go on from what this one makes of the rest. */
  readonly isUnknown?: boolean;
}

/** Its content does not verify. */
export function unreadable(envelope: Envelope, what: string, index: Index = envelope.firstIndex): RecordFault {
  return { what, group: envelope.group, index, contradicts: false };
}

/** It contradicts what stands before. */
export function contradiction(envelope: Envelope, what: string): RecordFault {
  return { what, group: envelope.group, index: envelope.firstIndex, contradicts: true };
}

/**
 * Verifies each entry of a run and fills `heads`. A body of another write must not pass: the chain tells it.
 *
 * @param before term and chain of the entry before; chain null where they are not known
 * @param run where its first entry stands
 */
export function verifyRun(
  envelope: Envelope,
  before: { readonly term: Term; readonly chain: number | null },
  { bytes, view, at }: { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number },
  heads: EntryHead[],
): RecordFault | null {
  const end = at + envelope.length - ENVELOPE_BYTES;
  heads.length = 0;
  let from = at;
  let { chain, term } = before;
  for (let i = 0; i < envelope.count; i++) {
    const index = envelope.firstIndex + i;
    const head = from + ENTRY_HEADER_BYTES <= end ? readHeader(bytes, view, from) : null;
    if (head === null) return unreadable(envelope, "an entry's header does not fit its sum", index);
    const next = endOf(view, from);
    if (next > end || !payloadHolds(bytes, view, from, head)) return unreadable(envelope, "a payload does not fit its sum", index);
    // The same as chainAfter(), on the bytes as they lie: this loop decides how long a start takes.
    chain = chain === null ? head.chain : crc32(bytes, from + 4, from + 48, chain);
    if (head.index !== index || head.group !== envelope.group || head.chain !== chain || head.term < term) {
      return unreadable(envelope, "an entry does not continue the one before", index);
    }
    term = head.term;
    heads.push(head);
    from = next;
  }
  return from === end && envelope.count > 0 ? null : unreadable(envelope, "its entries do not fill it");
}
