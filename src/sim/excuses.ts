/**
 * Which ends of a process are no surprise. What a process met excuses that process alone: the next one finds a disk that
 * works again. What is wrong on the disk itself excuses whoever reads it.
 */
import type { ErrorCode } from "../base/errors.ts";
import type { Gate } from "./gate.ts";
import type { SimMachine } from "./sim_machine.ts";

export class Excuses {
  readonly #met: WeakMap<Gate, Set<ErrorCode>> = new WeakMap();
  readonly #standing: Map<SimMachine, Set<ErrorCode>> = new Map();

  /** The process that runs there met something after which it may end so. */
  met(machine: SimMachine, ...codes: readonly ErrorCode[]): void {
    const known = this.#met.get(machine.gate) ?? new Set();
    for (const code of codes) known.add(code);
    this.#met.set(machine.gate, known);
  }

  /** What stands on the machine's disk is damaged, and stays so. */
  damaged(machine: SimMachine, ...codes: readonly ErrorCode[]): void {
    const known = this.#standing.get(machine) ?? new Set();
    for (const code of codes) known.add(code);
    this.#standing.set(machine, known);
  }

  /** Its disk is another one, of which nothing is known. */
  renewed(machine: SimMachine): void {
    this.#standing.delete(machine);
  }

  /**
   * Whether the machine's process may end with that code.
   *
   * @param mends what rots is to be had from others: whoever reads it while it runs goes on
   */
  has(machine: SimMachine, code: ErrorCode, mends: boolean): boolean {
    if (mends && code === "DAMAGED" && machine.hasOpened) return this.#met.get(machine.gate)?.has(code) === true;
    // A full disk keeps a process from starting; one that has started keeps what it has and goes on (promise 7).
    if (code === "DISK_FULL") return !machine.hasOpened && machine.metFullDisk;
    if (code === "STORAGE_FAILED" && machine.disk.hasBad) return true;
    return this.#met.get(machine.gate)?.has(code) === true || this.#standing.get(machine)?.has(code) === true;
  }
}
