/**
 * Whole nodes in one process, on simulated clocks, disks and a simulated network: the code that ships, over the ports.
 */
import { assert } from "../../src/base/assert.ts";
import type { DraftError } from "../../src/base/errors.ts";
import { runTask } from "../../src/base/task.ts";
import { type Server, startServer } from "../../src/gateway/server.ts";
import type { Host, Log } from "../../src/host/host.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { AnyPlugin, Command } from "../../src/machine/machine.ts";
import { type NodeConfig, parseNodeConfig } from "../../src/node/config.ts";
import type { GroupObserver } from "../../src/node/group_observer.ts";
import type { Answer, ReadOptions } from "../../src/node/node_api.ts";
import kv from "../../plugins/kv/kv.ts";
import { seedRandom, nextU32 } from "../../src/base/random.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { SimNet } from "../../src/sim/sim_net.ts";
import { checkState } from "../../src/raft/invariants.ts";
import { Gate } from "./gate.ts";

const PORT = 7100;
const WALL_START_MS = 1_700_000_000_000;

/** One simulated machine and the process on it, if it runs. */
export interface SimNode {
  readonly id: string;
  disk: SimDisk;
  server: Server | null;
  failure: Error | null;
  startError: Error | null;
  readonly lines: string[];
  gate: Gate;
  /** How often the node said that it failed since it was started; no process fails twice. */
  failures: number;
}

/** A request and, once it is there, its answer. */
export interface Outcome {
  result: Answer | DraftError | null;
}

export interface SimNodesOptions {
  readonly seed: number;
  readonly ids: readonly string[];
  readonly plugin?: AnyPlugin;
  readonly flags?: Readonly<Record<string, string>>;
  readonly tailBytesMax?: number;
  /** Who looks on at the node of this name; asked at each start. */
  readonly observers?: (id: string) => readonly GroupObserver[];
  readonly watch?: NodesWatcher;
}

/** Who looks on at all nodes. */
export interface NodesWatcher {
  /** A process is started on this machine. */
  started(node: SimNode): readonly GroupObserver[];
  /** Its process is gone. */
  ended(node: SimNode): void;
}

/** A simulated cluster. */
export class SimNodes {
  readonly scheduler: Scheduler = new Scheduler();
  readonly net: SimNet;
  readonly nodes: Map<string, SimNode> = new Map();
  readonly seed: number;
  readonly plugin: AnyPlugin;
  readonly flags: Readonly<Record<string, string>>;
  /** Who led which term. */
  readonly leaders: Map<number, string> = new Map();
  readonly #tailBytesMax: number | undefined;
  readonly #watch: NodesWatcher | null;
  readonly #observers: (id: string) => readonly GroupObserver[];
  #boots = 0;

  constructor(options: SimNodesOptions) {
    this.#tailBytesMax = options.tailBytesMax;
    this.#watch = options.watch ?? null;
    this.#observers = options.observers ?? (() => []);
    this.seed = options.seed;
    this.plugin = options.plugin ?? kv;
    this.flags = options.flags ?? {};
    this.net = new SimNet(this.scheduler, { seed: options.seed });
    for (const id of options.ids) this.addMachine(id);
  }

  addMachine(id: string): SimNode {
    const node: SimNode = {
      id, disk: new SimDisk(this.scheduler, { seed: this.seed * 31 + id.charCodeAt(0) }), server: null, failure: null,
      startError: null, lines: [], gate: new Gate(), failures: 0,
    };
    this.nodes.set(id, node);
    return node;
  }

  node(id: string): SimNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no machine ${id}`);
    return node;
  }

  /** The list for `--initial` of all machines. */
  get initial(): string {
    return [...this.nodes.keys()].map((id) => `${id}@${id}:${PORT}`).join(",");
  }

  #config(id: string, flags: Readonly<Record<string, string>>): NodeConfig {
    const values: Record<string, string> = {
      id, data: `/${id}`, listen: `${id}:${PORT}`, insecure: "yes", "segment-bytes": "65536", ...this.flags, ...flags,
    };
    return parseNodeConfig({ text: (name) => values[name], all: () => [], has: (name) => values[name] !== undefined });
  }

  /** Starts the process of a machine with these flags. */
  start(id: string, flags: Readonly<Record<string, string>> = { initial: this.initial }): void {
    const node = this.node(id);
    node.gate.open = false;
    const gate = new Gate();
    node.gate = gate;
    node.failures = 0;
    node.failure = null;
    node.startError = null;
    const host = this.#host(node, gate);
    runTask(startServer(host, {
      config: this.#config(id, flags), plugin: this.plugin, process: { runtime: "sim", pid: 1 },
      ...(this.#tailBytesMax === undefined ? {} : { tailBytesMax: this.#tailBytesMax }),
      observers: [...(this.#watch?.started(node) ?? []), ...this.#observers(id)],
      failed: (error: DraftError) => {
        this.#watch?.ended(node);
        node.failure = error;
        node.failures += 1;
        node.server = null;
      },
    }), (...[error, server]) => {
      if (!gate.open) return;
      if (error === null) node.server = server;
      else node.startError = error;
    });
  }

  #host(node: SimNode, gate: Gate): Host {
    const random = seedRandom(this.seed * 1000 + this.#boots++);
    const log: Log = {
      enabled: (level) => level !== "trace" && level !== "debug",
      write: (level, message, fields = {}) => {
        if (level === "trace" || level === "debug") return;
        node.lines.push(`${this.scheduler.nowMs.toFixed(1)} ${level} ${message}`);
        if (fields["role"] === "leader") this.#noteLeader(node.id, fields["term"] as number);
      },
    };
    return {
      clock: gate.clock(this.scheduler.clock(WALL_START_MS)),
      disk: gate.disk(node.disk.boot()),
      net: gate.net(this.net.host(node.id)),
      random: { u32: () => nextU32(random) },
      log,
    };
  }

  #noteLeader(id: string, term: number): void {
    const other = this.leaders.get(term) ?? id;
    assert(other === id, "one leader a term", term, other, id);
    this.leaders.set(term, id);
  }

  startAll(): void {
    for (const id of this.nodes.keys()) this.start(id);
  }

  /** Power cut: what was not synced is kept or lost by chance. */
  crash(id: string): void {
    const node = this.node(id);
    this.kill(id);
    node.disk.crash();
  }

  /** The process ends; what it had written is not lost. */
  kill(id: string): void {
    const node = this.node(id);
    this.#watch?.ended(node);
    node.gate.open = false;
    node.server = null;
    this.net.crash(id);
  }

  /** As the signal TERM does; `stopped` is set when it has ended. */
  stop(id: string): { stopped: boolean; error: Error | null } {
    const end = { stopped: false, error: null as Error | null };
    const node = this.node(id);
    const { gate, server } = node;
    if (server === null) throw new Error(`${id} does not run`);
    runTask(server.stop(), (...[error]) => {
      Object.assign(end, { stopped: true, error });
      if (node.gate === gate) this.kill(id);
    });
    return end;
  }

  /** The directory is lost: a machine of the same name with an empty disk. */
  wipe(id: string): void {
    const node = this.node(id);
    node.disk = new SimDisk(this.scheduler, { seed: this.seed * 77 + this.#boots });
    node.lines.length = 0;
  }

  run(ms: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + ms);
    for (const { server } of this.nodes.values()) {
      const main = server?.node.groups.get("main");
      if (main !== undefined) checkState(main.state);
    }
  }

  /** Runs until `condition` holds. */
  until(what: string, condition: () => boolean, limitMs: number = 20_000): void {
    const end = this.scheduler.nowMs + limitMs;
    while (!condition()) {
      if (this.scheduler.nowMs >= end) throw new Error(`not within ${limitMs} ms: ${what}\n${this.story()}`);
      this.run(5);
    }
  }

  story(): string {
    return [...this.nodes.values()].map((node) => `${node.id} (${node.failure?.message ?? node.startError?.message ?? "ok"}):\n  ${node.lines.slice(-15).join("\n  ")}`).join("\n");
  }

  leader(): SimNode | null {
    for (const node of this.nodes.values()) {
      const main = node.server?.node.groups.get("main");
      if (main?.state.role === "leader" && main.state.commitIndex >= main.state.ownTermIndex) return node;
    }
    return null;
  }

  awaitLeader(): SimNode {
    this.until("a leader", () => this.leader() !== null);
    return this.leader() as SimNode;
  }

  /** Proposes at a node; the result is filled in later. */
  propose(id: string, command: Command, timeoutMs: number = 5000): Outcome {
    const outcome: Outcome = { result: null };
    const server = this.node(id).server;
    if (server === null) throw new Error(`${id} does not run`);
    server.requests.propose("main", encodeCommand(command), timeoutMs, (result) => this.#answered(outcome, result));
    return outcome;
  }

  read(id: string, command: Command, options: Partial<ReadOptions> = {}): Outcome {
    const outcome: Outcome = { result: null };
    const server = this.node(id).server;
    if (server === null) throw new Error(`${id} does not run`);
    const all: ReadOptions = { level: "linearizable", minIndex: 0, timeoutMs: 5000, ...options };
    server.requests.read("main", command, all, (result) => this.#answered(outcome, result));
    return outcome;
  }

  #answered(outcome: Outcome, result: Answer | DraftError): void {
    assert(outcome.result === null, "a request is answered once");
    outcome.result = result;
  }
}
