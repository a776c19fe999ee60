/**
 * What the machines of a simulated cluster answered, entry by entry: told once each, in the order of the log, whichever
 * replica was first. A replica that answers otherwise later (after a restart, from a snapshot) breaks the rule, and so
 * does a client that is told something else than its entry was answered.
 */
import { DraftError } from "../../src/base/errors.ts";
import { withMachines } from "../../src/machine/bound_machine.ts";
import { foldValue } from "../../src/machine/digest.ts";
import type { AnyPlugin, Command, Entry, Reply } from "../../src/machine/machine.ts";
import { type ClientOperation, type Property, type SimMember, Violation } from "../../src/sim/property.ts";

/** Hears what each entry was answered; a refusal is its code. */
export type Judge = (command: Command, answer: unknown, timeMs: number) => void;

/** The rule. */
export class AppliedAnswers implements Property {
  readonly name: string = "applied answers";
  /** How often each operation was answered how, as {@link kindOf} calls it. */
  readonly counts: Map<string, number> = new Map();
  readonly #judge: Judge;
  readonly #atEnd: (members: readonly SimMember[]) => void;
  readonly #digests: Map<number, number> = new Map();
  #lastIndex = 0;
  /** Use: told at the next event, since an applier takes what is thrown within `apply` for the machine's own. */
  #broken: Violation | null = null;

  /** @param atEnd looks at the healed cluster; what it throws breaks the rule */
  constructor(judge: Judge, atEnd: (members: readonly SimMember[]) => void = () => {}) {
    this.#judge = judge;
    this.#atEnd = atEnd;
  }

  watched(plugin: AnyPlugin): AnyPlugin {
    return withMachines(plugin, (machine, { directory }) => {
      // Other rules run machines of their own, without a directory.
      if (directory === "") return machine;
      const apply = (command: Command, entry: Entry): Reply => {
        try {
          const answer = machine.apply(command, entry);
          this.#applied(command, answer, entry);
          return answer;
        } catch (error) {
          if (!(error instanceof DraftError)) throw error;
          this.#applied(command, error.code, entry);
          throw error;
        }
      };
      return { ...machine, apply };
    });
  }

  stepped(): void {
    if (this.#broken !== null) throw this.#broken;
  }

  answered({ read, answer, command }: ClientOperation): void {
    if (read !== null || answer === null || answer instanceof DraftError) return;
    this.#check(answer.index, foldValue(0, answer.reply), `a client was told of ${command.join(" ")}`);
    this.stepped();
  }

  finished(members: readonly SimMember[]): void {
    this.#guard(() => this.#atEnd(members));
    this.stepped();
  }

  #applied(command: Command, answer: unknown, { index, timeMs }: Entry): void {
    const digest = foldValue(0, answer);
    if (index <= this.#lastIndex) return this.#check(index, digest, `a machine says to ${command.join(" ")}`);
    this.#lastIndex = index;
    this.#digests.set(index, digest);
    const kind = `${command[0]} ${kindOf(answer)}`;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#guard(() => this.#judge(command, answer, timeMs));
  }

  #check(index: number, digest: number, what: string): void {
    const known = this.#digests.get(index);
    if (known !== digest) this.#broken ??= new Violation(this.name, `at ${index} ${what} another thing than was answered first`);
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "Assertion") throw error;
      this.#broken ??= new Violation(this.name, error.message);
    }
  }
}

/** An answer in a word: a refusal's code, whether a lock was granted, else its type. */
function kindOf(answer: unknown): string {
  if (typeof answer === "string") return /^[A-Z]+$/.test(answer) ? answer : "string";
  if (typeof answer !== "object" || answer === null) return answer === null ? "nil" : typeof answer;
  return "granted" in answer ? String(answer.granted) : "some";
}
