/** What a group needs of its node. */
import type { DraftError } from "../base/errors.ts";
import type { Clock, Log } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import type { EventBody } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Configuration, LogPoint, Member, MemberNumber } from "../raft/types.ts";
import type { Space } from "../wal/disk_space.ts";
import type { GroupObserver } from "./group_observer.ts";
import type { GroupLog, Outbox } from "./group_ports.ts";
import type { GroupRestore } from "./group_restore.ts";
import type { GroupSnapshots } from "./group_snapshots.ts";
import type { Readiness } from "./readiness.ts";
import type { Regain } from "./regain.ts";
import type { Scrub } from "./scrub.ts";
import type { Watches } from "./watches.ts";

/** What a group is made of. */
export interface GroupOptions {
  readonly name: string;
  /** Why it has no vote though it has a seat; null if nothing is wrong. */
  readonly edits: { readonly condition: "edited" | "rebuilding" | null };
  readonly state: RaftState;
  readonly applier: Applier;
  readonly log: GroupLog;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly words: Log;
  readonly observers: readonly GroupObserver[];
  /** Bytes of entries that are kept in memory. */
  readonly tailBytesMax: number;
  /** Entries of one append message, in bytes. */
  readonly frameEntryBytesMax: number;
  /** Bytes of proposals that one turn may gather. */
  readonly gatherBytesMax: number;
  /** How much room there is on the disk. */
  readonly space: () => Space;
  /** Something happened that the core has to hear of in the next turn. */
  readonly submit: (event: EventBody) => void;
  /** A turn is wanted, though no event came. */
  readonly wake: () => void;
  /** Whether the link to this member is up. */
  readonly isLinked: (member: MemberNumber) => boolean;
  /** Why this node takes part in nothing, in words; empty while it does. */
  readonly exclusion: () => string;
  /** Where the member is now, as far as known: it may have moved since its configuration was written. */
  readonly addressOf: (member: Member) => string;
  readonly scrub: Scrub;
  readonly regain: Pick<Regain, "end">;
  readonly snapshots: GroupSnapshots;
  readonly restore: GroupRestore;
  readonly readiness: Readiness;
  readonly watches: Watches;
  /** Get a snapshot of the leader's entry `point` or of a later one from this member; the core hears of it as events. */
  readonly fetchSnapshot: (from: MemberNumber, point: LogPoint) => void;
  readonly configurationChanged: (configuration: Configuration) => void;
  /** Why this configuration cannot be entered now, for reasons that the core does not know; null if it can. */
  readonly hindrance: (configuration: Configuration) => DraftError | null;
  /** This replica must stop, and with it the node. */
  readonly failed: (error: DraftError) => void;
}
