/** The fixed set of seeds that every test run goes through. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import kv from "../../../plugins/kv/kv.ts";
import type { Mark } from "../../../src/sim/marks.ts";
import { runSeed } from "../../../src/sim/run_seed.ts";

const SEEDS_A_FILE = 8;

/** What these seeds must meet, each met by three seeds of ten at least: a change of what is drawn that blinds them is seen here. */
const MET: readonly Mark[] = [
  "conflict truncated", "commit before the own fsync", "follower committed before its own fsync",
  "commit of several terms at once", "append refused, the log is too short", "window full", "several stores pending",
  "leader stepped down by check-quorum", "candidate stepped down on a higher term", "candidacy that ran out",
  "vote refused to a shorter log", "vote given to a higher last term", "late vote ignored", "forwarded read failed",
  "read answered behind an apply", "end with a store pending", "end of a leader", "log of several terms found again",
  "entries read back from the WAL", "genesis handed over", "client: LOST, unknown", "client: TIMEOUT, unknown",
  "session: written by a later try", "session: refused by a later try", "session: answered from the table",
  "snapshot taken", "log begins later", "follower told to fetch a snapshot", "log replaced by a snapshot",
];

/** Adds the tests of part `part` of the set. */
export function addSeeds(part: number): void {
  const first = 110_024 + SEEDS_A_FILE * part;
  test(`O12: seeds ${first} to ${first + SEEDS_A_FILE - 1} break no rule, and the healed core lives`, async () => {
    const met = new Set<string>();
    for (let seed = first; seed < first + SEEDS_A_FILE; seed++) {
      const { violation, marks } = await runSeed(seed, { plugin: kv });
      assert.is(violation, null, `draft sim --seed ${seed}: ${violation?.message}`);
      for (const [mark, count] of Object.entries(marks)) if (count > 0) met.add(mark);
    }
    assert.equal(MET.filter((mark) => !met.has(mark)), [], "what was drawn never led there");
  });
}
