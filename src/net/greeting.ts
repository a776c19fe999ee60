/** Dialling a peer up to the point where both sides have said who they are. */
import { parseAddress } from "../base/address.ts";
import { DraftError } from "../base/errors.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { Host, Socket, Timer } from "../host/host.ts";
import { ConnectionKind, FrameParser, type LaneNumber, writePreface } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import { decodeGreeting, encodeHello, type Hello, HELLO_BYTES_MAX } from "./hello.ts";

/** Whom to dial, and as whom. */
export interface Greeting {
  readonly host: Host;
  /** `host:port`, resolved at each dial. */
  readonly address: string;
  readonly lane: LaneNumber;
  readonly hello: Hello;
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
  const writer = new FrameWriter();
  writer.add(encodeHello(greeting.hello));
  socket.write([writePreface(ConnectionKind.peer, lane), ...writer.take()]);
  const leftMs = startMs + timeoutMs - host.clock.monotonicMs();
  const body = yield* wait<Uint8Array>((done) => firstFrame(host, { socket, parser, timeoutMs: leftMs }, done));
  try {
    const heard = decodeGreeting(body);
    if (heard.type === "refusal") throw new DraftError("FORBIDDEN", heard.text);
    return { socket, parser, hello: heard.hello };
  } catch (error) {
    socket.destroy();
    throw error;
  }
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
