/**
 * How a machine goes on after a start, from what it holds on disk itself, the newest snapshot and the log. Whatever is
 * done, the log decides: a state on disk that is not known to be a prefix of it is not gone on from.
 *
 * ```text
 * state on disk                         what is done
 * none                                  restored from the snapshot, if there is one; entries behind it are applied
 * behind the snapshot                   the same: what was kept of its last answers is gone with the log
 * at the snapshot                       gone on from
 * behind the snapshot's end, in the log gone on from: the entries up to its index are gone through, not applied
 * the same, with memos missing          made anew, from snapshot or nothing
 * beyond the log, or of another one     DAMAGED: the log lost what it had called durable, or the directory is another's
 * ```
 *
 * What is beyond the log is never made anew by itself: a machine is given only what its node's log holds durably, so the
 * log has lost entries that were acknowledged, and the state may be the last that shows them. Who cuts a log on purpose
 * sets the state aside in the same step.
 */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { isHostError } from "../host/files.ts";
import { type Task, wait } from "../base/task.ts";
import type { Disk } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import type { EnginePosition } from "../machine/engine.ts";
import type { Index, LogPoint } from "../raft/types.ts";

/** What a start finds. */
export interface MachineFound {
  /** Where a machine on disk stands; null of one in memory. */
  readonly engine: EnginePosition | null;
  /** The newest durable snapshot; null if there is none. */
  readonly snapshot: LogPoint | null;
  /** Last index of the log. */
  readonly lastIndex: Index;
  /** Whether the machine on disk knows of all entries from `from` on that it holds. */
  readonly recalls: (from: Index) => boolean;
}

/** `fresh`: it holds nothing, and needs nothing. `renew`: what it holds goes first. */
export type MachineStart = "fresh" | "restore" | "resume" | "renew";

/**
 * @param directory the machine's, for messages
 * @throws DraftError DAMAGED if the state on disk is none of this log
 */
export function machineStart({ engine, snapshot, lastIndex, recalls }: MachineFound, directory: string): MachineStart {
  const anew = snapshot === null ? "fresh" : "restore";
  if (engine === null || engine.index === 0) return anew;
  const { index, point } = engine;
  if (index > lastIndex) {
    throw new DraftError("DAMAGED", `the machine in "${directory}" applied index ${index}, and the log ends at ${lastIndex}: the log has lost entries that it held durably, ` +
      "or the directory is another node's; bring the log back (is its disk mounted?); if other members have those entries, let this node come back empty: " +
      `draft admin replace ID ID@HOST:PORT; if nobody has, the state is the last that shows them: keep a copy, then: mv ${shellWord(directory)} ${shellWord(`${directory}.aside`)}`);
  }
  const from = snapshot?.index ?? 0;
  if (index < from) return "restore";
  if (index === from && snapshot !== null && point !== null && (point.term !== snapshot.term || point.chain !== snapshot.chain)) {
    throw new DraftError("DAMAGED", `the machine in "${directory}" is of another log: at index ${index} it applied an entry of term ${point.term}, chain ${point.chain}, ` +
      `the log has term ${snapshot.term}, chain ${snapshot.chain}: move that directory away and start the node again: it is made anew`);
  }
  if (recalls(from + 1)) return "resume";
  return snapshot === null ? "renew" : "restore";
}

/**
 * Gives the machine an empty directory. What was in it is moved aside first, so that a crash leaves all of it or nothing.
 *
 * @throws DraftError DAMAGED if it holds what cannot be removed
 */
export function* renewMachine(disk: Disk, applier: Applier, directory: string): Task<void> {
  yield* wait<void>((done) => applier.close(done));
  yield* setMachineAside(disk, directory);
  applier.renew();
  const position = applier.open();
  if (position === null || position.index === 0) return;
  throw new DraftError("DAMAGED", `the machine '${applier.plugin.name}' holds index ${position.index} in the empty directory "${directory}": must keep its state there`);
}

/**
 * Removes what a machine holds on disk, if it does: snapshot and log make it anew.
 *
 * @throws DraftError DAMAGED if it holds what cannot be removed
 */
export function* setMachineAside(disk: Disk, directory: string): Task<void> {
  const aside = `${directory}.old`;
  yield* empty(disk, aside);
  try {
    yield* wait<void>((done) => disk.rename(directory, aside, done));
    yield* empty(disk, aside);
  } catch (error) {
    if (!isHostError(error, "ENOENT")) throw error;
  }
}

/** Removes the files in a directory, if it is there. */
function* empty(disk: Disk, directory: string): Task<void> {
  let names: string[];
  try {
    names = yield* wait<string[]>((done) => disk.list(directory, done));
  } catch (error) {
    if (isHostError(error, "ENOENT")) return;
    throw error;
  }
  for (const name of names) {
    try {
      yield* wait<void>((done) => disk.unlink(`${directory}/${name}`, done));
    } catch (error) {
      throw new DraftError("DAMAGED", `"${directory}/${name}" cannot be removed: type: rm -r "${directory}"`, { cause: error });
    }
  }
}
