/** Bugs in leases and in the promises behind them. */
import type { Mutant } from "./mutant.ts";

const LEASE = "src/raft/lease.ts";
const VOID = "if (state.timeoutNowTerm === state.term) return false;";

export const LEASE_MUTANTS: readonly Mutant[] = [
  {
    id: "34a", title: "lease from receive time",
    file: "src/raft/acks.ts", find: "notePromise(state, progress, message.round, message.promiseMs);",
    replace: "notePromise(state, progress, message.round, message.promiseMs + now.nowMs - (state.rounds.find((sent) => sent.round === message.round)?.nowMs ?? now.nowMs));",
  },
  {
    id: "34b", title: "lease by the wall clock",
    file: LEASE, find: "const untilMs = sent.nowMs + promiseMs", replace: "const untilMs = sent.wallMs + promiseMs",
    also: [
      { file: LEASE, find: "return leaseEndMs(state, now) > now.nowMs;", replace: "return leaseEndMs(state, now) > now.wallMs;" },
      { file: LEASE, find: " - Math.max(0, now.wallMs - now.nowMs - progress.promisedSkewMs);", replace: ";" },
    ],
  },
  { id: "35", title: "lease kept after TimeoutNow, once the transfer was given up", file: LEASE, find: VOID, replace: "if (state.transfer !== null) return false;" },
  {
    id: "45", title: "restarted follower votes under a lease",
    file: "src/raft/step.ts", find: "state.silentUntilMs = now.nowMs + state.config.promisedMs;", replace: "state.silentUntilMs = now.nowMs;",
  },
  { id: "50", title: "lease read after TimeoutNow", file: LEASE, find: VOID, replace: "" },
];
