import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DraftError } from "../../src/base/errors.ts";
import { encodeGenesis } from "../../src/node/genesis.ts";
import { encodeLogStart } from "../../src/raft/log_start.ts";
import { encodeMachineVersion } from "../../src/machine/version_entry.ts";
import { RecoveredLog } from "../../src/node/recovered_log.ts";
import { encodeConfiguration, genesisConfiguration } from "../../src/raft/configuration.ts";
import { EntryKind } from "../../src/base/entry.ts";
import { sealedEntries } from "./entries.ts";

const CONFIGURATION = genesisConfiguration([{ id: "a", address: "a:1", incarnation: 1 }]);
const GENESIS = encodeGenesis({ clusterId: "c", machine: "kv", machineVersion: 1, foundedMs: 777, configuration: CONFIGURATION });

function made(): RecoveredLog {
  const log = new RecoveredLog(1);
  log.groupMade(1, GENESIS);
  return log;
}

function fill(log: RecoveredLog, from: number, to: number, term = 1): void {
  for (const entry of sealedEntries(from, to, 8, term)) log.entry(1, entry, new Uint8Array(8));
}

test("a group that was never made is not there", () => {
  const log = new RecoveredLog(1);
  log.groupMade(2, GENESIS);
  assert.is(log.isMade, false);
  assert.throws(() => log.recovered(), /the group was made/);
});

test("log time starts with the founding, the chain with the genesis", () => {
  const { trail, configurations, hardState } = made().recovered();
  assert.is(trail.timeMs, 777);
  assert.is.not(trail.base.chain, 0);
  assert.equal(configurations, [CONFIGURATION]);
  assert.equal(hardState, { term: 0, votedFor: 0, commitIndex: 0 });
});

test("entries, the newest hard state and truncations are told as they stand, other groups' are not", () => {
  const log = made();
  fill(log, 1, 10);
  log.hardState(1, { term: 3, votedFor: 2, commitIndex: 4 });
  log.hardState(2, { term: 9, votedFor: 9, commitIndex: 9 });
  log.truncated(2, 1);
  log.truncated(1, 8);
  const { trail, hardState } = log.recovered();
  assert.is(trail.lastIndex, 7);
  assert.equal(hardState, { term: 3, votedFor: 2, commitIndex: 4 });
});

test("a configuration falls with its entry", () => {
  const log = made();
  fill(log, 1, 2);
  const [entry] = sealedEntries(3, 3, () => new Uint8Array(encodeConfiguration(CONFIGURATION)));
  log.entry(1, { ...entry!, kind: EntryKind.config }, new Uint8Array(encodeConfiguration(CONFIGURATION)));
  assert.equal(log.recovered().configurations.map(({ index }) => index), [0, 3]);
  log.truncated(1, 3);
  assert.equal(log.recovered().configurations.map(({ index }) => index), [0]);
});

test("a group that is told anew begins anew", () => {
  const log = made();
  fill(log, 1, 3);
  log.snapshotMarked(1, { index: 3, term: 3, chain: 9 });
  log.groupMade(1, GENESIS);
  assert.is(log.recovered().trail.lastIndex, 0);
  assert.is(log.snapshotPoint, null);
});

test("what left the log is cut off the trail, with the configurations before it; ahead of the log it begins anew", () => {
  const log = made();
  fill(log, 1, 3);
  const entries = log.recovered().trail;
  const point = { index: 2, term: entries.runs.findLast(({ first }) => first <= 2)!.term, chain: 0 };
  log.snapshotMarked(1, point);
  const configuration = { ...CONFIGURATION, index: 1 };
  log.compacted(1, point, encodeLogStart({ point, configuration, timeMs: 5 }));
  const { trail, configurations, snapshotIndex } = log.recovered();
  assert.equal([trail.base.index, trail.lastIndex, snapshotIndex], [2, 3, 2]);
  assert.equal(configurations, [configuration]);
  assert.equal(log.snapshotPoint, point);
  const ahead = { index: 10, term: 9, chain: 77 };
  log.compacted(1, ahead, encodeLogStart({ point: ahead, configuration: { ...configuration, index: 9 }, timeMs: 2 ** 50 }));
  const anew = log.recovered();
  assert.equal([anew.trail.base.index, anew.trail.lastChain, anew.trail.timeMs, anew.configurations.map(({ index }) => index)], [10, 77, 2 ** 50, [9]]);
});

test("the machine's version in force outlives the entry that raised it: the snapshot says it", () => {
  const log = made();
  fill(log, 1, 6);
  const [raise] = sealedEntries(7, 7, 8, log.recovered().trail.lastTerm);
  const versionTo3 = encodeMachineVersion(3);
  log.entry(1, { ...raise!, kind: EntryKind.version }, versionTo3);
  assert.equal([log.machineVersionAt(6, 0), log.machineVersionAt(7, 0)], [1, 3]);
  const point = { index: 4, term: 1, chain: 0 };
  log.snapshotMarked(1, point);
  assert.equal([4, 6, 7].map((index) => log.machineVersionAt(index, 2)), [2, 2, 3]);
  log.snapshotMarked(1, { ...point, index: 7 });
  assert.equal([5, 7].map((index) => log.machineVersionAt(index, 3)), [1, 3], "before a raise that the log holds the snapshot says nothing");
});

test("a log that begins late and does not say with whom is damaged", () => {
  const log = made();
  log.compacted(1, { index: 10, term: 9, chain: 77 }, Uint8Array.of(0x80));
  assert.throws(() => log.recovered(), (error: DraftError) => error.code === "DAMAGED");
});

test.run();
