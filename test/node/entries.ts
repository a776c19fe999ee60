/** Sealed entries for tests, one chain. */
import { viewOf } from "../../src/base/bytes.ts";
import { chainAfter, EntryKind, payloadSumOf, sealedBytes, type EntryHead, writeHeader, ENTRY_HEADER_BYTES } from "../../src/base/entry.ts";

/** A head with the bytes that it stands for. */
export interface SealedEntry extends EntryHead {
  readonly sealed: Uint8Array;
}

/** Entries `from`..`to` of group 1 and term 1, each with a payload of so many bytes, or as `payload` makes it. */
export function sealedEntries(from: number, to: number, payload: number | ((index: number) => Uint8Array), term = 1): SealedEntry[] {
  const entries: SealedEntry[] = [];
  let chain = 0;
  for (let index = from; index <= to; index++) {
    const bytes = typeof payload === "number" ? new Uint8Array(payload).fill(index) : payload(index);
    const head = { kind: EntryKind.command, group: 1, index, term, timeMs: 1000 + index, chain: 0, payloadBytes: bytes.length, payloadSum: payloadSumOf(bytes) };
    chain = chainAfter(chain, head);
    head.chain = chain;
    const sealed = new Uint8Array(sealedBytes(bytes.length));
    sealed.set(bytes, ENTRY_HEADER_BYTES);
    writeHeader(sealed, viewOf(sealed), 0, head);
    entries.push({ ...head, sealed });
  }
  return entries;
}
