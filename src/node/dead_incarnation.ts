/**
 * A node whose log may have lost its newest hard state: nobody knows what it voted, so it never votes as this incarnation
 * again. It takes a new one, durable before it speaks, and asks to be let in again in place of the member that it was: as
 * a learner, by an entry that is committed without it. Until it is, the log stays as it was found; then it is set aside,
 * for a person to look at, and the node is empty.
 */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import { type Task, wait } from "../base/task.ts";
import { isHostError, replaceWhole } from "../host/files.ts";
import type { Disk, Host } from "../host/host.ts";
import { isVoting, voterSets } from "../raft/quorum.ts";
import { type Configuration, MAIN_GROUP } from "../raft/types.ts";
import { type DataDir, drawIncarnation, identityOf } from "./data_dir.ts";
import { decodeGenesis } from "./genesis.ts";
import { encodeIdentity, type Identity } from "./identity.ts";
import { setMachineAside } from "./machine_start.ts";
import { savedIdentityName } from "./recovery.ts";

/** What a node without its hard state has to do with. */
export interface DeadLog {
  /** What was found. */
  readonly error: DraftError;
  /** The newest that could be read; null if none could. */
  readonly configuration: Configuration | null;
}

/**
 * Gives up the incarnation, durably.
 *
 * @returns the identity from here on
 * @throws DraftError DAMAGED if the others cannot commit anything without this node
 */
export function* giveUpIncarnation({ disk, random }: Pick<Host, "disk" | "random">, dataDir: DataDir, { error, configuration }: DeadLog): Task<Identity> {
  const before = identityOf(dataDir);
  const { genesis, memberNumber, incarnation, clusterId } = before;
  const members = configuration ?? decodeGenesis(genesis as Uint8Array).configuration;
  refuseIfNeeded(members, before, dataDir.path, error);
  yield* replaceWhole(disk, dataDir.path, savedIdentityName(before), encodeIdentity(before));
  const addresses = members.members.filter(({ number }) => number !== memberNumber).map(({ address }) => address);
  return yield* dataDir.change({
    clusterId: "", incarnation: drawIncarnation(random), memberNumber: 0, welcome: null, genesis: null, recovery: null, fallenBack: "",
    rebuilding: { incarnation, clusterId, addresses, why: error.message },
  });
}

/** The others must be a majority without it: the entry that lets it in again is committed by them alone. */
function refuseIfNeeded(configuration: Configuration, { memberNumber, nodeId }: Identity, path: string, error: DraftError): void {
  const sets = voterSets(configuration);
  const others = configuration.members.filter(({ number }) => number !== memberNumber && isVoting(sets, number));
  const voters = configuration.members.filter(({ number }) => isVoting(sets, number)).length;
  if (others.length >= Math.floor(voters / 2) + 1) return;
  const next = others.length === 0
    ? "bring the directory back from a copy"
    : `the other voter, ${others.map(({ id }) => id).join(", ")}, cannot decide without ${nodeId}: if the directory cannot be brought back from a copy, ` +
      `stop ${others[0]?.id} and type there: draft admin recover --data DIR --keep-only ${others[0]?.id}`;
  throw new DraftError("DAMAGED", `${error.message}; what ${nodeId} voted last may be lost: ${next}; type: draft log check --data ${shellWord(path)}`, { cause: error });
}

function* filesIn(disk: Disk, directory: string): Task<string[]> {
  try {
    return yield* wait<string[]>((done) => disk.list(directory, done));
  } catch (error) {
    if (isHostError(error, "ENOENT")) return [];
    throw error;
  }
}

/** Sets what the dead incarnation left aside, once the node was let in again. Each step may be taken again after a crash. */
export function* setLogAside(disk: Disk, path: string, { incarnation }: NonNullable<Identity["rebuilding"]>): Task<void> {
  const aside = `${path}/dead-${incarnation}`;
  yield* wait<void>((done) => disk.makeDirectory(aside, done));
  for (const from of [`${path}/wal`, `${path}/snapshots/${MAIN_GROUP}`]) {
    for (const name of yield* filesIn(disk, from)) yield* wait<void>((done) => disk.rename(`${from}/${name}`, `${aside}/${name}`, done));
    yield* wait<void>((done) => disk.syncDirectory(aside, done));
  }
  yield* setMachineAside(disk, `${path}/machines/main`);
  for (const directory of [`${path}/wal`, path]) yield* wait<void>((done) => disk.syncDirectory(directory, done));
}
