/** Tells a visitor what a log holds. */
import { viewOf } from "../base/bytes.ts";
import { chainAfter, endOf, ENTRY_HEADER_BYTES, type EntryHead, isBare, readRun } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Task } from "../base/task.ts";
import type { GroupId, HardState, Index, LogPoint } from "../raft/types.ts";
import { checkNext } from "./damage.ts";
import type { EditMark } from "./edit_record.ts";
import type { WalGroup } from "./wal_group.ts";
import { POINT_EVERY_BYTES } from "./wal_index.ts";
import { readEntries, type SegmentSource } from "./wal_read.ts";

/** Read at a time when a group is told once more. */
const PAGE_BYTES = 1_048_576;

const NOTHING = new Uint8Array(0);

/**
 * Who is told what a log holds, in its order. Bytes are views that last for the call: copy what is kept.
 *
 * A group whose oldest entries were relocated is told a second time, from `groupMade` on, when the whole log was read:
 * then all that was told of it before is void.
 */
export interface WalVisitor {
  /** Whether what the entry holds is looked at, else `payload` is empty: views cost as much as sums. If missing: always. */
  wants?(head: EntryHead): boolean;
  groupMade(group: GroupId, genesis: Uint8Array): void;
  hardState(group: GroupId, hardState: HardState): void;
  /** `from` and all after it are removed. */
  truncated(group: GroupId, from: Index): void;
  /** `payload` is empty if the log of a witness keeps the head alone. */
  entry(group: GroupId, head: EntryHead, payload: Uint8Array): void;
  /** An entry behind something that was lost: it is told in its place once the log is whole again. */
  heard?(group: GroupId, head: EntryHead, payload: Uint8Array): void;
  /** All up to `point` left the log; entries behind it stay. If there are none, the next one is that behind the point. */
  compacted(group: GroupId, point: LogPoint, context: Uint8Array): void;
  /** There is a durable snapshot file at `point`. */
  snapshotMarked(group: GroupId, point: LogPoint): void;
  /** The log was edited offline, the last time so; what the edit did is told besides. */
  edited(group: GroupId, mark: EditMark): void;
}

/** Hears nothing. */
export const NOBODY: WalVisitor = { wants: () => false, groupMade() {}, hardState() {}, truncated() {}, entry() {}, compacted() {}, snapshotMarked() {}, edited() {} };

/** What a visitor is told. */
export class Telling {
  readonly #visitor: WalVisitor;

  constructor(visitor: WalVisitor) {
    this.#visitor = visitor;
  }

  /** How a group stood before its first entry that is there, which is that behind `begin`. */
  state({ group, genesis, snapshot, context, hardState, edit }: WalGroup, begin: LogPoint): void {
    this.#visitor.groupMade(group, genesis);
    if (edit !== null) this.#visitor.edited(group, edit);
    if (snapshot.index > 0) this.#visitor.snapshotMarked(group, snapshot);
    if (begin.index > 0) this.#visitor.compacted(group, begin, context);
    this.#visitor.hardState(group, hardState);
  }

  /** The entries of a run, whose heads were read; `isEarly` if something before them is not known. */
  run(group: GroupId, heads: readonly EntryHead[], run: Uint8Array, isEarly: boolean = false): void {
    const view = viewOf(run);
    let at = 0;
    for (const head of heads) {
      const from = at + ENTRY_HEADER_BYTES;
      const isEmpty = isBare(view, at) || this.#visitor.wants?.(head) === false;
      const payload = isEmpty ? NOTHING : run.subarray(from, from + head.payloadBytes);
      if (isEarly) this.#visitor.heard?.(group, head, payload);
      else this.#visitor.entry(group, head, payload);
      at = endOf(view, at);
    }
  }

  /**
   * A group as it stands in the end, read back from its prefix on.
   *
   * @throws DraftError DAMAGED, also if an entry does not continue the one before
   */
  *whole(source: SegmentSource, log: WalGroup): Task<void> {
    this.state(log, log.prefix);
    let { chain } = log.prefix;
    for (let from = log.prefix.index + 1; from <= log.lastIndex;) {
      const { points, to } = log.index.route(from, log.lastIndex, PAGE_BYTES / POINT_EVERY_BYTES + 2);
      const read = yield* readEntries({ ...source, points }, { group: log.group, from, to, bytesMax: PAGE_BYTES });
      for (const run of read.runs) {
        const { entries } = readRun(run);
        for (const head of entries) {
          if (chainAfter(chain, head) !== head.chain) throw doesNotContinue(source, log, head.index);
          chain = head.chain;
        }
        this.run(log.group, entries, run);
      }
      from = read.to + 1;
    }
    this.#visitor.hardState(log.group, log.hardState);
  }
}

function doesNotContinue({ directory }: SegmentSource, { group }: WalGroup, index: Index): DraftError {
  return new DraftError("DAMAGED", `log "${directory}" is damaged: group ${group}, index ${index} does not continue the entry before; ${checkNext(directory)}`);
}
