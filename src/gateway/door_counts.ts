/** What is asked at one door, and what is refused there. */
import type { DraftError, ErrorCode } from "../base/errors.ts";

/** Numbers that only grow. */
export class DoorCounts {
  requests = 0;
  readonly refusals: Map<ErrorCode, number> = new Map();

  refused({ code }: DraftError): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }
}
