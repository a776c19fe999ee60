/**
 * Two builds of a machine under one log, entry by entry: as long as a version is in force, the newer build must do with
 * the same entries what the older one did. `draft log replay --machine FILE` stands on this; it is the log that it reads.
 */
import type { EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { GroupId, Index } from "../raft/types.ts";
import { Applier } from "./applier.ts";
import { foldText, foldValue } from "./digest.ts";
import type { AnyPlugin } from "./machine.ts";

/** The two of them, and how the log begins. */
export interface SideBySideOptions {
  readonly older: AnyPlugin;
  readonly newer: AnyPlugin;
  readonly group: GroupId;
  /** In force before the first entry, as the genesis says. */
  readonly version: number;
  /** Of its own for each, and empty, where one of them keeps its state on disk; in memory if it is left out. */
  readonly directories?: readonly [older: string, newer: string];
}

/** What the two did with an entry, where it was not the same. */
export interface BuildsDiffer {
  readonly index: Index;
  /** `emitted`: the answer is the same, the changes that were told are not. */
  readonly what: "answer" | "emitted" | "state";
  /** In words, or as a digest. */
  readonly older: string;
  readonly newer: string;
}

/** Applies the same entries to both. */
export class SideBySide {
  /** To be restored from one snapshot, both of them, if the log does not reach back to its first entry. */
  readonly older: Applier;
  readonly newer: Applier;

  /** @throws DraftError BAD_PLUGIN if one makes no machine */
  constructor({ older, newer, group, version, directories = ["", ""] }: SideBySideOptions) {
    const [one, other] = [older, newer].map((plugin, at) => new Applier({ plugin, group, directory: directories[at] as string, log: () => {} })) as [Applier, Applier];
    for (const each of [one, other]) each.open();
    one.begin(version);
    other.begin(version);
    this.older = one;
    this.newer = other;
  }

  /**
   * Applies the next entry.
   *
   * @param from where its payload begins in `bytes`
   * @returns how they differ from here on; null if they do not
   * @throws DraftError BAD_PLUGIN if the entry raises the version beyond what one of them can run; see {@link Applier.apply}
   */
  apply(head: EntryHead, bytes: Uint8Array, from: number): BuildsDiffer | null {
    const { older, newer } = this;
    // The older one's first: it may be live state.
    const [one, sum] = told(older.apply(head, bytes, from, null));
    const [other, otherSum] = told(newer.apply(head, bytes, from, null));
    const { index } = head;
    if (sum !== otherSum) return { index, what: "answer", older: one, newer: other };
    if (older.digest !== newer.digest) return { index, what: "emitted", older: hex(older.digest), newer: hex(newer.digest) };
    const states = [older.stateHash(), newer.stateHash()] as const;
    return states[0] === states[1] ? null : { index, what: "state", older: states[0], newer: states[1] };
  }
}

/** An answer in words, and its sum. */
function told(answer: unknown): [words: string, sum: number] {
  if (answer instanceof DraftError) return [`${answer.code} ${answer.message}`, foldText(0, `${answer.code} ${answer.message}`)];
  const words = JSON.stringify(answer, (_, value: unknown) => typeof value === "bigint" ? `${value}n` : value) ?? "nothing";
  return [words, foldValue(0, answer)];
}

function hex(digest: number): string {
  return (digest >>> 0).toString(16).padStart(8, "0");
}
