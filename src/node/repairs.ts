/**
 * What a node does about damage of its own files before its group takes part, and what it says of that meanwhile.
 */
import { DraftError } from "../base/errors.ts";
import { type Done, type Task, wait } from "../base/task.ts";
import type { Host } from "../host/host.ts";
import type { Interview } from "../net/interview.ts";
import type { Peer } from "../net/link.ts";
import { isWitness } from "../raft/configuration.ts";
import { type LogPoint, MAIN_GROUP, type Member } from "../raft/types.ts";
import type { Wal } from "../wal/wal.ts";
import { tellGroup } from "../wal/wal_repair.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import type { Genesis } from "./genesis.ts";
import { LogRepair } from "./log_repair.ts";
import { snapshotDirectory } from "./open_group.ts";
import type { OpenLog } from "./open_log.ts";
import type { RecoveredLog } from "./recovered_log.ts";
import type { NodeSettings } from "./settings.ts";
import { adoptSnapshot, beginBehindOwn, type UnderWay } from "./snapshot_adoption.ts";

/** Between two rounds over all members. */
const ROUND_MS = 500;

export interface RepairsOptions {
  readonly host: Host;
  readonly settings: NodeSettings;
  readonly dataDir: DataDir;
  readonly dial: (peer: Peer, done: Done<Interview>) => void;
}

/** The repairs of one node at its start. */
export class Repairs {
  readonly #options: RepairsOptions;
  readonly #underWay: Set<UnderWay> = new Set();
  #log: LogRepair | null = null;
  #snapshotWaitsFor = "";
  #ended = false;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** How the node stands, for the status; null if nothing is wrong. */
  get condition(): "damaged-payload" | "dead-incarnation" | null {
    if (this.#options.dataDir.identity?.rebuilding) return "dead-incarnation";
    return this.#log !== null || this.#snapshotWaitsFor !== "" ? "damaged-payload" : null;
  }

  /** What is damaged, and what is waited for, in words; empty if nothing is. */
  get waitsFor(): string {
    const rebuilding = this.#options.dataDir.identity?.rebuilding ?? null;
    if (rebuilding !== null) return `${rebuilding.why}: what this node voted last may be lost; it is let in again as a learner, under a new incarnation`;
    return this.#log?.waitsFor ?? this.#snapshotWaitsFor;
  }

  end(): void {
    this.#ended = true;
    for (const each of this.#underWay) each.end();
  }

  /** Makes a log whole that lost something. @throws DraftError DAMAGED naming what nobody has */
  *whole(genesis: Genesis, { wal, log, damage }: OpenLog): Task<void> {
    if (damage === null) return;
    const { host: { clock, log: words }, dataDir, dial } = this.#options;
    const repair = new LogRepair({
      path: dataDir.path, identity: identityOf(dataDir), group: MAIN_GROUP, wal, log, damage, dial, clock, words,
      adoptSnapshot: (from, point) => this.#adopt(genesis, wal, from, point),
      beginBehindOwn: (index) => beginBehindOwn({ disk: this.#options.host.disk, directory: snapshotDirectory(dataDir.path, MAIN_GROUP), wal, group: MAIN_GROUP }, index),
    });
    this.#log = repair;
    this.#underWay.add(repair);
    try {
      yield* repair.run();
    } finally {
      this.#log = null;
      this.#underWay.delete(repair);
    }
  }

  /** Gets a snapshot in place of one that cannot be believed. @throws DraftError `damaged` if nobody else may have one */
  *snapshot(genesis: Genesis, wal: Wal, log: RecoveredLog, damaged: DraftError): Task<void> {
    const { host, dataDir } = this.#options;
    const { memberNumber } = identityOf(dataDir);
    const { configurations } = log.recovered();
    const others = (configurations.at(-1)?.members ?? []).filter((member) => member.number !== memberNumber && !isWitness(member));
    const point = log.snapshotPoint;
    if (others.length === 0 || point === null) throw damaged;
    const why = damaged.cause instanceof DraftError ? damaged.cause.message : damaged.message;
    host.log.write("error", `${why}: wants another from a member`);
    this.#snapshotWaitsFor = `${why}: wants another from a member`;
    for (let round = 0; ; round++) {
      const from = others[round % others.length] as Member;
      if (yield* this.#adopt(genesis, wal, from, point)) break;
      yield* this.#rest(round % others.length === others.length - 1 ? ROUND_MS : 0);
    }
    this.#snapshotWaitsFor = "";
    yield* tellGroup(wal, MAIN_GROUP, log);
  }

  *#adopt({ clusterId }: Genesis, wal: Wal, from: Member, point: LogPoint): Task<boolean> {
    const { host, settings, dataDir, dial } = this.#options;
    let fetching: UnderWay | null = null;
    const isAdopted = yield* adoptSnapshot({
      host, settings, clusterId, group: MAIN_GROUP, directory: snapshotDirectory(dataDir.path, MAIN_GROUP), wal, dial,
      fetching: (fetch) => {
        if (fetching !== null) this.#underWay.delete(fetching);
        fetching = fetch;
        if (fetch !== null) this.#underWay.add(fetch);
      },
    }, from, point);
    this.#check();
    return isAdopted;
  }

  *#rest(forMs: number): Task<void> {
    const { clock } = this.#options.host;
    yield* wait<void>((done) => {
      const pause = {
        end: (): void => {
          timer.cancel();
          this.#underWay.delete(pause);
          done(null, undefined);
        },
      };
      const timer = clock.setTimer(forMs, () => pause.end());
      this.#underWay.add(pause);
    });
    this.#check();
  }

  #check(): void {
    if (this.#ended) throw new DraftError("STOPPING", "the node ends: its files were not repaired");
  }
}
