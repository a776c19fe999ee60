/** What was thrown in a run, as the rule that it breaks. */
import { AssertionFailed } from "../base/assert.ts";
import { Violation } from "./property.ts";

/** The error that was the cause of all others. */
export function rootOf(error: unknown): unknown {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error && !(at instanceof Violation)) at = at.cause;
  return at;
}

/** What was thrown, as a violation. */
export function violationOf(thrown: unknown): Violation {
  if (thrown instanceof Violation) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const name = error instanceof AssertionFailed ? "assertion" : "nothing is thrown";
  const violation = new Violation(name, error.message);
  violation.stack = error.stack ?? "";
  return violation;
}

/** Whether the engine threw it: a slip of the code, however it was wrapped, which no fault excuses. */
export function isSlip(cause: unknown): boolean {
  return cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError;
}

/** Whether a rule or an assertion was broken, whatever code it came through. */
export function isBrokenFact(cause: unknown): boolean {
  return cause instanceof Violation || cause instanceof AssertionFailed;
}
