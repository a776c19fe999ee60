/**
 * The way to one peer: a control connection for what must not wait, a bulk connection for append requests. An 8 MiB
 * value on a slow line then delays other values, not the heartbeats that leadership hangs on.
 */
import type { Host } from "../host/host.ts";
import type { Message } from "../raft/message.ts";
import type { Incarnation, MemberNumber, NodeId } from "../raft/types.ts";
import type { Counters } from "./counters.ts";
import { Lane } from "./frame.ts";
import type { Hello } from "./hello.ts";
import { writeMessage } from "./message_codec.ts";
import { type LaneOptions, Outbound, type OutboundOwner, type OutboundQueue } from "./outbound.ts";
import type { PeerProof } from "./peer_proof.ts";

/** A member to keep a link to. */
export interface Peer {
  readonly number: MemberNumber;
  readonly incarnation: Incarnation;
  readonly id: NodeId;
  /** `host:port`. */
  readonly address: string;
}

/** Whether both are one life of one node, wherever it is. */
export function isSamePeer(a: Peer, b: Peer): boolean {
  return a.incarnation === b.incarnation && a.id === b.id;
}

/** What a link needs of its transport. */
export interface LinkOwner {
  readonly host: Host;
  readonly proof: PeerProof;
  readonly counters: Counters;
  /** Bytes of append requests that may wait for one peer. */
  readonly bulkBytesMax: number;
  hello(): Hello;
  linkUp(number: MemberNumber): void;
  linkDown(number: MemberNumber): void;
}

/** A whole election's messages of a thousand groups fit; older ones are out of date. */
const CONTROL_BYTES_MAX = 1024 * 1024;

const CONTROL: LaneOptions = {
  lane: Lane.control,
  queueBytesMax: CONTROL_BYTES_MAX,
  socketBytesMax: 256 * 1024,
  dropsOldest: true,
  pings: true,
};

/** More than a message takes besides its entries. */
const MESSAGE_BYTES = 256;

/** The connections to one peer. */
export class Link {
  readonly #owner: LinkOwner;
  readonly #control: Outbound;
  readonly #bulk: Outbound;
  #peer: Peer;
  /** Of the latest boot that was heard, whoever dialled. */
  #hello: Hello | null = null;
  #told = false;
  #closed = false;

  constructor(owner: LinkOwner, peer: Peer) {
    this.#owner = owner;
    this.#peer = peer;
    const outboundOwner = this.#outboundOwner();
    const queueBytesMax = owner.bulkBytesMax;
    const socketBytesMax = 1024 * 1024;
    this.#control = new Outbound(outboundOwner, CONTROL);
    this.#bulk = new Outbound(outboundOwner, { lane: Lane.bulk, queueBytesMax, socketBytesMax, dropsOldest: false, pings: false });
    this.dial();
  }

  get peer(): Peer {
    return this.#peer;
  }

  /** Both connections are there. */
  get isUp(): boolean {
    return this.#control.isUp && this.#bulk.isUp;
  }

  /** What the peer says of itself, by the latest boot of it that was heard; null unless both connections are there. */
  get hello(): Hello | null {
    return this.isUp ? this.#hello : null;
  }

  /** The peer dialled, and said this of itself. */
  dialledBy(hello: Hello): void {
    this.#heard(hello);
    this.dial();
  }

  /** On whosever connection: an earlier boot may still be heard behind a later one. */
  #heard(hello: Hello): void {
    if (hello.incarnation === this.#peer.incarnation && hello.bootId >= (this.#hello?.bootId ?? 0)) this.#hello = hello;
  }

  /** What waits on each lane. */
  get queues(): readonly OutboundQueue[] {
    return [this.#control.queue, this.#bulk.queue];
  }

  /** The peer is elsewhere now: what is connected stays, the rest is dialled there. */
  move(address: string): void {
    if (address === this.#peer.address) return;
    this.#peer = { ...this.#peer, address };
    this.dial();
  }

  /** Dials what is not connected, whatever the backoff says: there is a sign that the peer is there. */
  dial(): void {
    this.#control.dial();
    this.#bulk.dial();
  }

  /** Queues `message` until `flush`; `runs` are the sealed entries of an append request. */
  send(message: Message, runs: readonly Uint8Array[]): void {
    let bytes = MESSAGE_BYTES;
    for (const run of runs) bytes += run.length;
    const outbound = message.type === "appendRequest" ? this.#bulk : this.#control;
    if (outbound.isUp && bytes > outbound.frameBytesMax) {
      this.#owner.counters.add("dropped");
      this.#owner.host.log.write("error", `message of ${bytes} bytes to ${this.#peer.id}: want at most ${outbound.frameBytesMax}`);
      return;
    }
    if (!outbound.makeRoom(bytes)) return;
    writeMessage(outbound.writer, message, runs);
    this.#owner.counters.add("messagesOut");
  }

  /** Sends what was queued, one write a connection. */
  flush(): void {
    this.#control.flush();
    this.#bulk.flush();
  }

  close(): void {
    this.#closed = true;
    this.#control.close();
    this.#bulk.close();
    this.#tell();
  }

  #outboundOwner(): OutboundOwner {
    const { host, counters, proof } = this.#owner;
    return {
      host,
      proof,
      counters,
      name: this.#peer.id,
      address: () => this.#peer.address,
      hello: () => this.#owner.hello(),
      whyNot: (hello) => whyNotPeer(this.#peer, hello, this.#owner.hello()),
      up: (hello) => {
        this.#heard(hello);
        this.#tell();
      },
      down: () => this.#tell(),
      silent: () => {
        this.#control.drop("it does not answer");
        this.#bulk.drop("it does not answer");
      },
    };
  }

  #tell(): void {
    if (this.isUp === this.#told) return;
    this.#told = this.isUp;
    if (this.#told) this.#owner.linkUp(this.#peer.number);
    else if (!this.#closed) this.#owner.linkDown(this.#peer.number);
  }
}

/**
 * Why a node that was dialled as `peer` is not it; null if it is. A node may not know its number yet, or be in no cluster:
 * then the leader's first messages tell it.
 */
export function whyNotPeer({ id, number, incarnation, address }: Peer, hello: Hello, own: Hello): string | null {
  const at = `node ${hello.nodeId} at ${address}`;
  if (hello.clusterId !== "" && hello.clusterId !== own.clusterId) {
    return `${at} is in the cluster ${hello.clusterId}, want ${own.clusterId}`;
  }
  if (hello.nodeId !== id) return `${at}: want node ${id}`;
  if (hello.incarnation !== incarnation) return `${at} has the incarnation ${hello.incarnation}, want ${incarnation}`;
  if (hello.memberNumber !== 0 && hello.memberNumber !== number) {
    return `${at} is member ${hello.memberNumber}, want ${number}`;
  }
  return null;
}
