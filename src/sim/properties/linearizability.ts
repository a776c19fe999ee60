/**
 * Linearizability of what clients saw (Herlihy and Wing 1990; dissertation 6.3, 6.4, SPEC's promise to clients), judged
 * from calls and answers alone: some order of the operations, each between its call and its answer, explains all
 * answers. What ended unknown may have happened at any time after its call, or never; what was told not-done never;
 * stale reads are judged by the index oracle. A search that is given up counts as failed.
 *
 * Where entries stand in the log is used as a hint for the search only.
 */
import { DraftError } from "../../base/errors.ts";
import { componentsOf, type Component } from "../history/components.ts";
import { answerOf, History, operationText, type Recorded } from "../history/history.ts";
import type { KvOperation, KvState } from "../history/kv_cells.ts";
import { KvModel } from "../history/kv_model.ts";
import { applyEntry, indexesByPayload, type Payload, payloadsOf, sessionPayloads } from "../history/payloads.ts";
import { type Search, search, type Timed } from "../history/wing_gong.ts";
import { type ClientOperation, type Property, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";
import type { SealedPayloads } from "./sealed_payloads.ts";

/** Steps of the search for one part of the history, at most. */
const STEPS_MAX = 1_000_000;

/** Operations named in a violation. */
const SHOWN_MAX = 12;

type Hinted = KvOperation & Timed;

/** What tells where operations stand in the log. */
export interface LinearizabilityHints {
  readonly model: ClusterModel;
  readonly committed: Committed;
  readonly payloads: SealedPayloads;
}

/** What a command under a session is answered with that was not run at that place: it may run at another, or ran nowhere. */
const NOT_RUN: ReadonlySet<string> = new Set(["SESSION_EXPIRED", "LOST"]);

export class Linearizability implements Property {
  readonly name: string = "linearizability";
  readonly #history: History = new History();
  readonly #model: ClusterModel | null;
  readonly #committed: Committed | null;
  readonly #payloads: SealedPayloads | null;
  readonly #stepsMax: number;
  /** Steps that the searches took. */
  steps = 0;

  /** @param hints whose machine ran, and its log; null: the machine is `kv`, and the search goes without hints */
  constructor(hints: LinearizabilityHints | null = null, stepsMax: number = STEPS_MAX) {
    this.#model = hints?.model ?? null;
    this.#committed = hints?.committed ?? null;
    this.#payloads = hints?.payloads ?? null;
    this.#stepsMax = stepsMax;
  }

  called(operation: ClientOperation): void {
    this.#history.called(operation);
  }

  answered(operation: ClientOperation): void {
    this.#history.answered(operation);
  }

  finished(): void {
    // Of other machines no specification is known: the index oracle judges them by themselves.
    if ((this.#model?.plugin?.name ?? "kv") !== "kv") return;
    const { operations } = this.#history;
    const replies = this.#replies(operations);
    const hints = this.#hintsOf(operations, replies);
    const guessed = replies === null ? null : guessedBy(operations, hints, replies);
    if (guessed !== null && componentsOf(guessed).every((part) => this.#search(part, hints).verdict === "linearizable")) return;
    for (const component of componentsOf(operations)) this.#judge(component, hints);
  }

  #judge(component: Component, hints: ReadonlyMap<number, number>): void {
    const { verdict, steps, stuckAt } = this.#search(component, hints);
    if (verdict === "linearizable") return;
    const { keys, operations } = component;
    const shown = stuckAt.slice(0, SHOWN_MAX).map(({ recorded }) => operationText(recorded.operation));
    const what = verdict === "unknown" ? `gave up after ${steps} steps on` : "no order explains the answers of";
    throw new Violation(this.name, `${what} ${operations.length} operations on ${keys.slice(0, SHOWN_MAX).join(", ")}; stuck at:\n  ${shown.join("\n  ")}`);
  }

  #search({ keys, operations }: Component, hints: ReadonlyMap<number, number>): Search<Hinted> {
    const timed = operations.map((operation): Hinted => {
      const { calledAt, answeredAt, operation: { id } } = operation.recorded;
      return { ...operation, calledAt, answeredAt, hint: hints.get(id) ?? Number.POSITIVE_INFINITY };
    });
    if (timed.length === 0) return { verdict: "linearizable", steps: 0, stuckAt: [] };
    const found = search<Hinted, KvState>(new KvModel(keys), timed, this.#stepsMax);
    this.steps += found.steps;
    return found;
  }

  /** What the machine says to each entry of the log, by index; null without a log. */
  #replies(operations: readonly Recorded[]): unknown[] | null {
    const [applier, asker] = [this.#model?.newApplier() ?? null, this.#model?.newAsker() ?? null];
    if (this.#committed === null || applier === null || asker === null) return null;
    const payloads = new Map<string, Payload>();
    for (const { operation } of operations) {
      for (const payload of payloadsOf(asker, operation)) payloads.set(payload.name, payload);
    }
    for (const payload of sessionPayloads(payloads.values())) payloads.set(payload.name, payload);
    const replies: unknown[] = [];
    for (let index = 1; index <= this.#committed.lastIndex; index++) {
      const entry = this.#committed.at(index)!;
      replies[index] = applyEntry(applier, entry, this.#payloads?.of(entry) ?? null, payloads);
    }
    return replies;
  }

  /** Where each operation stands in the log, as far as that can be told. */
  #hintsOf(operations: readonly Recorded[], replies: readonly unknown[] | null): Map<number, number> {
    const hints = new Map<number, number>();
    const claimed = new Set<number>();
    for (const { operation, ending } of operations) {
      if (ending !== "done") continue;
      const { index } = answerOf(operation);
      // A read stands behind the entry whose state it saw.
      hints.set(operation.id, operation.read === null ? index : index + 0.5);
      if (operation.read === null) claimed.add(index);
    }
    const asker = this.#model?.newAsker() ?? null;
    if (this.#committed === null || asker === null) return hints;
    const indexes = indexesByPayload(this.#committed);
    // In the order of their calls: of equal commands the earlier one has the earlier entry.
    const floors = floorsOf(operations);
    for (const { operation, ending } of operations) {
      if (ending !== "unknown" && ending !== "refused") continue;
      const list = payloadsOf(asker, operation).flatMap(({ name }) => indexes.get(name) ?? []).sort((a, b) => a - b);
      const index = list.find((at) => at > floors.get(operation.id)! && !claimed.has(at) && isRun(replies?.[at]));
      if (index === undefined) continue;
      hints.set(operation.id, index);
      claimed.add(index);
    }
    return hints;
  }
}

function isRun(reply: unknown): boolean {
  return !(reply instanceof DraftError && NOT_RUN.has(reply.code));
}

/**
 * The history as the log tells it: what ended unknown and is committed had the answer that its entry has, and what is
 * not committed never happened. That asks for more than the history itself, so an order that explains it explains
 * both; where none does nothing is said.
 */
function guessedBy(operations: readonly Recorded[], hints: ReadonlyMap<number, number>, replies: readonly unknown[]): Recorded[] {
  return operations.map((recorded): Recorded => {
    const index = hints.get(recorded.operation.id);
    if (recorded.ending !== "unknown") return recorded;
    if (index === undefined) return { ...recorded, ending: "never" };
    const reply = replies[index];
    if (reply instanceof DraftError) return { ...recorded, ending: "refused", operation: { ...recorded.operation, answer: reply } };
    return { ...recorded, ending: "done", operation: { ...recorded.operation, answer: { index, reply } } };
  });
}

/** For each operation the highest index that had been answered when it was called: its own entry lies behind. */
function floorsOf(operations: readonly Recorded[]): Map<number, number> {
  const answered = operations.filter(({ ending }) => ending === "done").sort((a, b) => a.answeredAt - b.answeredAt);
  const floors = new Map<number, number>();
  let at = 0;
  let highest = 0;
  for (const { operation, calledAt } of operations) {
    for (; at < answered.length && answered[at]!.answeredAt < calledAt; at++) {
      highest = Math.max(highest, answerOf(answered[at]!.operation).index);
    }
    floors.set(operation.id, highest);
  }
  return floors;
}
