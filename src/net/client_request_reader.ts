/** Reads what clients ask (client_protocol.ts). */
import { CborHeadReader, CborMajor } from "../base/cbor_head.ts";
import { decode } from "../base/codec.ts";
import { backupAskFrom, restoreAskFrom } from "./backup_request.ts";
import { byteString, malformed, name, tuple, whole } from "./client_fields.ts";
import { type ClientRequest, type CommandTuple, KIND, type Level, LEVELS, type RequestHead, type WriteRequest } from "./client_protocol.ts";
import { wishesFrom } from "./member_wish.ts";
import { watchAskFrom } from "./watch_request.ts";

/** Timeouts beyond this are cut to it: a day. */
const TIMEOUT_MS_MAX = 86_400_000;

/** Requests that say nothing besides. */
const ASKS = ["operations", "status", "members", "record", "story", "snapshot"] as const;

const SESSION_BYTES = 16;

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
    case KIND.watch:
      return { ...head, kind: "watch", ask: watchAskFrom(rest[0]) };
    case KIND.restore:
      return { ...head, kind: "restore", ask: restoreAskFrom(rest[0]) };
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
