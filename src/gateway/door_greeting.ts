/**
 * The first frames of a client's connection: who it is, and which cluster it means. Nothing is told of the node before
 * who asks has said who they are. A node that passes on what others ask does not say so by a token of its own: it proves
 * that it is a node, by what nodes prove to each other (peer_proof.ts), or by its certificate.
 */
import { drawHex128 } from "../base/bytes.ts";
import { decode } from "../base/codec.ts";
import { DraftError } from "../base/errors.ts";
import type { Random, SocketPeer } from "../host/host.ts";
import { tuple } from "../net/client_fields.ts";
import { CLIENT_PROTOCOL, type ClientHello, decodeClientHello, encodeChallenge, encodeNodeHello } from "../net/client_hello.ts";
import { isProof } from "../net/peer_proof.ts";
import type { NodeApi } from "../node/node_api.ts";
import type { Access, Login } from "./auth/access.ts";

/** Who may ask, and how a node proves to be one. */
export interface DoorRules {
  readonly access: Access;
  /** What nodes know; null: nothing. */
  readonly secret: Uint8Array | null;
  readonly random: Random;
}

/** Greets one client. */
export class DoorGreeting {
  readonly login: Login;
  readonly #api: NodeApi;
  readonly #rules: DoorRules;
  readonly #peer: SocketPeer | null;
  #hello: ClientHello | null = null;
  #said: Uint8Array = new Uint8Array();
  /** What a proof is awaited for; null: none is. */
  #nonce: string | null = null;
  #isOver = false;

  constructor(api: NodeApi, rules: DoorRules, peer: SocketPeer | null) {
    this.#api = api;
    this.#rules = rules;
    this.#peer = peer;
    this.login = rules.access.login(peer);
  }

  /** Whether requests may follow. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the client is a node that passes on what others ask. */
  get isForwarded(): boolean {
    return this.#hello?.forwarded === true;
  }

  /** Whether the client wants to know what writes took. */
  get isTimed(): boolean {
    return this.#hello?.timed === true;
  }

  /**
   * Takes one frame and gives the answer to it.
   *
   * @throws DraftError BAD_REQUEST, UNAUTHORIZED, WRONG_IDENTITY: the connection cannot go on
   */
  take(body: Uint8Array): Uint8Array {
    const hello = this.#hello;
    if (hello !== null) {
      this.#checkProof(hello, body);
      return this.#welcome(hello);
    }
    const said = decodeClientHello(body);
    this.#hello = said;
    const { access, secret, random } = this.#rules;
    if (said.isNode && access.isRequired) {
      const nodeId = this.#peer?.nodeIds[0];
      if (nodeId !== undefined) this.login.asNode(nodeId);
      else if (secret !== null) {
        this.#said = new Uint8Array(body);
        this.#nonce = drawHex128(random);
        return encodeChallenge(this.#nonce);
      }
    } else if (said.token !== null) this.login.withToken(said.token);
    return this.#welcome(said);
  }

  #checkProof({ clientName }: ClientHello, body: Uint8Array): void {
    const { secret } = this.#rules;
    const [proof] = tuple(decode(body), "proof");
    const asked = this.#nonce;
    this.#nonce = null;
    if (secret === null || asked === null || !isProof(secret, { purpose: "draft node asks", asked, own: "", said: this.#said }, proof)) {
      throw new DraftError("UNAUTHORIZED", `"${clientName.slice(0, 80)}" does not prove to be a node: its --peer-secret-file is another one`);
    }
    this.login.asNode(clientName.replace(/^node /, ""));
  }

  #welcome(hello: ClientHello): Uint8Array {
    const { principal } = this.login;
    if (principal instanceof DraftError) throw hello.forwarded ? unproved(hello) : principal;
    const { clusterId, nodeId, address, version } = this.#api.identity();
    if (hello.clusterId !== "" && clusterId !== "" && hello.clusterId !== clusterId) {
      throw new DraftError("WRONG_IDENTITY", `node ${nodeId} belongs to cluster ${clusterId}, not ${hello.clusterId}: name nodes of one cluster`);
    }
    this.#isOver = true;
    const leader = this.#api.leaderOf("main");
    return encodeNodeHello({ protocol: CLIENT_PROTOCOL, clusterId, nodeId, address, version, ...this.#api.limits(), leader });
  }
}

function unproved({ clientName }: ClientHello): DraftError {
  return new DraftError("UNAUTHORIZED", `"${clientName.slice(0, 80)}" passes on what others ask, and cannot prove to be a node: start all nodes with --peer-secret-file, or with certificates of their own`);
}
