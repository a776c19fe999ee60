/** The copy that is given its commands in runs, for machines that take them so: it must come to what `apply` came to. */
import { DraftError } from "../../base/errors.ts";
import { ForbiddenGlobal } from "../../host/guard.ts";
import type { Command, Reply } from "../machine.ts";
import { differenceOf, isSameAnswer } from "./difference.ts";
import { type Problem, problems, textOf } from "./finding.ts";
import type { Look, MachineCopy } from "./copy.ts";

/** Commands of a run: of one, then of two, and so on, then again. */
const RUN_MAX = 5;

/** A command, and what the copy said that ran it alone. */
interface Expected {
  readonly command: Command;
  readonly timeMs: number;
  readonly answer: unknown;
}

/** One such copy. */
export class BatchedCopy {
  readonly copy: MachineCopy;
  #expected: Expected[] = [];
  #wanted = 1;

  /** @param copy its machine has an `applyBatch` */
  constructor(copy: MachineCopy) {
    this.copy = copy;
  }

  /** Notes a command that other copies ran. */
  add(expected: Expected): void {
    this.#expected.push(expected);
  }

  /** Whether a run is long enough. */
  get isFull(): boolean {
    return this.#expected.length >= this.#wanted;
  }

  /** Runs what was noted, and compares it with `other`, which ran each of the commands alone. */
  async run(other: MachineCopy, look: Look): Promise<Problem | null> {
    const expected = this.#expected;
    const last = expected.at(-1)?.command[0];
    if (last === undefined) return null;
    this.#expected = [];
    this.#wanted = 1 + this.#wanted % RUN_MAX;
    let answers: (Reply | DraftError)[];
    try {
      answers = this.copy.applyRun(expected);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      if (error.cause instanceof ForbiddenGlobal) return problems.forbidden(last, error.cause.message);
      return problems.batched(last, `it broke: ${error.cause instanceof Error ? error.cause.message : error.message}`);
    }
    for (const [at, { command, answer }] of expected.entries()) {
      if (!isSameAnswer(answer, answers[at])) return problems.batched(command[0], `'${command[0]}' was answered ${textOf(answers[at])}, and ${textOf(answer)} by apply()`);
    }
    if (this.copy.applier.digest !== other.applier.digest) return problems.batched(last, "watchers were told of other changes");
    const what = differenceOf(look, await this.copy.look());
    return what === null ? null : problems.batched(last, `the states differ in ${what}`);
  }
}
