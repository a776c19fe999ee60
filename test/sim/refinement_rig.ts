/** A cluster of bare cores whose every step is shown to a property. */
import { nextFloat, nextInRange, seedRandom } from "../../src/base/random.ts";
import type { GroupObserver } from "../../src/node/group_observer.ts";
import type { RaftState } from "../../src/raft/state.ts";
import type { Property, SimMember } from "../../src/sim/property.ts";
import { type Core, Cores, type CoresOptions } from "../raft/cores.ts";

/** Bare cores under the eyes of a property. */
export function watchedCores(property: Property, options: CoresOptions): Cores {
  const asMember = (core: Core): SimMember => ({
    id: `n${core.number}`, number: core.number, boots: core.boot, state: core.state, applier: null, forgiven: false,
  });
  return new Cores({
    ...options,
    observer: {
      opened: (core) => property.opened?.(asMember(core)),
      stepped: (core, event, effects) => property.stepped?.(asMember(core), event, effects),
      durable: (core, store) => property.durable?.(asMember(core), store),
      sent: (core, message) => property.sent?.(asMember(core), message),
      ended: (core) => property.ended?.(asMember(core)),
    },
  });
}

/** Observers that show every step of whole nodes to a property; what it says first is kept, for it may be lost on its way up. */
export function nodeObservers(property: Property, violations: Error[]): (id: string) => readonly GroupObserver[] {
  const boots = new Map<string, number>();
  return (id) => {
    boots.set(id, (boots.get(id) ?? 0) + 1);
    const asMember = (state: RaftState): SimMember => ({
      id, number: state.config.self, boots: boots.get(id) ?? 0, state, applier: null, forgiven: false,
    });
    const keep = (show: () => void): void => {
      try {
        show();
      } catch (error) {
        violations.push(error as Error);
      }
    };
    return [{
      opened: (state) => keep(() => property.opened?.(asMember(state))),
      stepped: (state, event, effects) => keep(() => property.stepped?.(asMember(state), event, effects)),
      durable: (state, store) => keep(() => property.durable?.(asMember(state), store)),
      sent: (state, message) => keep(() => property.sent?.(asMember(state), message)),
    }];
  };
}

/** What a run of faults did. */
export interface Troubles {
  readonly events: number;
  readonly applied: number;
  readonly answered: number;
  readonly leaders: number;
}

/** Writes, reads, transfers, crashes, partitions, bad disks and links, drawn from the seed; then all heals. */
export function troubledRun(property: Property, seed: number, rounds: number = 60): Troubles {
  const random = seedRandom(seed);
  const chance = (percent: number): boolean => nextFloat(random) * 100 < percent;
  const members = [3, 3, 5, 1, 4][nextInRange(random, 0, 4)] as number;
  const cores = watchedCores(property, {
    members, seed, lossPercent: chance(50) ? nextInRange(random, 0, 25) : 0, duplicatePercent: chance(50) ? 10 : 0,
    delayMs: chance(30) ? [1, 300] : [1, 8], diskMs: chance(30) ? [1, 200] : [1, 4], wakeMs: chance(30) ? 40 : null,
    config: { appendEntriesMax: nextInRange(random, 1, 8), inflightAppendsMax: nextInRange(random, 1, 8) },
    snapshotEntries: seed % 2 === 0 ? nextInRange(random, 3, 20) : 0,
  });
  const anyone = (): Core => cores.core(nextInRange(random, 1, members));
  for (let round = 0; round < rounds; round++) {
    if (chance(15)) cores.crash(anyone().number);
    if (chance(40)) for (const core of cores.cores) if (!core.up) cores.start(core.number);
    if (chance(12)) cores.partition(...cores.cores.map((core) => [core.number]));
    else if (chance(15)) cores.cutLinks([anyone().number], [anyone().number]);
    else if (chance(50)) cores.heal();
    const asked = cores.leader();
    for (const core of cores.cores) {
      if (core.up && core.state.role === "leader" && chance(70)) cores.propose(core, nextInRange(random, 1, 6));
      if (core.up && chance(50)) cores.read(core);
    }
    if (asked !== null && chance(10)) cores.event(asked, { type: "transfer", to: anyone().number });
    if (asked !== null && chance(4)) cores.event(asked, { type: "diskStalled" });
    if (chance(5)) cores.event(anyone(), { type: "linkDown", peer: anyone().number });
    cores.run(nextInRange(random, 1, 500));
  }
  cores.heal();
  cores.options.lossPercent = 0;
  for (const core of cores.cores) if (!core.up) cores.start(core.number);
  cores.run(6000);
  return {
    events: cores.scheduler.events, applied: cores.committed.size, leaders: cores.leaders.size,
    answered: cores.cores.reduce((sum, core) => sum + core.answered.size, 0),
  };
}
