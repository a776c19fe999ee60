/**
 * What a node does about an offline edit of its log, or the loss of its end: it says so, and writes down durably that the mark is lifted once the
 * core has found its log equal to the leader's (raft/edited.ts). Until that is durable a start compares once more.
 */
import { DraftError } from "../base/errors.ts";
import { shellWord } from "../base/shell_word.ts";
import type { Log } from "../host/host.ts";
import type { Event } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { EditMark } from "../wal/edit_record.ts";
import type { GroupLog } from "./group_ports.ts";
import type { GroupObserver } from "./group_observer.ts";

export interface EditWatchOptions {
  readonly name: string;
  readonly mark: EditMark | null;
  readonly log: Pick<GroupLog, "appendEdit">;
  readonly words: Log;
  /** A turn is wanted: a record waits for its batch. */
  readonly wake: () => void;
}

/** Looks on at one group. */
export class EditWatch implements GroupObserver {
  readonly #options: EditWatchOptions;
  #mark: EditMark | null;

  constructor(options: EditWatchOptions) {
    this.#options = options;
    this.#mark = options.mark === null || options.mark.condition === "none" ? null : options.mark;
  }

  opened(): void {
    if (this.#mark === null) return;
    const { words, name } = this.#options;
    words.write("warn", `the log of group ${name} ${this.#what}: this node votes once a leader is there and its log holds what that one's does`, { edit: this.#mark.number });
  }

  /** For the status; null once the log was compared. */
  get condition(): "edited" | "rebuilding" | null {
    if (this.#mark === null) return null;
    return this.#mark.condition === "lost" ? "rebuilding" : "edited";
  }

  get #what(): string {
    return this.#mark?.condition === "lost" ? "lost its end" : "was edited offline";
  }

  stepped({ config, editNumber, commitIndex }: RaftState, _: Event): void {
    const mark = this.#mark;
    if (mark === null || editNumber > 0) return;
    const { log, words, wake, name } = this.#options;
    words.write("info", `the log of group ${name}, which ${this.#what}, equals the leader's through index ${commitIndex}: this node votes again`, { edit: mark.number });
    this.#mark = null;
    log.appendEdit(config.group, { mark: { ...mark, condition: "none" }, content: { change: "compared" } });
    wake();
  }

  sent(): void {}
}

/**
 * The machine's state was dropped, in a group that others hold it in: what this node would apply on top of nothing is no
 * replica of theirs.
 *
 * @throws DraftError BAD_CONFIG
 */
export function refuseEmptied(mark: EditMark | null, dataDirectory: string): void {
  if (mark?.condition !== "emptied") return;
  const data = shellWord(dataDirectory);
  throw new DraftError("BAD_CONFIG", `the state behind the log in "${dataDirectory}" was dropped by an offline edit, and other members hold it: ` +
    `take that back with: draft log undo --data ${data}; or, if it was dropped alike on every member: draft log accept --data ${data}; ` +
    "or move the directory away and let the cluster bring the node back: draft admin replace");
}
