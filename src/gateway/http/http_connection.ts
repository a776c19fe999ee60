/**
 * One connection of HTTP: its requests one after the other, and by when the next thing has to happen on it. Nobody may
 * hold a connection by saying nothing, or by saying it slowly.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { DraftError } from "../../base/errors.ts";
import type { Socket, SocketPeer } from "../../host/host.ts";
import type { Principal } from "../auth/principal.ts";
import { Body, type Room } from "./body.ts";
import { checkHost } from "./host_rule.ts";
import { errorAnswer, type HttpAnswer, type HttpRequest } from "./message.ts";
import { sendPieces } from "./send_pieces.ts";

/** The first request must have come so soon after the connection, up to its body. */
const FIRST_HEAD_MS = 10_000;

/** The next one so soon after the answer to the last. */
const NEXT_HEAD_MS = 60_000;

/** A body, and an answer, may take so long, and a second more for each 16 KiB that came, or are to go. */
const TRANSFER_MS = 10_000;
const TRANSFER_BYTES_A_MS = 16;

/** Of an answer that comes in pieces nothing may be taken for so long. */
const STALL_MS = 30_000;

/** Requests that were sent ahead of their turn. */
const PIPELINED_MAX = 256;

/** The runtime's socket. */
export type RawSocket = IncomingMessage["socket"];

/** What a connection needs of its door. */
export interface ConnectionDoor {
  readonly room: Room;
  /** Host of the address that the node advertises. */
  readonly ownHost: string;
  nowMs(): number;
  answer(request: HttpRequest): Promise<HttpAnswer>;
  /** Who asks, by the connection's certificate, if there is one, and the header `Authorization`. */
  principalOf(peer: SocketPeer | null, authorization: string | undefined): Principal | DraftError;
  /** Whether the door takes no more requests. */
  readonly stopping: boolean;
}

/** One connection. */
export class HttpConnection {
  readonly #raw: RawSocket;
  readonly #door: ConnectionDoor;
  readonly #from: Pick<Socket, "remote" | "peer">;
  /** The last of the requests that were taken; each waits for the one before it. */
  #last: Promise<void> = Promise.resolve();
  #underWay = 0;
  #dueMs: number;
  /** The body that is read. */
  #body: Body | null = null;

  constructor(raw: RawSocket, from: Pick<Socket, "remote" | "peer">, door: ConnectionDoor) {
    this.#raw = raw;
    this.#from = from;
    this.#door = door;
    this.#dueMs = door.nowMs() + FIRST_HEAD_MS;
  }

  /** Whether a request is being answered. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** Closes what is late. */
  check(nowMs: number): void {
    if (nowMs > this.#dueMs + (this.#body?.bytes ?? 0) / TRANSFER_BYTES_A_MS) this.#raw.destroy();
  }

  destroy(): void {
    this.#raw.destroy();
  }

  /** Takes a request; `invite` asks for its body, where its sender waits for that. */
  take(request: IncomingMessage, response: ServerResponse, invite: (() => void) | null): void {
    if (this.#underWay >= PIPELINED_MAX) return this.destroy();
    this.#underWay += 1;
    // What befalls the connection is heard of from the socket.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    this.#last = this.#last.then(() => this.#serve(request, response, invite));
  }

  async #serve(request: IncomingMessage, response: ServerResponse, invite: (() => void) | null): Promise<void> {
    const body = new Body(request, this.#door.room);
    let wanted = invite === null;
    const read = (bytesMax: number): Promise<Uint8Array> => {
      const announced = Number(request.headers["content-length"] ?? 0);
      if (!wanted && announced <= bytesMax) {
        wanted = true;
        invite?.();
      }
      this.#body = body;
      this.#dueMs = this.#door.nowMs() + TRANSFER_MS;
      return body.read(bytesMax).finally(() => {
        this.#body = null;
        this.#dueMs = Number.POSITIVE_INFINITY;
      });
    };
    try {
      this.#dueMs = Number.POSITIVE_INFINITY;
      const answer = await this.#answer(request, read);
      if (!response.destroyed) await this.#send(request, response, answer, !wanted);
    } finally {
      body.release();
      this.#underWay -= 1;
      this.#dueMs = this.#door.nowMs() + (this.#door.stopping ? 0 : NEXT_HEAD_MS);
    }
  }

  #answer(request: IncomingMessage, read: (bytesMax: number) => Promise<Uint8Array>): Promise<HttpAnswer> | HttpAnswer {
    const { method = "GET", url = "/", headers, rawHeaders, httpVersion } = request;
    try {
      if (this.#door.stopping) throw new DraftError("STOPPING", "this node stops: another one answers");
      checkHost(rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === "host"), this.#door.ownHost, httpVersion === "1.0");
      if (!url.startsWith("/")) throw new DraftError("BAD_REQUEST", `"${url.slice(0, 64)}" is no path: want one that begins with /`);
    } catch (error) {
      if (error instanceof DraftError) return errorAnswer(error);
      throw error;
    }
    const at = url.indexOf("?");
    return this.#door.answer({
      method,
      path: at < 0 ? url : url.slice(0, at),
      query: at < 0 ? "" : url.slice(at + 1),
      principal: this.#door.principalOf(this.#from.peer ?? null, headers.authorization),
      remote: this.#from.remote,
      header: (name) => {
        const value = headers[name];
        return value === undefined ? null : [value].flat().join(", ");
      },
      body: read,
    });
  }

  /** Sends the answer; ends once it was handed to the system, or the connection is gone. */
  #send(request: IncomingMessage, response: ServerResponse, { status, headers, body }: HttpAnswer, isUninvited: boolean): Promise<void> {
    if (body instanceof ReadableStream) {
      // Behind what has no end of its own nothing else is asked, and a node that stops waits for nobody's next request.
      response.writeHead(status, { ...headers, connection: "close" });
      return this.#sendPieces(request, response, body);
    }
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    this.#dueMs = this.#door.nowMs() + TRANSFER_MS + bytes.length / TRANSFER_BYTES_A_MS;
    const length: Record<string, string> = status === 304 ? {} : { "content-length": String(bytes.length) };
    // Who waited to be asked for a body and was not may send it all the same: nobody could tell it from a request.
    const ends = isUninvited || this.#door.stopping ? { connection: "close" } : {};
    return new Promise((resolve) => {
      response.on("finish", resolve).on("close", resolve);
      // One write to the system: Bun sends head and body apart, if it is let.
      this.#raw.cork();
      response.writeHead(status, { ...headers, ...length, ...ends });
      if (request.method === "HEAD" || status === 304) response.end();
      else response.end(bytes);
      this.#raw.uncork();
    });
  }

  /** Sends what comes in pieces, for as long as they are taken. */
  async #sendPieces(request: IncomingMessage, response: ServerResponse, pieces: ReadableStream<Uint8Array>): Promise<void> {
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (request.method !== "HEAD") {
      response.flushHeaders();
      return sendPieces(response, pieces, (isFull) => (this.#dueMs = isFull ? this.#door.nowMs() + STALL_MS : Number.POSITIVE_INFINITY));
    }
    await pieces.cancel();
    await new Promise<void>((resolve) => {
      response.on("finish", resolve).on("close", resolve);
      response.end();
    });
  }
}
