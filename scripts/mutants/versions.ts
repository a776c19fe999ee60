/** Bugs in how the machine's version rises. */
import type { Mutant } from "./mutant.ts";

const APPLIER = "src/machine/applier.ts";

export const VERSION_MUTANTS: readonly Mutant[] = [
  {
    id: "55a", title: "version raised though a member that is away cannot run it", versions: true,
    file: "src/node/raise_rule.ts", find: "    if (report === null || report.machineName !== name) return STAYS;", replace: "    if (report === null) continue;",
  },
  {
    id: "55b", title: "raise skipped by a replica that cannot run the version", versions: true,
    file: "src/machine/raise.ts", find: "  if (to > plugin.version) throw", replace: "  if (to > plugin.version) return from;\n  if (to < 0) throw",
    also: [
      { file: "src/node/open_group.ts", find: "  if (log.raisedVersion > applier.plugin.version) throw", replace: "  if (log.raisedVersion < 0) throw" },
      { file: "src/node/restore_snapshot.ts", find: "  if (head.machineVersion > applier.plugin.version) throw", replace: "  if (head.machineVersion < 0) throw" },
    ],
  },
  {
    id: "55c", title: "upgrade run once more after a snapshot was restored", versions: true,
    file: APPLIER, find: "    this.#entry.begin(head, at.timeMs);\n",
    replace: "    this.#entry.begin(head, at.timeMs);\n    if (this.#restoredVersion > 1) this.#calls.machine.upgrade?.(1, this.#entry);\n    this.#restoredVersion = 0;\n",
    also: [
      { file: APPLIER, find: "    this.#entry.restore(saved.digest, saved.machineVersion);", replace: "    this.#entry.restore(saved.digest, saved.machineVersion);\n    this.#restoredVersion = saved.machineVersion;" },
      { file: APPLIER, find: "  #restoring = false;", replace: "  #restoring = false;\n  #restoredVersion = 0;" },
    ],
  },
  {
    id: "55d", title: "version in force not in the snapshot", versions: true,
    file: APPLIER, find: "    this.#entry.restore(saved.digest, saved.machineVersion);", replace: "    this.#entry.restore(saved.digest, 1);",
  },
  {
    id: "55e", title: "upgrade not run where a restart applies the log again", versions: true,
    file: "src/machine/perform.ts", find: "  if (kind === EntryKind.version) return raise(on.plugin, calls.machine, entry, bytes.subarray(from, end));",
    replace: "  if (kind === EntryKind.version) return raise(on.plugin, (on as { isReplay?: boolean }).isReplay === true ? {} : calls.machine, entry, bytes.subarray(from, end));",
    also: [
      { file: APPLIER, find: "  #restoring = false;", replace: "  #restoring = false;\n  isReplay = false;" },
      { file: "src/node/open_group.ts", find: "  refuseEmptied(log.edit, dataDirectory);\n", replace: "  refuseEmptied(log.edit, dataDirectory);\n  (applier as { isReplay?: boolean }).isReplay = log.raisedVersion > 1;\n" },
    ],
  },
];
