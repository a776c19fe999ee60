/** Bugs in comparing the replicas' states. */
import type { Mutant } from "./mutant.ts";

export const VERDICT_MUTANTS: readonly Mutant[] = [
  {
    id: "54a", title: "verdict ignored by the replica that differs",
    file: "src/machine/checks.ts",
    find: "own.digest !== verdict.digest) throw", replace: "own.digest < 0) throw",
  },
  {
    id: "54b", title: "the first digest reported taken for that of a majority",
    file: "src/raft/tally.ts",
    find: "if (wins(digest, false)) return", replace: "return",
  },
  {
    id: "54c", title: "running digest without the answers",
    file: "src/machine/machine_calls.ts",
    find: "      this.#entry.foldAnswer(answer);\n", replace: "",
  },
];
