/**
 * One connection that was dialled by somebody else, from its first byte. Nothing of it is believed before its hello was
 * heard and admitted; until then it may take a bounded time and a bounded number of bytes.
 */
import { concatBytes, drawHex128 } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import type { Host, Socket, Timer } from "../host/host.ts";
import type { Message } from "../raft/message.ts";
import type { Counters } from "./counters.ts";
import { ConnectionKind, FRAME_VERSION, FrameParser, Lane, PREFACE_BYTES, readPreface } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import {
  ConnectionFrame, decodeGreeting, encodeHello, encodeProbe, encodeProof, encodeProofAsk, encodeRefusal, type Greeting, type Hello, HELLO_BYTES_MAX,
} from "./hello.ts";
import { messageOf } from "./message_codec.ts";
import { isProof, type PeerProof, prove, whyNotShown } from "./peer_proof.ts";
import { decodeTuple, refused, tupleOf } from "./tuple.ts";

const HANDSHAKE_MS = 10_000;

/** For an answer to a probe: founding and joining write to the disk before they give one. */
const PROBE_MS = 60_000;

/** A snapshot connection on which nothing is asked, or nothing leaves, for so long is closed. */
const IDLE_MS = 30_000;

/** Questions that may wait for their answers on one snapshot connection. */
export const QUESTIONS_MAX = 4;

/** What an {@link Inbound} needs of its transport. */
export interface InboundOwner {
  readonly host: Host;
  readonly counters: Counters;
  readonly frameBytesMax: number;
  /** What peers have to prove. */
  readonly proof: PeerProof;
  /** Our own, made anew for each connection. */
  hello(): Hello;
  /** Why this peer may not speak on this lane; null if it may, and then its older connections are closed. */
  admit(inbound: Inbound, hello: Hello): string | null;
  message(from: Hello, message: Message): void;
  /** `remote`: where the connection comes from. */
  probe(from: Hello, request: readonly unknown[], answer: (reply: readonly unknown[] | null) => void, remote: string): void;
  /** One question of a snapshot connection; `answer` is called once, with the answer or, as a text, why there is none. */
  snapshot(from: Hello, question: readonly unknown[], answer: (reply: readonly unknown[] | string) => void): void;
  /** It serves now, or is closed: its handshake is over. */
  settled(inbound: Inbound): void;
  closed(inbound: Inbound): void;
}

/** What a peer says of itself before it has proved anything. */
interface Claim {
  readonly hello: Hello;
  /** Its hello as it came. */
  readonly said: Uint8Array;
  /** What it was asked to prove it with. */
  readonly nonce: string;
}

/** A connection that was taken in. */
export class Inbound {
  /** What it is for, once the preface was read. */
  lane = -1;
  /** Who dialled, once it was admitted. */
  hello: Hello | null = null;
  readonly #owner: InboundOwner;
  readonly #socket: Socket;
  readonly #parser: FrameParser = new FrameParser(HELLO_BYTES_MAX);
  readonly #writer: FrameWriter = new FrameWriter();
  /** The first bytes, until they are a preface; null after that. */
  #preface: Uint8Array | null = new Uint8Array();
  /** What we told the peer of ourselves. */
  #own: Hello | null = null;
  /** Who dialled, as it says, until it has proved to know the secret. */
  #claim: Claim | null = null;
  #asked = false;
  /** Of a snapshot connection: what was asked and is still to be answered. */
  readonly #questions: (readonly unknown[])[] = [];
  #answering = false;
  #closed = false;
  #timer: Timer;

  constructor(owner: InboundOwner, socket: Socket) {
    this.#owner = owner;
    this.#socket = socket;
    this.#timer = owner.host.clock.setTimer(HANDSHAKE_MS, () => {
      owner.counters.add("handshakeTimeout");
      this.close();
    });
    socket.open({
      data: (bytes) => this.receive(bytes),
      drained: () => this.#answerNext(),
      closed: () => this.close(),
    });
  }

  /** Takes in what arrived. */
  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      const rest = this.#preface === null ? bytes : this.#readPreface(bytes);
      if (rest === null) return;
      this.#parser.feed(rest);
      for (let body = this.#parser.next(); body !== null; body = this.#parser.next()) {
        this.#take(body);
        if (this.#closed) return;
      }
      if (this.#parser.fault !== null) throw refused("frame", `a good one, this is ${this.#parser.fault}`);
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#owner.counters.add("malformed");
      this.#owner.host.log.write("warn", `connection from ${this.#name()} is closed: ${error.message}`);
      this.close();
    }
    if (this.#writer.frames > 0) this.#socket.write(this.#writer.take());
  }

  /** Closes at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    this.#socket.destroy();
    this.#owner.settled(this);
    this.#owner.closed(this);
  }

  #readPreface(bytes: Uint8Array): Uint8Array | null {
    const first = concatBytes([this.#preface ?? new Uint8Array(), bytes]);
    if (first.length < PREFACE_BYTES) {
      this.#preface = first;
      return null;
    }
    const preface = readPreface(first);
    if (preface === null || preface.kind !== ConnectionKind.peer) throw refused("preface", "that of a peer");
    if (preface.version !== FRAME_VERSION) throw refused("preface", `version ${FRAME_VERSION}, not ${preface.version}`);
    this.lane = preface.lane;
    this.#preface = null;
    return first.subarray(PREFACE_BYTES);
  }

  #take(body: Uint8Array): void {
    if (this.#own === null) this.#greet(body);
    else if (this.hello !== null) this.#serve(this.hello, this.#own, decodeTuple(body, 1));
  }

  #greet(body: Uint8Array): void {
    const greeting = decodeGreeting(body);
    const claim = this.#claim;
    if (claim !== null) return this.#prove(claim, greeting);
    if (greeting.type !== "hello") throw refused("first frame", "a hello");
    const { proof, host, counters } = this.#owner;
    const why = whyNotShown(proof, this.#socket.peer, greeting.hello.nodeId);
    if (why !== null) {
      counters.add("unproved");
      return this.#refuse(why);
    }
    if (proof.secret === null) return this.#admit(greeting.hello, (own) => this.#writer.add(own));
    const nonce = drawHex128(host.random);
    this.#claim = { said: new Uint8Array(body), hello: greeting.hello, nonce };
    this.#writer.add(encodeProofAsk(nonce));
  }

  #prove({ said, hello, nonce }: Claim, greeting: Greeting): void {
    const { proof: { secret }, counters } = this.#owner;
    this.#claim = null;
    const isProved = greeting.type === "proof" && secret !== null && isProof(secret, { purpose: "draft peer dials", asked: nonce, own: greeting.nonce, said }, greeting.proof);
    if (!isProved) {
      counters.add("unproved");
      return this.#refuse("it does not prove to know the secret of the nodes: its --peer-secret-file is another one");
    }
    this.#admit(hello, (own) => {
      this.#writer.add(encodeProof("", prove(secret, { purpose: "draft peer answers", asked: greeting.nonce, own: nonce, said: own })));
      this.#writer.add(own);
    });
  }

  /** @param answer says our hello */
  #admit(hello: Hello, answer: (own: Uint8Array) => void): void {
    const refusal = this.#owner.admit(this, hello);
    if (refusal !== null) return this.#refuse(refusal);
    this.hello = hello;
    this.#own = this.#owner.hello();
    this.#parser.bodyBytesMax = this.#owner.frameBytesMax;
    answer(encodeHello(this.#own));
    if (this.lane === Lane.probe) return;
    this.#timer.cancel();
    if (this.lane === Lane.snapshot) this.#closeWhenIdle(IDLE_MS);
    this.#owner.settled(this);
  }

  #refuse(why: string): void {
    this.#writer.add(encodeRefusal(why));
    this.#end();
  }

  #serve(from: Hello, own: Hello, tuple: readonly unknown[]): void {
    const { counters } = this.#owner;
    const [kind] = tuple;
    if (kind === ConnectionFrame.ping) {
      this.#pong();
    } else if (this.lane === Lane.probe) {
      this.#probe(from, tuple);
    } else if (this.lane === Lane.snapshot) {
      this.#question(tuple);
    } else {
      const message = messageOf(tuple);
      if (message.type === "unknown") counters.add("unknownKind");
      else if (message.from !== from.memberNumber || message.fromIncarnation !== from.incarnation) counters.add("wrongSender");
      else if (own.memberNumber !== 0 && message.to !== own.memberNumber) counters.add("wrongAddressee");
      else {
        counters.add("messagesIn");
        this.#owner.message(from, message);
      }
    }
  }

  #pong(): void {
    this.#writer.begin();
    this.#writer.array(2);
    this.#writer.whole(ConnectionFrame.pong);
    this.#writer.whole(0);
    this.#writer.end();
  }

  /** One question a connection. */
  #probe(from: Hello, tuple: readonly unknown[]): void {
    if (tuple[0] !== ConnectionFrame.request || this.#asked) throw refused("probe", "one question");
    this.#asked = true;
    this.#closeWhenIdle(PROBE_MS);
    this.#owner.probe(from, tupleOf(tuple[1], 0, "probe"), (reply) => {
      if (this.#closed) return;
      this.#writer.add(reply === null ? encodeRefusal("the question is not understood") : encodeProbe(ConnectionFrame.reply, reply));
      this.#end();
    }, this.#socket.remote);
  }

  /** They are answered in their order, one after the other. */
  #question(tuple: readonly unknown[]): void {
    if (tuple[0] !== ConnectionFrame.request || this.#questions.length >= QUESTIONS_MAX) {
      throw refused("question", `at most ${QUESTIONS_MAX} that wait`);
    }
    this.#questions.push(tupleOf(tuple[1], 0, "question"));
    this.#closeWhenIdle(IDLE_MS);
    this.#answerNext();
  }

  /** The next answer is made only when the one before has left: a slow reader costs one of them, not a queue. */
  #answerNext(): void {
    const { hello } = this;
    if (this.#closed || hello === null || this.#answering || this.#socket.queuedBytes > 0) return;
    const question = this.#questions.shift();
    if (question === undefined) return;
    this.#answering = true;
    this.#owner.snapshot(hello, question, (reply) => {
      this.#answering = false;
      if (this.#closed) return;
      this.#closeWhenIdle(IDLE_MS);
      if (typeof reply === "string") {
        this.#owner.counters.add("questionsRefused");
        this.#writer.add(encodeRefusal(reply));
        return this.#end();
      }
      this.#writer.add(encodeProbe(ConnectionFrame.reply, reply));
      this.#socket.write(this.#writer.take());
      this.#answerNext();
    });
  }

  #closeWhenIdle(afterMs: number): void {
    this.#timer.cancel();
    this.#timer = this.#owner.host.clock.setTimer(afterMs, () => this.close());
  }

  /** Sends what is written, and lets the other side read it before the connection closes. */
  #end(): void {
    this.#closed = true;
    this.#timer.cancel();
    this.#socket.write(this.#writer.take());
    this.#socket.end();
    this.#owner.settled(this);
    this.#owner.closed(this);
  }

  #name(): string {
    return this.hello === null ? this.#socket.remote : `${this.hello.nodeId} (${this.#socket.remote})`;
  }
}
