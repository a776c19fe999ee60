/**
 * What clients proposed in this turn. Payloads are laid out at once as they will lie in the WAL, with room for their
 * headers, in a buffer that is used again every turn; once the core has stamped them one copy moves the batch to where
 * WAL, followers and machine read it.
 */
import { ENTRY_HEADER_BYTES, type EntryKindNumber, payloadSumOf, sealedBytes } from "../base/entry.ts";
import type { CommandEnvelope } from "../machine/command.ts";
import type { LogEntry } from "../raft/types.ts";
import type { PendingWrite } from "./pending.ts";

const BUFFER_BYTES_START = 64 * 1024;
/** A buffer that one large turn blew up is not kept. */
const BUFFER_BYTES_KEPT = 4 * 1024 * 1024;

/** An entry that somebody asks for. */
export interface Proposed {
  readonly kind: EntryKindNumber;
  readonly payload: Uint8Array;
  readonly decoded: CommandEnvelope | null;
  /** It leaves less than there was, or is needed by what does: a full disk takes it. */
  readonly frees: boolean;
}

/** A command or session entry that somebody waits for. It has no index until the core stamps it. */
export type Proposal = LogEntry & PendingWrite;

/** The proposals of one turn. */
export class Proposals {
  #buffer: Uint8Array = new Uint8Array(BUFFER_BYTES_START);
  #used = 0;
  #list: Proposal[] = [];

  get count(): number {
    return this.#list.length;
  }

  /** Sealed bytes of all. */
  get bytes(): number {
    return this.#used;
  }

  get list(): readonly Proposal[] {
    return this.#list;
  }

  /** Takes the payload of an entry, which is copied. */
  add(payload: Uint8Array, proposal: Pick<Proposal, "kind" | "decoded" | "deadlineMs" | "done">): void {
    const at = this.#used;
    const end = at + sealedBytes(payload.length);
    if (end > this.#buffer.length) this.#grow(end);
    const payloadAt = at + ENTRY_HEADER_BYTES;
    this.#buffer.set(payload, payloadAt);
    this.#buffer.fill(0, payloadAt + payload.length, end);
    this.#used = end;
    const { kind, decoded, deadlineMs, done } = proposal;
    this.#list.push({
      kind, group: 0, index: 0, term: 0, timeMs: 0, chain: 0,
      payloadBytes: payload.length, payloadSum: payloadSumOf(payload), configuration: null, decoded, deadlineMs, done,
    });
  }

  #grow(bytes: number): void {
    const larger = new Uint8Array(Math.max(bytes, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }

  /** Copies the first `bytes` of the batch to `run`: payloads in place, headers still to be written. */
  copyTo(run: Uint8Array, bytes: number): void {
    run.set(this.#buffer.subarray(0, bytes));
  }

  /** Forgets the turn. */
  clear(): void {
    this.#used = 0;
    this.#list = [];
    if (this.#buffer.length > BUFFER_BYTES_KEPT) this.#buffer = new Uint8Array(BUFFER_BYTES_START);
  }
}
