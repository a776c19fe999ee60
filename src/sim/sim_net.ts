/**
 * A simulated network: streams that arrive late, in pieces cut at any byte, over links that are cut, clogged or reset,
 * each direction by itself. All is drawn from one seed and happens in the scheduler's order, so a run replays.
 */
import { assert } from "../base/assert.ts";
import { nextInRange, nextU32, type RandomState, seedRandom } from "../base/random.ts";
import type { Done } from "../base/task.ts";
import type { Address, Listener, Net, Socket } from "../host/host.ts";
import { LossyWays } from "./lossy_ways.ts";
import type { Scheduler } from "./scheduler.ts";
import { simError } from "./sim_error.ts";
import { connect, type Death, type SimSocket, type Wire } from "./sim_socket.ts";

/** How a simulated network behaves. */
export interface SimNetOptions {
  readonly seed: number;
  /** One way, in milliseconds, before its tail. */
  readonly delayMs: number;
  /** Bytes per millisecond and direction of a connection. */
  readonly bytesPerMs: number;
  /** Bytes that the system takes from a writer before it lets them wait. */
  readonly windowBytes: number;
  /** One piece in so many is cut in two at any byte; 0: none. */
  readonly cutOneIn: number;
}

export const SIM_NET_DEFAULTS: SimNetOptions = {
  seed: 1,
  delayMs: 0.5,
  bytesPerMs: 100_000,
  windowBytes: 256 * 1024,
  cutOneIn: 4,
};

/** The longest delay, in plain ones. */
export const DELAY_TAIL: number = 16;

/** The delay's tail in quarters of the plain delay: most come at once, one in 64 takes sixteen times as long. */
const TAIL_QUARTERS: readonly number[] = tailQuarters();

function tailQuarters(): number[] {
  const table: number[] = [];
  const rungs: readonly (readonly [count: number, quarters: number])[] = [[32, 4], [16, 5], [8, 7], [4, 12], [2, 20], [1, 36], [1, 4 * DELAY_TAIL]];
  for (const [count, quarters] of rungs) for (let i = 0; i < count; i++) table.push(quarters);
  return table;
}

/** The pause before a system sends again doubles while nothing comes back. */
const RESEND_MS_MAX = 2000;

const FIRST_FREE_PORT = 40_000;

/** A process on a host. */
interface Process {
  readonly name: string;
  readonly lives: () => boolean;
}

interface Binding {
  readonly accept: (socket: Socket) => void;
}

/** All hosts and what lies between them. A host is a name, its `Net` is what one node gets. */
export class SimNet implements Wire {
  readonly scheduler: Scheduler;
  readonly options: SimNetOptions;
  /** What happened, by name: dialled, refused, reset, delivered (pieces), bytes. */
  readonly counters: Map<string, number> = new Map();
  /** What becomes of single messages between nodes. */
  readonly ways: LossyWays;
  readonly #random: RandomState;
  readonly #bindings: Map<string, Binding> = new Map();
  readonly #sockets: Set<SimSocket> = new Set();
  /** Ordered pairs `from>to` on which nothing passes. */
  readonly #cut: Set<string> = new Set();
  /** Bytes per millisecond of the ordered pairs that are slower than usual. */
  readonly #clogged: Map<string, number> = new Map();
  readonly #crashes: Map<string, number> = new Map();
  /** Machines that died. */
  readonly #dead: Set<string> = new Set();
  #nextPort = FIRST_FREE_PORT;

  constructor(scheduler: Scheduler, options: Partial<SimNetOptions> = {}) {
    this.scheduler = scheduler;
    this.options = { ...SIM_NET_DEFAULTS, ...options };
    this.#random = seedRandom(this.options.seed);
    this.ways = new LossyWays(scheduler, this.options.seed);
  }

  /** The network as a process on the host `name` sees it, until that crashes: what is under way then never completes. */
  host(name: string): Net {
    const life = this.#crashesOf(name);
    const lives = (): boolean => this.#crashesOf(name) === life;
    return {
      listen: (address, accept, done) => this.#listen({ name, lives }, address, accept, done),
      dial: (address, timeoutMs, done) => this.#dial({ name, lives }, address, timeoutMs, done),
    };
  }

  /** Lets nothing pass from `from` to `to`. What is under way waits, as it would for TCP to send it again. */
  cut(from: string, to: string): void {
    this.#cut.add(pair(from, to));
  }

  /** Ends a cut. */
  heal(from: string, to: string): void {
    if (this.#cut.delete(pair(from, to))) this.#wake(from, to);
  }

  /** Ends all cuts and clogs, and what is done to single messages. */
  healAll(): void {
    this.ways.mend();
    this.#cut.clear();
    this.#clogged.clear();
    for (const socket of [...this.#sockets]) socket.wakeAnew();
  }

  /** How long the slowest line among these hosts takes for what is on it now. */
  underWayMs(hosts: readonly string[]): number {
    const among = [...this.#sockets].filter(({ from, to }) => hosts.includes(from) && hosts.includes(to));
    return Math.max(0, ...among.map((socket) => socket.underWayMs));
  }

  /** Slows what flows from `from` to `to` down to `bytesPerMs`; null ends it. */
  clog(from: string, to: string, bytesPerMs: number | null): void {
    if (bytesPerMs === null) this.#clogged.delete(pair(from, to));
    else this.#clogged.set(pair(from, to), bytesPerMs);
    this.#wake(from, to);
  }

  /** Resets every connection between the two hosts: what was under way is lost, each side is told in its own time. */
  reset(a: string, b: string): void {
    for (const socket of [...this.#sockets]) {
      if ((socket.from === a && socket.to === b) || (socket.from === b && socket.to === a)) {
        this.#count("reset", 1);
        socket.sever(simError("ECONNRESET", "connection reset"));
      }
    }
  }

  /**
   * The process on `name` is gone: its ports are closed, its handlers hear nothing more. The other sides of its
   * connections get what had been sent and then hear of an end or a reset, or of nothing if the whole machine is
   * `silent` until something listens there again.
   */
  crash(name: string, death: Death = "killed"): void {
    for (const key of [...this.#bindings.keys()]) if (key.startsWith(`${name} `)) this.#bindings.delete(key);
    if (death === "silent") this.#dead.add(name);
    this.#crashes.set(name, this.#crashesOf(name) + 1);
    for (const socket of [...this.#sockets]) if (socket.from === name) socket.vanish(death);
  }

  /** Connections that are open, counted once a side. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  get windowBytes(): number {
    return this.options.windowBytes;
  }

  passes(from: string, to: string): boolean {
    return !this.#cut.has(pair(from, to));
  }

  bytesPerMs(from: string, to: string): number {
    return this.#clogged.get(pair(from, to)) ?? this.options.bytesPerMs;
  }

  answers(host: string): boolean {
    return !this.#dead.has(host);
  }

  delivered(bytes: number): void {
    this.#count("delivered", 1);
    this.#count("bytes", bytes);
  }

  drawDelayMs(): number {
    const quarters = TAIL_QUARTERS[nextU32(this.#random) & 63] as number;
    return this.options.delayMs * quarters / 4;
  }

  drawCut(bytes: number): number {
    const { cutOneIn } = this.options;
    if (cutOneIn === 0 || bytes < 2 || nextU32(this.#random) % cutOneIn !== 0) return bytes;
    return nextInRange(this.#random, 1, bytes - 1);
  }

  drawResendMs(): number {
    return (nextU32(this.#random) & 3) === 0 ? nextInRange(this.#random, 1, RESEND_MS_MAX) : 0;
  }

  drawFlip(): boolean {
    return (nextU32(this.#random) & 1) === 0;
  }

  forget(socket: SimSocket): void {
    this.#sockets.delete(socket);
  }

  #crashesOf(name: string): number {
    return this.#crashes.get(name) ?? 0;
  }

  #listen({ name, lives }: Process, address: Address, accept: (socket: Socket) => void, done: Done<Listener>): void {
    const port = address.port === 0 ? this.#nextPort++ : address.port;
    const key = `${name} ${port}`;
    this.scheduler.after(0, () => {
      if (!lives()) return;
      if (this.#bindings.has(key)) {
        done(simError("EADDRINUSE", `port ${port} of ${name} is in use`));
        return;
      }
      const binding: Binding = { accept };
      this.#dead.delete(name);
      this.#bindings.set(key, binding);
      done(null, {
        address: { host: name, port },
        close: (closed) => {
          if (this.#bindings.get(key) === binding) this.#bindings.delete(key);
          this.scheduler.after(0, () => closed(null, undefined));
        },
      });
    });
  }

  #dial(process: Process, address: Address, timeoutMs: number, done: Done<Socket>): void {
    const { host: to, port } = address;
    const { name: from, lives } = process;
    this.#count("dialled", 1);
    const delayMs = this.drawDelayMs() + this.drawDelayMs();
    const silent = !this.passes(from, to) || !this.passes(to, from) || !this.answers(to);
    if (silent || delayMs > timeoutMs) {
      this.scheduler.after(timeoutMs, () => {
        if (lives()) done(simError("ETIMEDOUT", `no connection to ${to} within ${timeoutMs} ms`));
      });
    } else {
      this.scheduler.after(delayMs, () => {
        if (lives()) this.#connect(from, to, port, done);
      });
    }
  }

  #connect(from: string, to: string, port: number, done: Done<Socket>): void {
    const binding = this.#bindings.get(`${to} ${port}`);
    if (binding === undefined) {
      this.#count("refused", 1);
      done(simError("ECONNREFUSED", `nobody listens on port ${port} of ${to}`));
      return;
    }
    const [near, far] = connect(this, { from, to, fromPort: this.#nextPort++, toPort: port });
    near.sift = this.ways.sieve(near);
    this.#sockets.add(near);
    this.#sockets.add(far);
    assert(this.#sockets.size < 100_000, "connections are closed at some time", this.#sockets.size);
    binding.accept(far);
    done(null, near);
  }

  #count(name: string, by: number): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  #wake(from: string, to: string): void {
    for (const socket of [...this.#sockets]) {
      if (socket.from === from && socket.to === to) socket.wakeAnew();
      // What met nobody at the other end may be answered now.
      else if (socket.from === to && socket.to === from) socket.wake();
    }
  }
}

function pair(from: string, to: string): string {
  return `${from}>${to}`;
}
