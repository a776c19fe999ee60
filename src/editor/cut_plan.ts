/**
 * What it comes to if a damaged log is cut before the damage. All behind goes, what can still be read of it too; but the
 * newest term and vote stay in force, where something readable behind the damage states them.
 */
import { DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk, FileStat } from "../host/host.ts";
import { machineDirectory } from "../node/open_group.ts";
import type { HardState, Index } from "../raft/types.ts";
import { type GroupLoss, isHardStateLost, rangesText } from "../wal/damage.ts";
import { RecoveredGroups } from "../wal/recovered_groups.ts";
import { scanLog } from "../wal/recovery.ts";
import { NOBODY } from "../wal/telling.ts";
import { lossText } from "./damage.ts";
import { committedText, editOf, groupText, isCluster, markedCondition, type Plan, refuseChop, refuseEdit } from "./edit_plan.ts";
import { sourceOf } from "./log_files.ts";
import { type GroupLog, pointAt } from "./offline_log.ts";
import { damagedDirectory, savedMachine } from "./saved_files.ts";

/**
 * Cuts `from` and all after it from a log whose end is damaged.
 *
 * @param log as it stands before the first damage
 * @throws DraftError COMPACTED, CONFLICT
 */
export function* planCut(disk: Disk, log: GroupLog, from: Index): Task<Plan> {
  const { lastIndex } = log.group;
  refuseEdit(log);
  if (from > lastIndex + 1) throw new DraftError("CONFLICT", `what stands behind index ${lastIndex} is damaged: chop ${lastIndex + 1} at the highest`);
  refuseChop(log, from);
  const { hardState, words } = yield* behind(disk, log);
  const alone = !isCluster(log, [lastIndex, from - 1]);
  const condition = hardState === null && !alone ? "voteless" : markedCondition(log, [lastIndex, from - 1]);
  const inForce = hardState ?? log.hardState;
  const edit = editOf(log, { change: "cut", from, hardState: { ...inForce, commitIndex: Math.min(inForce.commitIndex, from - 1) } }, condition);
  return {
    edit,
    meaning: [
      `removes ${from > lastIndex ? "" : `entries ${from} to ${lastIndex}, and `}all that stands behind entry ${lastIndex}, where the log is damaged: ${words}`,
      committedText(log, from),
      condition === "voteless"
        ? "which term and vote this node had last may be among it: at its next start it gives up its incarnation, and is let in again as a learner; if the others are gone for good: draft log accept, then draft admin recover"
        : groupText(log, [lastIndex, from - 1], `the group goes on from index ${from - 1} at the next start, and what is lost is lost`),
      "this cannot be undone: the files as they are go to the directory's edits folder first, and can be copied back from there",
      ...yield* machineText(disk, log, edit.mark.number),
    ],
    removed: from > lastIndex ? null : { from, to: lastIndex },
    seal: yield* pointAt(log, from - 1),
    empties: false,
    cuts: true,
  };
}

/** What becomes of what the machine holds on disk itself; nothing of one that holds nothing. */
function* machineText(disk: Disk, { directory }: GroupLog, number: number): Task<string[]> {
  const place = machineDirectory(directory);
  if ((yield* wait<FileStat | null>((done) => disk.stat(place, done))) === null) return [];
  const saved = savedMachine(yield* damagedDirectory(disk, directory, number));
  return [`the machine is made anew from snapshot and log; its state on disk, "${place}", may be the last that shows what is lost, and goes to "${saved}"`];
}

/** What can be read behind the damage, and goes with it. */
function goingToo(lastIndex: Index, loss: GroupLoss | null): string {
  const from = (loss?.absent.at(-1)?.to ?? lastIndex) + 1;
  return from > lastIndex ? "" : `; ${rangesText([{ from, to: lastIndex }])} can be read, and ${from === lastIndex ? "goes" : "go"} too`;
}

/** What stands behind the damage, as far as it can be read: the hard state if it is certain. */
function* behind(disk: Disk, { files, group: { group } }: GroupLog): Task<{ readonly hardState: HardState | null; readonly words: string }> {
  const scan = yield* scanLog(sourceOf(disk, files, "read on"), files.sequences, new RecoveredGroups(NOBODY));
  const found = scan.groups.logs().get(group);
  const loss = scan.damage?.groups.get(group) ?? null;
  const isCertain = found !== undefined && files.markFault === null && !(scan.damage !== null && isHardStateLost(scan.damage));
  const words = found === undefined ? "nothing of it can be read" : lossText({ loss }, found.lastIndex) + goingToo(found.lastIndex, loss);
  return { hardState: isCertain ? found.hardState : null, words };
}
