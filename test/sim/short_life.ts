/**
 * Scripts of one short life of a cluster: founded, a few writes that roll segments, snapshots that cut the log, a member that
 * is cut off for so long that it has to fetch one, two hand-overs, restarts.
 */
import type { Fault, FaultBody, PlannedOperation, Script, Settings } from "../../src/sim/script.ts";

const SETTINGS: Settings = {
  nodes: 3, heartbeatMs: 30, electionMinMs: 80, electionMaxMs: 160, tailBytesMax: 256, segmentBytes: 8192, batchBytesMax: 4096,
  appendEntriesMax: 16, inflightAppendsMax: 4, uncommittedBytesMax: 2 ** 20, netDelayMs: 0.5, netBytesPerMs: 100_000,
  netWindowBytes: 65_536, netCutOneIn: 0, diskDelayMaxMs: 0.5, drift: [0, 0, 0], wallOffsetMs: [0, 0, 0], calmStart: false, clients: 1,
  safetyMs: 1200, freezeRest: false, gentle: false, faultEveryMs: 1000, snapshots: { entries: 4, retainBytes: 0 }, features: [],
};

const WRITES = 24;

function writes(): PlannedOperation[] {
  return Array.from({ length: WRITES }, (_, at) => ({
    id: `o${at + 1}`, client: 1, waitMs: 25, waits: false, member: 1 + at % 3, command: ["set", `k${at % 5}`, `${at} `.padEnd(400, "x")],
    level: null, readsOwn: false, timeoutMs: 1000, patienceMs: 0,
  }));
}

/** The life of a cluster in which a process of each kind restarts, the one at place `who` among them; and `more` happens. */
export function shortLife(seed: number, who: number, more: readonly (FaultBody & { readonly atMs: number })[] = []): Script {
  const faults: (FaultBody & { readonly atMs: number })[] = [
    ...more,
    { atMs: 150, kind: "isolate", who, forMs: 250 },
    { atMs: 500, kind: "transfer", to: 1 },
    { atMs: 600, kind: "transfer", to: 2 },
    { atMs: 800, kind: "stop", who: 1 + who % 3, downMs: 40 },
    { atMs: 900, kind: "kill", who, downMs: 20 },
  ];
  return { seed, settings: SETTINGS, faults: faults.map((fault, at): Fault => ({ id: `f${at + 1}`, ...fault })), operations: writes() };
}

type EndAtCall = Extract<FaultBody, { kind: "crash-at-call" }>;

/** A machine ends at a call, counted from its start. */
export function endsAtCall(end: Pick<EndAtCall, "who" | "calls" | "again" | "killed">): EndAtCall & { atMs: number } {
  return { atMs: 0.001, kind: "crash-at-call", downMs: 30, ...end };
}
