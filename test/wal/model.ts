/** What a log must hold, and entries to fill it with. */
import { viewOf } from "../../src/base/bytes.ts";
import { chainAfter, chainOfGenesis, type EntryHead, payloadSumOf, sealedBytes, writeHeader } from "../../src/base/entry.ts";
import type { HardState, LogPoint } from "../../src/raft/types.ts";
import type { EditMark } from "../../src/wal/edit_record.ts";
import type { WalVisitor } from "../../src/wal/telling.ts";

/** What the test founds a group with. */
export function genesisOf(group: number): Uint8Array {
  return Uint8Array.of(1, 2, group);
}

/** Sealed entries, one behind the other, behind an entry with `chain`. */
export function sealRun(group: number, first: number, term: number, chain: number, payloads: readonly Uint8Array[]): { run: Uint8Array; chain: number } {
  const run = new Uint8Array(payloads.reduce((sum, payload) => sum + sealedBytes(payload.length), 0));
  const view = viewOf(run);
  let at = 0;
  let before = chain;
  payloads.forEach((payload, i) => {
    const head: EntryHead = { kind: 1, group, index: first + i, term, timeMs: 1, chain: 0, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    head.chain = chainAfter(before, head);
    writeHeader(run, view, at, head);
    run.set(payload, at + 56);
    at += sealedBytes(payload.length);
    before = head.chain;
  });
  return { run, chain: before };
}

/** What a log holds of one group. */
interface GroupModel {
  genesis: string;
  hardState: HardState;
  /** What lies at and before it left the log. */
  prefix: LogPoint;
  context: string;
  snapshot: number;
  /** The last offline edit; null if there is none. */
  edit: EditMark | null;
  /** Those behind the prefix. */
  entries: { term: number; sum: number; chain: number }[];
}

/** What a log holds: filled by a visitor, or by what was appended. */
export class Model implements WalVisitor {
  groups: Map<number, GroupModel> = new Map();

  groupMade(group: number, genesis: Uint8Array): void {
    const prefix = { index: 0, term: 0, chain: chainOfGenesis(genesis) };
    this.groups.set(group, { genesis: String(genesis), hardState: { term: 0, votedFor: 0, commitIndex: 0 }, prefix, context: "", snapshot: 0, edit: null, entries: [] });
  }
  hardState(group: number, hardState: HardState): void {
    this.of(group).hardState = hardState;
  }
  truncated(group: number, from: number): void {
    this.of(group).entries.length = from - 1 - this.of(group).prefix.index;
  }
  compacted(group: number, point: LogPoint, context: Uint8Array): void {
    const model = this.of(group);
    model.entries.splice(0, point.index - model.prefix.index);
    model.prefix = { ...point };
    model.context = String(context);
  }
  snapshotMarked(group: number, point: LogPoint): void {
    this.of(group).snapshot = point.index;
  }
  edited(group: number, mark: EditMark): void {
    this.of(group).edit = mark;
  }
  entry(group: number, head: EntryHead, payload: Uint8Array): void {
    const isBare = payload.length === 0 && head.payloadBytes > 0;
    if (!isBare && payloadSumOf(payload) !== head.payloadSum) throw new Error("payload told to the visitor does not fit");
    this.of(group).entries.push({ term: head.term, sum: head.payloadSum, chain: head.chain });
  }
  of(group: number): GroupModel {
    const found = this.groups.get(group);
    if (found === undefined) throw new Error(`group ${group} was not made`);
    return found;
  }
  last(group: number): number {
    return this.of(group).prefix.index + this.of(group).entries.length;
  }
  /** The entry at `index` as a point; the prefix is one too. */
  point(group: number, index: number): LogPoint {
    const { prefix, entries } = this.of(group);
    const entry = entries[index - prefix.index - 1];
    return entry === undefined ? prefix : { index, term: entry.term, chain: entry.chain };
  }
  /** All of it as one text. */
  text(): string {
    return JSON.stringify([...this.groups].map(([group, { genesis, hardState, prefix, context, snapshot, edit, entries }]) =>
      [group, genesis, hardState, prefix, context, snapshot, edit, entries.map(({ term, sum }) => `${term}:${sum}`)]));
  }
}
