/**
 * The index oracle: each answer names its index in the log, so the log itself is the order that must explain it
 * (dissertation 3.5, 6.3: one log, applied in order by deterministic machines). The committed commands are run once more
 * on a machine of the oracle's own:
 *
 * - an acknowledged write is the entry at its index, and its answer is what the machine says there;
 * - a read, a stale one too, is answered as the machine answers at its index;
 * - what any machine of the cluster was, it is, too, at that index: by entries or by a snapshot (equal_states.ts);
 * - no command is in the log more often than it was sent: what was told not-done is not there. (Under a session it may
 *   be, if it did nothing there: see exactly_once.ts.)
 */
import { DraftError } from "../../base/errors.ts";
import { EntryKind } from "../../base/entry.ts";
import type { Applier } from "../../machine/applier.ts";
import type { Index } from "../../raft/types.ts";
import { answerOf, History, meaningOf, operationText, type Recorded } from "../history/history.ts";
import { applyEntry, hasPayload, indexesByPayload, type Payload, payloadNameOf, payloadsOf, sessionPayloads } from "../history/payloads.ts";
import { type ClientOperation, type Property, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";
import type { EqualStates } from "./equal_states.ts";
import type { SealedPayloads } from "./sealed_payloads.ts";

/** What is known of one payload. */
interface Known {
  readonly payload: Payload;
  /** One of its calls, in words. */
  readonly sample: string;
  /** Operations that must, or may, have put it into the log. */
  certain: number;
  possible: number;
}

/** What the oracle looks at. */
export interface IndexOracleParts {
  readonly model: ClusterModel;
  readonly committed: Committed;
  readonly payloads: SealedPayloads;
  /** Holds the machines of the cluster against that of the oracle. */
  readonly equal: EqualStates;
}

export class IndexOracle implements Property {
  readonly name: string = "index-oracle";
  readonly #model: ClusterModel;
  readonly #committed: Committed;
  readonly #history: History = new History();

  readonly #payloads: SealedPayloads;
  readonly #equal: EqualStates;

  constructor({ model, committed, payloads, equal }: IndexOracleParts) {
    this.#model = model;
    this.#committed = committed;
    this.#payloads = payloads;
    this.#equal = equal;
  }

  called(operation: ClientOperation): void {
    this.#history.called(operation);
  }

  answered(operation: ClientOperation): void {
    this.#history.answered(operation);
  }

  finished(): void {
    const { operations } = this.#history;
    const [applier, asker] = [this.#model.newApplier(), this.#model.newAsker()];
    // Nobody ran a machine.
    if (applier === null || asker === null) return;
    const known = this.#known(asker, operations);
    this.#count(known);
    this.#replay(applier, operations, known);
  }

  #known(applier: Applier, operations: readonly Recorded[]): Map<string, Known> {
    const known = new Map<string, Known>();
    for (const { operation, ending } of operations) {
      const payloads = payloadsOf(applier, operation);
      for (const payload of payloads) {
        let row = known.get(payload.name);
        if (row === undefined) {
          row = { payload, sample: operationText(operation), certain: 0, possible: 0 };
          known.set(payload.name, row);
        }
        // A second session is had when the first is gone: which of its entries did it is told by the answer alone.
        if ((ending === "done" || ending === "refused") && payloads.length === 1) row.certain += 1;
        if (payload.session !== null) row.possible += payload.sent;
        else if (ending !== "never") row.possible += 1;
      }
      if (ending === "done" && operation.read === null && payloads.length > 0) this.#checkEntry(operation, payloads);
    }
    return known;
  }

  #checkEntry(operation: ClientOperation, payloads: readonly Payload[]): void {
    const { index } = answerOf(operation);
    const entry = this.#committed.at(index);
    if (entry !== null && entry.kind === EntryKind.command && payloads.some(({ name }) => name === payloadNameOf(entry))) return;
    throw new Violation(this.name, `an acknowledged write is not the entry at its index: ${operationText(operation)}`);
  }

  #count(known: ReadonlyMap<string, Known>): void {
    const indexes = indexesByPayload(this.#committed);
    for (const [name, list] of indexes) {
      const kinds = list.filter((index) => this.#committed.at(index)!.kind === EntryKind.command);
      if (kinds.length === 0) continue;
      const { possible, sample } = known.get(name) ?? { possible: 0, sample: "nobody called it" };
      if (kinds.length > possible) {
        throw new Violation(this.name, `a command is committed at ${kinds.join(", ")}; ${possible} calls may have put it there: ${sample}`);
      }
    }
    for (const [name, { certain, sample }] of known) {
      const there = indexes.get(name)?.length ?? 0;
      if (there < certain) throw new Violation(this.name, `a command was answered ${certain} times and is committed ${there} times: ${sample}`);
    }
  }

  #replay(applier: Applier, operations: readonly Recorded[], known: ReadonlyMap<string, Known>): void {
    const answered = new Map<Index, ClientOperation[]>();
    for (const { operation, ending } of operations) {
      if (ending !== "done") continue;
      const { index } = answerOf(operation);
      if (index > this.#committed.lastIndex) throw new Violation(this.name, `nothing is committed at the index of ${operationText(operation)}`);
      const list = answered.get(index);
      if (list === undefined) answered.set(index, [operation]);
      else list.push(operation);
    }
    const payloads = new Map([...known].map(([name, { payload }]) => [name, payload]));
    for (const payload of sessionPayloads(payloads.values())) payloads.set(payload.name, payload);
    this.#checkReads(applier, answered.get(0) ?? []);
    let isExact = true;
    for (let index = 1; index <= this.#committed.lastIndex; index++) {
      const entry = this.#committed.at(index)!;
      const told = this.#payloads.of(entry);
      isExact &&= told !== null || !hasPayload(entry);
      const reply = meaningOf(applyEntry(applier, entry, told, payloads));
      if (isExact) this.#equal.compareReplay(applier);
      const here = answered.get(index) ?? [];
      for (const operation of here) if (operation.read === null) this.#check(operation, reply);
      this.#checkReads(applier, here);
    }
  }

  #checkReads(applier: Applier, operations: readonly ClientOperation[]): void {
    for (const operation of operations) {
      if (operation.read === null) continue;
      const reply = applier.query(applier.operations.prepare(operation.command));
      this.#check(operation, meaningOf(reply));
    }
  }

  #check(operation: ClientOperation, reply: string): void {
    const { answer } = operation;
    if (answer === null || answer instanceof DraftError || meaningOf(answer.reply) === reply) return;
    throw new Violation(this.name, `the log explains another answer, ${reply}, to ${operationText(operation)}`);
  }
}

