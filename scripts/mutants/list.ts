/** All seeded bugs of SCENARIOS section 3: those that are tried, and those that wait for their feature. */
import { ELECTIONS } from "./elections.ts";
import { FOUNDING } from "./founding.ts";
import { MEMBERSHIP } from "./membership.ts";
import { LEASE_MUTANTS } from "./leases.ts";
import { type Mutant, numberOf, type Reason } from "./mutant.ts";
import { READ_MUTANTS } from "./reads.ts";
import { REPLICATION } from "./replication.ts";
import { SESSION_MUTANTS } from "./sessions.ts";
import { SNAPSHOT_MUTANTS } from "./snapshots.ts";
import { DISK_MUTANTS } from "./disks.ts";
import { STORAGE } from "./storage.ts";
import { VERDICT_MUTANTS } from "./verdicts.ts";
import { VERSION_MUTANTS } from "./versions.ts";
import { WATCH_MUTANTS } from "./watches.ts";
import { WITNESS_MUTANTS } from "./witnesses.ts";

/** How many numbers the list has: those of SCENARIOS, and behind them verdicts, versions of the machine, machines on disk, watchers, rot while a node runs, and disks that are full or stand still. */
export const NUMBERS = 59;

/** Mutants that the simulator cannot see, each with the reason. They are not tried. */
const SPARED: Readonly<Record<string, string>> = {
  "42": "cannot be seen: a segment is used again only when all of it left the log, so the numbers of its old batches lie below " +
    "every new one, and recovery, which removes segments beyond the tail and trims that, takes the next number alone; " +
    "test/wal/damage.test.ts lays records of equal numbers there, and fails with this mutant",
  "47a": "cannot be seen: one leader a term makes one entry an index, and sums are verified at each receipt and reading, " +
    "so two entries of one index and term are an edit by hand, or a chance of 2^-32 a fault; " +
    "test/raft/divergence.test.ts makes one, and fails with this mutant",
};

const ALL: readonly Mutant[] = [...ELECTIONS, ...REPLICATION, ...READ_MUTANTS, ...STORAGE, ...DISK_MUTANTS, ...FOUNDING, ...MEMBERSHIP, ...SESSION_MUTANTS, ...SNAPSHOT_MUTANTS, ...VERDICT_MUTANTS, ...VERSION_MUTANTS, ...LEASE_MUTANTS, ...WITNESS_MUTANTS, ...WATCH_MUTANTS]
  .sort((a, b) => numberOf(a.id) - numberOf(b.id) || (a.id < b.id ? -1 : 1));

/** What is tried, by number. */
export const MUTANTS: readonly Mutant[] = ALL.filter(({ id }) => SPARED[id] === undefined);

/** What has no code yet that could be wrong. `why` names the feature. */
export const WAITING: readonly Reason[] = [
  { id: "39", title: "quiesced follower never wakes", why: "quiesce" },
  { id: "46", title: "relocation truncates", why: "compaction of several groups: one alone is never relocated" },
];

/** What the simulator cannot see. */
export const UNKILLABLE: readonly (Mutant & Reason)[] = ALL.flatMap((mutant) => {
  const why = SPARED[mutant.id];
  return why === undefined ? [] : [{ ...mutant, why }];
});
