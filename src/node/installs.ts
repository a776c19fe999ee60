/** The machine of a group goes on from another member's snapshot: what it was about to apply is void. */
import { DraftError } from "../base/errors.ts";
import type { Applier } from "../machine/applier.ts";
import type { EventBody } from "../raft/event.ts";
import type { LogPoint } from "../raft/types.ts";
import type { ApplyQueue } from "./apply_queue.ts";
import type { GroupSnapshots } from "./group_snapshots.ts";

export interface InstallsOptions {
  readonly snapshots: Pick<GroupSnapshots, "install">;
  readonly applies: Pick<ApplyQueue, "hold" | "release">;
  readonly applier: Pick<Applier, "wakeAt">;
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

  begin(point: LogPoint): void {
    const { snapshots, applies, applier, submit, restored, failed } = this.#options;
    this.#installing = point;
    applies.hold(point.index);
    snapshots.install(point, (...[error]) => {
      // A later one may have come meanwhile.
      if (this.#installing !== point) return;
      this.#installing = null;
      if (error !== null) return failed(error instanceof DraftError ? error : new DraftError("STORAGE_FAILED", error.message, { cause: error }));
      applies.release();
      submit({ type: "restored", index: point.index, wakeAtMs: applier.wakeAt() });
      restored();
    });
  }
}
