/** Bugs in sessions. */
import type { Mutant } from "./mutant.ts";

const APPLIER = "src/machine/applier.ts";
const TABLE = "src/machine/sessions.ts";

export const SESSION_MUTANTS: readonly Mutant[] = [
  {
    id: "36", title: "duplicate command re-applied after leader change",
    file: "src/machine/perform.ts", find: "  if (found === null) return calls.run(envelope);",
    replace: "  if (found === null || (found.index > 0 && found.index < (on as unknown as { termBegan: number }).termBegan)) return calls.run(envelope);",
    also: [
      { file: APPLIER, find: "    const at = this.#at;\n", replace: "    const at = this.#at;\n    if (head.term !== at.term) this.termBegan = head.index;\n" },
      { file: APPLIER, find: "  #restoring = false;", replace: "  #restoring = false;\n  termBegan = 0;" },
    ],
  },
  {
    id: "36b", title: "command of a session that is gone is run all the same",
    file: TABLE, find: "    if (session === undefined) return refused(",
    replace: "    if (session === undefined) return null;\n    if (session === null) return refused(",
  },
  {
    id: "36c", title: "command of an ordered session runs before its turn",
    file: TABLE, find: "    if (session.ordered && sequence !== session.last + 1) {", replace: "    if (session.ordered && sequence > session.last + 2) {",
  },
  {
    id: "36d", title: "window forgets a sequence one too early, and runs it again",
    file: TABLE, find: "    if (below > session.answeredBelow) this.#forgetBelow(session, below);",
    replace: "    if (below > session.answeredBelow) this.#forgetBelow(session, below + 1), session.answeredBelow = below, session.last = Math.max(session.last, below - 1);",
  },
  {
    id: "37", title: "session expiry by wall clock",
    file: "src/node/group.ts", find: "    if (!this.#applies.hasMore || !this.#applies.run()) return false;",
    replace: "    if (!this.#applies.hasMore) return false;\n    this.applier.sessions.expire(now.wallMs);\n    if (!this.#applies.run()) return false;",
  },
  {
    id: "56", title: "what a machine on disk holds is applied to it again after a restart",
    file: "src/machine/engine.ts", find: "    this.#through = through;\n    return true;", replace: "    return true;",
  },
];
