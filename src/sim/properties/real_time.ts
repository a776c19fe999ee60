/**
 * Linearizability, the part that costs nothing (Herlihy and Wing 1990; dissertation 6.3, 6.4): each answer names its
 * index in the log, and what was answered before a request was called lies before it there. A stale read owes only the
 * index that it asked for.
 */
import { DraftError } from "../../base/errors.ts";
import type { Index } from "../../raft/types.ts";
import { type ClientOperation, type Property, Violation } from "../property.ts";

export class RealTime implements Property {
  readonly name: string = "real-time";
  #highest: Index = 0;
  /** By operation: the highest index that was answered when it was called. */
  readonly #floors: Map<number, Index> = new Map();

  called(operation: ClientOperation): void {
    this.#floors.set(operation.id, this.#highest);
  }

  answered(operation: ClientOperation): void {
    const { id, answer, read, command } = operation;
    const floor = this.#floors.get(id) ?? 0;
    this.#floors.delete(id);
    if (answer === null || answer instanceof DraftError) return;
    const { index } = answer;
    if (read?.level === "stale") {
      if (index < read.minIndex) throw new Violation(this.name, `stale read ${id} asked for index ${read.minIndex} and is answered from ${index}`);
    } else if (read === null ? index <= floor : index < floor) {
      throw new Violation(this.name, `operation ${id} (${command[0]}) is answered from index ${index}; ${floor} had been answered when it was called`);
    }
    if (index > this.#highest) this.#highest = index;
  }
}
