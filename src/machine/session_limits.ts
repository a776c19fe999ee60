/**
 * How much of its sessions a group remembers, and how long. Replicas decide by it what is refused, so it is part of what
 * makes them equal: one and the same on all members of a cluster, as it ships. No flag sets it; a simulation makes all of
 * it small, so that every limit is met.
 */

/** Limits of the table of sessions and of each session in it. */
export interface SessionLimits {
  /** Open sessions. One more, and the session that was unused for longest makes room. */
  readonly sessionsMax: number;
  /** What all sessions together are counted with, as `Session.bytes` counts. */
  readonly bytesMax: number;
  /** A session that no entry used for so long in log time is gone. */
  readonly idleMs: number;
  /** Sequences that a session remembers, and a client may have under way. */
  readonly window: number;
  /** An answer whose encoding is longer is kept as "done" alone. */
  readonly answerBytesMax: number;
  /** Answers of one session take so much: the next ones are kept as "done" alone. */
  readonly answersBytesMax: number;
  /** Keys of writes without a session that are kept: beyond, others are refused. */
  readonly keysMax: number;
  /** A key is kept for so long in log time. */
  readonly keyMs: number;
  /** Answers under keys take so much: the next ones are kept as "done" alone. */
  readonly keyAnswersBytesMax: number;
}

/** What ships. */
export const SESSION_LIMITS: SessionLimits = {
  sessionsMax: 65_536, bytesMax: 64 * 1024 * 1024, idleMs: 600_000,
  window: 1024, answerBytesMax: 64 * 1024, answersBytesMax: 1024 * 1024,
  keysMax: 100_000, keyMs: 600_000, keyAnswersBytesMax: 32 * 1024 * 1024,
};
