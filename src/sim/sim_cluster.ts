/**
 * A simulated cluster: whole nodes, the code that ships, in one process, on simulated clocks, disks and a network. It
 * decides nothing: whoever runs it says what happens to which machine and when.
 */
import { nextU32, type RandomState, seedRandom } from "../base/random.ts";
import type { LogLevel } from "../host/host.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { type NodeConfig, parseNodeConfig } from "../node/config.ts";
import type { GroupObserver } from "../node/group_observer.ts";
import type { Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import type { MachineOptions, ProcessOptions } from "./machine_options.ts";
import type { Property } from "./property.ts";
import { Scheduler } from "./scheduler.ts";
import type { DiskCall } from "./sim_faults.ts";
import { type MachineOwner, SimMachine } from "./sim_machine.ts";
import type { StopEnd } from "./stop_end.ts";
import { SimNet, type SimNetOptions } from "./sim_net.ts";

/** The port of every simulated node. */
export const SIM_PORT = 7100;

/** What a simulated cluster is made of. */
export interface ClusterOptions {
  readonly seed: number;
  readonly ids: readonly string[];
  readonly plugin: AnyPlugin;
  /** Those that found the cluster; the others wait to be added. All if nothing is said. */
  readonly founders?: readonly string[];
  /** Flags of `draft serve`, for every node. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Settings that no flag would allow. */
  readonly config?: Partial<NodeConfig>;
  /** What one node alone is told. */
  readonly configOf?: (id: string) => Partial<NodeConfig>;
  readonly tailBytesMax?: number;
  readonly tuning?: NonNullable<ProcessOptions["tuning"]>;
  /** What the process of this name proves to others that it knows; asked at each start. */
  readonly peerSecret?: (id: string) => Uint8Array | null;
  readonly net?: Partial<SimNetOptions>;
  readonly machine?: (id: string) => MachineOptions;
  /** Who looks on at the processes of the machine of this name, besides the rules; asked at each start. */
  readonly observers?: (id: string) => readonly GroupObserver[];
  /** Rules that are checked after every event. */
  readonly properties?: readonly Property[];
}

/** Hears of what happens besides the rules. */
export interface ClusterWatch {
  passed?(machine: SimMachine, kind: number, size: number): void;
  stepped?(machine: SimMachine, state: RaftState, event: Event): void;
  sent?(machine: SimMachine, message: Message): void;
  said?(machine: SimMachine, level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
  /** A process failed, or could not start: by itself it does nothing any more. */
  failed?(machine: SimMachine, error: Error): void;
  endedEarly?(machine: SimMachine): void;
  diskCall?(machine: SimMachine, call: DiskCall): void;
  /** Its directory is going to be empty. */
  wiped?(machine: SimMachine): void;
  /** A promise was resolved: what comes of it happens before the next event. */
  promised?(): void;
}

/** All machines and what lies between them. */
export class SimCluster implements MachineOwner {
  readonly scheduler: Scheduler = new Scheduler();
  readonly net: SimNet;
  readonly machines: Map<string, SimMachine> = new Map();
  readonly seed: number;
  readonly options: ClusterOptions;
  watch: ClusterWatch = {};
  lingers = false;
  /** The first rule that was broken, or assertion that failed, wherever it was swallowed later. */
  broken: Error | null = null;
  readonly #properties: readonly Property[];
  #boots = 0;
  #openedNow: SimMachine[] = [];

  constructor(options: ClusterOptions) {
    this.options = options;
    this.seed = options.seed;
    this.#properties = options.properties ?? [];
    this.net = new SimNet(this.scheduler, { seed: options.seed, ...options.net });
    for (const id of options.ids) this.addMachine(id);
  }

  addMachine(id: string): SimMachine {
    const machine = new SimMachine(this, id, this.machines.size + 1, this.options.machine?.(id) ?? {});
    this.machines.set(id, machine);
    return machine;
  }

  machine(id: string): SimMachine {
    const machine = this.machines.get(id);
    if (machine === undefined) throw new Error(`no machine ${id}`);
    return machine;
  }

  /** The machines that found the cluster. */
  get founders(): readonly string[] {
    return this.options.founders ?? [...this.machines.keys()];
  }

  /** The list for `--initial` of those that found it. */
  get initial(): string {
    return this.founders.map((id) => `${id}@${id}:${SIM_PORT}`).join(",");
  }

  /** Starts the process of a machine with these flags. */
  start(id: string, flags: Readonly<Record<string, string>> = this.#foundingFlags(id)): void {
    const { plugin, tailBytesMax, tuning, observers } = this.options;
    const machine = this.machine(id);
    machine.start({
      config: this.#config(id, flags), ...(machine.build ?? { plugin }), observers: observers?.(id) ?? [],
      ...(tailBytesMax === undefined ? {} : { tailBytesMax }),
      ...(tuning === undefined ? {} : { tuning }), peerSecret: this.options.peerSecret?.(id) ?? null,
    });
  }

  startAll(): void {
    for (const id of this.machines.keys()) this.start(id);
  }

  /** Power cut: what was not synced is kept or lost by chance. */
  crash(id: string, silent: boolean = false): void {
    this.machine(id).crash(silent);
  }

  /** The process ends; what it had written is not lost. */
  kill(id: string): void {
    this.machine(id).kill();
  }

  /** As the signal TERM does; `stopped` is set when it has ended. */
  stop(id: string): StopEnd {
    return this.machine(id).stop();
  }

  /** Runs the next event, unless it lies behind `untilMs`; false if there is none. */
  step(untilMs: number): boolean {
    if (!this.scheduler.step(untilMs)) return false;
    if (this.#openedNow.length > 0) this.#tellOpened();
    return true;
  }

  /** Runs until so much time has passed. */
  run(ms: number): void {
    const endMs = this.scheduler.nowMs + ms;
    while (this.step(endMs));
    this.scheduler.runUntil(endMs);
  }

  /** The machine whose node leads and can commit; null if none does. */
  leaderMachine(): SimMachine | null {
    for (const machine of this.machines.values()) {
      const { state } = machine;
      if (state !== null && state.role === "leader" && state.commitIndex >= state.ownTermIndex) return machine;
    }
    return null;
  }

  /** The last lines that each node logged. */
  story(): string {
    return [...this.machines.values()].map((machine) => {
      const end = machine.failure?.message ?? machine.startError?.message ?? (machine.isUp ? "runs" : "is down");
      return `${machine.id} (${end}):\n  ${machine.lines.slice(-15).join("\n  ")}`;
    }).join("\n");
  }

  drawSeed(): RandomState {
    const random = seedRandom(this.seed * 1000 + this.#boots++);
    nextU32(random);
    return random;
  }

  tell(say: (property: Property) => void): void {
    if (this.#properties.length > 0) this.guard(() => {
      for (const property of this.#properties) say(property);
    });
  }

  /** A failure is kept, for between here and the run may stand code that takes it for an error of its own. */
  guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.broken ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  /** A group was opened: the rules hear of it when the event has ended, for then its machine is there too. */
  opened(machine: SimMachine): void {
    this.#openedNow.push(machine);
  }

  passed(machine: SimMachine, kind: number, size: number): void {
    this.watch.passed?.(machine, kind, size);
  }

  stepped(machine: SimMachine, state: RaftState, event: Event): void {
    this.watch.stepped?.(machine, state, event);
  }

  sent(machine: SimMachine, message: Message): void {
    this.watch.sent?.(machine, message);
  }

  said(machine: SimMachine, level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.watch.said?.(machine, level, message, fields);
  }

  processFailed(machine: SimMachine, error: Error): void {
    this.watch.failed?.(machine, error);
  }

  endedEarly(machine: SimMachine): void {
    this.watch.endedEarly?.(machine);
  }

  diskCall(machine: SimMachine, call: DiskCall): void {
    this.watch.diskCall?.(machine, call);
  }

  promised(): void {
    this.watch.promised?.();
  }

  wiped(machine: SimMachine): void {
    this.watch.wiped?.(machine);
  }

  #tellOpened(): void {
    const opened = this.#openedNow;
    this.#openedNow = [];
    for (const machine of opened) {
      if (machine.state !== null) this.tell((property) => property.opened?.(machine));
    }
  }

  /** Of one that is to be added, or added again with its directory emptied, none. */
  #foundingFlags(id: string): Readonly<Record<string, string>> {
    const founds = this.options.founders === undefined || (this.options.founders.includes(id) && this.machine(id).directories === 1);
    return founds ? { initial: this.initial } : {};
  }

  #config(id: string, flags: Readonly<Record<string, string>>): NodeConfig {
    const values: Record<string, string> = {
      id, data: `/${id}`, listen: `${id}:${SIM_PORT}`, insecure: "yes", "segment-bytes": "65536", ...this.options.flags, ...flags,
    };
    const config = parseNodeConfig({ text: (name) => values[name], all: () => [], has: (name) => values[name] !== undefined });
    return { ...config, ...this.options.config, ...this.options.configOf?.(id) };
  }
}
