/**
 * All that a simulated run decides beforehand, as plain data: how the cluster is set up, what goes wrong when, what
 * clients ask. A seed draws one; a fixture is one; what a shrinker takes out of one leaves another.
 */
import type { SessionLimits } from "../machine/session_limits.ts";
import type { ReadLevel } from "../node/node_api.ts";

/** How the cluster of a run is set up. Times in milliseconds. */
export interface Settings {
  readonly nodes: number;
  readonly heartbeatMs: number;
  readonly electionMinMs: number;
  readonly electionMaxMs: number;
  readonly tailBytesMax: number;
  readonly segmentBytes: number;
  readonly batchBytesMax: number;
  readonly appendEntriesMax: number;
  readonly inflightAppendsMax: number;
  readonly uncommittedBytesMax: number;
  readonly netDelayMs: number;
  readonly netBytesPerMs: number;
  readonly netWindowBytes: number;
  /** One piece in so many is cut at any byte; 0: none. */
  readonly netCutOneIn: number;
  readonly diskDelayMaxMs: number;
  /** Of each machine, in their order. */
  readonly drift: readonly number[];
  readonly wallOffsetMs: readonly number[];
  /** Whether nothing goes wrong before the cluster is founded. */
  readonly calmStart: boolean;
  readonly clients: number;
  /** Bytes that may wait for one peer, and proposals for a turn; those of a node that is told nothing if nothing is said. */
  readonly queueBytesMax?: number;
  /** What becomes of single messages, while faults are injected; on ways that are not named none is lost. */
  readonly ways?: readonly LossyWay[];
  /** Those of the clients that are the library's own, with its promises; none if nothing is said. */
  readonly library?: readonly LibraryClient[];
  /** Those of the clients that write under sessions; none if nothing is said. */
  readonly sessions?: readonly number[];
  /** Those of these whose sessions are ordered; none if nothing is said. */
  readonly ordered?: readonly number[];
  /** What nodes remember of sessions; as it ships if nothing is said. */
  readonly sessionLimits?: Partial<SessionLimits>;
  /** How long faults are injected. */
  readonly safetyMs: number;
  /** Whether those that are not needed for a majority stay as the faults left them in the end. */
  readonly freezeRest: boolean;
  /** A majority is always linked and alive: what would leave none is not done. */
  readonly gentle: boolean;
  /** How often something goes wrong, on the whole. */
  readonly faultEveryMs: number;
  /** When nodes take snapshots, and how much log they keep behind them; if nothing is said, they never do. */
  readonly snapshots?: SnapshotSettings;
  /** How often nodes read all their closed files again; if nothing is said, they never do. */
  readonly scrubMs?: number;
  /** Whether machines keep their state on disk; in memory if nothing is said. */
  readonly engines?: boolean;
  /** When leaders let states be compared; as it ships if nothing is said. */
  readonly verdicts?: VerdictSettings;
  /** A machine whose replica is not deterministic; none if nothing is said. */
  readonly astray?: AstraySettings;
  /** How the machine's plugin changes; if nothing is said all run one version. */
  readonly versions?: VersionSettings;
  /** How members come and go; if nothing is said all machines found the cluster and stay. */
  readonly membership?: MembershipSettings;
  /** What may go wrong in this run. */
  readonly features: readonly string[];
}

/** How snapshots are taken, and how they go from one node to another. */
export interface SnapshotSettings {
  readonly entries: number;
  readonly retainBytes: number;
  /** The place of one that keeps all of its log; none if nothing is said. */
  readonly hoards?: Who;
  /** Those that ship if nothing is said. */
  readonly pieceBytes?: number;
  readonly servedBytesPerSecond?: number;
}

/** States are compared after so many entries, or so much log time in use. */
export interface VerdictSettings {
  readonly entries: number;
  readonly ms: number;
}

/** What a machine that uses a clock, or chance, does to one replica, from an index on. */
export interface AstraySettings {
  /** The place of the node, from 1. */
  readonly who: number;
  readonly from: number;
  /** What differs: what it answers while another node leads, what it tells watchers, or what it holds. */
  readonly what: "answers" | "changes" | "state";
}

/** Versions of the plugin. */
export interface VersionSettings {
  /** The newest that is to be had. */
  readonly newest: number;
  /** Which one each machine begins with, in their order. */
  readonly first: readonly number[];
  /** Whether those that must live in the end get the newest before. */
  readonly finishes: boolean;
}

/** Who is there at first, and how long one that comes may take to catch up. */
export interface MembershipSettings {
  /** The first so many machines found the cluster; the others wait to be added. */
  readonly founders: number;
  /** Log time. */
  readonly promoteWithinMs: number;
  /** Those that wait become witnesses, and nothing else changes; if nothing is said members come and go. */
  readonly witnesses?: true;
  /** What happens besides where members come and go; nothing if nothing is said. */
  readonly besides?: readonly Besides[];
}

/** Some of those that are taken in are witnesses; or disks are damaged. That the machine changes is said by `versions`. */
export type Besides = "witnesses" | "damage";

/**
 * What an operator wants of a member: of the machine at the place `who`, or, if that makes no sense, of the next one with
 * which it does; 0: from whoever leads on. To cancel what is under way stands alone. `by` takes its place; 0: the same one if
 * its directory was lost. To turn is to replace a witness by one that keeps data, or the other way round.
 */
export interface PlannedWish {
  readonly what: "add" | "learn" | "witness" | "remove" | "promote" | "demote" | "replace" | "turn" | "cancel";
  readonly who: Who;
  readonly by: Who;
}

/** A client of the library, and the machines whose addresses it was given, by their places from 1. */
export interface LibraryClient {
  readonly client: number;
  readonly knows: readonly number[];
}

/** From one machine to another, by their places from 1; rates are parts of all messages, from 0 to 1. */
export interface LossyWay {
  readonly from: number;
  readonly to: number;
  readonly lost: number;
  readonly doubled: number;
  /** Comes late, behind others; mostly by about `lateMs`. */
  readonly late: number;
  /** A copy comes in a later connection, if there is one soon enough. */
  readonly kept: number;
  readonly lateMs: number;
}

/** A machine by its place from 1; 0: whoever leads then. */
export type Who = number;

/** One thing that goes wrong, or that an operator does. */
export type Fault = { readonly id: string; readonly atMs: number } & FaultBody;

export type FaultBody =
  /** Power cut; `silent`: peers hear nothing. */
  | { readonly kind: "crash"; readonly who: Who; readonly downMs: number; readonly silent: boolean }
  | { readonly kind: "crash-all"; readonly downMs: number }
  /**
   * Power cut at the so-manieth disk call from now on, and at those calls of the starts that follow, one each. With
   * `killed` it is the process alone that ends the first time: what it wrote stands in the system's memory.
   */
  | { readonly kind: "crash-at-call"; readonly who: Who; readonly calls: number; readonly killed: boolean; readonly again: readonly number[]; readonly downMs: number }
  /**
   * From the next time on that a snapshot gets its name (with `fetched`, one of another member), syncs of the log stand
   * still; after a while the power is cut: then the log knows least of what the directory of snapshots holds.
   */
  | { readonly kind: "crash-at-snapshot"; readonly who: Who; readonly fetched: boolean; readonly forMs: number; readonly downMs: number }
  | { readonly kind: "kill"; readonly who: Who; readonly downMs: number }
  | { readonly kind: "stop"; readonly who: Who; readonly downMs: number }
  | { readonly kind: "pause"; readonly who: Who; readonly forMs: number; readonly atTurn: boolean }
  | { readonly kind: "wipe"; readonly who: Who; readonly downMs: number }
  /** Nothing passes between machines of different sides. */
  | { readonly kind: "split"; readonly sides: readonly number[]; readonly forMs: number }
  | { readonly kind: "isolate"; readonly who: Who; readonly forMs: number }
  /** Each hears only its neighbours, as many as are a majority with it. */
  | { readonly kind: "ring"; readonly forMs: number }
  /** Two halves that only one machine hears both of. */
  | { readonly kind: "bridge"; readonly who: Who; readonly forMs: number }
  | { readonly kind: "one-way"; readonly from: Who; readonly to: Who; readonly forMs: number }
  | { readonly kind: "deaf"; readonly who: Who; readonly forMs: number }
  | { readonly kind: "mute"; readonly who: Who; readonly forMs: number }
  | { readonly kind: "reset"; readonly a: Who; readonly b: Who }
  | { readonly kind: "clog"; readonly from: Who; readonly to: Who; readonly bytesPerMs: number; readonly forMs: number }
  | { readonly kind: "slow-disk"; readonly who: Who; readonly factor: number; readonly forMs: number }
  | { readonly kind: "stall"; readonly who: Who; readonly forMs: number; readonly call: "sync" | "write" | "any" }
  | { readonly kind: "eio"; readonly who: Who; readonly call: "read" | "write" | "sync" | "syncDirectory"; readonly afterCalls: number; readonly powerCycle: boolean; readonly downMs: number }
  | { readonly kind: "full"; readonly who: Who; readonly slackBytes: number; readonly forMs: number }
  | { readonly kind: "short-writes"; readonly who: Who; readonly forMs: number }
  | { readonly kind: "flip"; readonly who: Who; readonly file: number; readonly position: number; readonly bit: number; readonly restart: boolean }
  /** A stop in good order, after which one bit of the last that was written turns over. */
  | { readonly kind: "rot-at-rest"; readonly who: Who; readonly backBytes: number; readonly bit: number }
  | { readonly kind: "misdirect"; readonly who: Who; readonly byBytes: number }
  /** A sector that no read succeeds on until it is written again; of any file, maybe one that is read only at a start. */
  | { readonly kind: "bad-sector"; readonly who: Who; readonly file: number; readonly position: number; readonly restart: boolean }
  /** The next write says that it is done, and changes nothing. */
  | { readonly kind: "lost-write"; readonly who: Who }
  /** Syncs say that they are done, and do nothing; with `powerCycle` the power is cut in the end. */
  | { readonly kind: "lie"; readonly who: Who; readonly forMs: number; readonly powerCycle: boolean; readonly downMs: number }
  | { readonly kind: "wall-jump"; readonly who: Who; readonly byMs: number }
  /** Another version of the plugin is put there for its next process; who ends the one that runs. Not before it is a member. */
  | { readonly kind: "install"; readonly who: Who; readonly version: number; readonly by: "stop" | "kill" | "nobody"; readonly downMs: number }
  /** When the version is raised next its leader is cut off, or a machine gets the one in force again while it is down. */
  | { readonly kind: "at-raise"; readonly how: "isolate" | "set-back"; readonly who: Who; readonly forMs: number }
  /**
   * The next one that begins to fetch a snapshot is cut off for so long, while the leader hands over; then it fetches, and
   * for so much longer hears no message: what it fetches may be of a term that nobody told it of.
   */
  | { readonly kind: "deaf-at-fetch"; readonly cutMs: number; readonly forMs: number }
  | { readonly kind: "late-at-fetch"; readonly forMs: number }
  | { readonly kind: "late-at-snapshot"; readonly who: Who; readonly cutMs: number; readonly forMs: number }
  /** Somebody asks for a change of the members, at `via` and then at the next ones. */
  | { readonly kind: "change"; readonly wishes: readonly PlannedWish[]; readonly via: Who; readonly tries: number }
  /** So many shall vote: those from `from` on come or go. */
  | { readonly kind: "resize"; readonly voters: number; readonly from: Who; readonly via: Who; readonly tries: number }
  /** The directory of a member is lost: it waits to be taken in as another one. Not if those that are left could not decide. */
  | { readonly kind: "lose"; readonly who: Who; readonly downMs: number }
  /**
   * Soon after a leader has appended the next configuration of that kind its power is cut, or that of the newest member, …;
   * `aside`: it is cut off from all but the newest member.
   */
  | { readonly kind: "at-change"; readonly when: "learner" | "joint" | "left"; readonly how: "crash" | "crash-all" | "isolate" | "aside" | "newcomer" | "transfer" | "rival"; readonly afterMs: number; readonly forMs: number }
  | { readonly kind: "transfer"; readonly to: Who }
  /** Whoever leads then is cut off while it holds a lease, after a while, in one of the ways of lease_acts.ts. */
  | {
    readonly kind: "at-lease"; readonly how: "late answers" | "restart" | "hand over" | "hand over late" | "clock back";
    readonly afterMs: number; readonly forMs: number;
  };

export type FaultKind = FaultBody["kind"];

/** One request that a client is going to make. */
export interface PlannedOperation {
  readonly id: string;
  readonly client: number;
  /** After its last request was answered, or after it was made if it does not wait for answers. */
  readonly waitMs: number;
  readonly waits: boolean;
  /** Which machine it asks. */
  readonly member: number;
  /**
   * `REVISION` stands for the revision of the key that the client saw last; what `earlier` of the machine layer makes,
   * typed as what it stands for, for a part of an earlier answer.
   */
  readonly command: readonly [operation: string, ...args: (string | number)[]];
  /** Null for a write. */
  readonly level: ReadLevel | null;
  /** A read must see what this client saw before. */
  readonly readsOwn: boolean;
  readonly timeoutMs: number;
  /** The client gives up and goes away after so long; 0: never. */
  readonly patienceMs: number;
}

/** Stands in a planned command for what the client learned before. */
export const REVISION = "@revision";

/** One run. */
export interface Script {
  readonly seed: number;
  /** The machine that clients ask, as `--machine` names it; kv if nothing is said. */
  readonly machine?: string;
  readonly settings: Settings;
  readonly faults: readonly Fault[];
  readonly operations: readonly PlannedOperation[];
}
