/**
 * Random histories against a plain model. Three replicas run each: one as it is, one whose machine is restored from its
 * snapshot now and then, one that no time entry wakes; they must answer as the model and agree with one another. And in
 * every history no job is lost, done twice, or somebody's who does not hold its latest receipt.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextFloat, nextInRange, seedRandom } from "../../../src/base/random.ts";
import { EarlierAnswers } from "../../../src/machine/earlier.ts";
import type { Command } from "../../../src/machine/machine.ts";
import { BEGIN_MS, Replicas } from "../../../test/machine/plugin_rig.ts";
import queue from "../queue.ts";
import { Custody } from "./custody.ts";

interface Job {
  readonly id: number;
  readonly queue: string;
  readonly body: string;
  readonly maxAttempts: number;
  readonly pushedAtMs: number;
  attempts: number;
  dueMs: number;
  receipt: number;
}

/** What `queue` does, in few words: one list of jobs, looked through from the beginning. */
class Model {
  index = 0;
  timeMs: number = BEGIN_MS;
  jobs: Job[] = [];

  run([operation, name, ...args]: Command): unknown {
    const own = this.jobs.filter(({ queue: each }) => each === name).sort((a, b) => a.dueMs - b.dueMs || a.id - b.id);
    const held = own.find(({ receipt }) => receipt !== 0 && receipt === args[0]);
    const named = own.find(({ id }) => String(id) === args[0]);
    const dead = own.filter((job) => this.#state(job) === "dead");
    const chosen = args.length === 0 ? dead : dead.filter(({ id }) => args.includes(String(id)));
    const tried = own.filter(({ attempts, maxAttempts }) => attempts < maxAttempts);
    switch (operation) {
      case "push": {
        const [body, delayMs = 0, maxAttempts = 25] = args as [string, number?, number?];
        this.jobs.push({ id: this.index, queue: String(name), body, maxAttempts, pushedAtMs: this.timeMs, attempts: 0, dueMs: this.timeMs + delayMs, receipt: 0 });
        return String(this.index);
      }
      case "take": {
        const job = tried.find(({ dueMs }) => dueMs <= this.timeMs);
        if (job === undefined) return null;
        Object.assign(job, { attempts: job.attempts + 1, dueMs: this.timeMs + Number(args[0]), receipt: this.index });
        const { id, queue: _, ...rest } = job;
        return { id: String(id), ...rest };
      }
      case "ack":
        if (held === undefined) return "CONFLICT";
        this.#drop([held]);
        return String(held.id);
      case "nack":
        if (held === undefined) return "CONFLICT";
        held.receipt = 0;
        held.dueMs = this.timeMs + (held.attempts < held.maxAttempts ? Number(args[1]) : 0);
        return this.#state(held);
      case "extend":
        if (held === undefined) return "CONFLICT";
        return (held.dueMs = this.timeMs + Number(args[1]));
      case "delete":
        this.#drop(named === undefined ? [] : [named]);
        return named !== undefined;
      case "requeue":
        for (const job of chosen) Object.assign(job, { attempts: 0, dueMs: this.timeMs, receipt: 0 });
        return chosen.length;
      case "purge":
        this.#drop(chosen);
        return chosen.length;
      case "get":
        return this.#shown(named);
      case "peek":
        return this.#shown(tried[0]);
      case "dead":
        return dead.map((job) => this.#shown(job));
      case "stats": {
        const count = (state: string): number => own.filter((job) => this.#state(job) === state).length;
        return { jobs: own.length, ready: count("ready"), delayed: count("delayed"), taken: count("taken"), dead: dead.length };
      }
      default:
        return [...new Set(this.jobs.map((job) => job.queue))].sort().map((each) => {
          const jobs = this.jobs.filter((job) => job.queue === each);
          return { name: each, jobs: jobs.length, length: jobs.reduce((sum, { body }) => sum + body.length, 0) };
        });
    }
  }

  #drop(jobs: readonly Job[]): void {
    this.jobs = this.jobs.filter((job) => !jobs.includes(job));
  }

  #state({ dueMs, receipt, attempts, maxAttempts }: Job): string {
    if (dueMs > this.timeMs) return receipt === 0 ? "delayed" : "taken";
    return attempts < maxAttempts ? "ready" : "dead";
  }

  #shown(job: Job | undefined): unknown {
    if (job === undefined) return null;
    const { id, body, attempts, maxAttempts, pushedAtMs, dueMs } = job;
    return { id: String(id), state: this.#state(job), body, attempts, maxAttempts, pushedAtMs, dueMs };
  }
}

/** A command of the plugin's own, with a receipt or an id that was given instead of one by chance, most of the time. */
function drawn(random: () => number, receipts: readonly number[]): Command {
  const [name, ...args] = new EarlierAnswers().fill(queue.generate!(random));
  const receipt = receipts[Math.floor(random() * receipts.length)];
  if (/ack|extend/.test(name) && receipt !== undefined && random() < 0.9) args[1] = receipt;
  if (/get|delete|requeue|purge/.test(name) && args.length > 1) args[1] = String(1 + Math.floor(random() * 20));
  return [name, ...args];
}

/** Under which name an answer is counted. */
function kindOf(operation: string, answer: unknown): string {
  if (answer === null) return `${operation} nil`;
  if (answer === "CONFLICT" || operation === "nack") return `${operation} ${String(answer)}`;
  return operation === "requeue" || operation === "purge" ? `${operation} ${answer === 0 ? "none" : "some"}` : operation;
}

async function history(seed: number, steps: number, seen: Map<string, number>): Promise<void> {
  const state = seedRandom(seed);
  const random = (): number => nextFloat(state);
  const model = new Model();
  const custody = new Custody();
  const receipts: number[] = [];
  const replicas = new Replicas(queue);
  for (let step = 0; step < steps; step++) {
    const command = drawn(random, receipts);
    const isWrite = queue.operations[command[0]]!.kind === "write";
    if (isWrite) model.index += 1;
    const wanted = model.run(command);
    const what = `seed ${seed} step ${step}: ${command.join(" ")}`;
    replicas.answer(command, wanted, what);
    custody.answered(command, wanted, model.timeMs);
    const kind = kindOf(command[0], wanted);
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (command[0] === "take" && wanted !== null) receipts[nextInRange(state, 0, 2)] = (wanted as { receipt: number }).receipt;
    await replicas.goOn(state, model, what);
  }
  replicas.end(100_000, `seed ${seed}`);
  for (const name of ["queue0", "queue1"]) while (replicas.plain.run("requeue", name) !== 0);
  model.timeMs += 100_000;
  const left = model.jobs.map(({ id }) => String(id)).sort();
  const found: string[] = [];
  for (const name of ["queue0", "queue1"]) {
    for (let job = replicas.plain.run("take", name); job !== null; job = replicas.plain.run("take", name)) found.push((job as { id: string }).id);
  }
  assert.equal(found.sort(), left, `seed ${seed}: no job is lost`);
  assert.is(custody.left, left.length);
}

test("queue answers as the model does, restored or not, swept or not; no job is lost, done twice, or held by two", async () => {
  const seen: Map<string, number> = new Map();
  for (let seed = 1; seed <= 40; seed++) await history(seed, 250, seen);
  const wanted = [
    "ack", "ack CONFLICT", "dead", "delete", "extend", "extend CONFLICT", "get", "get nil", "nack CONFLICT", "nack dead", "nack delayed",
    "nack ready", "peek", "peek nil", "purge none", "purge some", "push", "queues", "requeue none", "requeue some", "stats", "take", "take nil",
  ];
  assert.equal([...seen.keys()].sort(), wanted);
  for (const [kind, count] of seen) assert.ok(count >= 10, `${kind} was met ${count} times`);
});

test.run();
