/** Snapshots in a cluster of bare cores: taken after so many entries, fetched over a line that may fail, restored late. */
import { nextFloat, nextInRange } from "../../src/base/random.ts";
import type { Effect } from "../../src/raft/event.ts";
import type { LogPoint, LogStart } from "../../src/raft/types.ts";
import type { Core, SnapshotRig } from "./core.ts";

/** Takes a snapshot, if it is time for one. */
export function takeSnapshot(cores: SnapshotRig, core: Core): void {
  const newest = core.applied.at(-1);
  const { snapshotEntries } = cores.options;
  if (snapshotEntries === 0 || newest === undefined || newest.index - core.state.snapshotIndex < snapshotEntries) return;
  const configuration = core.state.configurations.findLast(({ index }) => index <= newest.index)!;
  const { index, term, chain, timeMs } = newest;
  const taken: LogStart = { point: { index, term, chain }, configuration, timeMs };
  cores.onDisk(core, () => {
    if (index <= (core.durable.snapshot?.point.index ?? 0)) return;
    core.durable.snapshot = taken;
    cores.event(core, { type: "snapshotStored", point: taken.point, timeMs });
  });
}

/** Fetches a snapshot from another member, which may be down, out of reach, or have none. */
export function fetchSnapshot(cores: SnapshotRig, core: Core, { from, point: { index } }: Extract<Effect, { type: "fetchSnapshot" }>): void {
  const { epoch } = core;
  const later = (then: () => void): void => {
    const [low, high] = cores.options.fetchMs;
    cores.scheduler.after(nextInRange(cores.random, low, high), () => {
      if (core.epoch === epoch) then();
    });
  };
  later(() => {
    const source = cores.core(from);
    const found = source.durable.snapshot;
    const isReached = source.up && !cores.cut.has(`${from}>${core.number}`) && nextFloat(cores.random) * 100 >= cores.options.lossPercent;
    if (!isReached || found === null || found.point.index < index) return void cores.event(core, { type: "snapshotFetching", index: 0 });
    cores.event(core, { type: "snapshotFetching", index: found.point.index });
    later(() => cores.event(core, { type: "snapshotFetched", ...found }));
  });
}

/** Puts the machine into the state that a snapshot holds. */
export function installSnapshot(cores: SnapshotRig, core: Core, { index }: LogPoint): void {
  const { epoch } = core;
  core.applied = cores.committedEntries.slice(0, index);
  cores.installs += 1;
  cores.scheduler.after(nextInRange(cores.random, 0, 20), () => {
    if (core.epoch === epoch) cores.event(core, { type: "restored", index, wakeAtMs: cores.wakeAtMs(core) });
  });
}
