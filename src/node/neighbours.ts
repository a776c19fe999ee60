/**
 * Looks after the members that this node has no link to. One that says that it is empty and bears the incarnation that
 * the configuration names is *welcomed*: a founder that crashed before it heard of the founding, and a node that an entry
 * has just taken in. One whose directory was lost bears another, and is not. And one may say that this node itself is no
 * member any more.
 *
 * Founders are welcomed by whoever holds the genesis, later members by the leader, whose log names them.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Log, Timer } from "../host/host.ts";
import type { ProbeReply, Transport } from "../net/transport.ts";
import type { Configuration, Index, Member, MemberNumber } from "../raft/types.ts";
import { encodeWelcome, PROBE_HELLO, Told } from "./introductions.ts";

const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 2000;
const TIMEOUT_MS = 1000;

export interface NeighboursOptions {
  readonly genesis: Uint8Array;
  /** The genesis' own configuration. */
  readonly founders: Configuration;
  readonly self: MemberNumber;
  /** The configuration in force. */
  readonly configuration: () => Configuration;
  readonly leads: () => boolean;
  readonly isLinked: (member: MemberNumber) => boolean;
  readonly transport: Pick<Transport, "probe">;
  readonly clock: Clock;
  readonly words: Log;
  /** A member says that this node is none, by what was committed up to `index`. */
  readonly removed: (by: Member, index: Index) => void;
}

/** Asks those that are not linked who they are, until all are. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  #intervalMs = INTERVAL_MIN_MS;
  #timer: Timer | null = null;
  #stopped = false;
  /** Members that are being asked. */
  readonly #asked: Set<MemberNumber> = new Set();
  readonly #said: Set<MemberNumber> = new Set();

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** @param firstRoundDone called once each member that could be asked at once was */
  start(firstRoundDone: () => void): void {
    let asked = this.#missing().length;
    const settled = (): void => {
      asked -= 1;
      if (asked === 0 && !this.#stopped) firstRoundDone();
    };
    if (asked === 0) firstRoundDone();
    this.#look(settled);
  }

  /** A link went down, or the members changed: looks soon, and then less and less often. */
  watch(): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#intervalMs = INTERVAL_MIN_MS;
    this.#wait();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #missing(): Member[] {
    const { self, isLinked, configuration } = this.#options;
    return configuration().members.filter(({ number }) => number !== self && !isLinked(number));
  }

  #wait(): void {
    this.#timer = this.#options.clock.setTimer(this.#intervalMs, () => this.#look(() => undefined));
  }

  #look(settled: () => void): void {
    if (this.#stopped) return;
    const missing = this.#missing();
    if (missing.length === 0) return;
    for (const member of missing) if (!this.#asked.has(member.number)) this.#ask(member, settled);
    this.#intervalMs = Math.min(this.#intervalMs * 2, INTERVAL_MAX_MS);
    this.#wait();
  }

  #ask(member: Member, settled: () => void): void {
    this.#asked.add(member.number);
    const { transport } = this.#options;
    transport.probe(member.address, PROBE_HELLO, TIMEOUT_MS, (...[error, answer]) => {
      this.#asked.delete(member.number);
      if (error !== null || this.#stopped || answer.hello.nodeId !== member.id) return settled();
      if (answer.hello.clusterId !== "") this.#hear(member, answer);
      else if (answer.hello.incarnation !== member.incarnation) this.#sayLost(member);
      else if (this.#mayWelcome(member)) return this.#welcome(member, settled);
      settled();
    });
  }

  /** It is in a cluster, so it knows how this node stands. */
  #hear(member: Member, { hello, reply }: ProbeReply): void {
    const [, told, index] = reply;
    if (hello.incarnation === member.incarnation && told === Told.gone && Number.isSafeInteger(index)) this.#options.removed(member, index as Index);
  }

  #mayWelcome({ number, incarnation }: Member): boolean {
    const { founders, leads } = this.#options;
    return leads() || founders.members.some((founder) => founder.number === number && founder.incarnation === incarnation);
  }

  #welcome(member: Member, settled: () => void): void {
    const { transport, genesis, configuration, founders, words } = this.#options;
    const { index } = configuration();
    const isFounder = founders.members.some(({ number }) => number === member.number);
    const welcome = encodeWelcome({ genesis, number: member.number, incarnation: member.incarnation, index: isFounder ? 0 : index });
    transport.probe(member.address, welcome, TIMEOUT_MS, (...[error, answer]) => {
      words.write("info", `welcomed ${member.id}: ${error === null ? String(answer.reply[0]) : whyNot(error)}`);
      settled();
    });
  }

  #sayLost(member: Member): void {
    if (this.#said.has(member.number)) return;
    this.#said.add(member.number);
    const { id, address } = member;
    this.#options.words.write("warn", `the directory of ${id} was lost: it must not vote as the one it was; draft admin replace ${id} ${id}@${address}`);
  }
}

function whyNot(error: Error): string {
  return error instanceof DraftError ? error.message : `it cannot be reached: ${error.message}`;
}
