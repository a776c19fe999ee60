/**
 * The machine `queue`: named queues of jobs that are done at least once. A job is taken for a while, and comes back if
 * whoever took it neither acks nor extends it in time; the receipt of a take is the index of its entry, so it grows, and
 * holds its job until the next one. A job that was tried too often is dead: kept aside until somebody looks.
 */
import { int, optional, rest, text, where } from "../../src/machine/arguments.ts";
import type { RequiredArgument } from "../../src/machine/arguments.ts";
import { defineMachineOn } from "../../src/machine/define_tables.ts";
import type { DefinedTableMachine } from "../../src/machine/define_tables.ts";
import { earlier } from "../../src/machine/earlier.ts";
import type { Entry, View } from "../../src/machine/machine.ts";
import {
  addJob, bodyAt, changeJob, countStates, deadIds, heldBy, jobAt, listSizes, newQueues, removeJob, sizeOf, stateOf, waitingIds,
} from "./jobs.ts";
import type { Job, Queues } from "./jobs.ts";
import type { JobState, NamedQueue, QueuedJob, QueueMethods, QueueStats, TakenJob } from "./methods.ts";

const NAME_MAX = 256;
const BODY_MAX = 2 ** 18;
const DAY_MS = 86_400_000;

/** How long a job is hidden, and how often it is tried, unless told. */
const FOR_MS = 30_000;
const ATTEMPTS = 25;
const ATTEMPTS_MAX = 1000;

/** Dead jobs that one entry requeues or purges, at most. */
const BATCH_MAX = 1000;
const LIMIT = 100;
const LIMIT_MAX = 1000;
const COUNT_MAX = 10_000;

/** Without control characters: the tables' keys have one behind the queue. */
const QUEUE: RequiredArgument<string> = where(
  text("queue"), `1 to ${NAME_MAX} characters, none of them a control character`,
  (given) => given !== "" && given.length <= NAME_MAX && !/\p{Cc}/u.test(given),
);
const ID: RequiredArgument<string> = where(text("id"), "the id of a job", (given) => /^[1-9]\d{0,15}$/.test(given));
const RECEIPT: RequiredArgument<number> = ranged("receipt", 1, Number.MAX_SAFE_INTEGER);

function ranged(name: string, from: number, to: number): RequiredArgument<number> {
  return where(int(name), `a whole number from ${from} to ${to}`, (given) => given >= from && given <= to);
}

function take(queues: Queues, entry: Entry, queue: string, forMs: number): TakenJob | null {
  const [id] = waitingIds(queues, queue, 1);
  const job = id === undefined ? undefined : jobAt(queues, queue, id);
  if (id === undefined || job === undefined || job.dueMs > entry.timeMs) return null;
  const taken = { ...job, attempts: job.attempts + 1, dueMs: entry.timeMs + forMs, receipt: entry.index };
  changeJob(queues, entry, queue, id, taken);
  return { id, body: bodyAt(queues, queue, id), ...taken };
}

/** @throws what `entry.reject` makes, if the receipt holds no job */
function held(queues: Queues, entry: Entry, queue: string, receipt: number): { readonly id: string; readonly job: Job } {
  const id = heldBy(queues, queue, receipt);
  if (id !== undefined) return { id, job: jobAt(queues, queue, id)! };
  throw entry.reject(`receipt ${receipt} holds no job of queue '${queue}': it was acked, given back, taken again or deleted`, "CONFLICT");
}

function nack(queues: Queues, entry: Entry, queue: string, receipt: number, delayMs: number): JobState {
  const { id, job } = held(queues, entry, queue, receipt);
  // There is nothing to wait for before it dies.
  const dueMs = entry.timeMs + (job.attempts < job.maxAttempts ? delayMs : 0);
  const given = { ...job, dueMs, receipt: 0 };
  changeJob(queues, entry, queue, id, given);
  return stateOf(given, entry.timeMs);
}

function extend(queues: Queues, entry: Entry, queue: string, receipt: number, forMs: number): number {
  const { id, job } = held(queues, entry, queue, receipt);
  const dueMs = entry.timeMs + forMs;
  changeJob(queues, entry, queue, id, { ...job, dueMs });
  return dueMs;
}

/** Does `what` to those of `ids` that are dead, or to the first dead ones if none is named; says to how many. */
function eachDead(queues: Queues, entry: Entry, queue: string, ids: readonly string[], what: (id: string, job: Job) => void): number {
  if (ids.length > BATCH_MAX) throw entry.reject(`${ids.length} jobs are named: must be ${BATCH_MAX} at most`);
  let count = 0;
  for (const id of ids.length === 0 ? deadIds(queues, queue, entry.timeMs, BATCH_MAX) : ids) {
    const job = jobAt(queues, queue, id);
    if (job === undefined || stateOf(job, entry.timeMs) !== "dead") continue;
    what(id, job);
    count += 1;
  }
  return count;
}

function remove(queues: Queues, queue: string, id: string): boolean {
  const isThere = jobAt(queues, queue, id) !== undefined;
  if (isThere) removeJob(queues, queue, id);
  return isThere;
}

function shown(queues: Queues, view: View, queue: string, id: string | undefined): QueuedJob | null {
  const job = id === undefined ? undefined : jobAt(queues, queue, id);
  if (id === undefined || job === undefined) return null;
  const { attempts, maxAttempts, pushedAtMs, dueMs } = job;
  return { id, state: stateOf(job, view.timeMs), body: bodyAt(queues, queue, id), attempts, maxAttempts, pushedAtMs, dueMs };
}

function dead(queues: Queues, view: View, queue: string, limit: number, after?: string): QueuedJob[] {
  const last = after === undefined ? undefined : jobAt(queues, queue, after);
  if (after !== undefined && (last === undefined || stateOf(last, view.timeMs) !== "dead")) {
    throw new Error(`dead QUEUE [LIMIT] [AFTER]: job ${after} is not dead: begin anew without AFTER`);
  }
  const ids = deadIds(queues, queue, view.timeMs, limit, after === undefined ? undefined : { id: after, dueMs: last!.dueMs });
  return ids.map((id) => shown(queues, view, queue, id)!);
}

/** The plugin, and its operations as methods of a client: `client.as(queue)`. */
export type Queue = DefinedTableMachine<QueueMethods>;

const queue: Queue = defineMachineOn({
  name: "queue",
  version: 1,
  tables: newQueues,
  writes: {
    push: {
      args: [QUEUE, where(text("body"), `a text of up to ${BODY_MAX} characters`, (body) => body.length <= BODY_MAX),
        optional(ranged("delayMs", 0, DAY_MS)), optional(ranged("maxAttempts", 1, ATTEMPTS_MAX))],
      summary: "adds a job → its id",
      run: (queues, entry, name, body, delayMs = 0, maxAttempts = ATTEMPTS) =>
        addJob(queues, entry, name, body, { attempts: 0, maxAttempts, pushedAtMs: entry.timeMs, dueMs: entry.timeMs + delayMs, receipt: 0 }),
    },
    take: {
      args: [QUEUE, optional(ranged("forMs", 1, DAY_MS))],
      frees: true,
      summary: "the job that has been ready for longest, hidden from others for so long (30000), or nil",
      run: (queues, entry, name, forMs = FOR_MS) => take(queues, entry, name, forMs),
    },
    ack: {
      args: [QUEUE, RECEIPT],
      frees: true,
      summary: "the job of this take is done, and gone → its id",
      run(queues, entry, name, receipt) {
        const { id } = held(queues, entry, name, receipt);
        removeJob(queues, name, id);
        return id;
      },
    },
    nack: {
      args: [QUEUE, RECEIPT, optional(ranged("delayMs", 0, DAY_MS))],
      summary: "gives the job of this take back, to be tried again after a delay → what it is now",
      run: (queues, entry, name, receipt, delayMs = 0) => nack(queues, entry, name, receipt, delayMs),
    },
    extend: {
      args: [QUEUE, RECEIPT, ranged("forMs", 1, DAY_MS)],
      summary: "keeps the job of this take hidden for so long from now → until when",
      run: extend,
    },
    delete: {
      args: [QUEUE, ID],
      frees: true,
      summary: "deletes a job, whatever its state → whether there was one",
      run: (queues, _, name, id) => remove(queues, name, id),
    },
    requeue: {
      args: [QUEUE, rest(ID)],
      summary: "lets dead jobs begin anew, those named or the first 1000 → how many",
      run: (queues, entry, name, ...ids) => eachDead(queues, entry, name, ids, (id, job) =>
        changeJob(queues, entry, name, id, { ...job, attempts: 0, dueMs: entry.timeMs, receipt: 0 })),
    },
    purge: {
      args: [QUEUE, rest(ID)],
      frees: true,
      summary: "deletes dead jobs, those named or the first 1000 → how many",
      run: (queues, entry, name, ...ids) => eachDead(queues, entry, name, ids, (id) => removeJob(queues, name, id)),
    },
  },
  reads: {
    get: { args: [QUEUE, ID], summary: "a job and its state, or nil", run: shown },
    peek: {
      args: [QUEUE],
      summary: "the job that is taken next, or falls due next, or nil",
      run: (queues, view, name) => shown(queues, view, name, waitingIds(queues, name, 1)[0]),
    },
    stats: {
      args: [QUEUE],
      summary: "how many jobs there are, and in which states, of which 10000 are counted",
      run: (queues, view, name): QueueStats => ({ jobs: sizeOf(queues, name).jobs, ...countStates(queues, name, view.timeMs, COUNT_MAX) }),
    },
    dead: {
      args: [QUEUE, optional(ranged("limit", 1, LIMIT_MAX)), optional({ ...ID, name: "after" })],
      summary: "jobs that were tried too often, in the order in which they died, 100 unless told, behind job AFTER",
      run: (queues, view, name, limit = LIMIT, after) => dead(queues, view, name, limit, after),
    },
    queues: {
      args: [optional(text("prefix")), optional(ranged("limit", 1, LIMIT_MAX)), optional(text("after"))],
      summary: "the queues that have jobs, by name, 100 unless told",
      run: (queues, _, prefix = "", limit = LIMIT, after = ""): NamedQueue[] => listSizes(queues, prefix, limit, after),
    },
  },
  // Few queues, tries that end soon; receipts and ids that were given, and some that may have been.
  generate(random) {
    const below = (end: number): number => Math.floor(random() * end);
    const name = `queue${below(2)}`;
    const number = 1 + below(300);
    const isKnown = below(4) > 0;
    const receipt = isKnown ? earlier("take", "receipt", number) : number;
    const id = !isKnown ? String(number) : below(2) === 0 ? earlier("push", "", String(number)) : earlier("take", "id", String(number));
    const ms = [0, 20, 200, 2000][below(4)]!;
    const drawn = below(24);
    if (drawn < 6) return ["push", name, `job${below(8)}`, ms, 1 + below(3)];
    if (drawn < 11) return ["take", name, ms + 1];
    if (drawn < 13) return ["ack", name, receipt];
    if (drawn < 15) return ["nack", name, receipt, ms];
    if (drawn < 16) return ["extend", name, receipt, ms + 1];
    if (drawn < 17) return ["delete", name, id];
    if (drawn < 19) return [below(4) === 0 ? "purge" : "requeue", name, ...(below(2) === 0 ? [] : [id])];
    if (drawn < 20) return ["get", name, id];
    return drawn < 21 ? ["peek", name] : drawn < 22 ? ["dead", name] : drawn < 23 ? ["stats", name] : ["queues"];
  },
});
export default queue;
