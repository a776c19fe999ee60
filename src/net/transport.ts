/**
 * All connections of a node with its peers: links that it dials, connections that it takes in, and probes. Everything
 * happens in the node's turn: `send` queues, `flush` writes each connection once, so that the messages of all groups to
 * one peer leave together.
 */
import { assert } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import type { Host, Socket } from "../host/host.ts";
import type { Message } from "../raft/message.ts";
import type { MemberNumber } from "../raft/types.ts";
import { Counters } from "./counters.ts";
import { Lane, type LaneNumber } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import { firstFrame, greet } from "./greeting.ts";
import { ConnectionFrame, decodeReply, encodeProbe, type Hello, PROTOCOL_VERSION } from "./hello.ts";
import { Inbound, type InboundOwner } from "./inbound.ts";
import { Interview } from "./interview.ts";
import { isSamePeer, Link, type LinkOwner, type Peer, whyNotPeer } from "./link.ts";
import { GREETING_MS, type OutboundQueue } from "./outbound.ts";
import { NO_PROOF, type PeerProof } from "./peer_proof.ts";

/** Connections that have not said yet who they are, and probes, at most. */
export const HANDSHAKES_MAX = 64;

/** Lanes that only members of the cluster may use. */
const PEER_LANES: readonly LaneNumber[] = [Lane.control, Lane.bulk, Lane.snapshot];

/** What a node is told, and asked, by its transport. */
export interface TransportHandlers {
  /** What the node says of itself. */
  hello(): Hello;
  /** Why a node that says `hello` may not speak on `lane`; null if it may. Other clusters and older boots never get here. */
  admit(hello: Hello, lane: LaneNumber): string | null;
  /** A node of another cluster dials this one as its member. It is refused; this says what else is to be done. */
  stranger?(hello: Hello): void;
  /** A message of a peer that was admitted. Entries are views of the received piece: copy what is kept. */
  message(from: Hello, message: Message): void;
  /** A question of any node. `answer` is called once, when what it promises is durable; null: it is not understood. */
  probe(from: Hello, request: readonly unknown[], answer: (reply: readonly unknown[] | null) => void, remote: string): void;
  /**
   * A question of a peer that was admitted to the snapshot lane. `answer` is called once: with the answer, or with a text
   * why there is none, which ends the connection.
   */
  snapshot(from: Hello, question: readonly unknown[], answer: (reply: readonly unknown[] | string) => void): void;
  /** Messages reach the peer again, those sent before may be lost. */
  linkUp(number: MemberNumber): void;
  linkDown(number: MemberNumber): void;
}

export interface TransportOptions {
  /** What peers prove to each other; nothing if left out. */
  readonly proof?: PeerProof;
  /** The longest frame that is taken. */
  readonly frameBytesMax: number;
  /** Bytes of append requests that may wait for one peer; more are dropped. */
  readonly bulkBytesMax: number;
  /** Peers that may have a snapshot connection to this node at a time. */
  readonly snapshotsMax: number;
}

/** What a probe brings back. */
export interface ProbeReply {
  readonly hello: Hello;
  readonly reply: readonly unknown[];
}

/** The node's side of the network. */
export class Transport {
  readonly counters: Counters = new Counters();
  readonly #host: Host;
  readonly #handlers: TransportHandlers;
  readonly #options: TransportOptions;
  readonly #links: Map<MemberNumber, Link> = new Map();
  readonly #inbound: Set<Inbound> = new Set();
  readonly #handshakes: Set<Inbound> = new Set();
  readonly #proof: PeerProof;
  #closed = false;

  constructor(host: Host, handlers: TransportHandlers, options: TransportOptions) {
    this.#host = host;
    this.#handlers = handlers;
    this.#options = options;
    this.#proof = options.proof ?? NO_PROOF;
  }

  /** Keeps links to exactly these. A peer whose number or incarnation is not listed is closed, what waited is lost. */
  setPeers(peers: readonly Peer[]): void {
    assert(new Set(peers.map(({ number }) => number)).size === peers.length, "each number stands for one peer");
    for (const [number, link] of this.#links) {
      const same = peers.find((peer) => peer.number === number);
      if (same !== undefined && isSamePeer(same, link.peer)) link.move(same.address);
      else {
        this.#links.delete(number);
        link.close();
      }
    }
    if (this.#closed) return;
    for (const peer of peers) {
      if (!this.#links.has(peer.number)) this.#links.set(peer.number, new Link(this.#linkOwner(), peer));
    }
  }

  /** Whether both connections to the peer are there. */
  isUp(number: MemberNumber): boolean {
    return this.#links.get(number)?.isUp ?? false;
  }

  /** Where the peer is, as far as known; null if there is no link to keep to it. */
  peerOf(number: MemberNumber): Peer | null {
    return this.#links.get(number)?.peer ?? null;
  }

  /** What the peer says of itself, by the latest boot of it that was heard; null while there is no link. */
  helloOf(number: MemberNumber): Hello | null {
    return this.#links.get(number)?.hello ?? null;
  }

  /** What waits for the peer, lane by lane. */
  queuesTo(number: MemberNumber): readonly OutboundQueue[] {
    return this.#links.get(number)?.queues ?? [];
  }

  /**
   * Queues `message` for a peer until `flush`. It may be lost, like any message: without a link, or when the queue is
   * full.
   *
   * @param runs the sealed bytes of an append request's entries, in pieces; they must stay unchanged
   */
  send(to: MemberNumber, message: Message, runs: readonly Uint8Array[] = []): void {
    const link = this.#links.get(to);
    if (link === undefined) this.counters.add("dropped");
    else link.send(message, runs);
  }

  /** Sends what was queued: the end of the turn. */
  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  /** Takes over a connection whose first bytes, `firstBytes`, begin as a peer's do. */
  acceptPeer(socket: Socket, firstBytes: Uint8Array): void {
    this.counters.add("accepted");
    if (this.#closed || this.#handshakes.size >= HANDSHAKES_MAX) {
      this.counters.add("handshakesFull");
      socket.destroy();
      return;
    }
    const inbound = new Inbound(this.#inboundOwner(), socket);
    this.#inbound.add(inbound);
    this.#handshakes.add(inbound);
    inbound.receive(firstBytes);
  }

  /**
   * Asks the node at `address` one question, and learns who it is.
   *
   * @param done gets the answer; or a HostError of the network, or a DraftError: FORBIDDEN if it refuses, UNREACHABLE
   *   without an answer in time, BAD_REQUEST if it speaks nonsense
   */
  probe(address: string, request: readonly unknown[], timeoutMs: number, done: Done<ProbeReply>): void {
    runTask(this.#ask(address, request, timeoutMs), done);
  }

  /**
   * Dials a peer on the snapshot lane.
   *
   * @param done gets the connection; or a DraftError: FORBIDDEN if the peer refuses, or is not who it should be,
   *   BAD_REQUEST if it speaks nonsense, UNREACHABLE if there is no line
   */
  interview(peer: Peer, done: Done<Interview>): void {
    runTask(this.#interview(peer), (...[error, interview]) => {
      if (error === null) return done(null, interview);
      done(error instanceof DraftError ? error : new DraftError("UNREACHABLE", error.message, { cause: error }));
    });
  }

  /** Closes what those have dialled that are meant, by what they say of themselves. */
  drop(isMeant: (hello: Hello) => boolean): void {
    for (const each of [...this.#inbound]) if (each.lane !== Lane.probe && each.hello !== null && isMeant(each.hello)) each.close();
  }

  /** Closes everything. */
  close(): void {
    this.#closed = true;
    this.setPeers([]);
    for (const inbound of [...this.#inbound]) inbound.close();
  }

  *#ask(address: string, request: readonly unknown[], timeoutMs: number): Task<ProbeReply> {
    const host = this.#host;
    const startMs = host.clock.monotonicMs();
    const { socket, parser, hello } = yield* greet({ host, address, lane: Lane.probe, hello: this.#handlers.hello(), proof: this.#proof, timeoutMs });
    parser.bodyBytesMax = this.#options.frameBytesMax;
    const writer = new FrameWriter();
    writer.add(encodeProbe(ConnectionFrame.request, request));
    socket.write(writer.take());
    const leftMs = startMs + timeoutMs - host.clock.monotonicMs();
    const body = yield* wait<Uint8Array>((done) => firstFrame(host, { socket, parser, timeoutMs: leftMs }, done));
    socket.destroy();
    return { hello, reply: decodeReply(body) };
  }

  *#interview(peer: Peer): Task<Interview> {
    const host = this.#host;
    const hello = this.#handlers.hello();
    const greeted = yield* greet({ host, address: peer.address, lane: Lane.snapshot, hello, proof: this.#proof, timeoutMs: GREETING_MS });
    const why = this.#closed ? "this node ends" : whyNotPeer(peer, greeted.hello, hello);
    if (why !== null) {
      greeted.socket.destroy();
      this.counters.add("wrongPeer");
      throw new DraftError("FORBIDDEN", why);
    }
    greeted.parser.bodyBytesMax = this.#options.frameBytesMax;
    return new Interview(host, greeted);
  }

  #linkOwner(): LinkOwner {
    return {
      host: this.#host, counters: this.counters, proof: this.#proof, bulkBytesMax: this.#options.bulkBytesMax,
      hello: () => this.#handlers.hello(),
      linkUp: (number) => this.#handlers.linkUp(number), linkDown: (number) => this.#handlers.linkDown(number),
    };
  }

  #inboundOwner(): InboundOwner {
    return {
      host: this.#host, counters: this.counters, proof: this.#proof, frameBytesMax: this.#options.frameBytesMax,
      hello: () => this.#handlers.hello(),
      admit: (inbound, hello) => this.#admit(inbound, hello),
      message: (from, message) => this.#handlers.message(from, message),
      probe: (from, request, answer, remote) => this.#handlers.probe(from, request, answer, remote),
      snapshot: (from, question, answer) => this.#handlers.snapshot(from, question, answer),
      settled: (inbound) => this.#handshakes.delete(inbound),
      closed: (inbound) => this.#inbound.delete(inbound),
    };
  }

  /** Probes come from anywhere; peers from our cluster, one connection a lane, and none of an older boot. */
  #admit(inbound: Inbound, hello: Hello): string | null {
    if (hello.protocolVersion < PROTOCOL_VERSION) {
      this.counters.add("oldProtocol");
      return `protocol ${hello.protocolVersion} is no longer spoken: want ${PROTOCOL_VERSION}`;
    }
    if (inbound.lane !== Lane.probe) {
      const refusal = this.#whyNotPeer(inbound, hello);
      if (refusal !== null) return refusal;
    }
    const refusal = this.#handlers.admit(hello, inbound.lane);
    if (refusal !== null) this.#refuse(hello, refusal);
    else if (inbound.lane !== Lane.probe) {
      this.#replace(inbound, hello);
      this.#links.get(hello.memberNumber)?.dialledBy(hello);
    }
    return refusal;
  }

  #whyNotPeer(inbound: Inbound, hello: Hello): string | null {
    const { clusterId } = this.#handlers.hello();
    if (!PEER_LANES.includes(inbound.lane)) return this.#refuse(hello, `lane ${inbound.lane} is not served`);
    if (clusterId !== "" && hello.clusterId !== clusterId) {
      this.counters.add("wrongCluster");
      if (hello.clusterId !== "") this.#handlers.stranger?.(hello);
      return this.#refuse(hello, `this node is in the cluster ${clusterId}, not ${hello.clusterId === "" ? "in none" : hello.clusterId}`);
    }
    if (this.#connectionsOf(hello).some((other) => (other.hello?.bootId ?? 0) > hello.bootId)) {
      this.counters.add("oldBoot");
      return `a later start than ${hello.bootId} of this node was heard`;
    }
    if (inbound.lane === Lane.snapshot && this.#snapshotsBeside(hello) >= this.#options.snapshotsMax) {
      this.counters.add("snapshotsFull");
      return this.#refuse(hello, `${this.#options.snapshotsMax} others fetch snapshots here: ask another node, or later`);
    }
    return null;
  }

  /** Snapshot connections of others than the node that says `hello`; its own older one is about to be replaced. */
  #snapshotsBeside(hello: Hello): number {
    return [...this.#inbound].filter(({ lane, hello: other }) => lane === Lane.snapshot && other !== null && other.nodeId !== hello.nodeId).length;
  }

  #refuse(hello: Hello, why: string): string {
    this.counters.add("refused");
    this.#host.log.write("debug", `node ${hello.nodeId} (${hello.address}) is refused: ${why}`);
    return why;
  }

  /** Closes what `inbound` stands in for: connections of an earlier boot, and that of the same lane. */
  #replace(inbound: Inbound, hello: Hello): void {
    for (const other of this.#connectionsOf(hello)) {
      if (other === inbound || (other.hello?.bootId === hello.bootId && other.lane !== inbound.lane)) continue;
      this.counters.add("replaced");
      other.close();
    }
  }

  #connectionsOf(hello: Hello): Inbound[] {
    return [...this.#inbound].filter(({ lane, hello: other }) => lane !== Lane.probe && other?.nodeId === hello.nodeId && other.incarnation === hello.incarnation);
  }
}
