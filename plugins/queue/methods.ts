/** The operations of `queue` as methods of a client, for `client.as(queue)`: types alone. */

/** A job that was taken: the caller's, until its time is over and somebody else takes it. */
export interface TakenJob {
  readonly id: string;
  readonly body: string;
  /** What `ack`, `nack` and `extend` want. It grows with each take and is never given twice, so it fences as a lock's token does. */
  readonly receipt: number;
  /** How often it has been taken, this time included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly pushedAtMs: number;
  /** Log time in Unix milliseconds from which on others may take it, unless the caller extends it. */
  readonly dueMs: number;
}

/** What becomes of a job: `ready` to be taken; `delayed` until its time has come; `taken` by somebody; `dead`, tried too often. */
export type JobState = "ready" | "delayed" | "taken" | "dead";

/** A job as it stands. */
export interface QueuedJob {
  readonly id: string;
  readonly state: JobState;
  readonly body: string;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly pushedAtMs: number;
  /** Log time in Unix milliseconds at which it is, or was, ready or dead. */
  readonly dueMs: number;
}

/** How many jobs a queue has. */
export interface QueueStats {
  /** All of them. */
  readonly jobs: number;
  /** Counted up to 10,000. */
  readonly ready: number;
  /** Among the 10,000 that fall due next. */
  readonly delayed: number;
  /** Among the 10,000 that fall due next, and those that are on their last try. */
  readonly taken: number;
  /** Counted up to 10,000. */
  readonly dead: number;
}

/** A queue that has jobs. */
export interface NamedQueue {
  readonly name: string;
  /** How many jobs it has, dead ones too. */
  readonly jobs: number;
  /** The length of their bodies, in UTF-16 units. */
  readonly length: number;
}

/** Each operation. Times are milliseconds, up to 86,400,000; names of queues have 1 to 256 characters, bodies up to 262,144. */
export interface QueueMethods {
  /** The id of the job. It is tried 25 times unless told, 1,000 at most. */
  readonly push: (queue: string, body: string, delayMs?: number, maxAttempts?: number) => Promise<string>;
  /** The job that has been ready for longest, hidden from others for 30,000 unless told; null if none is ready. */
  readonly take: (queue: string, forMs?: number) => Promise<TakenJob | null>;
  /** The job is done, and gone: its id. CONFLICT if the receipt holds no job any more: see docs/queue.md. */
  readonly ack: (queue: string, receipt: number) => Promise<string>;
  /** Gives the job back, for the next try after a delay: what it is now, `ready`, `delayed`, or `dead` if that was its last try. CONFLICT as `ack`. */
  readonly nack: (queue: string, receipt: number, delayMs?: number) => Promise<JobState>;
  /** Keeps the job hidden for so long from now: until when. CONFLICT as `ack`. */
  readonly extend: (queue: string, receipt: number, forMs: number) => Promise<number>;
  /** Whether there was such a job, whatever its state: it is gone, and whoever took it cannot ack it. */
  readonly delete: (queue: string, id: string) => Promise<boolean>;
  /** Lets dead jobs begin anew, those named or the first 1,000: how many. */
  readonly requeue: (queue: string, ...ids: string[]) => Promise<number>;
  /** Deletes dead jobs, those named or the first 1,000: how many. */
  readonly purge: (queue: string, ...ids: string[]) => Promise<number>;
  readonly get: (queue: string, id: string) => Promise<QueuedJob | null>;
  /** The job that is taken next, or falls due next if none is ready. */
  readonly peek: (queue: string) => Promise<QueuedJob | null>;
  readonly stats: (queue: string) => Promise<QueueStats>;
  /** Dead jobs in the order in which they died, after the one called `after`; 100 unless told, 1,000 at most. */
  readonly dead: (queue: string, limit?: number, after?: string) => Promise<QueuedJob[]>;
  /** Queues that have jobs, by name; 100 unless told, 1,000 at most. */
  readonly queues: (prefix?: string, limit?: number, after?: string) => Promise<NamedQueue[]>;
}
