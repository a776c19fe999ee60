/** One watch: a place in the replica's history, and what is taken from there. */
import { DraftError } from "../base/errors.ts";
import type { Applier } from "../machine/applier.ts";
import { behindEntry, type ChangeCursor, changeBytes, compareCursors, type HeldChange } from "../machine/change.ts";
import type { Index } from "../raft/types.ts";

/** Changes that one `take` looks at, at most: the rest of a long history comes with the next. */
const LOOKED_AT_MAX = 8192;

/** What is watched. */
export interface WatchOptions {
  /** Of the keys; empty for all. */
  readonly prefix: string;
  /** What the watcher has heard already; null: all that was applied by now. */
  readonly after: ChangeCursor | null;
}

/** What a watch gives at a time. */
export interface WatchPage {
  /** In order, each once; none if the page says only how far its watcher has heard. */
  readonly changes: readonly HeldChange[];
  /** How far the watcher has heard with this page: `after` of a watch that goes on from here, on whichever node. */
  readonly next: ChangeCursor;
  /** The last entry that this replica has applied. */
  readonly appliedIndex: Index;
}

/** A watch. */
export interface Watch {
  /**
   * What there is to tell, in changes of up to `bytesMax` bytes or one that is larger; null: nothing now, and `ready` is
   * called once there is. Call it until it gives null, and not before there is room for what it gives.
   *
   * @param bytesMax 1 or more
   * @returns DraftError how it ended, then for good: COMPACTED, NO_LEADER, STOPPING or what ended the node
   */
  take(bytesMax: number): WatchPage | DraftError | null;
  /** Nobody wants it any more. */
  close(): void;
}

/** What a watch is made of. */
export interface LiveWatchParts {
  readonly prefix: string;
  readonly after: ChangeCursor;
  /** Whether its watcher does not know yet where it begins. */
  readonly isNew: boolean;
  readonly applier: Pick<Applier, "history" | "view">;
  readonly ready: () => void;
  /** How far all that wait have heard what they want to hear. */
  readonly noted: () => ChangeCursor;
  readonly waits: (isWaiting: boolean) => void;
  readonly over: () => void;
}

/** A watch, as its group sees it. */
export class LiveWatch implements Watch {
  readonly prefix: string;
  readonly #parts: LiveWatchParts;
  /** Use: how far it has heard; while it waits, no less than `noted`. */
  #cursor: ChangeCursor;
  /** It was told all, and is found by the next change that it wants. */
  #isWaiting = false;
  /** Something is to be told, be it only how far it has heard. */
  #isDue: boolean;
  #end: DraftError | null = null;

  constructor(parts: LiveWatchParts) {
    this.#parts = parts;
    this.prefix = parts.prefix;
    this.#cursor = parts.after;
    this.#isDue = parts.isNew;
  }

  take(bytesMax: number): WatchPage | DraftError | null {
    if (this.#end !== null) return this.#end;
    if (this.#isWaiting && !this.#isDue) return null;
    if (this.#isWaiting) this.#advance(this.#parts.noted());
    const { applier } = this.#parts;
    const { history } = applier;
    const { index } = applier.view();
    const from = history.positionBehind(this.#cursor);
    if (from < 0) {
      const oldest = history.oldestIndex;
      this.#finish(new DraftError("COMPACTED", `changes behind ${this.#cursor.index}.${this.#cursor.n} are no longer held here: from index ${oldest} on they are; read the state, then watch from behind it`, { oldestIndex: oldest }));
      return this.#end;
    }
    const changes: HeldChange[] = [];
    const end = Math.min(history.size, from + LOOKED_AT_MAX);
    let at = from;
    for (let bytes = 0; at < end && bytes < bytesMax; at++) {
      if (!history.keyAt(at).startsWith(this.prefix)) continue;
      const change = history.at(at);
      changes.push(change);
      bytes += changeBytes(change.key, change.value);
    }
    if (at === history.size) this.#caughtUp(index);
    else this.#cursor = history.at(at - 1);
    const isTold = changes.length > 0 || this.#isDue || !this.#isWaiting;
    this.#isDue = false;
    return isTold ? { changes, next: { index: this.#cursor.index, n: this.#cursor.n }, appliedIndex: index } : null;
  }

  close(): void {
    this.#isWaiting = false;
    this.#end ??= new DraftError("STOPPING", "the watch was closed");
    this.#parts.over();
  }

  /** A change came that it wants, behind `before`; up to there it has been told all. */
  wake(before: ChangeCursor): void {
    if (!this.#isWaiting) return;
    this.#advance(before);
    this.#wait(false);
    if (!this.#isDue) this.#parts.ready();
  }

  /** Says how far it has heard, since nothing else is to be said. */
  tell(): void {
    if (!this.#isWaiting || this.#isDue) return;
    this.#isDue = true;
    this.#parts.ready();
  }

  end(why: DraftError): void {
    const wasTold = this.#isWaiting && !this.#isDue;
    this.#finish(why);
    if (wasTold) this.#parts.ready();
  }

  /** All that was applied is told. */
  #caughtUp(appliedIndex: Index): void {
    this.#advance(behindEntry(appliedIndex));
    this.#wait(true);
  }

  #advance(to: ChangeCursor): void {
    if (compareCursors(this.#cursor, to) < 0) this.#cursor = to;
  }

  #wait(isWaiting: boolean): void {
    if (this.#isWaiting === isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#parts.waits(isWaiting);
  }

  #finish(why: DraftError): void {
    if (this.#end !== null) return;
    this.#end = why;
    this.#isWaiting = false;
    this.#parts.over();
  }
}
