/**
 * Streams over TLS, the same source on Bun, Deno and Node. One port takes TLS alone: its first byte is looked at before
 * the runtime's own server gets the socket, so that who speaks plainly is told so in words. (That a server of node:tls
 * takes a socket that it did not accept, with what was read of it put back, was seen to be the same on all three.)
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import * as net from "node:net";
import * as tls from "node:tls";
import type { Done } from "../base/task.ts";
import { namesIn } from "./certificate_names.ts";
import type { Address, Listener, Net, Socket, SocketPeer } from "./host.ts";
import { hostError, listenWith, NodeSocket, withCode } from "./node_net.ts";

/** What a node or a client has and trusts, as PEM. */
export interface TlsMaterial {
  /** Its own certificate, with what leads to its authority behind it, and the key; null: it shows none. */
  readonly own: { readonly cert: string; readonly key: string } | null;
  /** Who signs clients; and nodes too, unless `peerCa` is given. Null: nobody; for a client, those that the runtime trusts. */
  readonly ca: string | null;
  /** Who signs nodes. */
  readonly peerCa: string | null;
  /** Whether whoever connects must show a certificate that is valid here. */
  readonly demandsCertificate: boolean;
}

/** How a node calls itself in its certificate: an alternative name of the kind URI. */
const NODE_NAME = "draft-node:";

const TLS_FIRST_BYTE = 0x16;

/** The handshake must be over so soon after the connection. */
const HANDSHAKE_MS = 10_000;

/** Handshakes that are under way, at most, and those of one address: beyond, connections are closed. */
const HANDSHAKES_MAX = 1000;
const HANDSHAKES_OF_ONE_MAX = 500;

/** Nothing older is believed to keep a secret. */
const TLS_VERSION_MIN = "TLSv1.2";

/** What is said to who speaks plainly; the shape is HTTP's, since most of them will be browsers and curl. */
const PLAIN_WORDS = "this port speaks TLS alone: https, or draft client --tls-ca FILE\n";
const PLAIN_ANSWER = `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: ${PLAIN_WORDS.length}\r\nconnection: close\r\n\r\n${PLAIN_WORDS}`;

/** The network of this machine, over TLS. */
export class NodeTlsNet implements Net {
  #material: TlsMaterial;
  readonly #dialsNodes: boolean;
  #accepting: Accepting[] = [];

  /**
   * @param dialsNodes whether who is dialled may be a node, known by its own name; else by the host that was dialled
   * @throws Error if certificate, key or authorities cannot be read
   */
  constructor(material: TlsMaterial, dialsNodes: boolean) {
    this.#material = material;
    this.#dialsNodes = dialsNodes;
    checkMaterial(material);
  }

  /**
   * New connections are made with this; those that are open stay.
   *
   * @throws Error if it cannot be read; then all stays as it was
   */
  change(material: TlsMaterial): void {
    checkMaterial(material);
    this.#material = material;
    for (const each of this.#accepting) each.change(material);
  }

  listen(address: Address, accept: (socket: Socket) => void, done: Done<Listener>): void {
    const accepting = new Accepting(this.#material, accept);
    this.#accepting.push(accepting);
    listenWith(net.createServer({ noDelay: true }, (raw) => accepting.take(raw)), address, done);
  }

  dial(address: Address, timeoutMs: number, done: Done<Socket>): void {
    const { own, ca, peerCa } = this.#material;
    const trusted = this.#dialsNodes ? peerCa ?? ca : ca;
    const dialled = net.isIP(address.host) === 0 ? { servername: address.host } : {};
    const options: tls.ConnectionOptions = {
      host: address.host, port: address.port, minVersion: TLS_VERSION_MIN, ...dialled, ...own, ...(trusted === null ? {} : { ca: trusted }),
      checkServerIdentity: (host: string, certificate: tls.PeerCertificate) => (this.#dialsNodes && nodeIdsIn(certificate.raw).length > 0 ? undefined : tls.checkServerIdentity(host, certificate)),
    };
    // The types of two runtimes meet in this overload, and the linter finds none.
    const raw = tls.connect(options) as unknown as tls.TLSSocket;
    raw.setNoDelay(true);
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      raw.off("secureConnect", secured).off("error", settle).off("close", closed);
      if (error === null) return done(null, new NodeSocket(raw, peerOf(raw, this.#material)));
      raw.on("error", () => undefined);
      raw.destroy();
      done(withCode(error, "ECONNREFUSED"));
    };
    const secured = (): void => settle(null);
    const closed = (): void => settle(hostError("ECONNRESET", "the connection was closed in the handshake"));
    const timer = setTimeout(() => settle(hostError("ETIMEDOUT", `no connection within ${timeoutMs} ms`)), timeoutMs);
    raw.once("secureConnect", secured).once("error", settle).once("close", closed);
  }
}

/** Connections to one port, up to the end of their handshake. */
class Accepting {
  readonly #accept: (socket: Socket) => void;
  #server: tls.Server;
  /** By address and port of the other side. */
  readonly #handshakes: Map<string, { readonly raw: net.Socket; readonly timer: ReturnType<typeof setTimeout> }> = new Map();

  constructor(material: TlsMaterial, accept: (socket: Socket) => void) {
    this.#accept = accept;
    this.#server = this.#serverWith(material);
  }

  change(material: TlsMaterial): void {
    this.#server = this.#serverWith(material);
  }

  take(raw: net.Socket): void {
    const name = nameOf(raw);
    const ofOne = [...this.#handshakes.values()].filter((each) => each.raw.remoteAddress === raw.remoteAddress).length;
    raw.on("error", () => undefined);
    if (this.#handshakes.size >= HANDSHAKES_MAX || ofOne >= HANDSHAKES_OF_ONE_MAX) return void raw.destroy();
    const timer = setTimeout(() => raw.destroy(), HANDSHAKE_MS);
    this.#handshakes.set(name, { raw, timer });
    raw.once("close", () => this.#over(name));
    const look = (): void => {
      const first = raw.read() as Uint8Array | null;
      // Readable without bytes: the end, or not yet.
      if (first === null) return;
      raw.off("readable", look);
      if (first[0] !== TLS_FIRST_BYTE) return void raw.end(PLAIN_ANSWER);
      raw.unshift(first);
      this.#server.emit("connection", raw);
    };
    raw.on("readable", look);
  }

  #over(name: string): void {
    const handshake = this.#handshakes.get(name);
    this.#handshakes.delete(name);
    if (handshake !== undefined) clearTimeout(handshake.timer);
  }

  #serverWith(material: TlsMaterial): tls.Server {
    const authorities = authoritiesOf(material);
    const server = tls.createServer({
      ...material.own, minVersion: TLS_VERSION_MIN, requestCert: authorities.length > 0, rejectUnauthorized: material.demandsCertificate,
      ...(authorities.length > 0 ? { ca: authorities } : {}),
    });
    server.on("secureConnection", (socket) => {
      this.#over(nameOf(socket));
      socket.pause();
      this.#accept(new NodeSocket(socket, peerOf(socket, material)));
    });
    // It failed: the runtime has closed the socket already, or does so now.
    server.on("tlsClientError", (_, socket) => void socket.destroy());
    return server;
  }
}

function nameOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress ?? "?"}:${remotePort ?? 0}`;
}

/** @throws Error that says what is wrong */
function checkMaterial(material: TlsMaterial): void {
  const { own } = material;
  if (own !== null) {
    tls.createSecureContext({ ...own, minVersion: TLS_VERSION_MIN });
    // Deno finds out at the first handshake alone.
    if (!new X509Certificate(own.cert).checkPrivateKey(createPrivateKey(own.key))) throw new Error("the key is not that of the certificate");
  }
  for (const pem of authoritiesOf(material)) new X509Certificate(pem);
}

/** The certificates of all authorities, each by itself. */
function authoritiesOf({ ca, peerCa }: TlsMaterial): string[] {
  return [...certificatesIn(ca), ...certificatesIn(peerCa)];
}

/** @throws Error if there is none in what is to be some */
function certificatesIn(pem: string | null): string[] {
  if (pem === null) return [];
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (found === null) throw new Error("no certificate in PEM stands in it");
  return found;
}

/** Who is at the other side, if its certificate is valid here. */
function peerOf(socket: tls.TLSSocket, material: TlsMaterial): SocketPeer | null {
  if (!socket.authorized) return null;
  const { raw } = socket.getPeerCertificate() as { readonly raw?: Uint8Array };
  if (raw === undefined) return null;
  const { commonName, alternatives } = namesIn(raw);
  const names = [commonName, ...alternatives.map(({ name }) => name)].filter((name) => name !== "");
  return { names, nodeIds: isSignedBy(raw, material.peerCa ?? material.ca) ? nodeIdsIn(raw) : [] };
}

function nodeIdsIn(raw: Uint8Array): string[] {
  return namesIn(raw).alternatives.filter(({ kind, name }) => kind === "uri" && name.startsWith(NODE_NAME)).map(({ name }) => name.slice(NODE_NAME.length));
}

/** That it leads to one of all authorities, and is in force, is known: here it matters to whose. */
function isSignedBy(raw: Uint8Array, ca: string | null): boolean {
  const certificate = new X509Certificate(raw);
  return certificatesIn(ca).map((pem) => new X509Certificate(pem)).some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
}
