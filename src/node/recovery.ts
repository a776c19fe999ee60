/**
 * The way out when a majority is gone for good: one node that survived goes on alone. What `draft admin recover` decides
 * is one change of the identity file: a new cluster id, under which none of the others is let in again, a new incarnation
 * and member number, and where the log is to say so. The start carries it out: behind all that the log held goes a
 * configuration entry of which this node is the only member. A crash in between leaves a start that takes the same step
 * again; until the first one the old identity, which is kept beside, may be put back.
 *
 * The log and the snapshots stay as they are, and go on bearing the id of the cluster that was founded.
 */
import { drawHex128, viewOf } from "../base/bytes.ts";
import { chainAfter, ENTRY_HEADER_BYTES, sealedBytes, writeHeader } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Task } from "../base/task.ts";
import { replaceWhole } from "../host/files.ts";
import type { Host, Log } from "../host/host.ts";
import { configurationEntry, isWitness } from "../raft/configuration.ts";
import { isVoting, voterSets } from "../raft/quorum.ts";
import { type Configuration, type HardState, type Index, MAIN_GROUP, type Member } from "../raft/types.ts";
import type { Wal } from "../wal/wal.ts";
import { type DataDir, drawIncarnation, IDENTITY_NAME, identityOf } from "./data_dir.ts";
import { encodeIdentity, type Identity, type Recovery, storageIdentity } from "./identity.ts";
import type { RecoveredLog } from "./recovered_log.ts";

/** What the files of a stopped node say of its log. */
export interface Survivor {
  readonly identity: Identity;
  readonly lastIndex: Index;
  readonly hardState: HardState;
  /** The newest that the log holds, committed or not. */
  readonly configuration: Configuration;
}

/** Whether it was decided before that the node goes on alone, and no start has entered it into the log yet. */
export function isDecided({ identity: { recovery }, lastIndex, hardState }: Pick<Survivor, "identity" | "lastIndex" | "hardState">): boolean {
  return recovery !== null && !isEntered(recovery, lastIndex, hardState);
}

/** The term tells, and not the length of the log alone: what is edited by hand keeps its term. */
function isEntered(recovery: Recovery, lastIndex: Index, { term }: HardState): boolean {
  return term > recovery.term || (term === recovery.term && lastIndex >= recovery.index);
}

/**
 * The member that would go on alone.
 *
 * @throws DraftError WRONG_IDENTITY if the node is no member any more, BAD_REQUEST if it cannot or need not go on alone
 */
export function survivorOf({ identity, configuration }: Survivor, directory: string): Member {
  const { nodeId, memberNumber, incarnation } = identity;
  const self = configuration.members.find((member) => member.number === memberNumber && member.incarnation === incarnation);
  if (self === undefined) {
    throw new DraftError("WRONG_IDENTITY", `${nodeId} is no member of its cluster any more, by the configuration at index ${configuration.index} ` +
      `of its own log: take a survivor that is one; what this log holds: draft log last --data ${shellWord(directory)}`);
  }
  if (isWitness(self)) {
    throw new DraftError("BAD_REQUEST", `${nodeId} is a witness and holds no values: take a survivor that does; what this log holds: draft log last --data ${shellWord(directory)}`);
  }
  const sets = voterSets(configuration);
  const decidesAlone = isVoting(sets, self.number) && configuration.members.every(({ number }) => number === self.number || !isVoting(sets, number));
  if (decidesAlone) throw new DraftError("BAD_REQUEST", `${nodeId} is the only voter and needs nobody to go on: draft serve --data ${shellWord(directory)}`);
  return self;
}

/**
 * Decides that the node goes on alone; durable when it ends. What the identity file held stays as `identity.` and the old
 * cluster id.
 *
 * @returns the node's identity from here on
 */
export function* decideRecovery({ disk, random }: Pick<Host, "disk" | "random">, dataDir: DataDir, survivor: Survivor): Task<Identity> {
  const { lastIndex, hardState, configuration } = survivor;
  const before = identityOf(dataDir);
  yield* replaceWhole(disk, dataDir.path, savedIdentityName(before), encodeIdentity(before));
  const index = lastIndex + 1;
  const number = configuration.nextMemberNumber;
  return yield* dataDir.change({
    clusterId: drawHex128(random), incarnation: drawIncarnation(random), memberNumber: number, welcome: { number, index, witness: false },
    recovery: { index, term: hardState.term + 1, logIncarnation: storageIdentity(before).incarnation },
    // Of another life: whoever knew better of the old one has no say any more.
    fallenBack: "",
  });
}

/** The name under which an identity is kept that is about to be replaced. */
export function savedIdentityName({ clusterId }: Identity): string {
  return `${IDENTITY_NAME}.${clusterId}`;
}

/** The data directory of a node that goes on alone, and what it says. */
export interface EnteringNode {
  readonly path: string;
  readonly identity: Identity;
}

/**
 * Appends what was decided, unless the log says it already: a new term with this node's vote, and the entry, which is
 * committed, since nobody else has a say.
 *
 * @returns whether something was appended; to be flushed
 * @throws DraftError DAMAGED if the log does not end where it was decided, or was cut before what was entered
 */
export function enterRecovery(wal: Wal, log: RecoveredLog, { path, identity }: EnteringNode, words: Log): boolean {
  const { recovery } = identity;
  if (recovery === null) return false;
  const { trail, configurations, hardState: found } = log.recovered();
  if (found.term > recovery.term && trail.lastIndex < recovery.index) {
    throw new DraftError("DAMAGED", `the log of ${identity.nodeId} ends at index ${trail.lastIndex}, and by entry ${recovery.index} the node went on alone: ` +
      `bring the directory back as it was last; what it holds: draft log last --data ${shellWord(path)}`);
  }
  if (isEntered(recovery, trail.lastIndex, found)) return false;
  if (trail.lastIndex !== recovery.index - 1) {
    throw new DraftError("DAMAGED", `the log of ${identity.nodeId} ends at index ${trail.lastIndex}, and held ${recovery.index - 1} when draft admin recover ran: ` +
      `bring the directory back as it was then, or let another survivor go on alone; what this one holds: draft log last --data ${shellWord(path)}`);
  }
  const current = configurations.at(-1) as Configuration;
  const entry = configurationEntry(aloneConfiguration(current, identity, recovery.index));
  Object.assign(entry, { group: MAIN_GROUP, index: recovery.index, term: recovery.term, timeMs: trail.timeMs });
  entry.chain = chainAfter(trail.lastChain, entry);
  const hardState = { term: recovery.term, votedFor: identity.memberNumber, commitIndex: recovery.index };
  wal.appendHardState(MAIN_GROUP, hardState);
  const run = wal.reserve(sealedBytes(entry.payloadBytes));
  run.fill(0).set(entry.payload, ENTRY_HEADER_BYTES);
  writeHeader(run, viewOf(run), 0, entry);
  wal.appendEntries(MAIN_GROUP, recovery.index, 1, run);
  log.entry(MAIN_GROUP, entry, entry.payload);
  log.hardState(MAIN_GROUP, hardState);
  words.write("warn", `goes on alone, as cluster ${identity.clusterId}: entry ${recovery.index} says so`, { term: recovery.term });
  return true;
}

/** The configuration of the one that is left, behind `current`. */
function aloneConfiguration(current: Configuration, { nodeId, memberNumber, incarnation }: Identity, index: Index): Configuration {
  const address = current.members.find(({ id }) => id === nodeId)?.address ?? "";
  const self: Member = {
    number: memberNumber, id: nodeId, address, incarnation, role: "voter", outgoingRole: null, targetRole: "voter", promoteByMs: 0,
  };
  return { index, joint: false, members: [self], nextMemberNumber: memberNumber + 1 };
}
