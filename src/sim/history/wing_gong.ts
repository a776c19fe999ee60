/**
 * Linearizability of a finished history (Herlihy and Wing 1990), decided by the search of Wing and Gong (1993) with the
 * memory of Lowe (2017): what was tried once, the same operations done and the same state reached, is not tried again.
 *
 * Operations are tried in an order of preference, so that a history which is as it should be is done in one descent: the
 * order is a hint and decides nothing.
 */

/** One operation of a history. */
export interface Timed {
  /** Position of the call and of the answer among all calls and answers; Infinity: no answer, it may never happen. */
  readonly calledAt: number;
  readonly answeredAt: number;
  /** Where the operation likely stands; Infinity if nothing is known. */
  readonly hint: number;
}

/** What one object does, one operation at a time. */
export interface SequentialModel<O, S> {
  readonly initial: S;
  /** The states that the operation, with the answer that it had, may lead to, the likely first; none if it cannot happen here. */
  readonly step: (state: S, operation: O) => readonly S[];
  /** Equal for equal states. */
  readonly key: (state: S) => string;
}

/** `unknown`: given up after so many steps. */
export type Verdict = "linearizable" | "not-linearizable" | "unknown";

export interface Search<O> {
  readonly verdict: Verdict;
  readonly steps: number;
  /** The operations that could not be placed when most were: where to look. */
  readonly stuckAt: readonly O[];
}

/** An operation that was not placed yet, in a list by the moment of its call. */
interface Node<O> {
  readonly operation: O;
  readonly position: number;
  before: Node<O> | null;
  after: Node<O> | null;
}

/** A decision: what was placed, and what else could have been. */
interface Choice<O, S> {
  /** What is left to try here. */
  readonly left: { readonly node: Node<O>; readonly state: S }[];
  placed: Node<O> | null;
}

/** Whether the operations can be put in one order that their answers and the moments of calls and answers allow. */
export function search<O extends Timed, S>(model: SequentialModel<O, S>, operations: readonly O[], stepsMax: number): Search<O> {
  return new Searching(model, operations).run(stepsMax);
}

class Searching<O extends Timed, S> {
  readonly #model: SequentialModel<O, S>;
  readonly #head: Node<O>;
  readonly #tried: Set<string> = new Set();
  readonly #stack: Choice<O, S>[] = [];
  /** Answered operations that are not placed. */
  #open: number;
  readonly #placedUnknown: number[] = [];
  #steps = 0;
  #fewest: number;
  #stuckAt: O[] = [];

  constructor(model: SequentialModel<O, S>, operations: readonly O[]) {
    this.#model = model;
    const sorted = [...operations].sort((a, b) => a.calledAt - b.calledAt);
    this.#head = { operation: sorted[0]!, position: -1, before: null, after: null };
    let last = this.#head;
    for (const [position, operation] of sorted.entries()) {
      const node: Node<O> = { operation, position, before: last, after: null };
      last.after = node;
      last = node;
    }
    this.#open = sorted.filter(({ answeredAt }) => Number.isFinite(answeredAt)).length;
    this.#fewest = this.#open + 1;
  }

  run(stepsMax: number): Search<O> {
    this.#enter(this.#model.initial);
    while (this.#open > 0) {
      if (this.#steps >= stepsMax) return this.#end("unknown");
      const choice = this.#stack.at(-1);
      if (choice === undefined) return this.#end("not-linearizable");
      if (choice.placed !== null) {
        this.#putBack(choice.placed);
        choice.placed = null;
      }
      const next = choice.left.pop();
      if (next === undefined) {
        this.#stack.pop();
        continue;
      }
      this.#steps += 1;
      this.#place(next.node);
      choice.placed = next.node;
      if (this.#isNew(next.state)) this.#enter(next.state);
    }
    return this.#end("linearizable");
  }

  #end(verdict: Verdict): Search<O> {
    return { verdict, steps: this.#steps, stuckAt: verdict === "linearizable" ? [] : this.#stuckAt };
  }

  /** Finds what may come next: whatever was called before the first of all open answers. */
  #enter(state: S): void {
    const candidates: Node<O>[] = [];
    let firstAnswer = Number.POSITIVE_INFINITY;
    for (let node = this.#head.after; node !== null && node.operation.calledAt <= firstAnswer; node = node.after) {
      candidates.push(node);
      firstAnswer = Math.min(firstAnswer, node.operation.answeredAt);
    }
    if (this.#open < this.#fewest) {
      this.#fewest = this.#open;
      this.#stuckAt = candidates.map(({ operation }) => operation);
    }
    // The last is tried first.
    candidates.sort((a, b) => (a.operation.hint === b.operation.hint ? b.position - a.position : b.operation.hint - a.operation.hint));
    const left: { node: Node<O>; state: S }[] = [];
    for (const node of candidates) {
      for (const next of this.#model.step(state, node.operation).toReversed()) left.push({ node, state: next });
    }
    this.#stack.push({ left, placed: null });
  }

  #place(node: Node<O>): void {
    node.before!.after = node.after;
    if (node.after !== null) node.after.before = node.before;
    if (Number.isFinite(node.operation.answeredAt)) this.#open -= 1;
    else this.#placedUnknown.push(node.position);
  }

  #putBack(node: Node<O>): void {
    node.before!.after = node;
    if (node.after !== null) node.after.before = node;
    if (Number.isFinite(node.operation.answeredAt)) this.#open += 1;
    else this.#placedUnknown.pop();
  }

  /**
   * Whether this state was not reached before with the same operations done. Those are all that were called before the
   * first open one, bar the unanswered; so the open ones within reach, and the unanswered ones placed, say it all.
   */
  #isNew(state: S): boolean {
    let firstAnswer = Number.POSITIVE_INFINITY;
    let open = "";
    for (let node = this.#head.after; node !== null && node.operation.calledAt <= firstAnswer; node = node.after) {
      if (!Number.isFinite(node.operation.answeredAt)) continue;
      firstAnswer = Math.min(firstAnswer, node.operation.answeredAt);
      open += `${node.position},`;
    }
    const unknown = this.#placedUnknown.length === 0 ? "" : [...this.#placedUnknown].sort((a, b) => a - b).join(",");
    const key = `${open};${unknown};${this.#model.key(state)}`;
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    return true;
  }
}
