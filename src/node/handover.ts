/**
 * Whoever holds the genesis gives it to each founder that says it is empty and bears the incarnation that the genesis
 * names: a founder that crashed before it heard of the founding is still taken in, one whose directory was lost is not.
 */
import type { Clock, Log, Timer } from "../host/host.ts";
import type { Transport } from "../net/transport.ts";
import type { Configuration, Member, MemberNumber } from "../raft/types.ts";
import { PROBE_GENESIS, PROBE_HELLO } from "./introductions.ts";

const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 2000;
const TIMEOUT_MS = 1000;

export interface HandoverOptions {
  readonly genesis: Uint8Array;
  readonly configuration: Configuration;
  readonly self: MemberNumber;
  readonly isLinked: (member: MemberNumber) => boolean;
  readonly transport: Pick<Transport, "probe">;
  readonly clock: Clock;
  readonly words: Log;
}

/** Looks after the founders that are not linked, until each has been. */
export class Handover {
  readonly #options: HandoverOptions;
  #missing: Member[];
  #intervalMs = INTERVAL_MIN_MS;
  #timer: Timer | null = null;
  #stopped = false;
  readonly #said: Set<MemberNumber> = new Set();

  constructor(options: HandoverOptions) {
    this.#options = options;
    this.#missing = options.configuration.members.filter((member) => member.number !== options.self);
  }

  /** @param firstRoundDone called once each founder that could be asked at once was */
  start(firstRoundDone: () => void): void {
    let asked = this.#missing.length;
    const settled = (): void => {
      asked -= 1;
      if (asked === 0 && !this.#stopped) firstRoundDone();
    };
    if (asked === 0) firstRoundDone();
    this.#look(settled);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #look(settled: () => void): void {
    const { isLinked, clock } = this.#options;
    this.#missing = this.#missing.filter((member) => !isLinked(member.number));
    if (this.#stopped || this.#missing.length === 0) return;
    for (const member of this.#missing) this.#ask(member, settled);
    this.#timer = clock.setTimer(this.#intervalMs, () => this.#look(() => undefined));
    this.#intervalMs = Math.min(this.#intervalMs * 2, INTERVAL_MAX_MS);
  }

  #ask(member: Member, settled: () => void): void {
    const { transport } = this.#options;
    transport.probe(member.address, PROBE_HELLO, TIMEOUT_MS, (...[error, answer]) => {
      const isEmpty = error === null && answer.hello.nodeId === member.id && answer.hello.clusterId === "";
      if (!isEmpty || this.#stopped) return settled();
      if (answer.hello.incarnation === member.incarnation) return this.#give(member, settled);
      this.#sayLost(member);
      settled();
    });
  }

  #give(member: Member, settled: () => void): void {
    const { transport, genesis, words } = this.#options;
    transport.probe(member.address, [PROBE_GENESIS, genesis], TIMEOUT_MS, (...[error, answer]) => {
      words.write("info", `gave the genesis to ${member.id}: ${error === null ? String(answer.reply[0]) : error.message}`);
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
