/**
 * Exactly once (dissertation 6.3; DESIGN promise 1): whatever a client sends under one session and sequence, or under one
 * key, runs on the machines at one index at most, however often it stands in the log; a write that was told done ran at the index of its
 * answer, and one that was told not-done ran nowhere. What is sent under an ordered session runs in the order of its
 * sequences. The machines are looked on at, not the table that sees to this.
 */
import { DraftError } from "../../base/errors.ts";
import { Applier } from "../../machine/applier.ts";
import { withMachines } from "../../machine/bound_machine.ts";
import type { AnyPlugin, Command, Entry } from "../../machine/machine.ts";
import { type Index, MAIN_GROUP } from "../../raft/types.ts";
import { endingOf, operationText } from "../history/history.ts";
import { type Payload, payloadNameOf, payloadsOf } from "../history/payloads.ts";
import { type ClientOperation, type Property, Violation } from "../property.ts";
import type { Committed } from "./committed.ts";

/** A command of an ordered session, where it was run. */
interface Run {
  readonly sequence: number;
  readonly index: Index;
  readonly operation: ClientOperation;
}

export class ExactlyOnce implements Property {
  readonly name: string = "exactly-once";
  readonly #committed: Committed;
  readonly #operations: Map<number, ClientOperation> = new Map();
  /** Indexes whose command was run by any machine. */
  readonly #ran: Set<Index> = new Set();
  #plugin: AnyPlugin | null = null;

  constructor(committed: Committed) {
    this.#committed = committed;
  }

  watched(plugin: AnyPlugin): AnyPlugin {
    this.#plugin = plugin;
    return withMachines(plugin, (machine, { directory }) => {
      // Rules run machines of their own, without a directory.
      if (directory === "") return machine;
      const { apply, applyBatch } = machine;
      return {
        ...machine,
        apply: (command: Command, entry: Entry) => {
          this.ran(entry);
          return apply(command, entry);
        },
        ...(applyBatch === undefined ? {} : {
          applyBatch: (commands: readonly Command[], entries: readonly Entry[]) => {
            for (const entry of entries) this.ran(entry);
            return applyBatch(commands, entries);
          },
        }),
      };
    });
  }

  /** A machine runs the command of this entry. */
  ran({ index }: Pick<Entry, "index">): void {
    this.#ran.add(index);
  }

  called(operation: ClientOperation): void {
    this.#operations.set(operation.id, operation);
  }

  answered(operation: ClientOperation): void {
    this.#operations.set(operation.id, { ...operation });
  }

  finished(): void {
    if (this.#plugin === null) return;
    const applier = new Applier({ plugin: this.#plugin, group: MAIN_GROUP, directory: "", log: () => {} });
    applier.begin(this.#plugin.version);
    const ranAt = this.#ranByPayload();
    const inOrder = new Map<string, Run[]>();
    for (const operation of this.#operations.values()) {
      const payloads = payloadsOf(applier, operation).filter(({ session }) => session !== null);
      if (payloads.length > 0) this.#check(operation, payloads, ranAt);
      if (operation.ordered === true) noteRuns(inOrder, operation, payloads, ranAt);
    }
    for (const runs of inOrder.values()) this.#checkOrder(runs);
  }

  #checkOrder(runs: Run[]): void {
    runs.sort((a, b) => a.sequence - b.sequence);
    for (const [at, { index, operation }] of runs.entries()) {
      const before = runs[at - 1];
      if (before === undefined || before.index < index) continue;
      throw new Violation(this.name, `run at ${index}, before the one ahead of it in its ordered session at ${before.index}: ${operationText(operation)}`);
    }
  }

  #ranByPayload(): Map<string, Index[]> {
    const ranAt = new Map<string, Index[]>();
    for (const index of this.#ran) {
      const entry = this.#committed.at(index);
      if (entry === null) continue;
      const name = payloadNameOf(entry);
      ranAt.set(name, [...ranAt.get(name) ?? [], index]);
    }
    return ranAt;
  }

  #check(operation: ClientOperation, payloads: readonly Payload[], ranAt: ReadonlyMap<string, readonly Index[]>): void {
    const indexes = payloads.flatMap(({ name }) => ranAt.get(name) ?? []);
    const broken = (what: string): Violation => new Violation(this.name, `${what}: ${operationText(operation)}`);
    if (indexes.length > 1) throw broken(`run at ${indexes.join(" and ")}`);
    const ending = endingOf(operation);
    if (ending === "never" && indexes.length > 0) throw broken(`told not done, and run at ${indexes.join(", ")}`);
    if (operation.answer instanceof DraftError && operation.answer.outcome === "done" && indexes.length === 0) throw broken("told done, and run nowhere");
    if (ending === "refused" && indexes.length === 0) throw broken("refused by a machine that never ran it");
    if (ending === "done" && operation.answer !== null && "index" in operation.answer && operation.answer.index !== indexes[0]) {
      throw broken(`run at ${indexes[0] ?? "no index"}`);
    }
  }
}

function noteRuns(bySession: Map<string, Run[]>, operation: ClientOperation, payloads: readonly Payload[], ranAt: ReadonlyMap<string, readonly Index[]>): void {
  for (const { name, session, sequence } of payloads) {
    const runs = bySession.get(session ?? "") ?? [];
    bySession.set(session ?? "", runs);
    // What has a key stands in no order.
    if (sequence > 0) for (const index of ranAt.get(name) ?? []) runs.push({ sequence, index, operation });
  }
}
