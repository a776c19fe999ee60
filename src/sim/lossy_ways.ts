/**
 * Message mode: what a network without connections would do to single messages. On the ordered pairs that a run names a
 * message of the core is lost, comes twice, late and so behind others, or when its connection is long gone, in a later
 * one, be it of the sender's next process. TCP hides all this; Raft must bear it, and rests on nothing else.
 *
 * Frames that serve their connection stay in it, in order: the hellos, pings and pongs that decide whether it lives. A
 * pong from elsewhere would vouch for a connection that is dead, and a network that could bring one does not exist.
 */
import { assert } from "../base/assert.ts";
import { concatBytes, u32At } from "../base/bytes.ts";
import { nextFloat, nextU32, type RandomState } from "../base/random.ts";
import { ConnectionKind, FRAME_HEADER_BYTES, Lane, type LaneNumber, readPreface } from "../net/frame.ts";
import { ConnectionFrame } from "../net/hello.ts";
import { decodeTuple } from "../net/tuple.ts";
import type { Scheduler } from "./scheduler.ts";
import type { LossyWay } from "./script.ts";
import { streamOf } from "./streams.ts";

/** What becomes of messages on one ordered pair. */
export type Rates = Omit<LossyWay, "from" | "to">;

/** What was done to a message. */
export type MessageFault = "message-lost" | "message-doubled" | "message-late" | "message-kept";

/** What came of it: a message that others overtook; one that its sender had written into an earlier connection. */
export type MessageArrival = "overtaken" | "in a later connection";

/** The side of a connection that dialled. */
export interface DialledSide {
  readonly from: string;
  readonly to: string;
  /** Writes bytes behind all others; false if the connection is over. */
  inject(bytes: Uint8Array): boolean;
}

/** Copies of one lane that wait for a later connection, at most; older ones are lost. */
const KEPT_MAX = 8;

const SILENT: Rates = { lost: 1, doubled: 0, late: 0, kept: 0, lateMs: 0 };

/** All pairs. */
export class LossyWays {
  /** How often each was done. */
  readonly counts: Map<MessageFault, number> = new Map();
  arrived: (how: MessageArrival) => void = () => {};
  readonly scheduler: Scheduler;
  readonly #seed: number;
  readonly #rates: Map<string, Rates> = new Map();
  readonly #ways: Map<string, Way> = new Map();
  /** Pairs on which no message comes for now. */
  readonly #silent: Set<string> = new Set();

  constructor(scheduler: Scheduler, seed: number) {
    this.scheduler = scheduler;
    this.#seed = seed;
  }

  /** From now on messages from `from` to `to` fare by these rates; null: as on any connection. */
  spoil(from: string, to: string, rates: Rates | null): void {
    if (rates === null) this.#rates.delete(`${from}>${to}`);
    else this.#rates.set(`${from}>${to}`, rates);
  }

  /** From now on no message comes from `from` to `to`, though other connections of theirs, and what serves these, go on. */
  silence(from: string, to: string): void {
    this.#silent.add(`${from}>${to}`);
  }

  /** Ends each `silence` that holds for messages to `to`; of all, if nobody is named. */
  speak(to?: string): void {
    for (const silent of this.#silent) if (to === undefined || silent.endsWith(`>${to}`)) this.#silent.delete(silent);
  }

  /** Every pair is as good as new; what is late still comes. */
  mend(): void {
    this.#rates.clear();
    this.#silent.clear();
  }

  /** What stands between a process that dialled and its connection: tells what of the bytes written goes at once. */
  sieve(side: DialledSide): (bytes: Uint8Array) => Uint8Array {
    const sieve = new Sieve(this, side);
    return (bytes) => sieve.sift(bytes);
  }

  ratesOf(pair: string): Rates | null {
    return this.#silent.has(pair) ? SILENT : this.#rates.get(pair) ?? null;
  }

  /** Each pair has lots of its own: what is left out on one changes nothing on the others. */
  way(pair: string, lane: LaneNumber): Way {
    const name = `${pair}/${lane}`;
    const known = this.#ways.get(name) ?? new Way(this, pair, streamOf(this.#seed, `way ${name}`));
    this.#ways.set(name, known);
    return known;
  }

  did(fault: MessageFault): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }
}

/** Sorts what one side of a connection writes. A node writes its greeting at once, and then whole frames. */
class Sieve {
  readonly side: DialledSide;
  readonly #ways: LossyWays;
  /** Null where no messages go, or before the greeting was written. */
  #way: Way | null = null;
  #hasGreeted = false;

  constructor(ways: LossyWays, side: DialledSide) {
    this.#ways = ways;
    this.side = side;
  }

  sift(bytes: Uint8Array): Uint8Array {
    if (!this.#hasGreeted) {
      this.#hasGreeted = true;
      const preface = readPreface(bytes);
      const isPeers = preface?.kind === ConnectionKind.peer && (preface.lane === Lane.control || preface.lane === Lane.bulk);
      if (isPeers) this.#way = this.#ways.way(`${this.side.from}>${this.side.to}`, preface.lane);
      return bytes;
    }
    return this.#way === null ? bytes : this.#way.sift(this, bytes);
  }
}

/** One lane of one ordered pair, over all its connections. */
class Way {
  readonly #ways: LossyWays;
  readonly #pair: string;
  readonly #random: RandomState;
  /** The newest connection that messages were written to: both sides have said hello on it. */
  #newest: Sieve | null = null;
  #kept: Uint8Array[] = [];
  /** Messages that were written so far. */
  #written = 0;

  constructor(ways: LossyWays, pair: string, random: RandomState) {
    this.#ways = ways;
    this.#pair = pair;
    this.#random = random;
  }

  sift(by: Sieve, bytes: Uint8Array): Uint8Array {
    const rates = this.#ways.ratesOf(this.#pair);
    if (this.#newest !== by) this.#renew(by, rates);
    if (rates === null) return bytes;
    const parts: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      const end = at + FRAME_HEADER_BYTES + u32At(bytes, at);
      assert(end <= bytes.length, "a node writes whole frames", end, bytes.length);
      const frame = bytes.subarray(at, end);
      if (isMessage(frame)) this.#treat(by, frame, rates, parts);
      else parts.push(frame);
      at = end;
    }
    return concatBytes(parts);
  }

  /** Of what was kept the newest comes, some time after the greeting. */
  #renew(by: Sieve, rates: Rates | null): void {
    this.#newest = by;
    const kept = this.#kept;
    this.#kept = [];
    for (const frame of kept) {
      this.#ways.did("message-kept");
      this.#ways.scheduler.after(this.#drawMs(rates?.lateMs ?? 0), () => this.#bringLater(frame));
    }
  }

  #treat(by: Sieve, frame: Uint8Array, { lost, doubled, late, kept, lateMs }: Rates, parts: Uint8Array[]): void {
    const random = this.#random;
    this.#written += 1;
    if (nextFloat(random) < kept) this.#keep(frame);
    if (nextFloat(random) < lost) return this.#ways.did("message-lost");
    const times = nextFloat(random) < doubled ? 2 : 1;
    if (times === 2) this.#ways.did("message-doubled");
    for (let copy = 0; copy < times; copy++) {
      if (nextFloat(random) < late) this.#delay(by, frame, lateMs);
      else parts.push(frame);
    }
  }

  #delay(by: Sieve, frame: Uint8Array, lateMs: number): void {
    this.#ways.did("message-late");
    const number = this.#written;
    this.#ways.scheduler.after(this.#drawMs(lateMs), () => {
      if (!by.side.inject(frame)) this.#bringLater(frame);
      else if (this.#written > number) this.#ways.arrived("overtaken");
    });
  }

  /** Brings what was written into an earlier connection. */
  #bringLater(frame: Uint8Array): void {
    const newest = this.#newest;
    if (newest === null || !newest.side.inject(frame)) this.#keep(frame);
    else this.#ways.arrived("in a later connection");
  }

  #keep(frame: Uint8Array): void {
    this.#kept.push(frame);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
  }

  /** About so long; each further step is half as likely, an exponential tail without a logarithm. */
  #drawMs(lateMs: number): number {
    let steps = nextFloat(this.#random);
    while ((nextU32(this.#random) & 1) === 0) steps += 1;
    return lateMs * steps;
  }
}

/** Whether the core of the receiver gets it, and not its connection. */
function isMessage(frame: Uint8Array): boolean {
  const [kind] = decodeTuple(frame.subarray(FRAME_HEADER_BYTES), 1);
  return (kind as number) < ConnectionFrame.hello;
}
