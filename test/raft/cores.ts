/**
 * A cluster of bare cores for tests: a network with seeded delay, loss, duplicates and partitions, a disk that is
 * slow, crashes that lose what is not durable, and checks after each step.
 */
import { type EntryHead } from "../../src/base/entry.ts";
import { nextFloat, nextInRange, type RandomState, seedRandom } from "../../src/base/random.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import { type MemberChange, wantedConfiguration } from "../../src/raft/configuration_change.ts";
import type { Effect, Event, EventBody, Refusal, StoreEffect } from "../../src/raft/event.ts";
import { checkState, checkTransition, noteBefore } from "../../src/raft/invariants.ts";
import type { Message } from "../../src/raft/message.ts";
import { quorumValue, voterSets } from "../../src/raft/quorum.ts";
import { createRaft, currentConfiguration, type RaftState } from "../../src/raft/state.ts";
import { step } from "../../src/raft/step.ts";
import { appendToTrail, createTrail } from "../../src/raft/trail.ts";
import type { LogEntry, LogStart, RaftConfig } from "../../src/raft/types.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import type { Core, DurableLog } from "./core.ts";
import { fetchSnapshot, installSnapshot, takeSnapshot } from "./cores_snapshots.ts";

export type { Core } from "./core.ts";

const GENESIS_CHAIN = 77;

/** What a store makes of a log. */
function toLog(log: LogEntry[], { truncateFrom, reset, entries }: StoreEffect): void {
  if (truncateFrom > 0) log.length = truncateFrom - 1;
  if (reset !== null) {
    log.length = reset.point.index;
    forget(log, reset);
  }
  log.push(...entries);
}

function forget(log: LogEntry[], { point }: LogStart): void {
  log.fill(undefined as unknown as LogEntry, 0, point.index);
}

/** Who looks on, as an observer of a group does. */
export interface CoresObserver {
  opened(core: Core): void;
  stepped(core: Core, event: Event, effects: readonly Effect[]): void;
  readonly durable?: ((core: Core, store: number) => void) | undefined;
  sent(core: Core, message: Message): void;
  ended(core: Core): void;
}

export interface CoresOptions {
  readonly members: number;
  readonly seed: number;
  readonly lossPercent?: number;
  readonly duplicatePercent?: number;
  readonly delayMs?: readonly [number, number];
  readonly diskMs?: readonly [number, number];
  /** A member takes a snapshot after so many entries; 0: never. */
  readonly snapshotEntries?: number;
  readonly fetchMs?: readonly [number, number];
  /** The machine wants to be woken so long, in log time, after each entry; null: never. */
  readonly wakeMs?: number | null;
  readonly config?: Partial<RaftConfig>;
  /** Takes the place of the checks that this rig does itself. */
  readonly observer?: CoresObserver | null;
}

/** The cluster. */
export class Cores {
  readonly scheduler: Scheduler = new Scheduler();
  readonly random: RandomState;
  readonly cores: Core[] = [];
  /** Faults may change while it runs. */
  readonly options: { -readonly [K in keyof CoresOptions]-?: CoresOptions[K] };
  readonly cut: Set<string> = new Set();
  messages = 0;
  /** Chains by index of all that any node ever applied. */
  readonly committed: Map<number, number> = new Map();
  readonly committedEntries: LogEntry[] = [];
  readonly leaders: Map<number, number> = new Map();
  nextRead = 1;
  installs = 0;
  onMessage: ((message: Message) => boolean) | null = null;

  constructor(options: CoresOptions) {
    this.options = {
      lossPercent: 0, duplicatePercent: 0, delayMs: [1, 5], diskMs: [1, 3], snapshotEntries: 0, fetchMs: [5, 50], wakeMs: null, config: {}, observer: null,
      ...options,
    };
    this.random = seedRandom(options.seed);
    for (let number = 1; number <= options.members; number++) this.cores.push(this.#create(number));
    for (const core of this.cores) this.start(core.number);
  }

  #create(number: number): Core {
    const durable: DurableLog = { hardState: { term: 0, votedFor: 0, commitIndex: 0 }, entries: [], start: null, snapshot: null };
    return {
      number, up: false, boot: 0, log: [], durable, applied: [], answered: new Map(), failed: new Set(), epoch: 0,
      timer: null, state: this.#recover(number, durable, 1),
    };
  }

  #recover(number: number, durable: DurableLog, boot: number): RaftState {
    const voters = Array.from({ length: this.options.members }, (_, i) => ({ id: `n${i + 1}`, address: "", incarnation: 100 + i + 1 }));
    const { start, snapshot } = durable;
    const trail = createTrail(start?.point ?? { index: 0, term: 0, chain: GENESIS_CHAIN }, start?.timeMs ?? 0);
    for (const entry of durable.entries.slice(trail.base.index)) appendToTrail(trail, entry);
    const config: RaftConfig = {
      group: 1, self: number, incarnation: 100 + number, bootId: boot, witness: false, heartbeatMs: 50, electionMinMs: 300, electionMaxMs: 600, promisedMs: 0,
      appendEntriesMax: 64, appendBytesMax: 64 * 1024, inflightAppendsMax: 8, inflightBytesMax: 1 << 20,
      uncommittedBytesMax: 1 << 20, retainBytes: 0, pendingReadsMax: 10_000, verdictEntries: 4096, verdictMs: 10_000, seed: this.options.seed * 1000 + number * 10 + boot,
      ...this.options.config,
    };
    const configurations = [start?.configuration ?? genesisConfiguration(voters)];
    for (const { configuration } of durable.entries.slice(trail.base.index)) if (configuration !== null) configurations.push(configuration);
    return createRaft(config, { hardState: durable.hardState, trail, configurations, snapshotIndex: snapshot?.point.index ?? 0, editNumber: 0 });
  }

  core(number: number): Core {
    return this.cores[number - 1]!;
  }

  start(number: number): void {
    const core = this.core(number);
    core.boot += 1;
    core.epoch += 1;
    core.up = true;
    core.log = [...core.durable.entries];
    core.applied = this.committedEntries.slice(0, core.durable.snapshot?.point.index ?? 0);
    core.state = this.#recover(number, core.durable, core.boot);
    this.options.observer?.opened(core);
    this.event(core, { type: "start" });
  }

  /** A node that nobody knows yet starts with an empty log. */
  join(): Core {
    const core = this.#create(this.cores.length + 1);
    this.cores.push(core);
    this.start(core.number);
    return core;
  }

  /** Asks for a change; how it was refused, or null. */
  change(core: Core, changes: readonly MemberChange[], promoteWithinMs: number = 2000): Refusal | null {
    const current = currentConfiguration(core.state);
    const configuration = current.joint ? null : wantedConfiguration(current, changes);
    if (configuration === null) return "change-pending";
    const effects = this.event(core, { type: "changeMembership", configuration, promoteWithinMs, force: false });
    const rejected = effects.find((effect) => effect.type === "rejected");
    return rejected?.reason ?? null;
  }

  crash(number: number): void {
    const core = this.core(number);
    core.up = false;
    core.epoch += 1;
    core.timer?.cancel();
    this.options.observer?.ended(core);
  }

  /** Cuts the links from each of `from` to each of `to`. */
  cutLinks(from: readonly number[], to: readonly number[]): void {
    for (const a of from) for (const b of to) this.cut.add(`${a}>${b}`);
  }

  /** Only members of the same set hear each other. */
  partition(...sets: readonly number[][]): void {
    this.cut.clear();
    for (const a of sets) for (const b of sets) if (a !== b) this.cutLinks(a, b);
  }

  heal(): void {
    this.cut.clear();
  }

  event(core: Core, body: EventBody): readonly Effect[] {
    if (!core.up) return [];
    const { observer } = this.options;
    const before = observer === null ? noteBefore(core.state) : null;
    const event: Event = { ...body, nowMs: this.scheduler.nowMs, wallMs: 1_700_000_000_000 + Math.floor(this.scheduler.nowMs) };
    const effects = [...step(core.state, event)];
    if (before !== null) {
      checkState(core.state);
      checkTransition(before, core.state);
    }
    this.#noteLeader(core);
    observer?.stepped(core, event, effects);
    for (const effect of effects) if (effect.type === "store") toLog(core.log, effect);
    for (const effect of effects) this.#perform(core, effect);
    core.timer?.cancel();
    const { deadlineMs } = core.state;
    if (Number.isFinite(deadlineMs)) {
      const { epoch } = core;
      core.timer = this.scheduler.after(deadlineMs - this.scheduler.nowMs, () => {
        if (core.epoch === epoch) this.event(core, { type: "deadline" });
      });
    }
    return effects;
  }

  #noteLeader(core: Core): void {
    const { role, term } = core.state;
    if (role !== "leader") return;
    const known = this.leaders.get(term);
    if (this.options.observer === null && known !== undefined && known !== core.number) throw new Error(`two leaders in term ${term}: ${known} and ${core.number}`);
    this.leaders.set(term, core.number);
  }

  #perform(core: Core, effect: Effect): void {
    switch (effect.type) {
      case "send":
        return this.#send(core, effect.message);
      case "store": {
        this.onDisk(core, () => {
          if (effect.hardState !== null) core.durable.hardState = effect.hardState;
          toLog(core.durable.entries, effect);
          if (effect.reset !== null) core.durable.start = core.durable.snapshot = effect.reset;
          this.options.observer?.durable?.(core, effect.store);
          for (const message of effect.messages) this.#send(core, message);
          this.event(core, { type: "stored", store: effect.store });
        });
        return;
      }
      case "apply": {
        for (let index = effect.from; index <= effect.to; index++) this.#apply(core, core.log[index - 1]!);
        const { epoch } = core;
        this.scheduler.after(0, () => {
          if (core.epoch !== epoch) return;
          this.event(core, { type: "applied", index: effect.to, wakeAtMs: this.wakeAtMs(core) });
          takeSnapshot(this, core);
        });
        return;
      }
      case "answerRead":
        core.answered.set(effect.readId, effect.index);
        return;
      case "failPending":
        for (const readId of effect.readIds) core.failed.add(readId);
        return;
      case "fetchSnapshot": return fetchSnapshot(this, core, effect);
      case "installSnapshot": return installSnapshot(this, core, effect.point);
      case "compact":
        forget(core.log, effect.start);
        return this.onDisk(core, () => {
          forget(core.durable.entries, effect.start);
          core.durable.start = effect.start;
        });
      case "diverged":
        throw new Error(`member ${core.number} diverged at ${effect.index}`);
      default:
        return;
    }
  }

  readonly #diskFree: number[] = [];

  /** Does something on the member's disk, behind all that it was asked for before. */
  onDisk(core: Core, work: () => void): void {
    const { epoch } = core;
    const [low, high] = this.options.diskMs;
    this.#diskFree[core.number] = Math.max(this.#diskFree[core.number] ?? 0, this.scheduler.nowMs) + nextInRange(this.random, low, high);
    this.scheduler.after(this.#diskFree[core.number]! - this.scheduler.nowMs, () => {
      if (core.epoch === epoch) work();
    });
  }

  wakeAtMs(core: Core): number | null {
    const newest = core.applied.at(-1);
    return this.options.wakeMs === null || newest === undefined ? null : newest.timeMs + this.options.wakeMs;
  }

  #apply(core: Core, entry: LogEntry): void {
    const known = this.committed.get(entry.index);
    const isWatched = this.options.observer !== null;
    if (!isWatched && known !== undefined && known !== entry.chain) throw new Error(`index ${entry.index} was committed twice`);
    // Dissertation 3.4, Leader Completeness rests on this: what anybody applies is durable on a majority.
    const holds = (number: number): number => {
      const { durable } = this.core(number);
      return entry.index <= (durable.start?.point.index ?? 0) || durable.entries[entry.index - 1]?.chain === entry.chain ? 1 : 0;
    };
    // By the configuration in force, or the one before if this very step began the next.
    const hasQuorum = core.state.configurations.slice(-2).some((each) => quorumValue(voterSets(each), holds) === 1);
    if (!isWatched && known === undefined && !hasQuorum) {
      throw new Error(`member ${core.number} applies index ${entry.index}, which is durable on no quorum of ${JSON.stringify(core.state.voters)}`);
    }
    this.committed.set(entry.index, entry.chain);
    this.committedEntries[entry.index - 1] = entry;
    core.applied.push(entry);
  }

  #send(core: Core, message: Message): void {
    const sent = message.type === "appendRequest"
      ? { ...message, entries: core.log.slice(message.prevLogIndex, message.lastIndex).map((entry) => ({ ...entry })) }
      : message;
    this.messages += 1;
    this.options.observer?.sent(core, message);
    if (this.onMessage !== null && !this.onMessage(sent)) return;
    if (this.cut.has(`${message.from}>${message.to}`)) return;
    if (nextFloat(this.random) * 100 < this.options.lossPercent) return;
    const copies = nextFloat(this.random) * 100 < this.options.duplicatePercent ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const [low, high] = this.options.delayMs;
      this.scheduler.after(nextInRange(this.random, low, high), () => {
        if (this.cut.has(`${message.from}>${message.to}`)) return;
        this.event(this.core(message.to), { type: "receive", message: sent });
      });
    }
  }

  run(ms: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + ms);
  }

  leader(): Core | null {
    const leaders = this.cores.filter((core) => core.up && core.state.role === "leader");
    leaders.sort((a, b) => b.state.term - a.state.term);
    return leaders[0] ?? null;
  }

  /** Runs until a leader is there whose own term's first entry is committed. */
  awaitLeader(limitMs: number = 10_000): Core {
    const end = this.scheduler.nowMs + limitMs;
    while (this.scheduler.nowMs < end) {
      this.run(10);
      const core = this.leader();
      if (core !== null && core.state.commitIndex >= core.state.ownTermIndex) return core;
    }
    throw new Error(`no leader within ${limitMs} ms`);
  }

  propose(core: Core, count: number = 1, payloadBytes: number = 20): LogEntry[] {
    const entries = Array.from({ length: count }, (): LogEntry => ({
      kind: 1, group: 1, index: 0, term: 0, timeMs: 0, chain: 0, payloadBytes,
      payloadSum: nextInRange(this.random, 0, 2 ** 31), configuration: null,
    }));
    this.event(core, { type: "propose", entries });
    return entries;
  }

  read(core: Core): number {
    const readId = this.nextRead++;
    this.event(core, { type: "read", readId, lease: false });
    return readId;
  }

  /** Whether all members that are up have applied the same log, up to the leader's last entry. */
  converged(): boolean {
    const leader = this.leader();
    if (leader === null) return false;
    return this.cores.every((core) => !core.up ||
      (core.state.lastApplied === leader.state.trail.lastIndex && core.state.trail.lastChain === leader.state.trail.lastChain));
  }
}

/** Sum of payload bytes, for tests that count what travels. */
export function payloadBytesOf(entries: readonly EntryHead[]): number {
  return entries.reduce((sum, entry) => sum + entry.payloadBytes, 0);
}

