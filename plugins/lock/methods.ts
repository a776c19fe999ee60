/** The operations of `lock` as methods of a client, for `client.as(lock)`: types alone. */

/** The lock is the caller's. */
export interface LockGranted {
  readonly granted: true;
  /** Grows with each grant, and is never given twice: what is protected refuses whoever comes with a lower one. */
  readonly token: number;
  /** Log time in Unix milliseconds at which the lock is gone unless it is renewed. */
  readonly expiresAtMs: number;
}

/** The lock is somebody else's, or it is somebody else's turn to take it. */
export interface LockRefused {
  readonly granted: false;
  /** Who holds the lock or, if nobody does, who stands first in the line. */
  readonly owner: string;
  /** The holder's token; 0 if nobody holds the lock. */
  readonly token: number;
  /** Until when the owner has the lock, or its turn, unless it asks again. */
  readonly expiresAtMs: number;
}

/** A lock that is held. */
export interface HeldLock {
  readonly name: string;
  readonly owner: string;
  readonly token: number;
  readonly expiresAtMs: number;
}

/** Somebody who waits. */
export interface LockWaiter {
  readonly owner: string;
  /** When its place is gone unless it asks again. */
  readonly expiresAtMs: number;
}

/** Each operation. Milliseconds are from 1 to 86,400,000; names and owners have 1 to 256 characters. */
export interface LockMethods {
  /** Gets the lock, or keeps it for whoever holds it already; with `waitMs`, stands in line that long if it cannot. */
  readonly acquire: (name: string, owner: string, ttlMs: number, waitMs?: number) => Promise<LockGranted | LockRefused>;
  /** When the lock expires now; CONFLICT if it is no longer held under this token. */
  readonly renew: (name: string, token: number, ttlMs: number) => Promise<number>;
  /** Whether the lock was held under this token until now. */
  readonly release: (name: string, token: number) => Promise<boolean>;
  /** Whether the owner held the lock, or stood in line, until now. */
  readonly leave: (name: string, owner: string) => Promise<boolean>;
  readonly get: (name: string) => Promise<HeldLock | null>;
  /** By name; 100 unless told, 10,000 at most. */
  readonly list: (prefix?: string, limit?: number, after?: string) => Promise<HeldLock[]>;
  /** Who waits, in their order; 100 unless told, 10,000 at most. */
  readonly line: (name: string, limit?: number) => Promise<LockWaiter[]>;
}
