/** What must hold of the answers of `queue` alone, in the order of the log: no job is lost, done twice, or held by two. */
import * as assert from "uvu/assert";
import type { Command } from "../../../src/machine/machine.ts";
import type { TakenJob } from "../methods.ts";

interface Holder {
  readonly receipt: number;
  untilMs: number;
  hasGivenBack: boolean;
}

/** Hears every write and its answer. */
export class Custody {
  readonly #pushed: Set<string> = new Set();
  readonly #gone: Set<string> = new Set();
  readonly #holders: Map<string, Holder> = new Map();
  #purged = 0;

  /** How many jobs there must be. */
  get left(): number {
    return this.#pushed.size - this.#gone.size - this.#purged;
  }

  answered([operation, , first]: Command, answer: unknown, timeMs: number): void {
    if (answer === "CONFLICT" || answer === "REJECTED") return;
    if (operation === "push") this.#pushed.add(String(answer));
    if (operation === "take" && answer !== null) this.#taken(answer as TakenJob, timeMs);
    if (operation === "ack") this.#acked(String(answer), first);
    if (operation === "delete" && answer === true) this.#gone.add(String(first));
    if (operation === "purge") this.#purged += Number(answer);
    if (operation !== "extend" && operation !== "nack") return;
    for (const holder of this.#holders.values()) {
      if (holder.receipt !== first) continue;
      holder.untilMs = operation === "extend" ? Number(answer) : timeMs;
      holder.hasGivenBack ||= operation === "nack";
    }
  }

  #taken(job: TakenJob, timeMs: number): void {
    const last = this.#holders.get(job.id);
    assert.ok(this.#pushed.has(job.id) && !this.#gone.has(job.id), `job ${job.id} was pushed, and is not gone`);
    assert.ok(last === undefined || timeMs >= last.untilMs, `job ${job.id} has one holder`);
    assert.ok(last === undefined || job.receipt > last.receipt, `receipts of job ${job.id} grow`);
    assert.ok(job.attempts <= job.maxAttempts, `job ${job.id} is not tried too often`);
    this.#holders.set(job.id, { receipt: job.receipt, untilMs: job.dueMs, hasGivenBack: false });
  }

  #acked(id: string, receipt: unknown): void {
    const holder = this.#holders.get(id);
    assert.ok(holder?.receipt === receipt && !holder?.hasGivenBack, `job ${id} is acked with its latest receipt`);
    assert.is(this.#gone.has(id), false, `job ${id} is acked once`);
    this.#gone.add(id);
  }
}
