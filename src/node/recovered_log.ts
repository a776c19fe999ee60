/**
 * What the WAL holds of one group, gathered record by record at the start.
 */
import { EntryKind, type EntryHead } from "../base/entry.ts";
import { assert } from "../base/assert.ts";
import { decodeMachineVersion } from "../machine/version_entry.ts";
import { compactTrail } from "../raft/compaction.ts";
import { decodeConfiguration } from "../raft/configuration.ts";
import type { Recovered } from "../raft/state.ts";
import { appendToTrail, createTrail, type Trail, truncateTrail } from "../raft/trail.ts";
import type { Configuration, GroupId, HardState, Index, LogPoint } from "../raft/types.ts";
import type { EditMark } from "../wal/edit_record.ts";
import type { WalVisitor } from "../wal/telling.ts";
import { decodeGenesis, genesisPoint } from "./genesis.ts";
import { decodeLogStart } from "../raft/log_start.ts";

/** Hears the records of all groups and keeps those of one. */
export class RecoveredLog implements WalVisitor {
  readonly group: GroupId;
  #trail: Trail | null = null;
  #hardState: HardState = { term: 0, votedFor: 0, commitIndex: 0 };
  #configurations: Configuration[] = [];
  /** Of entries behind what was lost. */
  readonly #heard: Configuration[] = [];
  /** Entries that raise the machine's version. */
  #raises: { readonly index: Index; readonly version: number }[] = [];
  #foundedVersion = 0;
  #founded: Configuration | null = null;
  #prefixContext: Uint8Array = new Uint8Array(0);
  #snapshotPoint: LogPoint | null = null;
  #edit: EditMark | null = null;

  constructor(group: GroupId) {
    this.group = group;
  }

  wants({ group, kind }: EntryHead): boolean {
    return group === this.group && (kind === EntryKind.config || kind === EntryKind.version);
  }

  /** Whether the WAL knows the group. */
  get isMade(): boolean {
    return this.#trail !== null;
  }

  /** The highest machine version that an entry of the log raises to, committed or not; 0 if none does. */
  get raisedVersion(): number {
    return Math.max(0, ...this.#raises.map(({ version }) => version));
  }

  /**
   * The machine's version that is in force at `index`.
   *
   * @param snapshotVersion the one at the newest snapshot, which alone tells of raises that left the log; 0 if there is none
   */
  machineVersionAt(index: Index, snapshotVersion: number): number {
    const snapshotIndex = this.#snapshotPoint?.index ?? 0;
    const isSinceSnapshot = index >= snapshotIndex || !this.#raises.some((each) => each.index > index && each.index <= snapshotIndex);
    const raised = this.#raises.filter((each) => each.index <= index).map(({ version }) => version);
    return Math.max(this.#foundedVersion, isSinceSnapshot ? snapshotVersion : 0, ...raised);
  }

  /** Of the newest durable snapshot; null if there is none. */
  get snapshotPoint(): LogPoint | null {
    return this.#snapshotPoint;
  }

  /** The last offline edit; null if there was none. */
  get edit(): EditMark | null {
    return this.#edit;
  }

  groupMade(group: GroupId, genesis: Uint8Array): void {
    if (group !== this.group) return;
    const { foundedMs, configuration, machineVersion } = decodeGenesis(genesis);
    this.#foundedVersion = machineVersion;
    this.#trail = createTrail(genesisPoint(genesis), foundedMs);
    this.#configurations = [configuration];
    this.#founded = configuration;
    this.#raises = [];
    this.#prefixContext = new Uint8Array(0);
    this.#snapshotPoint = null;
    this.#edit = null;
  }

  hardState(group: GroupId, hardState: HardState): void {
    if (group !== this.group) return;
    this.#hardState = hardState;
    // What is known committed is never truncated, so it needs no chains one by one.
    if (this.#trail !== null) this.#trail.keepFrom = Math.min(hardState.commitIndex, this.#trail.lastIndex);
  }

  truncated(group: GroupId, from: Index): void {
    if (group !== this.group || this.#trail === null) return;
    truncateTrail(this.#trail, from, this.#trail.lastChain);
    this.#configurations = this.#configurations.filter((configuration) => configuration.index < from);
    this.#raises = this.#raises.filter(({ index }) => index < from);
  }

  entry(group: GroupId, head: EntryHead, payload: Uint8Array): void {
    if (group !== this.group || this.#trail === null) return;
    appendToTrail(this.#trail, head);
    if (head.kind === EntryKind.config) this.#configurations.push(decodeConfiguration(payload, head.index));
    // A witness keeps no version: it has no machine.
    if (head.kind === EntryKind.version && payload.length > 0) this.#raises.push({ index: head.index, version: decodeMachineVersion(payload, head.index) });
  }

  compacted(group: GroupId, point: LogPoint, context: Uint8Array): void {
    if (group !== this.group || this.#trail === null) return;
    // The first segment may begin just behind the point: then the trail does so already.
    if (point.index === this.#trail.base.index) assert(point.chain === this.#trail.base.chain, "one entry stands at each index", point.index);
    else if (point.index <= this.#trail.lastIndex) compactTrail(this.#trail, point);
    else this.#trail = createTrail(point, this.#trail.timeMs);
    this.#prefixContext = context.slice();
    this.#configurations = this.#configurations.filter((configuration) => configuration.index > point.index);
    this.#raises = this.#raises.filter(({ index }) => index > point.index);
  }

  heard(group: GroupId, head: EntryHead, payload: Uint8Array): void {
    if (group === this.group && head.kind === EntryKind.config) this.#heard.push(decodeConfiguration(payload, head.index));
  }

  /** The newest configuration before what the log lost, and all behind it, ascending by index. */
  configurationsSince(): Configuration[] {
    const { base } = this.#trail as Trail;
    const before = base.index > 0 && this.#prefixContext.length > 0 ? [decodeLogStart(base, this.#prefixContext).configuration] : [];
    const newest = [...before, ...this.#configurations].at(-1) ?? (this.#founded as Configuration);
    return [newest, ...this.#heard.filter(({ index }) => index > newest.index)];
  }

  snapshotMarked(group: GroupId, point: LogPoint): void {
    if (group === this.group) this.#snapshotPoint = point;
  }

  edited(group: GroupId, mark: EditMark): void {
    if (group === this.group) this.#edit = mark;
  }

  /**
   * All of it, for the core.
   *
   * @throws DraftError DAMAGED if what the log says of all before it cannot be read
   */
  recovered(): Recovered {
    const trail = this.#trail;
    assert(trail !== null, "the group was made", this.group);
    let configurations = this.#configurations;
    if (trail.base.index > 0) {
      const { configuration, timeMs } = decodeLogStart(trail.base, this.#prefixContext);
      configurations = [configuration, ...configurations];
      trail.timeMs = Math.max(trail.timeMs, timeMs);
    }
    const editNumber = this.#edit === null || this.#edit.condition === "none" ? 0 : this.#edit.number;
    return { hardState: this.#hardState, trail, configurations, snapshotIndex: this.#snapshotPoint?.index ?? 0, editNumber };
  }
}
