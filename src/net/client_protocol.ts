/**
 * What clients and nodes say to each other. A client opens a connection with the preface of kind 2 (frame.ts) and its
 * hello, which the node answers with its own; from then on the client requests and the node replies, in any order. Each
 * is one frame whose body is a CBOR tuple. Tuples may grow at the end; a reader ignores what it does not know.
 *
 * ```text
 * client hello  [protocol, client name, cluster id expected or "", flags, token or null (missing: null)]
 *               flags: 1 = a node forwards for a client here, do not forward again; 2 = it is a node, and proves it
 * challenge     [0, 2, nonce]   in place of the node's hello, to one that says that it is a node
 * proof         [bytes]         the client's next frame, see peer_proof.ts; the node hello follows
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
import { CBOR_HEAD_BYTES_MAX, CborMajor, writeCborHead } from "../base/cbor_head.ts";
import { encode } from "../base/codec.ts";
import { type BackupAsk, encodeBackupAsk, encodeRestoreAsk, type RestoreAsk } from "./backup_request.ts";
import { encodeWishes, type MemberAsk } from "./member_wish.ts";
import { encodeWatchAsk, type WatchAsk } from "./watch_request.ts";

/** Numbers on the wire. */
export const KIND = { write: 1, read: 2, operations: 3, status: 4, members: 5, transfer: 6, record: 7, story: 8, open: 9, close: 10, snapshot: 11, change: 12, rehearse: 13, "log-level": 14, backup: 15, watch: 16, restore: 17 } as const;
/** Numbered by their place. */
export const LEVELS: readonly Level[] = ["linearizable", "lease", "stale"];

/** How fresh a read must be. A lease read is linearizable too, as long as clocks go about alike (raft/lease.ts). */
export type Level = "linearizable" | "lease" | "stale";

/** An operation's name and its arguments. */
export type CommandTuple = readonly [operation: string, ...args: unknown[]];

/** What every request begins with. */
export interface RequestHead {
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

export type ClientRequest = WriteRequest | ReadRequest | AskRequest | TransferRequest | ChangeRequest | LogLevelRequest | BackupRequest | WatchRequest | RestoreRequest | OpenRequest | CloseRequest | UnknownRequest;

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
    case "watch":
      return encode([...head, encodeWatchAsk(request.ask)]);
    case "restore":
      return encode([...head, encodeRestoreAsk(request.ask)]);
    case "open":
      return encode([...head, request.ordered]);
    case "close":
      return encode([...head, request.session]);
    default:
      return encode(head);
  }
}
