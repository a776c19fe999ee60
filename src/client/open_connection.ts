/**
 * Dials a node and exchanges hellos: what comes out is a connection that can take requests, or a reason why not.
 */
import { parseAddress } from "../base/address.ts";
import { encode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Address, Socket, Timer } from "../host/host.ts";
import { ConnectionKind, FrameParser, Lane, writePreface } from "../net/frame.ts";
import { FrameBatch } from "../net/frame_batch.ts";
import { challengeIn, CLIENT_PROTOCOL, decodeNodeHello, encodeClientHello } from "../net/client_hello.ts";
import { ReplyReader } from "../net/client_replies.ts";
import { prove } from "../net/peer_proof.ts";
import { Connection, type ConnectionPorts } from "./connection.ts";

/** How to introduce oneself. */
export interface ConnectionOptions {
  readonly clientName: string;
  /** The cluster that is meant; empty for any. */
  readonly clusterId: string;
  readonly forwarded: boolean;
  /** Whether replies to writes are to say what they took; not, if left out. */
  readonly timed?: boolean;
  /** What is shown to say who asks; nothing if left out. */
  readonly credentials?: Credentials;
  /** Bounds dialing and the hellos together. */
  readonly openTimeoutMs: number;
}

/** Who asks: the holder of a token, or a node. */
export type Credentials = { readonly type: "token"; readonly token: string } | NodeCredentials;

/** Who asks is a node, and proves it by the secret of its cluster; null: by its certificate alone. */
export interface NodeCredentials {
  readonly type: "node";
  readonly secret: Uint8Array | null;
}

/** A message that no node sends. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** How opening ends. Errors are UNREACHABLE, WRONG_IDENTITY, BAD_REQUEST (a bad address), or what the node said. */
export type OpenDone = (...result: [error: DraftError, connection: null] | [error: null, connection: Connection]) => void;

/** Opens a connection to the node at `address` (`host:port`). */
export function openConnection(ports: ConnectionPorts, address: string, options: ConnectionOptions, done: OpenDone): void {
  new Opening(ports, address, options, done).start();
}

class Opening {
  readonly #ports: ConnectionPorts;
  readonly #address: string;
  readonly #options: ConnectionOptions;
  readonly #frames: FrameParser = new FrameParser(REPLY_BYTES_MAX);
  #done: OpenDone | null;
  #socket: Socket | null = null;
  #timer: Timer | null = null;
  #connection: Connection | null = null;
  /** Our hello. */
  #said: Uint8Array = new Uint8Array();
  /** Nothing that still arrives counts. */
  #over = false;

  constructor(ports: ConnectionPorts, address: string, options: ConnectionOptions, done: OpenDone) {
    this.#ports = ports;
    this.#address = address;
    this.#options = options;
    this.#done = done;
  }

  start(): void {
    const { clock, net } = this.#ports;
    const { openTimeoutMs } = this.#options;
    const address = this.#parsedAddress();
    if (address instanceof DraftError) {
      clock.soon(() => this.#refused(address));
      return;
    }
    this.#timer = clock.setTimer(openTimeoutMs, () => this.#fail(`says nothing for ${Math.round(openTimeoutMs)} ms`));
    net.dial(address, openTimeoutMs, (...[error, socket]) => {
      if (error !== null) this.#fail(`cannot be reached: ${error.message}`, error);
      else this.#dialed(socket);
    });
  }

  #parsedAddress(): Address | DraftError {
    try {
      return parseAddress(this.#address, "BAD_REQUEST");
    } catch (error) {
      if (error instanceof DraftError) return error;
      throw error;
    }
  }

  #dialed(socket: Socket): void {
    if (this.#done === null) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const { clientName, clusterId, forwarded, credentials, timed = false } = this.#options;
    const batch = new FrameBatch();
    const token = credentials?.type === "token" ? credentials.token : null;
    this.#said = encodeClientHello({ protocol: CLIENT_PROTOCOL, clientName, clusterId, forwarded, timed, token, isNode: credentials?.type === "node" });
    batch.append(this.#said);
    socket.open({
      data: (bytes) => this.#received(bytes),
      drained: () => this.#connection?.drained(),
      closed: (error) => this.#closed(error),
    });
    socket.write([writePreface(ConnectionKind.client, Lane.control), batch.take() ?? new Uint8Array(0)]);
  }

  #received(bytes: Uint8Array): void {
    const frames = this.#frames;
    if (this.#over) return;
    frames.feed(bytes);
    try {
      for (let body = frames.next(); body !== null && !this.#over; body = frames.next()) {
        if (this.#connection === null) this.#greeted(body);
        else this.#connection.receive(body);
      }
      if (frames.fault !== null) throw new DraftError("BAD_REQUEST", `frame is broken: ${frames.fault}`);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#broken(error);
    }
  }

  /** The first frame: a hello, or a challenge or reply about the connection. They differ in their first numbers. */
  #greeted(body: Uint8Array): void {
    const nonce = challengeIn(body);
    if (nonce !== null) return this.#prove(nonce);
    if (body[1] === 0) {
      const { error } = new ReplyReader().read(body);
      this.#refused(error ?? new DraftError("UNREACHABLE", `${this.#address} refuses connections`));
      return;
    }
    const hello = decodeNodeHello(body);
    const expected = this.#options.clusterId;
    if (expected !== "" && hello.clusterId !== "" && hello.clusterId !== expected) {
      const message = `${this.#address} belongs to cluster ${hello.clusterId}, not ${expected}: name nodes of one cluster with -c`;
      this.#refused(new DraftError("WRONG_IDENTITY", message));
      return;
    }
    this.#connection = new Connection(this.#ports, this.#address, this.#socket as Socket, hello);
    this.#end()?.(null, this.#connection);
  }

  #prove(asked: string): void {
    const { credentials } = this.#options;
    const secret = credentials?.type === "node" ? credentials.secret : null;
    if (secret === null) return this.#refused(new DraftError("UNAUTHORIZED", `${this.#address} wants a proof that this is a node: start all nodes with --peer-secret-file`));
    const batch = new FrameBatch();
    batch.append(encode([prove(secret, { purpose: "draft node asks", asked, own: "", said: this.#said })]));
    this.#socket?.write([batch.take() ?? new Uint8Array(0)]);
  }

  #closed(error: Error | null): void {
    if (this.#connection === null) this.#fail(`closed the connection${error === null ? "" : `: ${error.message}`}`);
    else this.#connection.lost(error);
  }

  #broken(error: DraftError): void {
    this.#over = true;
    if (this.#connection === null) this.#fail("does not speak draft's client protocol", error);
    else {
      this.#connection.lost(error);
      this.#socket?.destroy();
    }
  }

  #fail(why: string, cause?: Error): void {
    this.#refused(new DraftError("UNREACHABLE", `${this.#address} ${why}`, { cause }));
  }

  #refused(error: DraftError): void {
    const done = this.#end();
    if (done === null) return;
    this.#over = true;
    this.#socket?.destroy();
    done(error, null);
  }

  /** Whom to tell, the first time that there is something to tell. */
  #end(): OpenDone | null {
    const done = this.#done;
    this.#done = null;
    this.#timer?.cancel();
    return done;
  }
}
