/**
 * How a node comes to belong to its cluster: its genesis made durable, its log read, and, where that is damaged, repaired
 * or given up, before its group begins.
 */
import { assert } from "../base/assert.ts";
import { type Done, runTask, type Task, wait } from "../base/task.ts";
import type { Wal } from "../wal/wal.ts";
import { identityOf } from "./data_dir.ts";
import { giveUpIncarnation } from "./dead_incarnation.ts";
import type { Genesis } from "./genesis.ts";
import type { Membership } from "./introductions.ts";
import { adoptGenesis, type LogHandlers, type LogParts, openLog, startError } from "./open_log.ts";
import type { RecoveredLog } from "./recovered_log.ts";
import type { Repairs } from "./repairs.ts";

/** A log that is whole, and what was founded. */
export interface WholeLog {
  readonly genesis: Genesis;
  readonly log: RecoveredLog;
  readonly wal: Wal;
  /** To be called before something is waited for that may never come: the node counts as started from then on. */
  readonly waits: () => void;
}

export interface BelongingOptions {
  readonly parts: LogParts;
  readonly repairs: Repairs;
  readonly handlers: LogHandlers;
  readonly ended: () => boolean;
  /** The log is open, and to be closed when the node ends. */
  readonly opened: (wal: Wal) => void;
  /** The group begins. */
  readonly begin: (whole: WholeLog) => Task<void>;
  /** What went wrong when nobody waited any more. */
  readonly failed: (error: Error) => void;
}

/** One node's way into its cluster. */
export class Belonging {
  readonly #options: BelongingOptions;
  /** A genesis is being made durable, or the log read or repaired. */
  #isUnderWay = false;
  #whenSettled: (() => void)[] = [];

  constructor(options: BelongingOptions) {
    this.#options = options;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Begins to be a member; `done` when it is one, or waits for others to repair its log first, which it does then. */
  begin(membership: Membership, done: Done<void>): void {
    const { parts, failed } = this.#options;
    let isTold = false;
    const tell: Done<void> = (...[error]) => {
      if (isTold && error !== null) failed(startError(parts.dataDir.path, error));
      else if (!isTold && error !== null) done(error);
      else if (!isTold) done(null, undefined);
      isTold = true;
    };
    runTask(this.#join(membership, () => tell(null, undefined)), tell);
  }

  /** Waits until nothing of this is under way any more. */
  *settled(): Task<void> {
    if (this.#isUnderWay) yield* wait<void>((done) => this.#whenSettled.push(() => done(null, undefined)));
  }

  *#join(membership: Membership, waits: () => void): Task<void> {
    const { parts, repairs, handlers, ended, opened, begin } = this.#options;
    assert(!this.#isUnderWay, "a node joins one cluster at a time", identityOf(parts.dataDir).nodeId);
    this.#isUnderWay = true;
    try {
      const genesis = yield* adoptGenesis(parts, membership);
      const found = yield* openLog(parts, handlers);
      if ("error" in found) {
        yield* giveUpIncarnation(parts.host, parts.dataDir, found);
        return parts.host.log.write("error", repairs.waitsFor);
      }
      const { wal, log, damage } = found;
      opened(wal);
      if (damage !== null) {
        waits();
        yield* repairs.whole(genesis, found);
      }
      if (!ended()) yield* begin({ genesis, log, wal, waits });
    } finally {
      this.#isUnderWay = false;
      for (const tell of this.#whenSettled.splice(0)) tell();
    }
  }
}
