/** What was thrown, wherever it was caught, and the violation that it is. */
import { AssertionFailed } from "../base/assert.ts";
import { Violation } from "./property.ts";

/** What an error was caused by in the first place. */
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
