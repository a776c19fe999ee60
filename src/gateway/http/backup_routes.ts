/** `/v1/backup`: a snapshot of this node's, as `draft admin backup` writes it, piece by piece. */
import { DraftError } from "../../base/errors.ts";
import { backupFileFrom, backupPieceFrom, type BackupAsk, type BackupFile } from "../../net/backup_request.ts";
import type { NodeStatus } from "../../net/client_answers.ts";
import type { ClusterClient } from "../cluster_client.ts";
import { type HttpAnswer, streamAnswer } from "./message.ts";
import { type Call, GROUP, type Route, TIMEOUT } from "./route.ts";

/** What is held of it at a time. */
const PIECE_BYTES = 262_144;

/** Between two looks whether the node has applied what it is to give. */
const LOOK_MS = 20;

export const BACKUP_ROUTES: readonly Route[] = [
  {
    method: "GET", path: "/v1/backup", id: "backup", summary: "all of a group's state as of one index, from this node: a file for draft log check and draft admin restore", role: "admin",
    query: [TIMEOUT, GROUP],
    answer: {
      description: "the file; one that ends before its content-length is none. It holds all that was acknowledged before it was asked for",
      headers: { "draft-index": "the last entry that it holds" },
    },
    codes: ["DISK_FULL"],
    run: backup,
  },
];

async function backup({ request, cluster, group, timeoutMs, streams }: Call): Promise<HttpAnswer> {
  const type = { "content-type": "application/octet-stream" };
  if (request.method === "HEAD") return streamAnswer(new ReadableStream({ start: (controller) => controller.close() }), type);
  const over = streams.begin();
  try {
    await applied(cluster, group, timeoutMs);
    const index = (await cluster.ask("snapshot", group)) as number;
    const file = backupFileFrom(await cluster.backup(group, { type: "which", index }));
    return streamAnswer(piecesOf(file, (ask) => cluster.backup(group, ask), over), {
      ...type, "content-length": String(file.bytes), "content-disposition": `attachment; filename="${group}-${index}.draft"`, "draft-index": String(index),
    });
  } catch (error) {
    over();
    throw error;
  }
}

/** The file, a piece whenever there is room for one. */
function piecesOf({ index, term, bytes }: BackupFile, ask: (ask: BackupAsk) => Promise<unknown>, over: () => void): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream({
    async pull(controller) {
      const length = Math.min(PIECE_BYTES, bytes - offset);
      try {
        controller.enqueue(backupPieceFrom(await ask({ type: "piece", index, term, offset, length }), length));
      } catch (error) {
        over();
        throw error;
      }
      offset += length;
      if (offset < bytes) return;
      controller.close();
      over();
    },
    cancel: over,
  }, { highWaterMark: 0 });
}

/** Waits until this node holds all that any member knows to be committed. @throws DraftError TIMEOUT, NOT_FOUND */
async function applied(cluster: ClusterClient, group: string, timeoutMs: number): Promise<void> {
  const states = await cluster.states(group);
  const wanted = Math.max(0, ...states.flatMap((state) => "unreachable" in state ? [] : state.groups.filter(({ name }) => name === group).map(({ commitIndex }) => commitIndex)));
  const endMs = cluster.nowMs() + timeoutMs;
  for (;;) {
    const own = ((await cluster.ask("status", group)) as NodeStatus).groups.find(({ name }) => name === group);
    if (own === undefined) throw new DraftError("NOT_FOUND", `no group is called "${group.slice(0, 64)}" here`);
    if (own.appliedIndex >= wanted) return;
    if (cluster.nowMs() >= endMs) throw new DraftError("TIMEOUT", `this node has applied index ${own.appliedIndex}, wanted ${wanted}: ask another`, { outcome: "not-done" });
    await cluster.pause(LOOK_MS);
  }
}
