/** Whether a healed cluster stays as it is while it is asked to work. */
import type { Probes } from "./probe.ts";
import { Violation } from "./property.ts";
import type { SimClient } from "./sim_client.ts";
import type { SimMachine } from "./sim_machine.ts";

/** What a writer waits at least between an answer and the next request. */
const PAUSE_MIN_MS = 30;
const TIMEOUT_MS = 1000;

export interface Writing {
  readonly client: SimClient;
  readonly members: readonly string[];
  readonly probes: Probes;
  /** More than a follower needs for an entry, or one that is behind would never come up. */
  readonly pauseMs: number;
  readonly after: (ms: number, act: () => void) => void;
}

/** Writes through one member after the other until it is stopped. */
export function keepWriting({ client, members, probes, pauseMs, after }: Writing): { stop(): void } {
  let isOn = true;
  let at = 0;
  const next = (): void => {
    const member = members[at++ % members.length];
    const command = member === undefined ? null : probes.write(member);
    if (!isOn || member === undefined || command === null) return;
    client.ask({ member, command, read: null, timeoutMs: TIMEOUT_MS, patienceMs: 0 }, () => after(Math.max(PAUSE_MIN_MS, pauseMs), next));
  };
  next();
  return { stop: () => (isOn = false) };
}

/** Whoever serves undisturbed has no reason to elect; only one that falls out excuses it. */
export class Steady {
  readonly #living: () => readonly SimMachine[];
  readonly #endMs: number;
  readonly #count: number;
  #led: string;
  #handOvers: string;

  constructor(living: () => readonly SimMachine[], endMs: number) {
    this.#living = living;
    this.#endMs = endMs;
    this.#count = living().length;
    this.#led = ledBy(living());
    this.#handOvers = handOversOf(living());
  }

  /**
   * Whether it has been watched to the end.
   *
   * @throws Violation if another one leads, or another term has begun
   */
  isOver(nowMs: number): boolean {
    const members = this.#living();
    const handOvers = handOversOf(members);
    const led = ledBy(members);
    // A leader whose loop stood still, as the nemesis may have wanted before the end, hands over in good order.
    if (handOvers !== this.#handOvers) {
      if (!members.some(({ state }) => state?.role === "leader" && state.transfer === null)) return false;
      this.#led = led;
      this.#handOvers = handOvers;
    }
    if (members.length === this.#count && led !== this.#led) throw new Violation("the healed core keeps its leader", `${this.#led}; then ${led}`);
    return nowMs >= this.#endMs;
  }
}

/** Who leads those in which term, in words. */
function ledBy(members: readonly SimMachine[]): string {
  const terms = new Set(members.map(({ state }) => state?.term ?? 0));
  const leaders = members.filter(({ state }) => state?.role === "leader").map(({ id }) => id);
  return `${leaders.join(" and ") || "nobody"} leads, in term ${[...terms].join(" and ")}`;
}

/** Changes with each hand-over that a leader begins by itself. */
function handOversOf(members: readonly SimMachine[]): string {
  return members.map(({ state }) => state?.handOverNotBeforeMs ?? 0).join();
}
