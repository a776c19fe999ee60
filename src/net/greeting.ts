/** Dialling a peer up to the point where both sides have said who they are. */
import { parseAddress } from "../base/address.ts";
import { drawHex128 } from "../base/bytes.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { Host, Socket, Timer } from "../host/host.ts";
import { ConnectionKind, FrameParser, type LaneNumber, writePreface } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import { decodeGreeting, encodeHello, encodeProof, type Hello, HELLO_BYTES_MAX } from "./hello.ts";
import { isProof, type PeerProof, prove, whyNotShown } from "./peer_proof.ts";
import { refused } from "./tuple.ts";

/** Whom to dial, and as whom. */
export interface Greeting {
  readonly host: Host;
  /** `host:port`, resolved at each dial. */
  readonly address: string;
  readonly lane: LaneNumber;
  readonly hello: Hello;
  readonly proof: PeerProof;
  /** For all of it, in milliseconds. */
  readonly timeoutMs: number;
}

/** A connection on which the other side has answered. Its socket awaits new handlers, its parser may hold frames. */
export interface Greeted {
  readonly socket: Socket;
  readonly parser: FrameParser;
  readonly hello: Hello;
}

/**
 * Dials, says hello and hears one.
 *
 * @throws HostError of the network; DraftError FORBIDDEN if the other side refuses, BAD_REQUEST if it speaks nonsense,
 *   UNREACHABLE if it says nothing in time
 */
export function* greet(greeting: Greeting): Task<Greeted> {
  const { host, lane, timeoutMs } = greeting;
  const address = parseAddress(greeting.address, "UNREACHABLE");
  const startMs = host.clock.monotonicMs();
  const socket = yield* wait<Socket>((done) => host.net.dial(address, timeoutMs, done));
  const parser = new FrameParser(HELLO_BYTES_MAX);
  const said = encodeHello(greeting.hello);
  send(socket, said, [writePreface(ConnectionKind.peer, lane)]);
  const next = (): Task<Uint8Array> => {
    const leftMs = startMs + timeoutMs - host.clock.monotonicMs();
    return wait<Uint8Array>((done) => firstFrame(host, { socket, parser, timeoutMs: leftMs }, done));
  };
  try {
    const hello = yield* heard({ socket, said, next }, greeting);
    const why = whyNotShown(greeting.proof, socket.peer, hello.nodeId);
    if (why !== null) throw new DraftError("FORBIDDEN", `${greeting.address}: ${why}`);
    return { socket, parser, hello };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

interface Dialled {
  readonly socket: Socket;
  /** Our hello, as it was sent. */
  readonly said: Uint8Array;
  readonly next: () => Task<Uint8Array>;
}

/** The other side's hello, once both have proved what they have to. */
function* heard({ socket, said, next }: Dialled, { address, host, proof: { secret } }: Greeting): Task<Hello> {
  const first = decodeGreeting(yield* next());
  if (first.type === "refusal") throw new DraftError("FORBIDDEN", first.text);
  if (first.type === "hello") {
    if (secret === null) return first.hello;
    throw new DraftError("FORBIDDEN", `${address} does not prove to know the secret of the nodes: start it with the same --peer-secret-file`);
  }
  if (first.type !== "ask") throw refused("first frame", "a hello");
  if (secret === null) throw new DraftError("FORBIDDEN", `${address} wants a proof: start this node with the same --peer-secret-file`);
  const own = drawHex128(host.random);
  send(socket, encodeProof(own, prove(secret, { purpose: "draft peer dials", asked: first.nonce, own, said })));
  const second = decodeGreeting(yield* next());
  if (second.type === "refusal") throw new DraftError("FORBIDDEN", second.text);
  const body = new Uint8Array(yield* next());
  const isProved = second.type === "proof" && isProof(secret, { purpose: "draft peer answers", asked: own, own: first.nonce, said: body }, second.proof);
  if (!isProved) throw new DraftError("FORBIDDEN", `${address} does not prove to know the secret of the nodes: its --peer-secret-file is another one`);
  const answer = decodeGreeting(body);
  if (answer.type === "refusal") throw new DraftError("FORBIDDEN", answer.text);
  if (answer.type !== "hello") throw refused("frame behind the proof", "a hello");
  return answer.hello;
}

function send(socket: Socket, body: Uint8Array, before: readonly Uint8Array[] = []): void {
  const writer = new FrameWriter();
  writer.add(body);
  socket.write([...before, ...writer.take()]);
}

/** What {@link firstFrame} waits on. */
export interface Awaited {
  readonly socket: Socket;
  readonly parser: FrameParser;
  readonly timeoutMs: number;
}

/** Waits for the next frame on `socket`; without one in time, or at a fault, the socket is destroyed. */
export function firstFrame(host: Host, { socket, parser, timeoutMs }: Awaited, done: Done<Uint8Array>): void {
  let timer: Timer | null = null;
  let settled = false;
  const settle = (error: Error | null, body: Uint8Array | null): void => {
    if (settled) return;
    settled = true;
    timer?.cancel();
    if (body !== null) {
      done(null, body);
    } else {
      socket.destroy();
      done(error ?? new DraftError("UNREACHABLE", `${socket.remote} closed the connection without an answer`));
    }
  };
  timer = host.clock.setTimer(Math.max(0, timeoutMs), () => {
    settle(new DraftError("UNREACHABLE", `${socket.remote} gave no answer in time`), null);
  });
  const next = (): void => {
    const body = parser.next();
    if (body !== null) settle(null, body);
    else if (parser.fault !== null) settle(new DraftError("BAD_REQUEST", `bad frame from ${socket.remote}: ${parser.fault}`), null);
  };
  socket.open({
    data: (bytes) => {
      if (settled) return;
      parser.feed(bytes);
      next();
    },
    drained: () => undefined,
    closed: (error) => settle(error, null),
  });
  next();
}
