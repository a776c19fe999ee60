/**
 * What clients and nodes say to each other. A client opens a connection with the preface of kind 2 (frame.ts) and its
 * hello, which the node answers with its own; from then on the client requests and the node replies, in any order. Each
 * is one frame whose body is a CBOR tuple. Tuples may grow at the end; a reader ignores what it does not know.
 *
 * ```text
 * client hello  [protocol, client name, cluster id expected or "", flags]
 *               flags: 1 = a node forwards for a client here, do not forward again
 * node hello    [protocol, cluster id or "", node id, address, version,
 *                [frameBytesMax, valueBytesMax, inflightMax], [leader id, leader address] or null]
 *
 * request       [request id, kind, group, timeoutMs, …]
 *   1 write       command envelope (a byte string)
 *   2 read        level (0 linearizable, 1 lease, 2 stale), minIndex, command
 *   3 operations
 *   4 status
 *   5 members
 *   6 transfer    member id
 *   7 record      all that the node's flight recorder holds of the group
 *   8 story       of that the words alone
 *   9 open        ordered (true or false): opens a session; the result is its id, 32 hexadecimal digits
 *  10 close       session (16 bytes): closes it; the result is whether it was open
 *  11 snapshot    takes a snapshot on this node; the result is the index that it holds, once it is durable
 *  12 change      wishes (member_wish.ts), force (missing: false): changes the members; the result is what the change begins with
 *  13 rehearse    the same, and nothing is changed; the result is what would come of it
 *  14 log-level   trace, debug, info, warn or error: of this node's log from now on; the result is what it was before
 *  15 backup      question (backup_request.ts): of the snapshot that this node has, and its file
 *  16 watch       question (watch_request.ts): what changes behind a place, answered once there is something to say
 *  17 restore     piece (backup_request.ts): of a backup that the group is to be made from
 *
 * reply         [request id, 0, index, result]
 *               [request id, 1, code, message, outcome, leader id or null, leader address or null, retryAfterMs or null,
 *                oldest index that is held (missing: none is told)]
 *               outcome: 0 not-done, 1 unknown, 2 done
 * ```
 *
 * A request id is the client's choice, a whole number; it is free again once its reply came. Request id 0 in a reply
 * concerns the connection, which is closed behind it; it may come in place of the node's hello (no protocol is 0).
 */
import { CBOR_HEAD_BYTES_MAX, CborHeadReader, CborMajor, writeCborHead } from "../base/cbor_head.ts";
import { decode, encode } from "../base/codec.ts";
import { type BackupAsk, backupAskFrom, encodeBackupAsk, encodeRestoreAsk, type RestoreAsk, restoreAskFrom } from "./backup_request.ts";
import { byteString, malformed, name, tuple, whole } from "./client_fields.ts";
import { encodeWishes, type MemberAsk, wishesFrom } from "./member_wish.ts";
import { encodeWatchAsk, type WatchAsk, watchAskFrom } from "./watch_request.ts";

/** Timeouts beyond this are cut to it: a day. */
const TIMEOUT_MS_MAX = 86_400_000;

const KIND = { write: 1, read: 2, operations: 3, status: 4, members: 5, transfer: 6, record: 7, story: 8, open: 9, close: 10, snapshot: 11, change: 12, rehearse: 13, "log-level": 14, backup: 15, watch: 16, restore: 17 } as const;
/** Requests that say nothing besides. */
const ASKS = ["operations", "status", "members", "record", "story", "snapshot"] as const;
const SESSION_BYTES = 16;
const LEVELS: readonly Level[] = ["linearizable", "lease", "stale"];

/** How fresh a read must be. A lease read is linearizable too, as long as clocks go about alike (raft/lease.ts). */
export type Level = "linearizable" | "lease" | "stale";

/** An operation's name and its arguments. */
export type CommandTuple = readonly [operation: string, ...args: unknown[]];

interface RequestHead {
  readonly id: number;
  readonly group: string;
  readonly timeoutMs: number;
}

/** A command that changes the state. */
export interface WriteRequest extends RequestHead {
  readonly kind: "write";
  /** CBOR of [session, sequence, answeredBelow, command]; not looked into here. */
  readonly envelope: Uint8Array;
}

/** A command that only reads. */
export interface ReadRequest extends RequestHead {
  readonly kind: "read";
  readonly level: Level;
  readonly minIndex: number;
  readonly command: CommandTuple;
}

/** A question about the node or the group. */
export interface AskRequest extends RequestHead {
  readonly kind: "operations" | "status" | "members" | "record" | "story" | "snapshot";
}

/** Asks the leader to make another member the leader. */
export interface TransferRequest extends RequestHead {
  readonly kind: "transfer";
  readonly to: string;
}

/** Asks the leader to change the members, or what would come of that. */
export interface ChangeRequest extends RequestHead, MemberAsk {
  readonly kind: "change" | "rehearse";
}

/** Asks a node to say more or less in its log. */
export interface LogLevelRequest extends RequestHead {
  readonly kind: "log-level";
  /** Unchecked. */
  readonly level: string;
}

/** A request that says one thing, in a form of its own. */
interface Asking<K extends string, A> extends RequestHead {
  readonly kind: K;
  readonly ask: A;
}

/** Asks a node for the file of a snapshot. */
export type BackupRequest = Asking<"backup", BackupAsk>;

/** Brings the leader a piece of a backup. */
export type RestoreRequest = Asking<"restore", RestoreAsk>;

/** Asks a node for changes. */
export type WatchRequest = Asking<"watch", WatchAsk>;

/** Asks the leader to open a session. */
export interface OpenRequest extends RequestHead {
  readonly kind: "open";
  readonly ordered: boolean;
}

/** Asks the leader to close a session. */
export interface CloseRequest extends RequestHead {
  readonly kind: "close";
  /** 16 bytes. */
  readonly session: Uint8Array;
}

/** Which session to open or close; an id is 32 hexadecimal digits. */
export type SessionAsk =
  | { readonly type: "open"; readonly ordered: boolean }
  | { readonly type: "close"; readonly session: string };

/** A request that this version does not know. */
export interface UnknownRequest extends RequestHead {
  readonly kind: "unknown";
}

export type ClientRequest = WriteRequest | ReadRequest | AskRequest | TransferRequest | ChangeRequest | LogLevelRequest | BackupRequest | RestoreRequest | WatchRequest | OpenRequest | CloseRequest | UnknownRequest;

type Unsent<R> = R extends unknown ? Omit<R, "id" | "timeoutMs"> : never;

/** A request that has no number yet. */
export type UnsentRequest = Unsent<Exclude<ClientRequest, UnknownRequest>>;

/** Bytes that {@link writeWriteRequest} takes, at most. */
export function writeRequestBytesMax(groupBytes: number, envelopeBytes: number): number {
  return 6 * CBOR_HEAD_BYTES_MAX + groupBytes + envelopeBytes;
}

/** Writes the body of a write request at `at` and tells where it ends. `group` is the name in UTF-8. */
export function writeWriteRequest(
  into: Uint8Array,
  at: number,
  request: { id: number; group: Uint8Array; timeoutMs: number; envelope: Uint8Array },
): number {
  let end = writeCborHead(into, at, CborMajor.array, 5);
  end = writeCborHead(into, end, CborMajor.unsigned, request.id);
  end = writeCborHead(into, end, CborMajor.unsigned, KIND.write);
  end = writeCborHead(into, end, CborMajor.text, request.group.length);
  into.set(request.group, end);
  end = writeCborHead(into, end + request.group.length, CborMajor.unsigned, request.timeoutMs);
  end = writeCborHead(into, end, CborMajor.bytes, request.envelope.length);
  into.set(request.envelope, end);
  return end + request.envelope.length;
}

/** Body of any request but a write. */
export function encodeRequest(request: Exclude<ClientRequest, WriteRequest | UnknownRequest>): Uint8Array {
  const head = [request.id, KIND[request.kind], request.group, request.timeoutMs];
  switch (request.kind) {
    case "read":
      return encode([...head, LEVELS.indexOf(request.level), request.minIndex, request.command]);
    case "transfer":
      return encode([...head, request.to]);
    case "change":
    case "rehearse":
      return encode([...head, encodeWishes(request.wishes), request.force]);
    case "log-level":
      return encode([...head, request.level]);
    case "backup":
      return encode([...head, encodeBackupAsk(request.ask)]);
    case "restore":
      return encode([...head, encodeRestoreAsk(request.ask)]);
    case "watch":
      return encode([...head, encodeWatchAsk(request.ask)]);
    case "open":
      return encode([...head, request.ordered]);
    case "close":
      return encode([...head, request.session]);
    default:
      return encode(head);
  }
}

/**
 * Reads requests of one connection. Byte strings within a request are views of its frame.
 */
export class RequestReader {
  readonly #heads: CborHeadReader = new CborHeadReader();
  #group = "";
  #groupBytes: Uint8Array = new Uint8Array(0);

  /** @throws DraftError BAD_REQUEST if the body is no request; the connection cannot go on then */
  read(body: Uint8Array): ClientRequest {
    const common = this.#readWrite(body);
    if (common !== null) return common;
    const request = decodeRequest(body);
    if (request.kind === "write") this.#remember(request.group);
    return request;
  }

  #remember(group: string): void {
    this.#group = group;
    this.#groupBytes = new TextEncoder().encode(group);
  }

  /** The common case by hand: a write for the same group as the last request. */
  #readWrite(body: Uint8Array): WriteRequest | null {
    const heads = this.#heads;
    heads.reset(body);
    if (heads.next(CborMajor.array) !== 5) return null;
    const id = heads.next(CborMajor.unsigned);
    if (id < 0 || heads.next(CborMajor.unsigned) !== KIND.write) return null;
    const groupBytes = heads.next(CborMajor.text);
    if (groupBytes < 0 || heads.at + groupBytes > body.length) return null;
    const group = this.#groupAt(body, heads.at, groupBytes);
    heads.at += groupBytes;
    const timeoutMs = heads.next(CborMajor.unsigned);
    const envelopeBytes = heads.next(CborMajor.bytes);
    if (group === null || timeoutMs < 0 || envelopeBytes !== body.length - heads.at) return null;
    return { id, kind: "write", group, timeoutMs: Math.min(timeoutMs, TIMEOUT_MS_MAX), envelope: body.subarray(heads.at) };
  }

  #groupAt(body: Uint8Array, at: number, bytes: number): string | null {
    const known = this.#groupBytes;
    if (bytes !== known.length) return null;
    for (let i = 0; i < bytes; i++) if (body[at + i] !== known[i]) return null;
    return this.#group;
  }
}

function decodeRequest(body: Uint8Array): ClientRequest {
  const [id, kind, group, timeoutMs, ...rest] = tuple(decode(body), "request");
  const head: RequestHead = {
    id: whole(id, "request id"),
    group: name(group, "group"),
    timeoutMs: Math.min(whole(timeoutMs, "timeoutMs"), TIMEOUT_MS_MAX),
  };
  const asked = ASKS.find((each) => KIND[each] === kind);
  if (asked !== undefined) return { ...head, kind: asked };
  switch (kind) {
    case KIND.write:
      return { ...head, kind: "write", envelope: byteString(rest[0], "envelope") };
    case KIND.read:
      return { ...head, kind: "read", level: levelFrom(rest[0]), minIndex: whole(rest[1], "minIndex"), command: commandFrom(rest[2]) };
    case KIND.transfer:
      return { ...head, kind: "transfer", to: name(rest[0], "member id") };
    case KIND.change:
    case KIND.rehearse:
      return { ...head, kind: kind === KIND.change ? "change" : "rehearse", wishes: wishesFrom(rest[0]), force: rest[1] === true };
    case KIND["log-level"]:
      return { ...head, kind: "log-level", level: name(rest[0], "log level") };
    case KIND.backup:
      return { ...head, kind: "backup", ask: backupAskFrom(rest[0]) };
    case KIND.restore:
      return { ...head, kind: "restore", ask: restoreAskFrom(rest[0]) };
    case KIND.watch:
      return { ...head, kind: "watch", ask: watchAskFrom(rest[0]) };
    case KIND.open:
      return { ...head, kind: "open", ordered: rest[0] === true };
    case KIND.close:
      return { ...head, kind: "close", session: sessionFrom(rest[0]) };
    default:
      return { ...head, kind: "unknown" };
  }
}

function sessionFrom(value: unknown): Uint8Array {
  const session = byteString(value, "session");
  if (session.length !== SESSION_BYTES) throw malformed("session");
  return session;
}

function levelFrom(value: unknown): Level {
  const level = LEVELS[whole(value, "level")];
  if (level === undefined) throw malformed("level");
  return level;
}

function commandFrom(value: unknown): CommandTuple {
  const command = tuple(value, "command");
  if (typeof command[0] !== "string") throw malformed("command");
  return command as unknown as CommandTuple;
}
