/**
 * Runs steps on copies of one machine, and compares them after each: two that are given the same and never stop, one
 * that is restored from a snapshot now and then, and for machines whose snapshots are streams one that takes them while
 * commands go on.
 */
import { DraftError } from "../../base/errors.ts";
import type { CollectionWatch } from "../../host/collection_watch.ts";
import type { AnyPlugin, Command, Reply } from "../machine.ts";
import { EarlierAnswers } from "../earlier.ts";
import { BatchedCopy } from "./batched.ts";
import { type Look, MachineCopy } from "./copy.ts";
import { answerNow, differenceOf, isReordered, isReorderedAnswer, isSameAnswer } from "./difference.ts";
import { type Problem, problems } from "./finding.ts";
import { prepareAsNodes } from "./prepared.ts";
import { SlowSnapshot } from "./slow_snapshot.ts";
import type { Step } from "./step.ts";
import type { Tally } from "./tally.ts";

/** Log time of the first command, in Unix milliseconds: long ago, so that a real clock makes a difference. */
const BEGINNING_MS = 1_000_000_000_000;

/** Turns of the queue of promises after each command, in which nothing may happen to a machine. */
const TURNS = 4;

/** What a trial is made of. */
export interface TrialOptions {
  readonly plugin: AnyPlugin;
  /** A directory of its own for each machine. */
  readonly directory: () => string;
  /** Counts what was run. */
  readonly tally: Tally;
  /** Tells order from loss. */
  readonly watch?: CollectionWatch;
}

/** A problem, on its way out of a trial. */
class Found extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/**
 * Runs the steps until something is found.
 *
 * @throws DraftError BAD_PLUGIN if the plugin makes no machine
 */
export async function runSteps(options: TrialOptions, steps: readonly Step[]): Promise<Problem | null> {
  const trial = new Trial(options);
  try {
    await trial.begin();
    for (const step of steps) await trial.run(step);
    await trial.finish();
    return null;
  } catch (error) {
    if (error instanceof Found) return error.problem;
    throw error;
  } finally {
    await trial.close();
  }
}

type Applied = { readonly operation: string; readonly run: (copy: MachineCopy) => Reply | DraftError };

class Trial {
  readonly #options: TrialOptions;
  readonly #first: MachineCopy;
  readonly #second: MachineCopy;
  /** Use: there once a step restored it. */
  #restored: MachineCopy | null = null;
  /** Use: takes snapshots while commands go on; never looked into, which would begin another one. */
  readonly #streaming: MachineCopy;
  #slow: SlowSnapshot | null = null;
  /** Use: of a machine that runs several commands at once, a copy that is given them so. */
  readonly #batched: BatchedCopy | null;
  /** The first copy behind the last step; null before the first. */
  #look: Look | null = null;
  #operation = "create";
  readonly #answers: EarlierAnswers = new EarlierAnswers();
  #timeMs = BEGINNING_MS;

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#first = this.#make();
    this.#second = this.#make();
    this.#streaming = this.#make();
    this.#batched = this.#first.hasBatch ? new BatchedCopy(this.#make()) : null;
  }

  async begin(): Promise<void> {
    for (const copy of [this.#first, this.#second, this.#streaming, this.#batched?.copy]) copy?.found(this.#timeMs);
    const [first, second] = await this.#looks([this.#first, this.#second]);
    const what = differenceOf(first, second);
    if (what !== null) throw new Found(problems.created(what));
  }

  async run(step: Step): Promise<void> {
    const before = await this.#unchanged();
    if ("restore" in step) return this.#restore(before);
    if ("snapshot" in step) return this.#begin(before);
    this.#timeMs += step.afterMs;
    const due = this.#first.applier.wakeAt();
    if (due !== null && due <= this.#timeMs) await this.#wake();
    await this.#command(this.#answers.fill(step.command));
  }

  async #wake(): Promise<void> {
    await this.#runBatch();
    await this.#write({ operation: "wake", run: (copy) => copy.wake(this.#timeMs) });
    this.#batched?.copy.wake(this.#timeMs);
  }

  /** What is still under way is brought to its end. */
  async finish(): Promise<void> {
    await this.#unchanged();
    await this.#runBatch();
    const problem = await this.#slow?.finish() ?? null;
    if (problem !== null) throw new Found(problem);
  }

  async close(): Promise<void> {
    this.#slow?.close();
    for (const copy of [this.#first, this.#second, this.#streaming, this.#restored, this.#batched?.copy]) await copy?.close();
  }

  #make(): MachineCopy {
    const { plugin, directory, watch = null } = this.#options;
    return new MachineCopy({ plugin, directory: directory(), watch });
  }

  /** The state, which nothing may have changed since the last step. */
  async #unchanged(): Promise<Look> {
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
    const look = await this.#lookAt(this.#first);
    if (this.#look !== null && differenceOf(this.#look, look) !== null) throw new Found(problems.late(this.#operation));
    this.#look = look;
    return look;
  }

  async #command(command: Command): Promise<void> {
    const { tally } = this.#options;
    const { operations } = this.#first.applier;
    const made = prepareAsNodes(operations, command);
    if ("problem" in made) throw new Found(made.problem);
    if ("refused" in made) return tally.refused(command[0], made.refused.message);
    const { command: prepared } = made;
    if (operations.kindOf(prepared) === "read") return this.#read(prepared);
    const answer = await this.#write({ operation: prepared[0], run: (copy) => copy.apply(prepared, this.#timeMs) });
    this.#count(prepared[0], answer);
    if (!(answer instanceof DraftError)) this.#answers.note(prepared, answer);
    this.#batched?.add({ command: prepared, timeMs: this.#timeMs, answer });
    if (this.#batched?.isFull === true) await this.#runBatch();
  }

  /** Behind a write: the copy that gets its commands in runs comes to where the others are. */
  async #runBatch(): Promise<void> {
    const look = this.#look;
    const problem = look === null ? null : await this.#batched?.run(this.#first, look) ?? null;
    if (problem !== null) throw new Found(problem);
  }

  #count(operation: string, answer: unknown): void {
    const { tally } = this.#options;
    if (this.#first.thrown !== null) tally.broke(operation, this.#first.thrown);
    else if (answer instanceof DraftError) tally.rejected(operation, answer.message);
    else tally.ran(operation);
  }

  async #read(command: Command): Promise<void> {
    const [operation] = command;
    this.#operation = operation;
    const answers = this.#copies().map((copy) => {
      const answer = copy.query(command);
      this.#checkCopy(copy, operation);
      return answerNow(answer);
    });
    this.#count(operation, answers[0]);
    if (!(answers[0] instanceof DraftError)) this.#answers.note(command, answers[0]);
    this.#compareAnswers(operation, answers);
    const after = await this.#lookAt(this.#first);
    const what = differenceOf(this.#look ?? after, after);
    if (what !== null) throw new Found(problems.spoilt(operation, what));
  }

  /** Runs a write on all copies. */
  async #write({ operation, run }: Applied): Promise<Reply | DraftError> {
    this.#operation = operation;
    const answers = this.#copies().map((copy) => {
      const answer = run(copy);
      this.#checkCopy(copy, operation);
      return answerNow(answer);
    });
    run(this.#streaming);
    this.#compareAnswers(operation, answers);
    if (this.#first.applier.digest !== this.#second.applier.digest) throw new Found(problems.emitted(operation));
    const before = this.#look;
    // All at once, before anything else happens: what a machine does later is told by the next look.
    const [look, second, restored] = await this.#looks(this.#copies());
    const [answer] = answers;
    const half = answer instanceof DraftError && before !== null ? differenceOf(before, look) : null;
    if (half !== null) throw new Found(this.#halfDone(operation, half));
    const apart = differenceOf(look, second);
    if (apart !== null) throw new Found(problems.states(operation, apart));
    if (this.#restored !== null && restored !== undefined) this.#compareRestored(this.#restored, look, restored);
    this.#look = look;
    await this.#slow?.take(operation);
    return answer as Reply | DraftError;
  }

  /** The copies that are looked at, the one that was restored last. */
  #copies(): [MachineCopy, MachineCopy, ...MachineCopy[]] {
    return [this.#first, this.#second, ...(this.#restored === null ? [] : [this.#restored])];
  }

  #halfDone(operation: string, what: string): Problem {
    const { thrown } = this.#first;
    return thrown === null ? problems.halfRejected(operation, what) : problems.halfBroken(operation, { thrown, what });
  }

  #checkForbidden({ forbidden }: MachineCopy, operation: string): void {
    if (forbidden !== null) throw new Found(problems.forbidden(forbidden.use.operation ?? operation, forbidden.message));
  }

  /** What a copy shows by itself of the command that it ran. */
  #checkCopy(copy: MachineCopy, operation: string): void {
    this.#checkForbidden(copy, operation);
    if (copy.promised) throw new Found(problems.promise(operation));
    if (copy.unsendable !== null) throw new Found(problems.unsendable(operation, { what: "the answer of", why: copy.unsendable }));
  }

  #compareAnswers(operation: string, [first, second, restored]: readonly unknown[]): void {
    if (!isSameAnswer(first, second)) throw new Found(problems.answers(operation, first, second));
    if (this.#restored === null || isSameAnswer(first, restored)) return;
    const isOrder = isReorderedAnswer(first, restored) || this.#holdsOtherOrder(this.#restored);
    throw new Found(isOrder ? problems.reordered(operation) : problems.lostAnswer(operation, first, restored));
  }

  #compareRestored(restored: MachineCopy, look: Look, theirs: Look): void {
    const what = differenceOf(look, theirs);
    if (what === null) return;
    const isOrder = isReordered(look, theirs) || this.#holdsOtherOrder(restored);
    throw new Found(isOrder ? problems.reordered(this.#operation) : problems.lost(this.#operation, what));
  }

  #holdsOtherOrder(restored: MachineCopy): boolean {
    return this.#options.watch?.differInOrder(this.#first, restored) ?? false;
  }

  async #restore(before: Look): Promise<void> {
    await this.#restored?.close();
    this.#restored = null;
    const restored = this.#make();
    try {
      await restored.restore(before.saved ?? await this.#first.save());
    } catch (error) {
      await restored.close();
      if (!(error instanceof DraftError)) throw error;
      throw new Found(problems.notRestored(this.#operation, error.message));
    }
    this.#restored = restored;
    this.#compareRestored(restored, before, await this.#lookAt(restored));
  }

  async #begin(before: Look): Promise<void> {
    const problem = await this.#slow?.finish() ?? null;
    this.#slow = null;
    if (problem !== null) throw new Found(problem);
    const saved = before.saved ?? await this.#first.save();
    if (saved.begun.streamed) this.#slow = new SlowSnapshot(this.#streaming, saved, this.#operation, () => this.#make());
  }

  /** Each copy as it is now. */
  async #looks<const Copies extends readonly MachineCopy[]>(copies: Copies): Promise<{ [At in keyof Copies]: Look }> {
    return await Promise.all(copies.map((copy) => this.#lookAt(copy))) as unknown as { [At in keyof Copies]: Look };
  }

  /** @throws Found if the machine cannot be looked at */
  async #lookAt(copy: MachineCopy): Promise<Look> {
    try {
      const look = await copy.look();
      this.#checkForbidden(copy, this.#operation);
      return look;
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      throw new Found(problems.notRestored(this.#operation, error.message));
    }
  }
}
