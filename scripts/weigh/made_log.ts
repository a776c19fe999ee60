/** A stopped node's directory with a long log, made without a node: what is weighed is who reads it. */
import { ENTRY_HEADER_BYTES, EntryKind, blankHead, chainAfter, payloadSumOf, sealedBytes, writeHeader } from "../../src/base/entry.ts";
import { viewOf } from "../../src/base/bytes.ts";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { encodeEnvelope } from "../../src/machine/command.ts";
import { openDataDir } from "../../src/node/data_dir.ts";
import { encodeGenesis, genesisPoint } from "../../src/node/genesis.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import { MAIN_GROUP } from "../../src/raft/types.ts";
import { openWal } from "../../src/wal/open_wal.ts";
import { NOBODY } from "../../src/wal/telling.ts";
import type { Wal } from "../../src/wal/wal.ts";
import { WAL_DEFAULTS } from "../../src/wal/wal_options.ts";

/** How the log looks. */
export interface MadeLog {
  readonly directory: string;
  /** Bytes of log, about. */
  readonly bytes: number;
  readonly valueBytes: number;
  /** Commands are on so many keys in turn. */
  readonly keys: number;
}

/** Bytes of entries in a record, as a leader under load writes them. */
const RUN_BYTES = 256 * 1024;

/** Records in a batch. */
const RUNS_PER_BATCH = 8;

/** Makes it. @returns its last index */
export function makeLog(made: MadeLog): Promise<number> {
  return new Promise((resolve, reject) => {
    runTask(writeDirectory(made), (...[error, lastIndex]) => error === null ? resolve(lastIndex) : reject(error));
  });
}

function* writeDirectory(made: MadeLog): Task<number> {
  const host = createNodeHost(silentLog);
  const configuration = genesisConfiguration([{ id: "a", address: "127.0.0.1:1", incarnation: 1 }]);
  const genesis = encodeGenesis({ clusterId: "c1", machine: "kv", machineVersion: 1, foundedMs: 777, configuration });
  const dataDir = yield* openDataDir(host, made.directory, { nodeId: null, machine: null });
  yield* dataDir.begin({ nodeId: "a", machine: "kv", founding: [] });
  const { nodeId, clusterId, incarnation } = yield* dataDir.change({ clusterId: "c1", genesis, welcome: { number: 1, index: 0, witness: false }, memberNumber: 1 });
  const failed: { error: Error | null } = { error: null };
  const options = { ...WAL_DEFAULTS, onFailure: (error: Error) => void (failed.error = error), onStall: () => {}, onSpace: () => {} };
  const wal = yield* openWal(host, made.directory, { clusterId, nodeId, incarnation }, options, NOBODY);
  wal.appendGroupMade(MAIN_GROUP, genesis);
  wal.appendHardState(MAIN_GROUP, { term: 1, votedFor: 1, commitIndex: 0 });
  const lastIndex = yield* writeEntries(wal, made, genesisPoint(genesis).chain);
  if (failed.error !== null) throw failed.error;
  yield* wait<void>((done) => wal.close(done));
  dataDir.close();
  return lastIndex;
}

function* writeEntries(wal: Wal, { bytes, valueBytes, keys }: MadeLog, firstChain: number): Task<number> {
  const value = "v".repeat(valueBytes);
  const perRun = Math.max(1, Math.floor(RUN_BYTES / (valueBytes + 96)));
  let chain = firstChain;
  let [index, written] = [0, 0];
  while (written < bytes) {
    for (let run = 0; run < RUNS_PER_BATCH; run++) {
      const parts: { readonly payload: Uint8Array; readonly head: ReturnType<typeof blankHead> }[] = [];
      for (let each = 0; each < perRun; each++) {
        index += 1;
        const payload = encodeEnvelope({ session: null, sequence: 0, answeredBelow: 0, command: ["set", `k${index % keys}`, value] }).slice();
        const head = { ...blankHead(), kind: EntryKind.command, group: MAIN_GROUP, index, term: 1, timeMs: 1_000 + index, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
        head.chain = chainAfter(chain, head);
        ({ chain } = head);
        parts.push({ payload, head });
      }
      const sealed = new Uint8Array(parts.reduce((sum, { payload }) => sum + sealedBytes(payload.length), 0));
      let at = 0;
      for (const { payload, head } of parts) {
        writeHeader(sealed, viewOf(sealed), at, head);
        sealed.set(payload, at + ENTRY_HEADER_BYTES);
        at += sealedBytes(payload.length);
      }
      wal.appendEntries(MAIN_GROUP, index - perRun + 1, perRun, sealed);
      written += sealed.length;
    }
    wal.flush();
    yield* wait<void>((done) => wal.barrier(done));
    // As a leader that stays: durable is committed, and what says so are the hard states that the log says again by itself.
    wal.committed(MAIN_GROUP, index);
  }
  return index;
}
