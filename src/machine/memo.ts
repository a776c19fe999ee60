/**
 * What draft has to know of entries that a machine on disk holds already, and that are not applied again after a restart:
 * the running digest behind each, and what was kept of the answers of commands under a session. The machine keeps it for
 * us, in the same transaction as the entries: what is known of an entry is there exactly if the entry is.
 *
 * ```text
 * memo    [format 1, index, term, chain, digests, answer, …]    CBOR
 *
 * index   of the last entry; term and chain are that entry's
 * digests a byte string, 4 bytes an entry, little-endian: so many entries, the last one at `index`
 * answer  [index, kind, content] of an entry that ran a command under a session (sessions_saved.ts)
 * ```
 */
import { viewOf } from "../base/bytes.ts";
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Index, LogPoint } from "../raft/types.ts";
import { contentOf, type Kept, keptFrom } from "./kept_answer.ts";

const FORMAT = 1;

/** What is known of one entry. */
export interface Recalled {
  /** The running digest behind it. */
  readonly digest: number;
  /** What was kept of its answer; undefined if nothing had to be. */
  readonly kept: Kept | undefined;
}

/** Gathers what is to be known of the entries of one commit. */
export class MemoWriter {
  #digests: number[] = [];
  #answers: unknown[] = [];

  /** Entries since the last memo. */
  get count(): number {
    return this.#digests.length;
  }

  /** The entry behind the last one was applied. */
  add(index: Index, digest: number, kept: Kept | undefined): void {
    this.#digests.push(digest);
    if (kept !== undefined) this.#answers.push([index, ...contentOf(kept)]);
  }

  /** The memo of all that was added since the last one, through `point`; the caller's to keep. */
  take({ index, term, chain }: LogPoint): Uint8Array {
    const digests = new Uint8Array(4 * this.#digests.length);
    const view = viewOf(digests);
    for (let at = 0; at < this.#digests.length; at++) view.setInt32(4 * at, this.#digests[at]!, true);
    const memo = new Uint8Array(encode([FORMAT, index, term, chain, digests, ...this.#answers]));
    this.clear();
    return memo;
  }

  /** Forgets what was added. */
  clear(): void {
    this.#digests = [];
    this.#answers = [];
  }
}

/** A memo that was read. */
export class Memo {
  /** Of its last entry. */
  readonly point: LogPoint;
  readonly #digests: DataView;
  readonly #answers: Map<Index, Kept> = new Map();

  /** @throws DraftError DAMAGED if it is none */
  constructor(bytes: Uint8Array) {
    const [format, index, term, chain, digests, ...answers] = tupleOf(bytes);
    const isOne = format === FORMAT && Number.isSafeInteger(index) && Number.isSafeInteger(term) && Number.isSafeInteger(chain) && digests instanceof Uint8Array;
    if (!isOne) throw new DraftError("DAMAGED", `a memo of the machine on disk is of format ${String(format)}, ${FORMAT} is known: run the release that wrote it`);
    this.point = { index: index as number, term: term as number, chain: chain as number };
    this.#digests = viewOf(digests);
    for (const [at, kind, content] of answers as [number, number, unknown][]) this.#answers.set(at, keptFrom(kind, content));
  }

  /** Index of its first entry. */
  get first(): Index {
    return this.point.index - this.#digests.byteLength / 4 + 1;
  }

  /** What it says of the entry at `index`, which it covers. */
  at(index: Index): Recalled {
    return { digest: this.#digests.getInt32(4 * (index - this.first), true), kept: this.#answers.get(index) };
  }
}

function tupleOf(bytes: Uint8Array): readonly unknown[] {
  const tuple = decode(bytes);
  return Array.isArray(tuple) ? tuple : [];
}
