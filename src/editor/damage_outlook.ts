/** What a start would make of damaged files, and what to type: for who looks at them before. */
import { shellWord } from "../base/shell_word.ts";
import type { DataDir } from "../node/data_dir.ts";
import { decodeGenesis } from "../node/genesis.ts";
import { isVoting, voterSets } from "../raft/quorum.ts";
import type { Configuration, Index } from "../raft/types.ts";
import { rangesText } from "../wal/damage.ts";
import { type Damage, firstLost } from "./damage.ts";

/** Whose log is damaged. */
export interface DamagedLog {
  readonly dataDir: DataDir;
  /** The newest that could be read. */
  readonly configuration: Configuration;
  readonly lastIndex: Index;
}

/** What a start makes of a damaged log, and what to type next. */
export function logOutlook(damage: Damage, { dataDir, configuration, lastIndex }: DamagedLog): string {
  const { path, identity } = dataDir;
  const data = shellWord(path);
  const { loss } = damage;
  if (loss === null) return `a start goes on by itself: draft serve --data ${data}`;
  const first = firstLost(damage, lastIndex);
  const chop = `draft log chop ${first} --data ${data}`;
  const cut = damage.hasBeginning ? `; to go on with what stands before: ${chop}` : "";
  const sets = voterSets(configuration);
  const voters = configuration.members.filter(({ number }) => isVoting(sets, number));
  const others = voters.filter(({ number }) => number !== identity?.memberNumber);
  if (others.length === 0) {
    return `nobody else has what is lost, so a start ends with exit 10: bring the directory back from a copy of the very moment, or restore a backup${cut}`;
  }
  const serve = `draft serve --data ${data}`;
  switch (loss.verdict) {
    case "entries": return `a start fetches ${rangesText(loss.absent)} from another member, and takes part in nothing until then: ${serve}`;
    case "end": return `a start follows, and votes for nobody until its log holds what the leader's does: ${serve}`;
    case "hard state": {
      if (others.length >= Math.floor(voters.length / 2) + 1) {
        return `a start gives up this incarnation, and is let in again as a learner by the others: ${serve}; if they are gone for good${damage.hasBeginning ? `: ${chop}, then draft admin recover` : " nothing of this log can be gone on with"}`;
      }
      return `the others, ${others.map(({ id }) => id).join(", ")}, cannot decide without this node, so a start ends with exit 10: bring the directory back from a copy of the very moment; ` +
        `else, on ${others[0]?.id}, stopped: draft admin recover --data DIR --keep-only ${others[0]?.id}`;
    }
  }
}

/** What a start makes of a damaged snapshot that the log names. */
export function snapshotOutlook({ path, identity }: DataDir): string {
  const genesis = identity?.genesis ?? null;
  const members = genesis === null ? 0 : decodeGenesis(genesis).configuration.members.length;
  const alone = members > 1 ? "" : "; where there is no other member it ends with exit 10: bring the file back from a copy, or restore a backup";
  return `a start fetches another from a member: draft serve --data ${shellWord(path)}${alone}`;
}
