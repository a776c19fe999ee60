/** What is wrong with the disk of one machine at the moment: several troubles at once, each for a while. */
import type { DiskCall, DiskFault, FaultRule } from "./sim_faults.ts";
import type { SimMachine } from "./sim_machine.ts";

export class DiskTroubles {
  readonly #machine: SimMachine;
  readonly #rules: Set<FaultRule> = new Set();

  constructor(machine: SimMachine) {
    this.#machine = machine;
  }

  /** Whether anything is wrong, or was left as it was when something went wrong. */
  get any(): boolean {
    const { disk } = this.#machine;
    return this.#rules.size > 0 || disk.capacityBytes !== Number.POSITIVE_INFINITY || disk.slowness !== 1;
  }

  /** Adds a rule; a machine whose disk was replaced brings its rules along. */
  add(rule: FaultRule): void {
    this.#rules.add(rule);
    this.apply();
  }

  remove(rule: FaultRule): void {
    this.#rules.delete(rule);
    this.apply();
  }

  /** Everything works, and goes on. */
  clear(): void {
    this.#rules.clear();
    this.apply();
    const { disk } = this.#machine;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    disk.slowness = 1;
    disk.release();
  }

  apply(): void {
    const rules = [...this.#rules];
    this.#machine.disk.fault = rules.length === 0 ? () => null : (call) => firstOf(rules, call);
  }
}

function firstOf(rules: readonly FaultRule[], call: DiskCall): DiskFault | null {
  for (const rule of rules) {
    const fault = rule(call);
    if (fault !== null) return fault;
  }
  return null;
}
