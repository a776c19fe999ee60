/** What must hold of the answers of `lock` alone, in the order of the log: one holder at any moment, and tokens that grow. */
import * as assert from "uvu/assert";
import type { Command } from "../../../src/machine/machine.ts";

/** Hears every write and its answer. */
export class Exclusion {
  readonly #last: Map<string, { owner: string; token: number; untilMs: number }> = new Map();

  answered([operation, name, second]: Command, answer: unknown, timeMs: number): void {
    const lockName = String(name);
    const last = this.#last.get(lockName);
    if (operation === "acquire" && (answer as { granted: boolean }).granted) {
      const { token, expiresAtMs } = answer as { token: number; expiresAtMs: number };
      const isSame = last !== undefined && timeMs < last.untilMs && last.owner === second;
      assert.ok(last === undefined || isSame || timeMs >= last.untilMs, `${lockName} has one holder`);
      assert.ok(last === undefined || (isSame ? token === last.token : token > last.token), "tokens grow with each holder");
      this.#last.set(lockName, { owner: String(second), token, untilMs: expiresAtMs });
    }
    if (last === undefined) return;
    if (operation === "renew" && typeof answer === "number") last.untilMs = answer;
    const isGivenBack = (operation === "release" && answer === true) || (operation === "leave" && second === last.owner);
    if (isGivenBack) last.untilMs = Math.min(last.untilMs, timeMs);
  }
}
