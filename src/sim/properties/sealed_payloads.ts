/** What stands in the entries: their payloads, as the leaders that sealed them gave them to their logs. */
import { ENTRY_HEADER_BYTES, sealedBytes } from "../../base/entry.ts";
import type { LogEntry } from "../../raft/types.ts";
import type { Property, SimMember } from "../property.ts";
import type { Sealed } from "./sealed_entries.ts";

interface Kept {
  readonly term: number;
  readonly chain: number;
  readonly payload: Uint8Array;
}

/** Keeps them. */
export class SealedPayloads implements Property {
  readonly name: string = "payloads";
  /** By index: one for each entry that a leader ever put there. */
  readonly #kept: (Kept[] | undefined)[] = [];

  entriesSealed(_member: SimMember, entries: readonly LogEntry[], bytes: Uint8Array): void {
    let at = 0;
    for (const { index, term, chain, payloadBytes } of entries) {
      const payload = bytes.slice(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + payloadBytes);
      (this.#kept[index] ??= []).push({ term, chain, payload });
      at += sealedBytes(payloadBytes);
    }
  }

  /** The payload of the entry; null if nobody told it. */
  of({ index, term, chain }: Pick<Sealed, "index" | "term" | "chain">): Uint8Array | null {
    return this.#kept[index]?.find((each) => each.term === term && each.chain === chain)?.payload ?? null;
  }
}
