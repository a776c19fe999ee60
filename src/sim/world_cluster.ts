/** From a script to the cluster that it describes. */
import type { AnyPlugin } from "../machine/machine.ts";
import type { Property } from "./property.ts";
import type { SnapshotTuning } from "../node/settings.ts";
import type { Script, SnapshotSettings } from "./script.ts";
import type { ClusterOptions } from "./sim_cluster.ts";
import { SimEngine } from "./sim_engine.ts";

/** Of the machines, by their places. */
export const NAMES: readonly string[] = ["a", "b", "c", "d", "e", "f", "g"];

/** Read at a time when a log is read; and how much memory runs get at once. Small, for logs are. */
const READ_BYTES = 65_536;
const SLAB_BYTES = 16_384;

/** More log than any run has. */
const ALL_BYTES = 2 ** 40;

/** What the cluster of `script` is made of. */
export function clusterOptions({ seed, settings }: Script, plugin: AnyPlugin, properties: readonly Property[]): ClusterOptions {
  const { segmentBytes, queueBytesMax, appendEntriesMax, inflightAppendsMax, uncommittedBytesMax, batchBytesMax, verdicts } = settings;
  return {
    seed,
    ids: NAMES.slice(0, settings.nodes),
    plugin,
    properties,
    ...(settings.membership === undefined ? {} : { founders: NAMES.slice(0, settings.membership.founders) }),
    flags: {
      "heartbeat-ms": String(settings.heartbeatMs),
      "election-ms": `${settings.electionMinMs}-${settings.electionMaxMs}`,
    },
    config: {
      segmentBytes, ...(settings.scrubMs === undefined ? { scrubBytesPerSecond: 0 } : {}), ...(queueBytesMax === undefined ? {} : { queueBytesMax }),
      ...(settings.snapshots === undefined ? {} : { snapshotEntries: settings.snapshots.entries, retainBytes: settings.snapshots.retainBytes }),
    },
    configOf: (id) => settings.snapshots?.hoards === NAMES.indexOf(id) + 1 ? { retainBytes: ALL_BYTES } : {},
    tailBytesMax: settings.tailBytesMax,
    tuning: {
      core: {
        appendEntriesMax, inflightAppendsMax, uncommittedBytesMax,
        ...(verdicts === undefined ? {} : { verdictEntries: verdicts.entries, verdictMs: verdicts.ms }),
      },
      ...(settings.snapshots === undefined ? {} : { snapshots: fetchTuning(settings.snapshots) }),
      ...(settings.membership === undefined ? {} : { promoteWithinMs: settings.membership.promoteWithinMs }),
      ...(settings.sessionLimits === undefined ? {} : { sessions: settings.sessionLimits }),
      ...(settings.scrubMs === undefined ? {} : { scrubPassMs: settings.scrubMs }),
      wal: { batchBytesMax, readyBytes: segmentBytes, readBytes: READ_BYTES, slabBytes: SLAB_BYTES },
    },
    net: {
      delayMs: settings.netDelayMs, bytesPerMs: settings.netBytesPerMs,
      windowBytes: settings.netWindowBytes, cutOneIn: settings.netCutOneIn,
    },
    machine: (id) => {
      const at = NAMES.indexOf(id);
      const clock = { drift: settings.drift[at] ?? 0, wallOffsetMs: settings.wallOffsetMs[at] ?? 0 };
      return { clock, disk: { delayMaxMs: settings.diskDelayMaxMs }, ...(settings.engines === true ? { engine: new SimEngine(seed * 31 + at) } : {}) };
    },
  };
}

function fetchTuning({ pieceBytes, servedBytesPerSecond }: SnapshotSettings): Partial<SnapshotTuning> {
  return { ...(pieceBytes === undefined ? {} : { pieceBytes }), ...(servedBytesPerSecond === undefined ? {} : { servedBytesPerSecond }) };
}
