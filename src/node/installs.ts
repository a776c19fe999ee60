/**
 * The machine of a group goes on from a snapshot that it did not take itself: another member's, which makes void what it
 * was about to apply, or one that was made of a backup.
 */
import type { EntryHead } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { Applier } from "../machine/applier.ts";
import type { RestoreWanted } from "../machine/backup_pieces.ts";
import type { EventBody } from "../raft/event.ts";
import type { LogPoint } from "../raft/types.ts";
import type { ApplyQueue } from "./apply_queue.ts";
import type { GroupRestore } from "./group_restore.ts";
import type { GroupSnapshots } from "./group_snapshots.ts";

export interface InstallsOptions {
  readonly snapshots: Pick<GroupSnapshots, "install">;
  readonly restore: Pick<GroupRestore, "begin">;
  readonly applies: Pick<ApplyQueue, "hold" | "release" | "settle" | "waitsFor">;
  readonly applier: Applier;
  readonly submit: (event: EventBody) => void;
  /** The machine holds what the snapshot held. */
  readonly restored: () => void;
  readonly failed: (error: DraftError) => void;
}

/** Restores the machine, one snapshot at a time. */
export class Installs {
  readonly #options: InstallsOptions;
  #installing: LogPoint | null = null;

  constructor(options: InstallsOptions) {
    this.#options = options;
  }

  /** Another member's snapshot of `point` came. */
  begin(point: LogPoint): void {
    const { snapshots, applies } = this.#options;
    this.#installing = point;
    applies.hold(point.index);
    snapshots.install(point, (...[error]) => {
      // A later one may have come meanwhile.
      if (this.#installing !== point) return;
      this.#installing = null;
      if (error !== null) return this.#failed(error);
      applies.release();
      this.#restored(point);
    });
  }

  /** A backup is whole with the entry of `head`, which the queue holds at; `payload` is its content. */
  restore(head: EntryHead, payload: Uint8Array, wanted: RestoreWanted): void {
    const { restore, snapshots, applies, applier, submit } = this.#options;
    restore.begin(head, wanted, (...[error, refusal]) => {
      // Another member's snapshot, which holds all of this, may have been faster.
      if (!applies.waitsFor(head)) return;
      if (error !== null) return this.#failed(error);
      if (refusal !== null) {
        applier.beginning.refuse(refusal);
        applies.settle(head, applier.apply(head, payload, 0, null));
        return this.#restored(head);
      }
      snapshots.install(head, (...[failure]) => {
        if (!applies.waitsFor(head)) return;
        if (failure !== null) return this.#failed(failure);
        applier.answeredIndex = head.index;
        applies.settle(head, { restored: wanted.id, bytes: wanted.total });
        const { index, term, chain } = head;
        submit({ type: "snapshotStored", point: { index, term, chain }, timeMs: applier.lastApplied.timeMs });
        this.#restored(head);
      });
    });
  }

  #restored({ index }: { readonly index: number }): void {
    const { applier, submit, restored } = this.#options;
    submit({ type: "restored", index, wakeAtMs: applier.wakeAt() });
    restored();
  }

  #failed(error: Error): void {
    this.#options.failed(error instanceof DraftError ? error : new DraftError("STORAGE_FAILED", error.message, { cause: error }));
  }
}
