/**
 * One simulated machine: its disk, clocks and network card, and the process on it, if one runs. Processes come and go,
 * the machine lasts. What its core does is told to whoever watches, and checked.
 */
import type { DraftError } from "../base/errors.ts";
import { nextU32, type RandomState } from "../base/random.ts";
import { runTask } from "../base/task.ts";
import { type Server, startServer } from "../gateway/server.ts";
import type { Disk, Host, Log, LogLevel } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import type { OutboundQueue } from "../net/outbound.ts";
import type { Identity } from "../node/identity.ts";
import type { GroupObserver } from "../node/group_observer.ts";
import type { Effect, Event } from "../raft/event.ts";
import { type Before, checkState, checkTransition, noteBefore } from "../raft/invariants.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { MemberNumber } from "../raft/types.ts";
import { type DurableLog, readDurableLog } from "./durable_log.ts";
import { Gate } from "./gate.ts";
import type { Build, MachineOptions, ProcessOptions } from "./machine_options.ts";
import type { MemberClocks, Property, SimMember } from "./property.ts";
import { SimClock } from "./sim_clock.ts";
import { SimDisk } from "./sim_disk.ts";
import type { DiskCall } from "./sim_faults.ts";
import type { CrashFate } from "./sim_image.ts";
import type { Scheduler } from "./scheduler.ts";
import type { StopEnd } from "./stop_end.ts";
import type { SimNet } from "./sim_net.ts";
import type { Death } from "./sim_socket.ts";

/** What a machine stands in, and who hears of it. */
export interface MachineOwner {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly net: SimNet;
  /** Whether a process that has stopped in good order stays, so that what it forgot to give back can be counted. */
  readonly lingers: boolean;
  /** A generator that no other process has. */
  drawSeed(): RandomState;
  /** Tells every rule. */
  tell(say: (property: Property) => void): void;
  /** Runs a check whose failure must not be lost. */
  guard(check: () => void): void;
  opened(machine: SimMachine): void;
  passed(machine: SimMachine, kind: number, size: number): void;
  stepped(machine: SimMachine, state: RaftState, event: Event): void;
  sent(machine: SimMachine, message: Message): void;
  said(machine: SimMachine, level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
  processFailed(machine: SimMachine, error: Error): void;
  /** A process was ended before it had read its log. */
  endedEarly(machine: SimMachine): void;
  diskCall(machine: SimMachine, call: DiskCall): void;
  promised(): void;
  /** Its directory is going to be empty. */
  wiped(machine: SimMachine): void;
}

const LINES_MAX = 400;

export class SimMachine implements SimMember {
  readonly id: string;
  /** Its place among the machines, from 1. */
  readonly place: number;
  readonly clock: SimClock;
  readonly clocks: MemberClocks;
  disk: SimDisk;
  gate: Gate = new Gate();
  /** What its next process runs; null: what all run. */
  build: Build | null = null;
  server: Server | null = null;
  /** Why the process ended, or could not start. */
  failure: Error | null = null;
  startError: Error | null = null;
  /** How often the process said that it failed; none fails twice. */
  failures = 0;
  readonly lines: string[] = [];
  number = 0;
  incarnation = 0;
  directories = 0;
  boots = 0;
  state: RaftState | null = null;
  forgiven = false;
  isSilentlyLost = false;
  isAstray = false;
  /** Its disk said of syncs that they were done, and did nothing. */
  hasLied = false;
  /** Whether the process has read its log. */
  hasOpened = false;
  isStopping = false;
  readonly #owner: MachineOwner;
  readonly #options: MachineOptions;
  #port: Disk | null = null;
  #before: Before | null = null;
  /** Writes that the disk had refused when the process began. */
  #refusalsBefore = 0;

  constructor(owner: MachineOwner, id: string, place: number, options: MachineOptions) {
    this.#owner = owner;
    this.id = id;
    this.place = place;
    this.#options = options;
    this.clock = new SimClock(owner.scheduler, options.clock);
    this.clocks = { trueMs: () => owner.scheduler.nowMs, monotonicMs: () => this.clock.monotonicMs(), wallMs: () => this.clock.wallMs() };
    this.disk = this.#newDisk();
  }

  get identity(): Identity | null {
    return this.server?.node.identity ?? null;
  }

  get applier(): Applier | null {
    return this.state?.config.witness === true ? null : (this.server?.node.groups.get("main")?.applier ?? null);
  }

  queuesTo(member: MemberNumber): readonly OutboundQueue[] {
    return this.server?.node.transport.queuesTo(member) ?? [];
  }

  durableLog(): DurableLog {
    return readDurableLog(this.disk, `/${this.id}`);
  }

  /** Whether there is a process, be it that it only starts, stops or is paused. */
  get isUp(): boolean {
    return this.#port !== null;
  }

  /** Whether the disk was too full for a write of the process. */
  get metFullDisk(): boolean {
    return this.disk.refusals > this.#refusalsBefore;
  }

  /** Starts a process. There must be none. */
  start(options: ProcessOptions): void {
    this.gate.open = false;
    const gate = new Gate((kind, size) => this.#owner.passed(this, kind, size));
    this.gate = gate;
    this.failures = 0;
    this.failure = this.startError = null;
    this.boots += 1;
    this.isStopping = false;
    this.hasOpened = false;
    this.#refusalsBefore = this.disk.refusals;
    const port = this.disk.boot();
    this.#port = port;
    runTask(startServer(this.#host(gate, port), {
      ...options, plugin: this.#options.engine?.plugin(options.plugin, () => this.#owner.promised()) ?? options.plugin,
      process: { runtime: "sim", pid: 1, loop: null },
      observers: [this.#observer(gate), ...(options.observers ?? [])],
      failed: (error) => this.#failed(gate, error),
    }), (...[error, server]) => {
      if (!gate.open) return;
      if (error === null) {
        this.server = server;
        this.#owner.tell((property) => property.began?.(this));
        return;
      }
      this.startError = error;
      this.#ended();
      this.#owner.processFailed(this, error);
    });
  }

  /** Power cut: what was not synced is kept or lost by chance. `silent`: nobody is told that its connections are gone. */
  crash(silent: boolean = false, fate?: CrashFate): void {
    this.disk.crash(fate);
    this.#options.engine?.crash();
    this.#gone(silent ? "silent" : "rebooted");
  }

  /** The process ends; what it had written is not lost. */
  kill(): void {
    if (this.#port !== null) this.disk.kill(this.#port);
    this.#gone("killed");
  }

  /** As the signal TERM does; `ended` hears when the process is gone by itself. */
  stop(ended: () => void = () => {}): StopEnd {
    const end: StopEnd = { stopped: false, error: null };
    const { gate, server } = this;
    if (server === null) throw new Error(`${this.id} does not run`);
    this.isStopping = true;
    runTask(server.stop(), (...[error]) => {
      Object.assign(end, { stopped: true, error });
      if (this.gate !== gate || !gate.open) return;
      if (!this.#owner.lingers) this.kill();
      ended();
    });
    return end;
  }

  /** A machine of the same name with an empty disk: the directory is lost. There must be no process. */
  wipe(): void {
    this.#owner.wiped(this);
    this.disk = this.#newDisk();
    this.#options.engine?.wipe();
    this.number = this.incarnation = this.lines.length = 0;
    this.forgiven = this.isSilentlyLost = this.hasLied = false;
  }

  #newDisk(): SimDisk {
    const seed = this.#owner.seed * 31 + this.id.charCodeAt(0) + 1000 * this.directories++;
    const disk = new SimDisk(this.#owner.scheduler, { seed, ...this.#options.disk });
    disk.seen = (call) => this.#owner.diskCall(this, call);
    return disk;
  }

  #gone(death: Death): void {
    if (this.isUp && this.state === null && this.failure === null && this.startError === null) this.#owner.endedEarly(this);
    this.gate.open = false;
    this.#port = null;
    this.server = null;
    this.isStopping = false;
    this.#owner.net.crash(this.id, death);
    this.#ended();
  }

  /** Nothing is known any more of what the core held in memory. */
  #ended(): void {
    if (this.state === null) return;
    this.#owner.tell((property) => property.ended?.(this));
    this.state = null;
    this.#before = null;
  }

  #failed(gate: Gate, error: DraftError): void {
    if (this.gate !== gate) return;
    this.failure = error;
    this.failures += 1;
    this.#ended();
    this.server = null;
    this.#owner.processFailed(this, error);
  }

  #host(gate: Gate, port: Disk): Host {
    const random = this.#owner.drawSeed();
    return {
      clock: gate.clock(this.clock),
      disk: gate.disk(port),
      net: gate.net(this.#owner.net.host(this.id)),
      random: { u32: () => nextU32(random) },
      log: this.#log(gate),
      promised: () => this.#owner.promised(),
    };
  }

  #log(gate: Gate): Log {
    return {
      enabled: (level) => level !== "trace" && level !== "debug",
      write: (level, message, fields = {}) => {
        if (level === "trace" || level === "debug") return;
        if (this.lines.length >= LINES_MAX) this.lines.splice(0, LINES_MAX / 2);
        this.lines.push(`${this.#owner.scheduler.nowMs.toFixed(1)} ${level} ${message}`);
        if (gate.open) this.#owner.said(this, level, message, fields);
      },
    };
  }

  #observer(gate: Gate): GroupObserver {
    return {
      opened: (state) => {
        if (!gate.open) return;
        this.state = state;
        this.hasOpened = true;
        this.number = state.config.self;
        this.incarnation = state.config.incarnation;
        this.#before = noteBefore(state);
        this.#owner.opened(this);
      },
      stepped: (state, event, effects) => {
        if (gate.open && this.state === state) this.#stepped(state, event, effects);
      },
      sealed: (state, entries, bytes) => {
        if (gate.open && this.state === state && state.role === "leader") this.#owner.tell((property) => property.entriesSealed?.(this, entries, bytes));
      },
      durable: (state, store) => {
        if (gate.open && this.state === state) this.#owner.tell((property) => property.durable?.(this, store));
      },
      sent: (state, message) => {
        if (gate.open && this.state === state) this.#sent(message);
      },
    };
  }

  #stepped(state: RaftState, event: Event, effects: readonly Effect[]): void {
    this.#owner.stepped(this, state, event);
    this.#owner.guard(() => {
      checkState(state);
      if (this.#before !== null) checkTransition(this.#before, state);
    });
    this.#before = noteBefore(state);
    this.#owner.tell((property) => property.stepped?.(this, event, effects));
  }

  #sent(message: Message): void {
    this.#owner.sent(this, message);
    this.#owner.tell((property) => property.sent?.(this, message));
  }
}
