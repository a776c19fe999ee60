/**
 * One connection to a peer that is dialled again whenever it is lost, and the bounded queue before it. It carries our
 * messages only: the peer's come on connections that the peer dials.
 *
 * What does not fit the queue, or finds no connection, is dropped as a network may drop anything: the core's rounds and
 * refusals find out, and a queue that grew instead would only deliver what is long out of date.
 */
import { nextInRange, type RandomState, seedRandom } from "../base/random.ts";
import { runTask } from "../base/task.ts";
import type { Host, Timer } from "../host/host.ts";
import { decodeTuple } from "./tuple.ts";
import type { Counters } from "./counters.ts";
import type { LaneNumber } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import { greet, type Greeted } from "./greeting.ts";
import { ConnectionFrame, type Hello } from "./hello.ts";
import type { PeerProof } from "./peer_proof.ts";

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2000;

/** A connection that held this long was a good one: the next loss starts at the shortest backoff. */
const GOOD_MS = 1000;

/** Dial, and hello both ways. */
export const GREETING_MS = 5000;

/** While messages flow, a ping goes out once in so long, and is answered within so long or the connection is lost. */
const PING_EVERY_MS = 1000;
const PONG_MS = 3000;

/** What an {@link Outbound} needs of its link. */
export interface OutboundOwner {
  readonly host: Host;
  readonly counters: Counters;
  readonly proof: PeerProof;
  /** What to call the peer in the log. */
  readonly name: string;
  /** Where it was last said to be. */
  address(): string;
  /** Our own, made anew for each connection. */
  hello(): Hello;
  /** Why the node that answered is not the peer; null if it is. */
  whyNot(hello: Hello): string | null;
  /** It is the peer, and says this of itself. */
  up(hello: Hello): void;
  down(): void;
  /** Nothing comes back: the other connections of the peer are as dead. */
  silent(): void;
}

/** How one lane behaves. */
export interface LaneOptions {
  readonly lane: LaneNumber;
  /** Bytes that may wait, in the queue and in the socket. */
  readonly queueBytesMax: number;
  /** While more than this waits in the socket nothing is added to it. */
  readonly socketBytesMax: number;
  /** What to drop when the queue is full: what waits there, or what comes. */
  readonly dropsOldest: boolean;
  /** Whether to ask now and then if the peer still hears. */
  readonly pings: boolean;
}

/** What waits for a peer on one lane. */
export interface OutboundQueue {
  readonly bytes: number;
  /** One frame always has room; more have only up to here. */
  readonly bytesMax: number;
}

/** One dialled connection and its queue. */
export class Outbound {
  readonly writer: FrameWriter = new FrameWriter();
  readonly #owner: OutboundOwner;
  readonly #options: LaneOptions;
  readonly #random: RandomState;
  #state: "waiting" | "dialling" | "up" | "closed" = "waiting";
  #greeted: Greeted | null = null;
  #backoffMs = BACKOFF_MS_MIN;
  #upSinceMs = 0;
  #retry: Timer | null = null;
  #pong: Timer | null = null;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #lastTrouble = "";

  constructor(owner: OutboundOwner, options: LaneOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#random = seedRandom(owner.host.random.u32());
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** The longest frame that the peer takes; 0 while it is not up. */
  get frameBytesMax(): number {
    return this.#greeted?.hello.frameBytesMax ?? 0;
  }

  /** Dials now, unless it is connected or about to be. */
  dial(): void {
    if (this.#state !== "waiting") return;
    this.#retry?.cancel();
    this.#state = "dialling";
    const { host, counters } = this.#owner;
    counters.add("dialled");
    const address = this.#owner.address();
    const task = greet({ host, address, lane: this.#options.lane, hello: this.#owner.hello(), proof: this.#owner.proof, timeoutMs: GREETING_MS });
    runTask(task, (...[error, greeted]) => {
      if (this.#state === "closed") greeted?.socket.destroy();
      else if (error === null) this.#meet(greeted);
      else this.#fail(`${address}: ${error.message}`);
    });
  }

  get queue(): OutboundQueue {
    return { bytes: this.#waitingBytes, bytesMax: this.#options.queueBytesMax };
  }

  /** Whether a frame of about `bytes` may be queued; what may not, or makes room, is counted. One frame always may. */
  makeRoom(bytes: number): boolean {
    const { queueBytesMax, dropsOldest } = this.#options;
    if (this.#state !== "up" && this.#state !== "dialling") {
      this.#owner.counters.add("dropped");
      return false;
    }
    const waiting = this.#waitingBytes;
    if (waiting === 0 || waiting + bytes <= queueBytesMax) return true;
    if (dropsOldest) this.#dropQueue("queueFull");
    else this.#owner.counters.add("queueFull");
    return dropsOldest;
  }

  /** Hands what is queued to the socket, as one write, unless too much waits there already. */
  flush(): void {
    const socket = this.#greeted?.socket;
    if (socket === undefined || this.writer.frames === 0 || socket.queuedBytes > this.#options.socketBytesMax) return;
    if (this.#options.pings) this.#ping();
    this.#owner.counters.add("bytesOut", this.writer.bytes);
    socket.write(this.writer.take());
  }

  /** Closes for good. */
  close(): void {
    this.#state = "closed";
    this.#retry?.cancel();
    this.#leave();
  }

  /** Gives the connection up and dials anew. */
  drop(trouble: string): void {
    if (this.#state === "up") this.#lose(trouble);
  }

  get #waitingBytes(): number {
    return this.writer.bytes + (this.#greeted?.socket.queuedBytes ?? 0);
  }

  #meet(greeted: Greeted): void {
    const why = this.#owner.whyNot(greeted.hello);
    if (why !== null) {
      greeted.socket.destroy();
      this.#owner.counters.add("wrongPeer");
      this.#fail(why);
      return;
    }
    const { host } = this.#owner;
    this.#state = "up";
    this.#greeted = greeted;
    this.#upSinceMs = host.clock.monotonicMs();
    this.#lastTrouble = "";
    const isCurrent = (): boolean => this.#greeted === greeted;
    greeted.socket.open({
      data: (bytes) => {
        if (isCurrent()) this.#hear(greeted, bytes);
      },
      drained: () => {
        if (isCurrent()) this.flush();
      },
      closed: (error) => {
        if (isCurrent()) this.#lose(error?.message ?? "the peer closed the connection");
      },
    });
    this.#owner.up(greeted.hello);
    this.flush();
  }

  /** The peer sends nothing on our connection but answers to pings. */
  #hear({ parser }: Greeted, bytes: Uint8Array): void {
    parser.feed(bytes);
    try {
      for (let body = parser.next(); body !== null; body = parser.next()) {
        const [kind] = decodeTuple(body, 1);
        if (kind === ConnectionFrame.pong) this.#heardPong();
        else this.#owner.counters.add("unknownKind");
      }
      if (parser.fault === null) return;
    } catch (error) {
      if (!(error instanceof Error && error.name === "DraftError")) throw error;
    }
    this.#owner.counters.add("malformed");
    this.#lose("the peer sent something that is no frame of ours");
  }

  #ping(): void {
    const nowMs = this.#owner.host.clock.monotonicMs();
    if (this.#pong !== null || nowMs - this.#lastPingMs < PING_EVERY_MS) return;
    this.#lastPingMs = nowMs;
    this.writer.begin();
    this.writer.array(2);
    this.writer.whole(ConnectionFrame.ping);
    this.writer.whole(0);
    this.writer.end();
    this.#pong = this.#owner.host.clock.setTimer(PONG_MS, () => {
      this.#owner.counters.add("pingTimeout");
      this.#owner.silent();
    });
  }

  #heardPong(): void {
    this.#pong?.cancel();
    this.#pong = null;
  }

  #lose(trouble: string): void {
    const { host, counters } = this.#owner;
    counters.add("lost");
    this.#leave();
    if (host.clock.monotonicMs() - this.#upSinceMs >= GOOD_MS) this.#backoffMs = BACKOFF_MS_MIN;
    this.#retryLater(trouble);
    this.#owner.down();
  }

  #fail(trouble: string): void {
    this.#owner.counters.add("dialFailed");
    this.#dropQueue("dropped");
    this.#retryLater(trouble);
  }

  /** Tells the trouble, unless it is the same as before, and tries again after a while that doubles and varies. */
  #retryLater(trouble: string): void {
    const { host, name } = this.#owner;
    if (trouble !== this.#lastTrouble) host.log.write("warn", `no connection to ${name}: ${trouble}`, { lane: this.#options.lane });
    this.#lastTrouble = trouble;
    this.#state = "waiting";
    const delayMs = nextInRange(this.#random, this.#backoffMs / 2, this.#backoffMs);
    this.#backoffMs = Math.min(2 * this.#backoffMs, BACKOFF_MS_MAX);
    this.#retry = host.clock.setTimer(delayMs, () => this.dial());
  }

  #leave(): void {
    const socket = this.#greeted?.socket;
    this.#greeted = null;
    this.#heardPong();
    this.#lastPingMs = Number.NEGATIVE_INFINITY;
    this.#dropQueue("dropped");
    socket?.destroy();
  }

  #dropQueue(why: "dropped" | "queueFull"): void {
    this.#owner.counters.add(why, this.writer.frames);
    this.writer.take();
  }
}
