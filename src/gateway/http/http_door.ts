/**
 * The door for HTTP/1.1: the runtime's own parser and framing (node:http) on sockets that the mux has looked at. That it
 * takes a socket it did not accept is the same on Bun, Deno and Node, with one exception, below.
 */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { DraftError } from "../../base/errors.ts";
import type { Clock, Log, Socket, SocketPeer, Timer } from "../../host/host.ts";
import { detachSocket } from "../../host/node_net.ts";
import { Access } from "../auth/access.ts";
import type { Principal } from "../auth/principal.ts";
import { type HttpApp, startingAnswer } from "./app.ts";
import { Room } from "./body.ts";
import { type ConnectionDoor, HttpConnection, type RawSocket } from "./http_connection.ts";
import { errorAnswer, type HttpAnswer, type HttpRequest } from "./message.ts";

/** A request's head, its address included. */
const HEAD_BYTES_MAX = 16 * 1024;

/** Connections of one remote address, at most: half of all that a node takes, so that nobody shuts the others out. */
const ADDRESS_CONNECTIONS_MAX = 5000;
const BUSY_RETRY_MS = 1000;

/** How often it is looked for connections that are late. */
const CHECK_MS = 1000;

/** The ports that the door needs. */
export interface HttpPorts {
  readonly clock: Clock;
  readonly log: Log;
}

/** What is known before the node has recovered. */
export interface HttpDoorOptions {
  /** Host of the address that the node advertises. */
  readonly ownHost: string;
  /** Bytes of all bodies that are under way, at most. */
  readonly roomBytesMax: number;
  /** Connections of one remote address, at most; 5,000 if nothing is said. */
  readonly addressConnectionsMax?: number;
  /** Who may ask; everybody if nothing is said. */
  readonly access?: Access;
}

/** Serves HTTP on connections that it is given. */
export class HttpDoor implements ConnectionDoor {
  readonly room: Room;
  readonly ownHost: string;
  readonly #ports: HttpPorts;
  readonly #server: HttpServer;
  readonly #access: Access;
  readonly #connections: Map<RawSocket, HttpConnection> = new Map();
  readonly #addressConnectionsMax: number;
  /** Connections that are open, by remote address. */
  readonly #byAddress: Map<string, number> = new Map();
  /** Answers; null until the node has recovered. */
  app: HttpApp | null = null;
  #check: Timer | null = null;
  #stopping = false;

  constructor(ports: HttpPorts, { ownHost, roomBytesMax, access = new Access(), addressConnectionsMax = ADDRESS_CONNECTIONS_MAX }: HttpDoorOptions) {
    this.#ports = ports;
    this.#access = access;
    this.ownHost = ownHost;
    this.#addressConnectionsMax = addressConnectionsMax;
    this.room = new Room(roomBytesMax);
    const server = createServer({ maxHeaderSize: HEAD_BYTES_MAX, requireHostHeader: false, keepAliveTimeout: 0 });
    // Of headers beyond a count the parser would say nothing, and a condition may be among them: their bytes are bounded.
    server.maxHeadersCount = 0;
    // It never listens. Deno ends connections of a server that does not behind the first answer, as if it were closed.
    Object.defineProperty(server, "listening", { value: true });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => this.#take(request, response, null));
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => this.#take(request, response, () => response.writeContinue()));
    server.on("clientError", (error: Error, raw: RawSocket) => this.#refuse(error, raw));
    this.#server = server;
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  answer(request: HttpRequest): Promise<HttpAnswer> {
    return this.app === null ? Promise.resolve(startingAnswer(request)) : this.app.answer(request);
  }

  principalOf(peer: SocketPeer | null, authorization: string | undefined): Principal | DraftError {
    const login = this.#access.login(peer);
    // Another scheme says nothing here; a token that cannot be one is as wrong as any.
    const bearer = /^bearer +(\S*) *$/i.exec(authorization ?? "");
    if (bearer !== null) login.withToken(bearer[1] ?? "");
    return login.principal;
  }

  /** Takes a connection over, of which `first` was read already. */
  accept(socket: Socket, first: Uint8Array): void {
    const raw = this.#stopping ? null : detachSocket(socket, first);
    if (raw === null) return socket.destroy();
    const address = socket.remote.slice(0, socket.remote.lastIndexOf(":"));
    const others = this.#byAddress.get(address) ?? 0;
    if (others >= this.#addressConnectionsMax) return this.#turnAway(raw, address);
    this.#byAddress.set(address, others + 1);
    this.#connections.set(raw, new HttpConnection(raw, socket, this));
    raw.on("close", () => {
      this.#connections.delete(raw);
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    });
    this.#server.emit("connection", raw);
    raw.resume();
    this.#check ??= this.#ports.clock.setTimer(CHECK_MS, () => this.#checkAll());
  }

  /** From now on requests are refused with STOPPING; connections close once their last answer went out. */
  stop(): void {
    this.#stopping = true;
    for (const connection of this.#connections.values()) if (!connection.isBusy) connection.destroy();
  }

  /** Closes everything at once. */
  close(): void {
    this.#stopping = true;
    this.#check?.cancel();
    for (const connection of this.#connections.values()) connection.destroy();
  }

  #take(request: IncomingMessage, response: ServerResponse, invite: (() => void) | null): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) request.destroy();
    else connection.take(request, response, invite);
  }

  /** What the parser does not take: said in one answer, unless another one is under way, and then closed. */
  #refuse(error: Error, raw: RawSocket): void {
    const connection = this.#connections.get(raw);
    if (connection?.isBusy === true || !raw.writable) return void raw.destroy();
    const code = "code" in error ? String(error.code) : "";
    const isTooLong = code === "HPE_HEADER_OVERFLOW";
    const words = isTooLong ? `the head of the request has more than ${HEAD_BYTES_MAX} bytes` : `this is no HTTP/1.1: ${code || error.message}`;
    const answer = errorAnswer(new DraftError("BAD_REQUEST", words), isTooLong ? 431 : 400);
    endWith(raw, answer, isTooLong ? "Request Header Fields Too Large" : "Bad Request");
  }

  /** Whatever it asks. */
  #turnAway(raw: RawSocket, address: string): void {
    const words = `${this.#addressConnectionsMax} connections of ${address} are open here`;
    this.#ports.log.write("warn", `closed a connection: ${words}`);
    raw.on("error", () => raw.destroy()).resume();
    endWith(raw, errorAnswer(new DraftError("BUSY", `${words}: close some`, { retryAfterMs: BUSY_RETRY_MS })), "Too Many Requests");
  }

  #checkAll(): void {
    const nowMs = this.nowMs();
    for (const connection of this.#connections.values()) connection.check(nowMs);
    this.#check = this.#connections.size === 0 ? null : this.#ports.clock.setTimer(CHECK_MS, () => this.#checkAll());
  }
}

/** Says one answer without a request, and closes. */
function endWith(raw: RawSocket, { status, headers, body }: HttpAnswer, reason: string): void {
  const said = String(body);
  const lines = Object.entries({ ...headers, "content-length": String(said.length), "connection": "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  raw.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n${said}`);
}
