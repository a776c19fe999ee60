/**
 * `draft admin restore`: a backup into a running group that has applied nothing. The file goes through the log, piece by
 * piece, so every replica gets it; as of the last entry the state is the backup's. A piece that nobody answered is sent
 * again, to whoever leads then.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { DraftError } from "../base/errors.ts";
import { Progress } from "../base/progress.ts";
import type { Client } from "../client/client.ts";
import { type NodeState, survey } from "../gateway/survey.ts";
import { machinePointOf } from "../machine/origin.ts";
import type { RestoreAsk } from "../net/backup_request.ts";
import type { SnapshotHead } from "../wal/snapshot_format.ts";
import { verifyBackup } from "./backup_file.ts";
import type { RequestSettings } from "./client_options.ts";
import type { Io } from "./io.ts";
import { renderJson } from "./render.ts";

/** Bytes of one entry: well below what a node takes, unless it was told to take less than it should. */
const PIECE_BYTES = 262_144;

/** A piece may take so long, changes of leader included; all nodes may be busy, and nothing is lost by waiting. */
const PIECE_MS = 60_000;

/** The leader makes its state of it before it answers the last one. */
const LAST_MS = 3_600_000;

const MIB = 1_048_576;

interface Restore {
  readonly client: Client;
  readonly settings: RequestSettings;
  readonly io: Io;
}

/**
 * Restores the group from the file; returns once the leader's state is the backup's.
 *
 * @throws DraftError DAMAGED, BAD_PLUGIN, CONFLICT
 */
export async function restoreFrom(path: string, client: Client, settings: RequestSettings, io: Io, isRehearsal: boolean): Promise<void> {
  const head = await verifyBackup(path);
  const { index } = machinePointOf(head.origin, head.point);
  refuseOther(head, path, await survey(client, settings), settings.group);
  const file = await open(path, "r");
  try {
    const total = (await file.stat()).size;
    const id = new Uint8Array(randomBytes(16));
    const asked = { id, sequence: 0, total, bytes: new Uint8Array(0) };
    await client.restore({ ...asked, step: "begin" }, { group: settings.group, timeoutMs: settings.timeoutMs });
    const facts = { file: path, bytes: total, machine: head.machine, machineVersion: head.machineVersion };
    if (isRehearsal) {
      if (settings.json) return io.out(renderJson(facts, index));
      return io.out(`group ${settings.group} would be as of index ${index} of the backup; nothing is changed`);
    }
    const sequence = await sendAll(file, asked, { client, settings, io });
    io.err("all of it is in the log: the leader makes its state of it");
    const done = await client.restore({ ...asked, sequence, step: "last" }, { group: settings.group, timeoutMs: LAST_MS });
    io.out(settings.json ? renderJson(facts, done.index) : `group ${settings.group} is as it was at index ${done.index} of the backup: draft admin states`);
  } finally {
    await file.close();
  }
}

/** Sends the file. @returns how many pieces it took */
async function sendAll(file: FileHandle, asked: Omit<RestoreAsk, "step">, { client, settings: { group }, io }: Restore): Promise<number> {
  const { total } = asked;
  const progress = new Progress(() => performance.now(), (text) => io.err(text));
  const buffer = new Uint8Array(PIECE_BYTES);
  let sequence = 0;
  for (let at = 0; at < total; sequence += 1) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(PIECE_BYTES, total - at), at);
    if (bytesRead === 0) throw new DraftError("DAMAGED", `the backup ends at ${at} of ${total} bytes: draft log check FILE`);
    await client.restore({ ...asked, sequence, bytes: buffer.slice(0, bytesRead), step: "piece" }, { group, timeoutMs: PIECE_MS });
    at += bytesRead;
    progress.at(() => `sent ${Math.floor(at / MIB)} of ${Math.ceil(total / MIB)} MiB`);
  }
  return sequence;
}

/**
 * What the nodes' own answers rule out is not sent at all. In the end the log decides, alike for all of them.
 *
 * @throws DraftError BAD_PLUGIN
 */
export function refuseOther({ machine, machineVersion }: SnapshotHead, path: string, states: readonly NodeState[], groupName: string): void {
  for (const state of states) {
    const group = "unreachable" in state ? undefined : state.groups.find(({ name }) => name === groupName);
    if (group === undefined || group.machine === null || group.role === "waiting" || group.role === "removed") continue;
    if (group.machine !== machine) {
      throw new DraftError("BAD_PLUGIN", `backup "${path}" is of the machine '${machine}', group ${groupName} has '${group.machine}': found a cluster with --machine ${machine}, then: draft admin restore FILE`);
    }
    if (group.machineVersion < machineVersion) {
      throw new DraftError("BAD_PLUGIN", `backup "${path}" is of version ${machineVersion} of the machine '${machine}', on ${state.nodeId} ${group.machineVersion} is in force: start every node with version ${machineVersion} or a later one, then: draft admin restore FILE`);
    }
  }
}
