/** The abstract disk: stores complete in their order, and a crash leaves a prefix of the records that were under way. */
import type { StoreEffect } from "../../raft/event.ts";
import type { AbstractCluster, AbstractDisk, AbstractEntry, AbstractNode, AbstractStore, View } from "./abstract.ts";
import { isSame } from "./abstract.ts";
import { resetLog } from "./logs.ts";

/** Notes a store that begins. */
export function beginStore(node: AbstractNode, effect: StoreEffect, { term, votedFor }: View): void {
  node.stores.push({
    store: effect.store, term, votedFor, hasHardState: effect.hardState !== null, truncateFrom: effect.truncateFrom,
    resetThrough: effect.reset?.point.index ?? 0,
    entries: effect.entries.map((entry) => ({ term: entry.term, chain: entry.chain })),
  });
}

/** All stores through this one are durable. */
export function completeStores(cluster: AbstractCluster, node: AbstractNode, through: number): string | null {
  while (node.stores.length > 0 && (node.stores[0] as AbstractStore).store <= through) {
    const store = node.stores.shift() as AbstractStore;
    for (const record of recordsOf(store)) applyRecord(cluster, node.disk, record);
    const wrong = noteVote(cluster, node);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** A vote that is durable stands for its whole term, over restarts too. */
function noteVote({ votes }: AbstractCluster, { seat, disk, lost }: AbstractNode): string | null {
  if (disk.votedFor === 0) return null;
  const ofTerm = votes.get(disk.term) ?? new Map<number, number>();
  votes.set(disk.term, ofTerm);
  const known = ofTerm.get(seat);
  if (known !== undefined && known !== disk.votedFor && !lost.some(({ term }) => term === disk.term)) {
    return `one vote a term: it voted for ${known} in term ${disk.term} before, and for ${disk.votedFor} now`;
  }
  ofTerm.set(seat, disk.votedFor);
  return null;
}

/** One record as the disk gets it. */
type DiskRecord =
  | { readonly type: "hardState"; readonly term: number; readonly votedFor: number }
  | { readonly type: "truncate"; readonly from: number }
  | { readonly type: "reset"; readonly through: number }
  | { readonly type: "entry"; readonly entry: AbstractEntry };

function recordsOf(store: AbstractStore): DiskRecord[] {
  const records: DiskRecord[] = [];
  if (store.hasHardState) records.push({ type: "hardState", term: store.term, votedFor: store.votedFor });
  if (store.truncateFrom > 0) records.push({ type: "truncate", from: store.truncateFrom });
  if (store.resetThrough > 0) records.push({ type: "reset", through: store.resetThrough });
  for (const entry of store.entries) records.push({ type: "entry", entry });
  return records;
}

function applyRecord(cluster: AbstractCluster, disk: AbstractDisk, record: DiskRecord): void {
  if (record.type === "hardState") {
    disk.term = record.term;
    disk.votedFor = record.votedFor;
  } else if (record.type === "truncate") disk.log.length = record.from - 1;
  else if (record.type === "reset") resetLog(disk.log, cluster, record.through);
  else disk.log.push(record.entry);
}

/** Whether a node may come back like this: with all that was durable, and any prefix of what was under way. */
export function mayRestartAs(cluster: AbstractCluster, { disk, stores }: AbstractNode, { term, votedFor }: View, log: readonly AbstractEntry[]): boolean {
  const left: AbstractDisk = { ...disk, log: [...disk.log] };
  const fits = (): boolean => left.term === term && left.votedFor === votedFor && left.log.length === log.length && isSame(left.log.at(-1), log.at(-1));
  if (fits()) return true;
  for (const record of stores.flatMap(recordsOf)) {
    applyRecord(cluster, left, record);
    if (fits()) return true;
  }
  return false;
}
