/**
 * A witness: a member that votes, and keeps positions instead of data (DESIGN: two data nodes and a witness survive the
 * loss of either data node). Its log holds the heads of entries, and payloads of configurations alone; it has no machine,
 * answers no reads, and nobody can be made anew from it.
 */
import { hasBare } from "../base/entry.ts";
import { DraftError } from "../base/errors.ts";
import type { ReceivedAppend } from "../net/message_codec.ts";
import type { Event, EventBody } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import { bytesBetween, pointAtOrBelow } from "../raft/trail.ts";
import type { Index } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import type { GroupLog } from "./group_ports.ts";
import type { SnapshotPolicy } from "./group_snapshots.ts";
import { noLeaderError, type RefusingGroup } from "./refusals.ts";

/** Whether a member that keeps payloads can make nothing of the message: it was meant for a witness. */
export function isForWitness(message: Message): boolean {
  return message.type === "appendRequest" && hasBare((message as ReceivedAppend).run);
}

/** What a witness says to whoever wants to read from it: who can answer. */
export function holdsNoState(group: RefusingGroup): DraftError {
  return group.leader === null ? noLeaderError(group) : new DraftError("NOT_LEADER", `this node is a witness of group ${group.name} and holds no state: ask ${group.leader.id}`, { leader: group.leader });
}

export interface PositionsOptions extends SnapshotPolicy {
  readonly log: Pick<GroupLog, "appendSnapshotMark" | "barrier">;
  readonly submit: (event: EventBody) => void;
}

/**
 * Lets the log of a witness begin later, as often as others take a snapshot: what is committed needs no position of its
 * own. In place of a snapshot the log says that the point is marked; there is no file.
 */
export class Positions implements GroupObserver {
  readonly #options: PositionsOptions;
  #asked: Index = 0;

  constructor(options: PositionsOptions) {
    this.#options = options;
  }

  opened(): void {}

  stepped({ config: { group }, trail, snapshotIndex, lastApplied }: RaftState, { type }: Event): void {
    const { snapshotEntries, snapshotBytes, log, submit } = this.#options;
    if (type !== "stored" && type !== "receive") return;
    const since = Math.max(snapshotIndex, this.#asked, trail.base.index);
    if (lastApplied <= since) return;
    if (lastApplied - since < snapshotEntries && bytesBetween(trail, since + 1, lastApplied) < snapshotBytes) return;
    const point = pointAtOrBelow(trail, lastApplied);
    if (point.index <= since) return;
    this.#asked = point.index;
    const { timeMs } = trail;
    log.appendSnapshotMark(group, point);
    log.barrier((...[error]) => {
      if (error === null) submit({ type: "snapshotStored", point, timeMs });
    });
  }

  sent(): void {}
}
