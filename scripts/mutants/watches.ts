/** Seeded bugs of what watchers hear. */
import type { Mutant } from "./mutant.ts";

const HISTORY = "src/machine/change_history.ts";

export const WATCH_MUTANTS: readonly Mutant[] = [
  {
    id: "57a", title: "a change of the same entry is lost where a watch resumes",
    file: HISTORY,
    find: "      if (isHeard) low = middle + 1;", replace: "      if (isHeard || this.#indexes[slot] === cursor.index) low = middle + 1;",
  },
  {
    id: "57b", title: "the last change is told again where a watch resumes",
    file: HISTORY,
    find: "- cursor.n) <= 0;", replace: "- cursor.n) < 0;",
  },
  {
    id: "57c", title: "changes of one entry told in another order",
    file: "src/node/watch.ts",
    find: "      changes.push(change);",
    replace: "      if (changes.at(-1)?.index === change.index) changes.splice(-1, 0, change);\n      else changes.push(change);",
  },
  {
    id: "57d", title: "snapshot omits the newest changes",
    file: "src/node/group_snapshots.ts",
    find: "      [PieceKind.changes, (done) => done(null, changes.next())],\n", replace: "",
  },
];
