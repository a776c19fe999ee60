/**
 * The one error class of the house and its closed set of codes. Each code says what became of the request: whether it
 * is definitely not done, done, or unknown (then only the log can tell).
 */

/** What became of a request that failed. */
export type Outcome = "not-done" | "unknown" | "done";

/** What each code means: its HTTP status, its usual outcome, and the exit code of a command that ends with it. */
interface CodeRow {
  readonly http: number;
  readonly outcome: Outcome;
  readonly exit: number;
}

const EXIT_NOT_DONE = 1;
const EXIT_UNKNOWN = 3;

/** Every code that an error of draft can bear. */
export type ErrorCode =
  | "BAD_REQUEST" | "UNKNOWN_OPERATION" | "UNAUTHORIZED" | "FORBIDDEN" | "NOT_FOUND" | "TOO_LARGE" | "CONFLICT"
  | "REJECTED" | "NOT_LEADER" | "NO_LEADER" | "BUSY" | "DISK_FULL" | "STOPPING" | "FENCED" | "CHANGE_PENDING"
  | "WOULD_LOSE_QUORUM" | "COMPACTED" | "TIMEOUT" | "LOST" | "SESSION_EXPIRED" | "MACHINE_FAULT"
  | "ANSWER_NOT_KEPT" | "UNREACHABLE" | "DAMAGED" | "IN_USE" | "STORAGE_FAILED" | "WRONG_IDENTITY" | "BAD_CONFIG"
  | "BAD_PLUGIN" | "ADDRESS_IN_USE";

const CODES: Readonly<Record<ErrorCode, CodeRow>> = {
  BAD_REQUEST: { http: 400, outcome: "not-done", exit: EXIT_NOT_DONE },
  UNKNOWN_OPERATION: { http: 404, outcome: "not-done", exit: EXIT_NOT_DONE },
  UNAUTHORIZED: { http: 401, outcome: "not-done", exit: EXIT_NOT_DONE },
  FORBIDDEN: { http: 403, outcome: "not-done", exit: EXIT_NOT_DONE },
  NOT_FOUND: { http: 404, outcome: "not-done", exit: EXIT_NOT_DONE },
  TOO_LARGE: { http: 413, outcome: "not-done", exit: EXIT_NOT_DONE },
  CONFLICT: { http: 412, outcome: "not-done", exit: EXIT_NOT_DONE },
  REJECTED: { http: 422, outcome: "not-done", exit: EXIT_NOT_DONE },
  NOT_LEADER: { http: 421, outcome: "not-done", exit: EXIT_NOT_DONE },
  NO_LEADER: { http: 503, outcome: "not-done", exit: EXIT_NOT_DONE },
  BUSY: { http: 429, outcome: "not-done", exit: EXIT_NOT_DONE },
  DISK_FULL: { http: 507, outcome: "not-done", exit: EXIT_NOT_DONE },
  STOPPING: { http: 503, outcome: "not-done", exit: EXIT_NOT_DONE },
  FENCED: { http: 503, outcome: "not-done", exit: EXIT_NOT_DONE },
  CHANGE_PENDING: { http: 409, outcome: "not-done", exit: EXIT_NOT_DONE },
  WOULD_LOSE_QUORUM: { http: 409, outcome: "not-done", exit: EXIT_NOT_DONE },
  COMPACTED: { http: 410, outcome: "not-done", exit: EXIT_NOT_DONE },
  TIMEOUT: { http: 504, outcome: "unknown", exit: EXIT_UNKNOWN },
  LOST: { http: 503, outcome: "unknown", exit: EXIT_UNKNOWN },
  SESSION_EXPIRED: { http: 410, outcome: "unknown", exit: EXIT_UNKNOWN },
  MACHINE_FAULT: { http: 500, outcome: "unknown", exit: EXIT_UNKNOWN },
  ANSWER_NOT_KEPT: { http: 409, outcome: "done", exit: 0 },
  UNREACHABLE: { http: 503, outcome: "not-done", exit: 4 },
  DAMAGED: { http: 500, outcome: "not-done", exit: 10 },
  IN_USE: { http: 500, outcome: "not-done", exit: 11 },
  STORAGE_FAILED: { http: 500, outcome: "not-done", exit: 12 },
  WRONG_IDENTITY: { http: 500, outcome: "not-done", exit: 13 },
  BAD_CONFIG: { http: 500, outcome: "not-done", exit: 14 },
  BAD_PLUGIN: { http: 500, outcome: "not-done", exit: 14 },
  ADDRESS_IN_USE: { http: 500, outcome: "not-done", exit: 15 },
};

/** Where the leader was last seen, for a client that wants to try there. */
export interface LeaderHint {
  /** Name of the node. */
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
}

/** What an error may bear besides code and message. */
export interface DraftErrorOptions {
  /** Overrides the code's usual outcome, for example a TIMEOUT of a read (not-done). */
  readonly outcome?: Outcome;
  /** Who leads, if the error is that this node does not. */
  readonly leader?: LeaderHint | null;
  /** How long to wait before trying again, in milliseconds, with BUSY. */
  readonly retryAfterMs?: number;
  /** With COMPACTED, the first index from which everything is held. */
  readonly oldestIndex?: number | null;
  /** What was thrown below. */
  readonly cause?: unknown;
}

/** The one error class that draft throws and sends. */
export class DraftError extends Error {
  /** Tells it from other errors, across copies of the library too. */
  override readonly name = "DraftError";
  /** What went wrong: one of a closed set. */
  readonly code: ErrorCode;
  /** What became of the request: what to do next depends on this more than on the code. */
  readonly outcome: Outcome;
  /** Who leads, where that helps. */
  readonly leader: LeaderHint | null;
  /** How long to wait before trying again, in milliseconds; null if that makes no sense. */
  readonly retryAfterMs: number | null;
  /** With COMPACTED, the first index from which everything is held; else null. */
  readonly oldestIndex: number | null;

  /**
   * @param code one of the closed set
   * @param message what failed, the quoted value, a colon, current then wanted state; no full stop
   */
  constructor(code: ErrorCode, message: string, options: DraftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.outcome = options.outcome ?? CODES[code].outcome;
    this.leader = options.leader ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.oldestIndex = options.oldestIndex ?? null;
  }

  /** The HTTP status that goes with the code. */
  get httpStatus(): number {
    return CODES[this.code].http;
  }

  /** The exit code of a command that ends with this error: the outcome decides where it differs from the code's own. */
  get exitCode(): number {
    const row = CODES[this.code];
    if (this.outcome === row.outcome) return row.exit;
    if (this.outcome === "done") return 0;
    return this.outcome === "unknown" ? EXIT_UNKNOWN : EXIT_NOT_DONE;
  }

  /** The error object of HTTP answers and of `--json`. */
  toJSON(): { error: { code: ErrorCode; message: string; outcome: Outcome; leader: LeaderHint | null; oldestIndex?: number } } {
    const { code, message, outcome, leader, oldestIndex } = this;
    return { error: { code, message, outcome, leader, ...(oldestIndex === null ? {} : { oldestIndex }) } };
  }
}

/** Whether `text` is one of our codes: what a peer or server sends is checked before it becomes an error here. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(CODES, text);
}

/** What was thrown, for the log: the stack where there is one. */
export function describeThrown(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
