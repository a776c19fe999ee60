/** Whether what a read answered can be sent. */
import { DraftError } from "../base/errors.ts";
import { foldValue } from "./digest.ts";
import type { Reply } from "./machine.ts";

/** A read's answer, unless it cannot be sent: that must not break who sends it. A read is never in doubt. */
export function sendable(answer: Reply | DraftError, fault: (thrown: unknown) => DraftError): Reply | DraftError {
  if (typeof answer !== "object" || answer === null) {
    if (typeof answer !== "function" && typeof answer !== "symbol" && typeof answer !== "bigint") return answer;
  } else if (answer instanceof DraftError) {
    return notDone(answer);
  }
  try {
    foldValue(0, answer);
    return answer;
  } catch (thrown) {
    return notDone(fault(thrown));
  }
}

function notDone(error: DraftError): DraftError {
  return error.outcome === "not-done" ? error : new DraftError(error.code, error.message, { outcome: "not-done" });
}
