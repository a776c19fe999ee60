/** Draws how often states are compared, and whether one replica goes astray, which is then to be found. */
import { nextFloat, nextInRange } from "../base/random.ts";
import type { AstraySettings, Settings } from "./script.ts";
import { pick, streamOf } from "./streams.ts";

/** The part of runs in which states are compared often, and of these the part in which one replica goes astray. */
const OFTEN_PART = 0.6;
const ASTRAY_PART = 0.2;

/** Who is damaged and who astray would leave no majority together. */
const DAMAGING: ReadonlySet<string> = new Set(["rot", "lies", "wipes"]);

/** Answers twice: most of them a client might see, and those stay as they are. */
const WAYS: readonly AstraySettings["what"][] = ["answers", "answers", "changes", "state"];

/**
 * What stands in the settings of a run about verdicts.
 *
 * @param mayStray whether a replica may go astray
 */
export function drawVerdicts(seed: number, { nodes, features }: Settings, mayStray: boolean = true): Pick<Settings, "verdicts" | "astray" | "features"> {
  const random = streamOf(seed, "verdicts");
  if (nextFloat(random) >= OFTEN_PART) return { features };
  const verdicts = { entries: pick(random, [3, 20, 100, 4096]), ms: pick(random, [50, 200, 1000]) };
  const isAstray = nextFloat(random) < ASTRAY_PART;
  const astray = { who: nextInRange(random, 1, nodes), from: nextInRange(random, 2, 60), what: pick(random, WAYS) };
  // Of two replicas nobody can say which is right.
  if (!isAstray || !mayStray || nodes < 3) return { verdicts, features };
  return { verdicts, astray, features: features.filter((name) => !DAMAGING.has(name)) };
}
