/**
 * The tables of `queue`. A job stands in one of two orders, at the moment at which it falls due: `waiting` while it may
 * still be tried, `dying` once its last try has begun. What a job is, is told by its order and by the time, so nothing
 * has to be moved when a delay, a visibility timeout or a last try ends.
 */
import type { Entry } from "../../src/machine/machine.ts";
import { Table } from "../../src/machine/table.ts";
import type { JobState } from "./methods.ts";

/** Jobs of all queues, at most. */
const JOBS_MAX = 1_000_000;

/** Bodies of all queues, in UTF-16 units. */
const LENGTH_MAX = 2 ** 28;

/** Digits of an index or a moment, so that the order of texts is that of numbers. */
const DIGITS = 16;

/** The name under which the sizes of all queues together stand: no queue has it. */
const ALL = "";

/** A job, all but its body: that never changes, and is long. */
export interface Job {
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly pushedAtMs: number;
  /** When it falls due: ready, or dead. */
  readonly dueMs: number;
  /** Index of the entry that took it last; 0 if nobody did, or whoever did has given it back. */
  readonly receipt: number;
}

/** What a queue holds. */
export interface Size {
  readonly jobs: number;
  readonly length: number;
}

/** The state. Keys begin with the queue. */
export type Queues = {
  readonly jobs: Table<Job>;
  readonly bodies: Table<string>;
  /** By when they fall due, then by id. */
  readonly waiting: Table<null>;
  readonly dying: Table<null>;
  /** Those that are not due, until they are: so that time goes on for whoever looks, and watchers hear of it. */
  readonly hidden: Table<null>;
  /** The id of the job that a receipt holds. */
  readonly receipts: Table<string>;
  readonly sizes: Table<Size>;
};

/** Queues without jobs. Watchers hear what became of a job, by an entry or by the time. */
export function newQueues(): Queues {
  const tell = (): void => {};
  const jobs = new Table<Job>({ tell: (entry, key, job) => entry.emit(toldOf(key), job === undefined ? undefined : stateOf(job, entry.timeMs)) });
  const hidden = new Table<null>({
    tell(entry, key) {
      const row = jobs.row(key);
      // What an entry did to a job itself is told already.
      if (row !== undefined && row.revision !== entry.index) entry.emit(toldOf(key), stateOf(row.value, entry.timeMs));
    },
  });
  return {
    jobs, hidden, bodies: new Table({ tell }), waiting: new Table({ tell }), dying: new Table({ tell }), receipts: new Table({ tell }),
    sizes: new Table({ tell }),
  };
}

/** What `job` is at `timeMs`. */
export function stateOf(job: Job, timeMs: number): JobState {
  if (job.dueMs > timeMs) return job.receipt === 0 ? "delayed" : "taken";
  return job.attempts < job.maxAttempts ? "ready" : "dead";
}

/** The job `id`, or undefined. */
export function jobAt({ jobs }: Queues, queue: string, id: string): Job | undefined {
  return jobs.get(keyOf(queue, id));
}

export function bodyAt({ bodies }: Queues, queue: string, id: string): string {
  return bodies.get(keyOf(queue, id))!;
}

/** The id of the job that `receipt` holds, or undefined. */
export function heldBy({ receipts }: Queues, queue: string, receipt: number): string | undefined {
  return receipts.get(keyOf(queue, String(receipt)));
}

/**
 * The job that entry makes.
 *
 * @returns its id
 * @throws what `entry.reject` makes, if there is no room
 */
export function addJob(queues: Queues, entry: Entry, queue: string, body: string, job: Job): string {
  const all = sizeOf(queues, ALL);
  if (all.jobs >= JOBS_MAX) throw entry.reject(`${JOBS_MAX} jobs are queued already: have some done first`);
  if (all.length + body.length > LENGTH_MAX) throw entry.reject(`${LENGTH_MAX} characters are queued already: have some jobs done first`);
  const id = String(entry.index);
  queues.bodies.set(keyOf(queue, id), body);
  putJob(queues, entry, queue, id, job);
  resize(queues, queue, 1, body.length);
  return id;
}

/** `next` in the place of `job`. */
export function changeJob(queues: Queues, entry: Entry, queue: string, id: string, next: Job): void {
  takeOut(queues, queue, id);
  putJob(queues, entry, queue, id, next);
}

export function removeJob(queues: Queues, queue: string, id: string): void {
  const key = keyOf(queue, id);
  resize(queues, queue, -1, -queues.bodies.get(key)!.length);
  takeOut(queues, queue, id);
  queues.jobs.delete(key);
  queues.bodies.delete(key);
}

/** Ids of those that wait, the first that is or falls due first. */
export function waitingIds({ waiting }: Queues, queue: string, limit: number): string[] {
  return waiting.list({ prefix: keyOf(queue, ""), limit }).map(({ key }) => idIn(key));
}

/** Ids of those that are dead at `timeMs`, in the order in which they died, after the one that died at `after`. */
export function deadIds({ dying }: Queues, queue: string, timeMs: number, limit: number, after?: { readonly id: string; readonly dueMs: number }): string[] {
  const begin = after === undefined ? {} : { after: placeOf(queue, after.dueMs, after.id) };
  return dying.list({ prefix: keyOf(queue, ""), to: placeOf(queue, timeMs, "9".repeat(DIGITS)), limit, ...begin }).map(({ key }) => idIn(key));
}

/** How many jobs are in each state: of those that are due in either order `max` are counted, and of those that are not. */
export function countStates(queues: Queues, queue: string, timeMs: number, max: number): Record<JobState, number> {
  const { waiting, dying } = queues;
  const counts = { ready: 0, delayed: 0, taken: 0, dead: 0 };
  const [prefix, now] = [keyOf(queue, ""), placeOf(queue, timeMs, "9".repeat(DIGITS))];
  for (const order of [waiting, dying]) {
    for (const range of [{ to: now }, { after: now }]) {
      for (const { key } of order.walk({ prefix, ...range, limit: max })) {
        counts[stateOf(queues.jobs.get(keyOf(queue, idIn(key)))!, timeMs)] += 1;
      }
    }
  }
  return counts;
}

/** What `queue` holds. */
export function sizeOf({ sizes }: Queues, queue: string): Size {
  return sizes.get(queue) ?? { jobs: 0, length: 0 };
}

/** Queues that have jobs, by name. */
export function listSizes({ sizes }: Queues, prefix: string, limit: number, after: string): { name: string; jobs: number; length: number }[] {
  return sizes.list({ prefix, limit, after }).map(({ key, value }) => ({ name: key, ...value }));
}

function putJob({ jobs, waiting, dying, hidden, receipts }: Queues, entry: Entry, queue: string, id: string, job: Job): void {
  const key = keyOf(queue, id);
  jobs.set(key, job);
  (isDying(job) ? dying : waiting).set(placeOf(queue, job.dueMs, id), null);
  if (job.dueMs > entry.timeMs) hidden.set(key, null, job.dueMs);
  if (job.receipt !== 0) receipts.set(keyOf(queue, String(job.receipt)), id);
}

/** Out of its order; and nobody's. */
function takeOut({ jobs, waiting, dying, hidden, receipts }: Queues, queue: string, id: string): void {
  const key = keyOf(queue, id);
  const job = jobs.get(key)!;
  (isDying(job) ? dying : waiting).delete(placeOf(queue, job.dueMs, id));
  hidden.delete(key);
  if (job.receipt !== 0) receipts.delete(keyOf(queue, String(job.receipt)));
}

function isDying(job: Job): boolean {
  return job.attempts >= job.maxAttempts;
}

function resize(queues: Queues, queue: string, jobs: number, length: number): void {
  for (const name of [queue, ALL]) {
    const old = sizeOf(queues, name);
    if (old.jobs + jobs === 0) queues.sizes.delete(name);
    else queues.sizes.set(name, { jobs: old.jobs + jobs, length: old.length + length });
  }
}

/** No name holds the character between the two. */
function keyOf(queue: string, number: string): string {
  return `${queue}\u0000${number === "" ? "" : padded(number)}`;
}

function placeOf(queue: string, dueMs: number, id: string): string {
  return `${keyOf(queue, String(dueMs))}${padded(id)}`;
}

function padded(number: string): string {
  return number.padStart(DIGITS, "0");
}

/** As watchers know a job: `mail/17`. */
function toldOf(key: string): string {
  return `${key.slice(0, -DIGITS - 1)}/${idIn(key)}`;
}

function idIn(key: string): string {
  return String(Number(key.slice(-DIGITS)));
}
