/**
 * The data directory: whose it is. A node is what its directory says; the lock keeps a second process out, the identity
 * file says which node, which life of it, and which cluster.
 *
 * ```text
 * <data>/lock       held while a process uses the directory
 * <data>/identity   JSON, replaced whole; `sum` is the CRC-32 of the JSON without it
 * <data>/wal/       the log
 * ```
 */
import { crc32 } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import { readWhole, replaceWhole } from "../host/files.ts";
import type { FileLock, Host } from "../host/host.ts";
import type { BootId, Incarnation, MemberNumber, NodeId } from "../raft/types.ts";

/** Whose directory it is. */
export interface Identity {
  readonly format: number;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly bootId: BootId;
  /** "" until the node belongs to a cluster. */
  readonly clusterId: string;
  /** 0 until then. */
  readonly memberNumber: MemberNumber;
  /** Name of the machine of `main`. */
  readonly machine: string;
  /** The longest promise not to vote that this node may have made, in milliseconds. */
  readonly promiseMs: number;
  /** What the cluster was founded with; null until the node belongs to one. */
  readonly genesis: Uint8Array | null;
}

const FORMAT = 1;
const FILE = "identity";
const BYTES_MAX = 1024 * 1024;

/** What the command line says of the directory. */
export interface DataDirOptions {
  readonly path: string;
  /** null: the id that the directory holds. */
  readonly id: NodeId | null;
  readonly machine: string;
}

/** An open data directory. */
export class DataDir {
  readonly path: string;
  readonly #host: Host;
  readonly #lock: FileLock;
  #identity: Identity;
  readonly #isNew: boolean;

  /** Use {@link DataDir.open}. */
  constructor(host: Host, path: string, lock: FileLock, found: { identity: Identity; isNew: boolean }) {
    this.#host = host;
    this.path = path;
    this.#lock = lock;
    this.#identity = found.identity;
    this.#isNew = found.isNew;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /**
   * Locks the directory, making it if it is missing, and reads whose it is. Nothing else is written yet.
   *
   * @throws DraftError IN_USE, WRONG_IDENTITY, BAD_CONFIG, DAMAGED
   */
  static *open(host: Host, options: DataDirOptions): Task<DataDir> {
    const { path } = options;
    yield* wait<void>((done) => host.disk.makeDirectory(path, done));
    const lock = yield* wait<FileLock | null>((done) => host.disk.lock(`${path}/lock`, done));
    if (lock === null) {
      throw new DraftError("IN_USE", `directory ${path} is in use by another process: stop that one, or choose another --data`);
    }
    try {
      const content = yield* readWhole(host.disk, `${path}/${FILE}`, BYTES_MAX);
      if (content !== null) return new DataDir(host, path, lock, { identity: checked(content, options), isNew: false });
      return new DataDir(host, path, lock, { identity: drawn(host, options), isNew: true });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Counts this start and makes the identity durable: before the first hello, after the port was bound. */
  *begin(): Task<void> {
    const { bootId } = this.#identity;
    // The directory itself may be new: its name, and those of the parents made with it, must outlive a power cut too.
    for (const parent of parentsOf(this.path)) yield* wait<void>((done) => this.#host.disk.syncDirectory(parent, done));
    yield* this.#write({ ...this.#identity, bootId: this.#isNew ? 1 : bootId + 1 });
  }

  /** Makes durable that this node belongs to a cluster. Harmless when it did already. */
  *joinCluster(cluster: { readonly clusterId: string; readonly memberNumber: MemberNumber; readonly genesis: Uint8Array }): Task<void> {
    if (this.#identity.clusterId === cluster.clusterId) return;
    yield* this.#write({ ...this.#identity, ...cluster });
  }

  *#write(identity: Identity): Task<void> {
    yield* replaceWhole(this.#host.disk, this.path, FILE, encodeIdentity(identity));
    this.#identity = identity;
  }

  /** Lets another process use the directory. */
  release(): void {
    this.#lock.release();
  }
}

/** The directories above `path`, as far as its text names them. */
function parentsOf(path: string): string[] {
  const parents: string[] = [];
  let rest = path.replace(/\/+$/, "");
  while (rest.includes("/")) {
    rest = rest.slice(0, rest.lastIndexOf("/")).replace(/\/+$/, "");
    parents.push(rest === "" ? "/" : rest);
  }
  return path.startsWith("/") ? parents : [...parents, "."];
}

function drawn(host: Host, options: DataDirOptions): Identity {
  const { id, path, machine } = options;
  if (id === null) throw new DraftError("BAD_CONFIG", `directory ${path} holds no node yet: give --id`);
  const { random } = host;
  const incarnation = (random.u32() % 2 ** 21) * 2 ** 32 + random.u32() || 1;
  return {
    format: FORMAT, nodeId: id, incarnation, bootId: 0, clusterId: "", memberNumber: 0, machine, promiseMs: 0, genesis: null,
  };
}

function checked(content: Uint8Array, options: DataDirOptions): Identity {
  const { id, path, machine } = options;
  const identity = decodeIdentity(content, path);
  if (id !== null && identity.nodeId !== id) {
    throw new DraftError("WRONG_IDENTITY", `directory ${path} belongs to node ${identity.nodeId}, not ${id}: give --id ${identity.nodeId}, or another --data`);
  }
  if (identity.clusterId !== "" && identity.machine !== machine) {
    throw new DraftError("BAD_CONFIG", `--machine ${machine}: the log in ${path} is of the machine ${identity.machine}: give --machine ${identity.machine}`);
  }
  return identity.clusterId === "" ? { ...identity, machine } : identity;
}

function encodeIdentity(identity: Identity): Uint8Array {
  const { genesis, ...rest } = identity;
  const body = { ...rest, genesis: genesis === null ? null : hexOf(genesis) };
  return new TextEncoder().encode(`${JSON.stringify({ ...body, sum: sumOf(body) }, null, 2)}\n`);
}

function decodeIdentity(content: Uint8Array, path: string): Identity {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)) as Record<string, unknown>;
  } catch (error) {
    throw damaged(path, "is no JSON", error);
  }
  if (typeof parsed !== "object" || parsed === null) throw damaged(path, "is no object");
  const { sum, ...body } = parsed;
  if (sum !== sumOf(body)) throw damaged(path, "does not fit its sum");
  if (body["format"] !== FORMAT) {
    throw new DraftError("WRONG_IDENTITY", `${path}/${FILE} has format ${String(body["format"])}, known is ${FORMAT}: start the release of draft that wrote it`);
  }
  const genesis = body["genesis"];
  return { ...body, genesis: typeof genesis === "string" ? bytesOf(genesis) : null } as Identity;
}

function sumOf(body: Record<string, unknown>): number {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return crc32(bytes, 0, bytes.length, 0);
}

function damaged(path: string, what: string, cause?: unknown): DraftError {
  return new DraftError("DAMAGED", `${path}/${FILE} ${what}: the directory cannot say whose it is; take the node in again with draft admin replace`, { cause });
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}
