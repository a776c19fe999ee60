/**
 * Looks after the members that this node has no link to. One that says that it is empty and bears the incarnation that
 * the configuration names is *welcomed*: a founder that crashed before it heard of the founding, and a node that an entry
 * has just taken in. One whose directory was lost bears another, and is not. And one may say that this node itself is no
 * member any more.
 *
 * While one is missing, others of the cluster are looked for where they may be besides: at the addresses that this node
 * was started with, and at those that whoever answers there knows. So the cluster finds itself again although nobody is
 * where it was: a node that is found tells where it is, and is told the same.
 *
 * Founders are welcomed by whoever holds the genesis, later members by the leader, whose log names them.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Log, Timer } from "../host/host.ts";
import type { Hello } from "../net/hello.ts";
import type { ProbeReply, Transport } from "../net/transport.ts";
import { isWitness } from "../raft/configuration.ts";
import type { Configuration, Index, Member, MemberNumber } from "../raft/types.ts";
import { fallenBack, type Mark } from "./high_water.ts";
import { encodeWelcome, isDead, PROBE_HELLO, PROBE_WHERE, Told } from "./introductions.ts";

const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 2000;
const TIMEOUT_MS = 1000;

/** Addresses that are believed of one answer. */
const ADDRESSES_MAX = 64;

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
  readonly clusterId: string;
  /** Where members may be besides where the configuration says. */
  readonly hints: readonly string[];
  /** Where the member was met last. */
  readonly whereIs: (member: Member) => string;
  /** A node of the cluster answered, and said this of itself. */
  readonly met: (hello: Hello) => void;
  /** A member says that this node is none, by what was committed up to `index`. */
  readonly removed: (by: Member, index: Index) => void;
  /** What is known of how far the member was. */
  readonly markOf: (member: Member) => Mark;
  /** The member holds less than it once did, in words. */
  readonly fell: (member: Member, why: string) => void;
  /** A member says that this node holds less than it once did. */
  readonly fallen: (by: Member, why: string) => void;
}

/** Asks those that are not linked who they are, until all are. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  #intervalMs = INTERVAL_MIN_MS;
  #timer: Timer | null = null;
  #stopped = false;
  /** Members that are being asked. */
  readonly #asked: Set<MemberNumber> = new Set();
  /** Members whose directory was lost, in words. */
  readonly #lost: Map<MemberNumber, string> = new Map();
  /** Addresses that are being asked for members. */
  readonly #askedAt: Set<string> = new Set();

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

  /** Asks one that seems to hold less than it once did, whether it is linked or not. */
  check(number: MemberNumber): void {
    const member = this.#options.configuration().members.find((each) => each.number === number);
    if (member !== undefined && !this.#stopped) this.#ask(member, () => undefined);
  }

  /** Why members that are missing cannot take part, in words. */
  get lost(): readonly string[] {
    return this.#missing().flatMap(({ number }) => this.#lost.get(number) ?? []);
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
    const asked = missing.map((member) => this.#options.whereIs(member));
    for (const address of this.#options.hints) if (!asked.includes(address)) this.#askAt(address);
    this.#intervalMs = Math.min(this.#intervalMs * 2, INTERVAL_MAX_MS);
    this.#wait();
  }

  #ask(member: Member, settled: () => void): void {
    this.#asked.add(member.number);
    const { transport } = this.#options;
    // What it says in answer it says later than all that is known now.
    const mark = this.#options.markOf(member);
    transport.probe(this.#options.whereIs(member), PROBE_HELLO, TIMEOUT_MS, (...[error, answer]) => {
      this.#asked.delete(member.number);
      if (error !== null || this.#stopped || answer.hello.nodeId !== member.id) return settled();
      if (answer.hello.incarnation !== member.incarnation) this.#sayLost(member, answer.hello);
      else if (isDead(answer.hello)) this.#sayLost(member, answer.hello);
      else if (answer.hello.clusterId !== "") this.#hear(member, answer, mark);
      else if (this.#mayWelcome(member)) return this.#welcome(member, settled);
      settled();
    });
  }

  /** Whoever of the cluster is there tells where it is, and where others are. */
  #askAt(address: string): void {
    if (this.#askedAt.has(address)) return;
    this.#askedAt.add(address);
    const { transport, clusterId, self, met } = this.#options;
    transport.probe(address, PROBE_WHERE, TIMEOUT_MS, (...[error, answer]) => {
      this.#askedAt.delete(address);
      if (error !== null || this.#stopped || answer.hello.clusterId !== clusterId || answer.hello.memberNumber === self) return;
      met(answer.hello);
      const [, , , others] = answer.reply;
      if (!Array.isArray(others)) return;
      const known = this.#options.configuration().members.map((member) => this.#options.whereIs(member));
      for (const other of others.slice(0, ADDRESSES_MAX) as unknown[]) {
        if (typeof other === "string" && !known.includes(other)) this.#askAt(other);
      }
    });
  }

  /** It is in a cluster, so it knows how this node stands. */
  #hear(member: Member, { reply, hello }: ProbeReply, mark: Mark): void {
    const [, told, index, words] = reply;
    if (told === Told.gone && Number.isSafeInteger(index)) this.#options.removed(member, index as Index);
    if (told === Told.fallenBack && typeof words === "string") this.#options.fallen(member, words);
    const why = fallenBack(hello, mark);
    if (why !== null) this.#options.fell(member, why);
  }

  #mayWelcome({ number, incarnation }: Member): boolean {
    const { founders, leads } = this.#options;
    return leads() || founders.members.some((founder) => founder.number === number && founder.incarnation === incarnation);
  }

  #welcome(member: Member, settled: () => void): void {
    const { transport, genesis, clusterId, configuration, founders, words } = this.#options;
    const { index } = configuration();
    const isFounder = founders.members.some(({ number }) => number === member.number);
    const welcome = encodeWelcome({ genesis, clusterId, number: member.number, incarnation: member.incarnation, index: isFounder ? 0 : index, witness: isWitness(member) });
    transport.probe(this.#options.whereIs(member), welcome, TIMEOUT_MS, (...[error, answer]) => {
      words.write("info", `welcomed ${member.id}: ${error === null ? String(answer.reply[0]) : whyNot(error)}`);
      settled();
    });
  }

  #sayLost(member: Member, hello: Hello): void {
    if (this.#lost.has(member.number)) return;
    const { id, address } = member;
    const { clusterId } = hello;
    const what = isDead(hello) ? "is an older copy, or lost what it had called durable" : clusterId === "" ? "was lost" : clusterId === this.#options.clusterId ? "is of another life of it" : `is of cluster ${clusterId}`;
    const first = isDead(hello) ? "stop it, empty the directory, start it, then type: " : "";
    const isOther = !isDead(hello) && clusterId !== "" && clusterId !== this.#options.clusterId;
    const other = isOther ? `; if it went on alone by draft admin recover, ${id} is right: then stop this node and empty its own directory` : "";
    const words = `the directory of ${id} ${what}: it must not vote as the one it was; ${first}draft admin replace ${id} ${id}@${address}${other}`;
    this.#lost.set(member.number, words);
    this.#options.words.write("warn", words);
  }
}

function whyNot(error: Error): string {
  return error instanceof DraftError ? error.message : `it cannot be reached: ${error.message}`;
}
