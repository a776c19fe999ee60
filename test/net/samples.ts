/** Messages, entries and hellos that the tests of net/ send. */
import { viewOf } from "../../src/base/bytes.ts";
import {
  chainAfter,
  ENTRY_HEADER_BYTES,
  EntryKind,
  payloadSumOf,
  sealedBytes,
  writeHeader,
} from "../../src/base/entry.ts";
import { decodeConfiguration, encodeConfiguration, genesisConfiguration } from "../../src/raft/configuration.ts";
import type { Message } from "../../src/raft/message.ts";
import type { Hello } from "../../src/net/hello.ts";

/** One sealed entry. */
export interface EntrySample {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly term: number;
}

/** The run of sealed entries that follow (index, chain) in group 1. */
export function runOf(index: number, chain: number, samples: readonly EntrySample[]): Uint8Array {
  const run = new Uint8Array(samples.reduce((sum, { payload }) => sum + sealedBytes(payload.length), 0));
  const view = viewOf(run);
  let at = 0;
  let last = chain;
  samples.forEach(({ kind, payload, term }, i) => {
    const head = {
      kind,
      group: 1,
      index: index + 1 + i,
      term,
      timeMs: 1_700_000_000_000 + i,
      chain: 0,
      payloadBytes: payload.length,
      payloadSum: payloadSumOf(payload),
    };
    last = chainAfter(last, head);
    run.set(payload, at + ENTRY_HEADER_BYTES);
    writeHeader(run, view, at, { ...head, chain: last });
    at += sealedBytes(payload.length);
  });
  return run;
}

export const CONFIGURATION_PAYLOAD: Uint8Array = encodeConfiguration(genesisConfiguration([
  { id: "a", address: "127.0.0.1:7101", incarnation: 11 },
  { id: "b", address: "127.0.0.1:7102", incarnation: 12 },
])).slice();

/** Three entries, one of them a configuration, in two pieces as a group would hold them. */
export function sampleRuns(): Uint8Array[] {
  const run = runOf(9, 77, [
    { kind: EntryKind.command, payload: Uint8Array.of(1, 2, 3, 4, 5), term: 4 },
    { kind: EntryKind.config, payload: CONFIGURATION_PAYLOAD, term: 5 },
    { kind: EntryKind.noop, payload: new Uint8Array(), term: 5 },
  ]);
  return [run.subarray(0, 64), run.subarray(64)];
}

const envelope = { group: 1, from: 1, fromIncarnation: 2 ** 50 + 3, to: 2, term: 6 };
const status = {
  bootId: 3,
  promiseMs: 287.5,
  wallMs: 1_700_000_000_123,
  checkIndex: 100,
  checkDigest: 4_000_000_000,
  durableIndex: 300,
  durableTerm: 5,
  durableChain: 0xffff_ffff,
};

export const APPEND_REQUEST: Message & { type: "appendRequest" } = {
  type: "appendRequest",
  ...envelope,
  prevLogIndex: 9,
  prevLogTerm: 4,
  prevLogChain: 77,
  lastIndex: 12,
  entries: [],
  leaderCommit: 8,
  round: 70_000,
  heardQuorum: true,
};

/** One message of each kind. */
export const MESSAGES: readonly Message[] = [
  { type: "voteRequest", ...envelope, preVote: true, lastLogIndex: 24, lastLogTerm: 255, forcedLeader: 256, forcedTerm: 65_536 },
  { type: "voteReply", ...envelope, preVote: false, requestTerm: 23, granted: true, bootId: 65_535 },
  { ...APPEND_REQUEST, lastIndex: 9 },
  {
    type: "appendReply",
    ...envelope,
    ...status,
    success: true,
    matchIndex: 2 ** 32,
    rejectedIndex: 0,
    conflictTerm: 2 ** 32 - 1,
    conflictIndex: 2 ** 53 - 1,
    pointIndex: 1,
    pointTerm: 2,
    pointChain: 3,
    round: 4,
  },
  { type: "heartbeat", ...envelope, leaderCommit: 1, round: 2, heardQuorum: false },
  { type: "heartbeatReply", ...envelope, ...status, round: 9, snapshotIndex: 8 },
  { type: "timeoutNow", ...envelope },
  { type: "readIndexRequest", ...envelope, readId: 5, bootId: 6, lease: true },
  { type: "readIndexReply", ...envelope, readId: 5, bootId: 6, index: 7, leaderCommit: 6, timeMs: 8 },
  { type: "installSnapshot", ...envelope, lastIncludedIndex: 1, lastIncludedTerm: 2, lastIncludedChain: 3, source: 5, round: 4, start: null },
  {
    type: "installSnapshot", ...envelope, lastIncludedIndex: 9, lastIncludedTerm: 2, lastIncludedChain: 3, source: 0, round: 4,
    start: { point: { index: 9, term: 2, chain: 3 }, timeMs: 1_700_000_000_000, configuration: decodeConfiguration(CONFIGURATION_PAYLOAD, 7) },
  },
  { type: "installSnapshotReply", ...envelope, ...status, success: false, lastIncludedIndex: 1, round: 4 },
];

/** What node `id` with member number `number` says of itself. */
export function helloOf(id: string, number: number, changes: Partial<Hello> = {}): Hello {
  return {
    protocolVersion: 1,
    featureLevel: 1,
    clusterId: "cluster",
    nodeId: id,
    memberNumber: number,
    incarnation: 100 + number,
    bootId: 1,
    address: `${id}:7100`,
    frameBytesMax: 16 * 1024 * 1024,
    machineName: "kv",
    machineVersion: 1,
    sourceDigest: "5d41",
    foundingDigest: "",
    groups: [{ group: 1, empty: false, welcomeIndex: 0, edited: 0, damage: 0, term: 3, durableIndex: 9 }],
    priority: 0,
    ...changes,
  };
}
