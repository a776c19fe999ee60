/**
 * The ports: all that draft asks of the world outside. Operations are submitted and complete later through a callback;
 * none returns a promise, so that a simulator decides what happens when, and one event is one completion.
 *
 * Rules of every port: a completion is called exactly once and never from within the call that submitted it; an
 * operation that is submitted first may complete last; what is passed as bytes stays unchanged until completion.
 */
import type { Done } from "../base/task.ts";
import type { Guard } from "./guard.ts";

/** An error of the operating system. `code` is its POSIX name: ENOENT, EEXIST, ENOSPC, EIO, EADDRINUSE, … */
export interface HostError extends Error {
  readonly code: string;
}

/** A timer that was set. */
export interface Timer {
  /** The callback will not be called any more. Harmless when it was called already. */
  cancel(): void;
}

/** Time. */
export interface Clock {
  /** Milliseconds since an arbitrary start, with fraction; never falls, does not count a suspended machine's sleep. */
  monotonicMs(): number;
  /** Unix time in whole milliseconds. May jump either way. */
  wallMs(): number;
  /** Calls `fire` once, not before `delayMs` have passed. */
  setTimer(delayMs: number, fire: () => void): Timer;
  /** Calls `run` at the end of this turn: after one poll of the sockets and files that were ready. */
  soon(run: () => void): void;
}

/** What a path names. */
export interface FileStat {
  readonly bytes: number;
  readonly directory: boolean;
}

/** How to open a file. */
export interface OpenOptions {
  /** Open for writing too. */
  readonly write?: boolean;
  /** Make the file if it is missing (implies `write`). */
  readonly create?: boolean;
  /** With `create`: fail with EEXIST if the file is there. */
  readonly exclusive?: boolean;
}

/**
 * Files and directories. Names of directory entries and contents of files become durable apart: after create, rename
 * or unlink the directory must be synced, after a write the file.
 */
export interface Disk {
  open(path: string, options: OpenOptions, done: Done<File>): void;
  /** Makes the directory and its missing parents, mode 0700. Not an error if it is there. */
  makeDirectory(path: string, done: Done<void>): void;
  /** Names of the entries, sorted. */
  list(path: string, done: Done<string[]>): void;
  /** What `path` names, or null if nothing. */
  stat(path: string, done: Done<FileStat | null>): void;
  rename(from: string, to: string, done: Done<void>): void;
  unlink(path: string, done: Done<void>): void;
  syncDirectory(path: string, done: Done<void>): void;
  /** Bytes that may still be written to the file system of `path`. */
  freeBytes(path: string, done: Done<number>): void;
  /**
   * Takes the exclusive lock that the file at `path` stands for, making the file if it is missing. The lock ends with
   * the process, however that ends.
   *
   * @param done gets the lock, or null if another process holds it
   */
  lock(path: string, done: Done<FileLock | null>): void;
}

/** A lock that is held. */
export interface FileLock {
  release(): void;
}

/** An open file. */
export interface File {
  /** Reads into the whole of `into` from `position`; tells how many bytes there were, fewer at the end of the file. */
  read(into: Uint8Array, position: number, done: Done<number>): void;
  /** Writes `parts` one behind the other at `position`; tells how many bytes were taken, which may be fewer than all. */
  write(parts: readonly Uint8Array[], position: number, done: Done<number>): void;
  /** Makes what was written, and the length, durable (fdatasync). After a failure nothing that was written counts. */
  sync(done: Done<void>): void;
  sizeBytes(done: Done<number>): void;
  truncate(bytes: number, done: Done<void>): void;
  close(done: Done<void>): void;
}

/** Where to listen or dial: an IP address or a name, resolved at each use. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a socket tells its owner. After `closed` nothing follows. */
export interface SocketHandlers {
  /** Bytes arrived. The array is the owner's; it may be a view of a larger buffer. */
  data(bytes: Uint8Array): void;
  /** The bytes that waited were handed to the system: there is room again. */
  drained(): void;
  /** The other side will send no more, or the connection failed (then with its error). */
  closed(error: Error | null): void;
}

/** Who is at the other side, by a certificate that was verified. */
export interface SocketPeer {
  /** Its common name and its alternative names, without their kinds. */
  readonly names: readonly string[];
  /** The nodes that it may be: the `draft-node:` names of a certificate that nodes' own authority has signed. */
  readonly nodeIds: readonly string[];
}

/** A connected stream of bytes. */
export interface Socket {
  /** `host:port` of the other side, for messages only. */
  readonly remote: string;
  /** Null, or not there: it showed no certificate that is valid here. */
  readonly peer?: SocketPeer | null;
  /** Sets who hears of this socket; before that nothing is read from it. Called again, it hands the socket on. */
  open(handlers: SocketHandlers): void;
  /** Queues `parts` one behind the other, sent as one write where the system allows. Ignored after close. */
  write(parts: readonly Uint8Array[]): void;
  /** Bytes that were queued and not yet handed to the system. */
  readonly queuedBytes: number;
  /** Stops reading until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once; what is queued is lost. `closed` is still told. */
  destroy(): void;
}

/** A port that is listened on. */
export interface Listener {
  /** The real port where 0 was asked for. */
  readonly address: Address;
  /** Accepts no more. Sockets that were accepted stay. */
  close(done: Done<void>): void;
}

/** Streams between nodes. */
export interface Net {
  listen(address: Address, accept: (socket: Socket) => void, done: Done<Listener>): void;
  /** Connects; the socket is open for writes when `done` is told. `timeoutMs` bounds resolving and connecting. */
  dial(address: Address, timeoutMs: number, done: Done<Socket>): void;
}

/** Entropy, for ids and seeds. */
export interface Random {
  /** A whole number in 0..2^32-1 that nobody can guess. */
  u32(): number;
}

/** How much a line of the log matters. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** Where a node says in words what it does. */
export interface Log {
  /** Whether lines of `level` are kept: spares the cost of composing one that is not. */
  enabled(level: LogLevel): boolean;
  /** One line; `fields` are its values by name, for machines that read it. */
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Keeps lines of `level` and above from now on, and tells from which level on it kept them before. */
  readonly setLevel?: (level: LogLevel) => LogLevel;
}

/** All ports of one node. */
export interface Host {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly net: Net;
  readonly random: Random;
  readonly log: Log;
  /** A promise of a machine was resolved: for a host whose events wait until what follows from that has happened. */
  readonly promised?: () => void;
  /** Under which machines run; none in production. */
  readonly guard?: Guard;
}
