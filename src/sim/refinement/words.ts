/** A refused step in words, for whoever reads why. */
import type { View } from "./abstract.ts";

/** What is different after the step, field by field. */
export function differenceWords(before: View, after: View): string {
  const names = Object.keys(after) as (keyof View)[];
  const changes = names.filter((name) => before[name] !== after[name]).map((name) => `${name} ${before[name]} → ${after[name]}`);
  return changes.length === 0 ? "nothing else changed" : changes.join(", ");
}
