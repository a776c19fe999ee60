/**
 * `draft admin backup`: a snapshot of a running group as a file. Whoever has least to do takes it and gives it: a
 * follower that is up to date, the leader only if there is nobody else; if it fails on the way, or what it gives is damaged, the next one.
 */
import { DraftError } from "../base/errors.ts";
import { Progress } from "../base/progress.ts";
import type { Client } from "../client/client.ts";
import { type NodeState, survey } from "../gateway/survey.ts";
import { machinePointOf } from "../machine/origin.ts";
import { type BackupFile as Wanted, backupFileFrom, backupPieceFrom } from "../net/backup_request.ts";
import type { GroupStatus, NodeStatus } from "../net/client_answers.ts";
import type { SnapshotHead } from "../wal/snapshot_format.ts";
import { BackupFile, refuseIfThere } from "./backup_file.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";
import { renderJson } from "./render.ts";
import { shellWord } from "../base/shell_word.ts";

/** To take a snapshot a node may need so long; one that dies is noticed sooner. */
const TAKE_MS = 3_600_000;

const PIECE_BYTES = 262_144;

/** Pieces that are asked for and not written yet. */
const WINDOW = 4;

/** Connections in a row that brought nothing, until the next node is asked. */
const TRIES_MAX = 5;
const PAUSE_MS = 200;

const MIB = 1_048_576;

/** A node that could give the backup. */
export interface Giver {
  readonly nodeId: string;
  readonly address: string;
  readonly role: string;
}

/** Who is asked, in order, and for what. */
export interface BackupPlan {
  readonly givers: readonly Giver[];
  /** All that any node that keeps data knew to be committed when the command began: the backup holds that, or more. */
  readonly leastIndex: number;
}

interface Backup {
  readonly client: Client;
  readonly settings: RequestSettings;
  readonly io: Io;
}

/** Makes a backup at `path`, which must not be there yet; returns once it is whole. */
export async function backupTo(path: string, client: Client, settings: RequestSettings, io: Io, isRehearsal: boolean): Promise<void> {
  refuseIfThere(path);
  const plan = planBackup(await survey(client, settings), settings.group);
  const [first] = plan.givers as [Giver];
  if (isRehearsal) {
    const { nodeId, role } = first;
    if (settings.json) return io.out(renderJson({ file: path, node: nodeId, role, leastIndex: plan.leastIndex }, plan.leastIndex));
    return io.out(`${nodeId}, ${role}, would be asked for a snapshot of index ${plan.leastIndex} or later; nothing is written`);
  }
  const file = await BackupFile.create(path);
  try {
    const { head, giver } = await fetchFrom(plan, { client, settings, io }, file);
    await file.finish();
    tellBackup(head, giver, file, { settings, io });
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

function tellBackup({ point, origin, machine, machineVersion, timeMs }: SnapshotHead, { nodeId }: Giver, { path, have }: BackupFile, { settings, io }: Pick<Backup, "settings" | "io">): void {
  const facts = { file: path, bytes: have, node: nodeId, machine, machineVersion, timeMs };
  const { index } = machinePointOf(origin, point);
  if (settings.json) return io.out(renderJson(facts, index));
  io.out(`${path}: group ${settings.group}, machine ${machine} of version ${machineVersion}, as of index ${index}; ${have} bytes from ${nodeId}: draft log check ${shellWord(path)}`);
}

/**
 * Who is to be asked, whoever has least to do first.
 *
 * @throws DraftError NOT_FOUND, UNREACHABLE
 */
export function planBackup(states: readonly NodeState[], groupName: string): BackupPlan {
  const answering = states.filter((state): state is NodeStatus => !("unreachable" in state));
  const groups = answering.flatMap(({ nodeId, address, groups: all }) => {
    const group = all.find(({ name, role }) => name === groupName && role !== "waiting" && role !== "removed");
    return group === undefined ? [] : [{ nodeId, address, group }];
  });
  if (groups.length === 0) throw new DraftError("NOT_FOUND", `no node that answers has a group "${groupName}": draft admin states`);
  const holding = groups.filter(({ group }) => group.machine !== null);
  if (holding.length === 0) throw new DraftError("UNREACHABLE", "only witnesses answer, which keep no data: draft admin states");
  holding.sort((a, b) => loadOf(a.group) - loadOf(b.group) || b.group.appliedIndex - a.group.appliedIndex);
  return {
    givers: holding.map(({ nodeId, address, group: { role } }) => ({ nodeId, address, role })),
    leastIndex: Math.max(...holding.map(({ group }) => group.commitIndex)),
  };
}

/** A voter's copy is known to be near; the leader has the cluster to serve. */
function loadOf({ role }: GroupStatus): number {
  return role === "follower" ? 0 : role === "learner" ? 1 : 2;
}

/** Fetches from the first that gives all of it, sound. */
async function fetchFrom({ givers, leastIndex }: BackupPlan, backup: Backup, file: BackupFile): Promise<{ readonly head: SnapshotHead; readonly giver: Giver }> {
  let failure: DraftError | null = null;
  for (const giver of givers) {
    try {
      await fetchAll(giver, leastIndex, backup, file);
      return { head: await file.verify(giver.nodeId), giver };
    } catch (error) {
      // What is wrong with the file here is not mended by another node.
      if (!(error instanceof DraftError) || error.code === "BAD_REQUEST") throw error;
      failure = error;
      backup.io.err(`no backup from ${giver.nodeId}: ${error.message}`);
      await file.restart();
    }
  }
  throw failure ?? new DraftError("UNREACHABLE", "nobody could be asked: draft admin states");
}

async function fetchAll({ nodeId, address }: Giver, leastIndex: number, { client, settings, io }: Backup, file: BackupFile): Promise<void> {
  const { group, timeoutMs } = settings;
  await applied({ client, settings, io }, address, leastIndex);
  io.err(`${nodeId} takes a snapshot`);
  const index = await client.snapshot({ group, address, timeoutMs: TAKE_MS });
  const wanted = backupFileFrom(await client.backup({ type: "which", index }, { group, address, timeoutMs }));
  const progress = new Progress(() => performance.now(), (text) => io.err(text));
  for (let fruitless = 0; file.have < wanted.bytes;) {
    const had = file.have;
    try {
      await fetchPieces({ client, settings, io }, address, wanted, file, () =>
        progress.at(() => `${nodeId} gives index ${wanted.index}: ${Math.floor(file.have / MIB)} of ${Math.ceil(wanted.bytes / MIB)} MiB`));
    } catch (error) {
      if (!(error instanceof DraftError) || (error.code !== "UNREACHABLE" && error.code !== "TIMEOUT")) throw error;
      fruitless = file.have > had ? 0 : fruitless + 1;
      if (fruitless >= TRIES_MAX) throw error;
      await pause();
    }
  }
}

/** Asks for the next pieces while one is written. */
async function fetchPieces({ client, settings: { group, timeoutMs } }: Backup, address: string, wanted: Wanted, file: BackupFile, told: () => void): Promise<void> {
  const coming: { readonly length: number; readonly answer: Promise<unknown> }[] = [];
  let asked = file.have;
  try {
    while (file.have < wanted.bytes) {
      for (; coming.length < WINDOW && asked < wanted.bytes; asked += PIECE_BYTES) {
        const length = Math.min(PIECE_BYTES, wanted.bytes - asked);
        const { index, term } = wanted;
        coming.push({ length, answer: client.backup({ type: "piece", index, term, offset: asked, length }, { group, address, timeoutMs }) });
      }
      const { length, answer } = coming[0] as (typeof coming)[number];
      const piece = backupPieceFrom(await answer, length);
      coming.shift();
      await file.append(piece);
      told();
    }
  } finally {
    // Whoever is not waited for any more must not fail unheard.
    await Promise.allSettled(coming.map(({ answer }) => answer));
  }
}

/** Waits until the node's machine holds `index`. @throws DraftError TIMEOUT */
async function applied({ client, settings: { group, timeoutMs } }: Backup, address: string, index: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const { groups } = await client.status({ address, timeoutMs });
    const at = groups.find(({ name }) => name === group)?.appliedIndex ?? 0;
    if (at >= index) return;
    if (performance.now() >= deadlineMs) throw new DraftError("TIMEOUT", `it has applied index ${at}, wanted ${index}: draft admin states`, { outcome: "not-done" });
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
}
