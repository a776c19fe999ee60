/**
 * What a verdict entry says of a check point: an entry at which every replica notes what its state comes to.
 *
 * ```text
 * [outcome, check index, digest]     CBOR; index and digest 0 where the outcome has none
 * outcome   0 nothing is known yet: the entry is a new check point, and that is all
 *           1 a majority of the data voters has this digest: whoever has another one stops
 *           2 no digest has a majority: an alarm, and nobody stops
 * ```
 *
 * It may grow at its end, and readers pass over what they do not know.
 */
import { decode, encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Index } from "./types.ts";

/** A state in one number, as of the check point at `index`; index 0: none. */
export interface CheckPoint {
  readonly index: Index;
  /** An unsigned 32-bit number. */
  readonly digest: number;
}

export type Verdict =
  | { readonly outcome: "none" }
  | { readonly outcome: "majority"; readonly index: Index; readonly digest: number }
  | { readonly outcome: "split"; readonly index: Index };

const Outcome = { none: 0, majority: 1, split: 2 } as const;

/** The payload of a verdict entry; the caller's to keep. */
export function encodeVerdict(verdict: Verdict): Uint8Array {
  const index = verdict.outcome === "none" ? 0 : verdict.index;
  const digest = verdict.outcome === "majority" ? verdict.digest : 0;
  return new Uint8Array(encode([Outcome[verdict.outcome], index, digest]));
}

/** @throws DraftError BAD_CONFIG if it is none that this draft knows: to pass over it might pass over a state that differs */
export function decodeVerdict(payload: Uint8Array): Verdict {
  const [outcome, index, digest] = tupleIn(payload);
  if (isWhole(index) && isWhole(digest)) {
    if (outcome === Outcome.none) return { outcome: "none" };
    if (outcome === Outcome.majority && index > 0) return { outcome: "majority", index, digest };
    if (outcome === Outcome.split && index > 0) return { outcome: "split", index };
  }
  throw new DraftError("BAD_CONFIG", "a verdict entry says what this release of draft does not know: start this node with the one that the others run");
}

function tupleIn(payload: Uint8Array): readonly unknown[] {
  try {
    const tuple = decode(payload);
    return Array.isArray(tuple) ? tuple : [];
  } catch (error) {
    if (error instanceof DraftError) return [];
    throw error;
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
