/**
 * Checks of what must be true of our own code. They stay on in production: a wrong answer costs more than a stopped
 * node. Input from peers, disk or users is never asserted; it is checked and refused (see errors.ts).
 */

/** What a failed assertion throws. It ends the process: the state in memory can no longer be believed. */
export class AssertionFailed extends Error {
  override readonly name = "AssertionFailed";
}

/**
 * Throws unless `condition` holds. The values are joined to the message only on failure, so that a passing check costs
 * neither a closure nor a string.
 *
 * @param condition what must hold, one fact
 * @param message the fact, stated positively: `matchIndex is below nextIndex`
 * @param values what a reader of the crash report wants to see, in the order of the message
 * @throws AssertionFailed
 */
export function assert(condition: boolean, message: string, ...values: readonly unknown[]): asserts condition {
  if (!condition) fail(message, values);
}

/** Ends an exhaustive switch over a union: a new member of the union no longer compiles. */
export function assertNever(value: never): never {
  return fail("the union has no other member", [value]);
}

function fail(message: string, values: readonly unknown[]): never {
  const shown = values.map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value)));
  throw new AssertionFailed(`assertion failed: ${message}${shown.length > 0 ? `: ${shown.join(", ")}` : ""}`);
}
