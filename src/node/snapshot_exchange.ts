/**
 * Snapshots between this node and others: what it serves, and what it fetches. A node does one of both: who fetches a
 * snapshot itself is behind, and has no line and disk to spare.
 */
import type { Done } from "../base/task.ts";
import type { Host } from "../host/host.ts";
import type { BackupAsk } from "../net/backup_request.ts";
import type { Hello } from "../net/hello.ts";
import type { Interview } from "../net/interview.ts";
import type { Peer } from "../net/link.ts";
import type { EventBody } from "../raft/event.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { GroupId, Index, MemberNumber } from "../raft/types.ts";
import type { Wal } from "../wal/wal.ts";
import type { SnapshotTuning } from "./settings.ts";
import { SnapshotFetch } from "./snapshot_fetch.ts";
import { type ServedGroup, SnapshotServer } from "./snapshot_server.ts";

export interface SnapshotExchangeOptions {
  readonly host: Pick<Host, "clock" | "disk" | "log">;
  readonly tuning: SnapshotTuning;
  /** Room that the log needs on the disk. */
  readonly spareBytes: number;
  readonly dial: (peer: Peer, done: Done<Interview>) => void;
  /** Where a member is: of one that this node's log does not name yet, too. */
  readonly peerOf: (member: MemberNumber) => Peer | null;
}

/** A group that takes part. */
export interface ExchangedGroup {
  readonly clusterId: string;
  /** Of its snapshots; it is there. */
  readonly directory: string;
  readonly state: RaftState;
  readonly submit: (event: EventBody) => void;
  /** Of the log that its entries are in. */
  readonly read: Wal["read"];
  readonly wanted: (index: Index) => void;
}

interface Party extends ServedGroup {
  readonly fetch: SnapshotFetch;
}

/** The snapshot connections of a node. */
export class SnapshotExchange {
  readonly #options: SnapshotExchangeOptions;
  readonly #parties: Map<GroupId, Party> = new Map();
  readonly #server: SnapshotServer;

  constructor(options: SnapshotExchangeOptions) {
    this.#options = options;
    this.#server = new SnapshotServer({
      host: options.host, bytesPerSecond: options.tuning.servedBytesPerSecond,
      group: (group) => this.#parties.get(group) ?? null,
      whyNot: () => [...this.#parties.values()].some(({ fetch }) => fetch.isRunning) ? "this node fetches a snapshot itself" : null,
    });
  }

  /** Serves the group's snapshots from now on. Returns what fetches one for it. */
  open({ clusterId, directory, state, submit, read, wanted }: ExchangedGroup): Pick<SnapshotFetch, "begin"> {
    const { host, tuning, spareBytes, dial, peerOf } = this.#options;
    const { group } = state.config;
    const fetch = new SnapshotFetch({
      host, clusterId, group, directory, spareBytes, dial, submit, pieceBytes: tuning.pieceBytes,
      peer: peerOf,
      committed: () => state.commitIndex,
    });
    this.#parties.set(group, { directory, configuration: () => currentConfiguration(state), state, read, wanted, fetch });
    return fetch;
  }

  /** Opens a connection on which a member can be asked for snapshots and entries. */
  dial(peer: Peer, done: Done<Interview>): void {
    this.#options.dial(peer, done);
  }

  /** A question of a peer. */
  asked(from: Hello, question: readonly unknown[], answer: (reply: readonly unknown[] | string) => void): void {
    this.#server.asked(from, question, answer);
  }

  /** A question of a client, which copies a snapshot to a file of its own. */
  askedByClient(group: GroupId, ask: BackupAsk, answer: (reply: readonly unknown[] | string) => void): void {
    this.#server.askedByClient(group, ask, answer);
  }

  /** Whether this file of the group is being served or fetched. */
  isInUse(group: GroupId, name: string): boolean {
    const party = this.#parties.get(group);
    return party !== undefined && (party.fetch.isFetching(name) || this.#server.isServed(`${party.directory}/${name}`));
  }

  /** The node ends. */
  end(): void {
    this.#server.end();
    for (const { fetch } of this.#parties.values()) fetch.end();
  }
}
