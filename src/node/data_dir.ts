/**
 * The data directory: one node's, held by one process. Before the node's address is bound nothing is made in it but the
 * lock file; then `begin` makes or renews the identity, durably, before the first hello.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import { isHostError, parentOf, readWhole, replaceWhole } from "../host/files.ts";
import type { Disk, FileLock, FileStat, Host, Random } from "../host/host.ts";
import type { Incarnation, NodeId } from "../raft/types.ts";
import { decodeIdentity, encodeIdentity, type FoundingNode, type Identity } from "./identity.ts";

export const LOCK_NAME = "lock";
export const IDENTITY_NAME = "identity";

const IDENTITY_BYTES_MAX = 1_048_576;

/** Who a process means to be; null where it takes what the directory says. */
export interface Claim {
  readonly nodeId: NodeId | null;
  readonly machine: string | null;
}

/** What a new directory needs to know besides. */
export interface Beginning {
  readonly nodeId: NodeId;
  readonly machine: string;
  readonly founding: readonly FoundingNode[];
}

/**
 * Makes the directory if it is missing, locks it and checks whose it is.
 *
 * @throws DraftError IN_USE, WRONG_IDENTITY, BAD_PLUGIN, DAMAGED
 */
export function* openDataDir(host: Pick<Host, "disk" | "random">, directory: string, claim: Claim): Task<DataDir> {
  const { disk } = host;
  yield* makeDurably(disk, directory);
  const lock = yield* wait<FileLock | null>((done) => disk.lock(`${directory}/${LOCK_NAME}`, done));
  if (lock === null) {
    const next = "stop that process, or choose another directory with: draft serve --data DIR";
    throw new DraftError("IN_USE", `data directory "${directory}" is in use by another process; ${next}`);
  }
  try {
    const path = `${directory}/${IDENTITY_NAME}`;
    const content = yield* readWhole(disk, path, IDENTITY_BYTES_MAX);
    const identity = content === null ? null : decodeIdentity(content, path);
    if (identity === null) yield* refuseForeignLog(disk, directory);
    else checkClaim(directory, identity, claim);
    return new DataDir(host, directory, lock, identity);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A data directory that this process holds. */
export class DataDir {
  readonly path: string;
  #host: Pick<Host, "disk" | "random">;
  #lock: FileLock;
  #identity: Identity | null;
  #isChanging = false;
  #whenIdle: (() => void)[] = [];

  constructor(host: Pick<Host, "disk" | "random">, path: string, lock: FileLock, identity: Identity | null) {
    this.path = path;
    this.#host = host;
    this.#lock = lock;
    this.#identity = identity;
  }

  /** What the identity file says; null in a directory that nobody began yet. */
  get identity(): Identity | null {
    return this.#identity;
  }

  /** One more start: makes the identity if there is none, counts the boot up, both durable when it ends. */
  *begin(beginning: Beginning): Task<Identity> {
    const before = this.#identity ?? firstIdentity(beginning, this.#host.random);
    return yield* this.#write({ ...before, bootCount: before.bootCount + 1 });
  }

  /** Changes what is named, durable when it ends. One change at a time. */
  *change(changes: Partial<Omit<Identity, "nodeId" | "bootCount">>): Task<Identity> {
    assert(this.#identity !== null, "the directory was begun", this.path);
    return yield* this.#write({ ...this.#identity, ...changes });
  }

  /** Waits until no change is under way any more. */
  *settled(): Task<void> {
    if (this.#isChanging) yield* wait<void>((done) => this.#whenIdle.push(() => done(null, undefined)));
  }

  /** Another process may have it: nothing of this one's is under way any more. */
  close(): void {
    this.#lock.release();
  }

  *#write(identity: Identity): Task<Identity> {
    assert(!this.#isChanging, "the identity is changed by one at a time", this.path);
    this.#isChanging = true;
    try {
      yield* replaceWhole(this.#host.disk, this.path, IDENTITY_NAME, encodeIdentity(identity));
      this.#identity = identity;
      return identity;
    } finally {
      this.#isChanging = false;
      for (const tell of this.#whenIdle.splice(0)) tell();
    }
  }
}

/** The identity of a directory that was begun. */
export function identityOf(dataDir: DataDir): Identity {
  assert(dataDir.identity !== null, "the directory was begun", dataDir.path);
  return dataDir.identity;
}

/** An incarnation: a whole number in 1..2^53-1 that nobody has had before. */
export function drawIncarnation(random: Random): Incarnation {
  const high = random.u32() % 2 ** 21;
  return Math.max(1, high * 2 ** 32 + random.u32());
}

function firstIdentity(beginning: Beginning, random: Random): Identity {
  const { nodeId, machine, founding } = beginning;
  const incarnation = drawIncarnation(random);
  return { clusterId: "", nodeId, incarnation, memberNumber: 0, welcome: null, bootCount: 0, machine, promiseMaxMs: 0, founding, genesis: null, recovery: null, rebuilding: null, fallenBack: "" };
}

function checkClaim(directory: string, identity: Identity, claim: Claim): void {
  if (claim.nodeId !== null && claim.nodeId !== identity.nodeId) {
    const next = `type: draft serve --id ${identity.nodeId} --data ${shellWord(directory)}`;
    throw new DraftError("WRONG_IDENTITY", `data directory "${directory}" is node "${identity.nodeId}"'s, wanted "${claim.nodeId}"'s; ${next}`);
  }
  if (claim.machine !== null && claim.machine !== identity.machine) {
    const next = `type: draft serve --machine ${identity.machine} --data ${shellWord(directory)}`;
    throw new DraftError("BAD_PLUGIN", `data directory "${directory}" holds machine "${identity.machine}", wanted "${claim.machine}"; ${next}`);
  }
}

/** A log without an identity belongs to somebody: a new identity must not take it over. */
function* refuseForeignLog(disk: Disk, directory: string): Task<void> {
  const stat = yield* wait<FileStat | null>((done) => disk.stat(`${directory}/wal`, done));
  if (stat === null) return;
  const next = "bring the file back, or move the whole directory away and type: draft admin replace OLD NEW@HOST:PORT";
  throw new DraftError("DAMAGED", `identity file "${directory}/${IDENTITY_NAME}" is missing: found a log without it; ${next}`);
}

/** Makes the directory, each new level durable in the one above before the next is made. */
function* makeDurably(disk: Disk, directory: string): Task<void> {
  const missing: string[] = [];
  let path = directory;
  for (; parentOf(path) !== path; path = parentOf(path)) {
    const stat = yield* wait<FileStat | null>((done) => disk.stat(path, done));
    if (stat !== null) break;
    missing.unshift(path);
  }
  // Who made what is there already may have been killed before it was durable.
  yield* syncAbove(disk, path);
  for (const level of missing) {
    yield* wait<void>((done) => disk.makeDirectory(level, done));
    yield* wait<void>((done) => disk.syncDirectory(parentOf(level), done));
  }
}

function* syncAbove(disk: Disk, path: string): Task<void> {
  try {
    yield* wait<void>((done) => disk.syncDirectory(parentOf(path), done));
  } catch (error) {
    // What stands in a directory that this user may not open, another one made.
    if (!isHostError(error, "EACCES")) throw error;
  }
}
