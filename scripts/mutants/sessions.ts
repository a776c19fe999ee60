/** Bugs in sessions. */
import type { Mutant } from "./mutant.ts";

const APPLIER = "src/machine/applier.ts";

export const SESSION_MUTANTS: readonly Mutant[] = [
  {
    id: "36", title: "duplicate command re-applied after leader change",
    file: APPLIER, find: "    if (found === null) return this.#runCommand(envelope);",
    replace: "    if (found === null || (found.index > 0 && found.index < this.#termBegan)) return this.#runCommand(envelope);",
    also: [
      { file: APPLIER, find: "    this.#term = head.term;", replace: "    if (head.term !== this.#term) this.#termBegan = head.index;\n    this.#term = head.term;" },
      { file: APPLIER, find: "  #term: Term = 0;", replace: "  #term: Term = 0;\n  #termBegan = 0;" },
    ],
  },
  {
    id: "37", title: "session expiry by wall clock",
    file: "src/node/group.ts", find: "    if (!this.#applies.run()) return false;",
    replace: "    this.applier.sessions.expire(now.wallMs);\n    if (!this.#applies.run()) return false;",
  },
];
