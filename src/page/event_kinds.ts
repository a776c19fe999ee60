/** What a sentence of a node's story is about, so that a person can choose what to read. Pure. */

export type EventKind = "election" | "transfer" | "members" | "refusal" | "disk" | "link" | "other";

/** In the order in which they are looked at: the first that fits. */
const PATTERNS: readonly (readonly [kind: EventKind, pattern: RegExp])[] = [
  ["refusal", /refuses|gives up (?:a round|\d+ rounds) of reads|cannot take/],
  ["transfer", /transfer|hand(?:s|ed) leadership|take over/],
  ["members", /for members from index|change of (?:the )?members|welcome|newcomer/],
  ["election", /leads term|campaigns|vote|steps down|follows|gives up:|moves on to term|got no majority|knows no leader/],
  ["disk", /disk|snapshot|cuts |read entries/],
  ["link", /connection|is connected/],
];

export function kindOfEvent(text: string): EventKind {
  return PATTERNS.find(([, pattern]) => pattern.test(text))?.[0] ?? "other";
}

/** How each kind is called, the most telling first. */
export const EVENT_KINDS: readonly (readonly [kind: EventKind, name: string])[] = [
  ["election", "Elections"], ["transfer", "Transfers"], ["members", "Members"], ["refusal", "Refusals"], ["disk", "Disk and snapshots"], ["link", "Connections"], ["other", "Other"],
];
