/** Nodes that have a transport, a disk and the exchange of snapshots, and nothing else; each core stands still. */
import { nextU32, seedRandom } from "../../src/base/random.ts";
import { runTask, type Task, wait } from "../../src/base/task.ts";
import type { Host } from "../../src/host/host.ts";
import type { Hello } from "../../src/net/hello.ts";
import { type Peer } from "../../src/net/link.ts";
import { Transport } from "../../src/net/transport.ts";
import type { SnapshotTuning } from "../../src/node/settings.ts";
import { SnapshotExchange } from "../../src/node/snapshot_exchange.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import type { EventBody } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";
import type { Configuration } from "../../src/raft/types.ts";
import { Gate } from "../../src/sim/gate.ts";
import { Scheduler } from "../../src/sim/scheduler.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { SimNet, type SimNetOptions } from "../../src/sim/sim_net.ts";
import type { Death } from "../../src/sim/sim_socket.ts";
import { snapshotName } from "../../src/wal/snapshot_directory.ts";
import { PieceKind, type SnapshotHead } from "../../src/wal/snapshot_format.ts";
import { SnapshotWriter } from "../../src/wal/snapshot_writer.ts";
import { acceptor, type TestNode } from "../net/nodes.ts";
import { helloOf } from "../net/samples.ts";
import { currentMember } from "../../src/raft/membership.ts";
import { Single } from "../raft/helpers.ts";

export const DIRECTORY = "data/snapshots/1";

/** Small pieces, so that a transfer has many. */
export const TUNING: SnapshotTuning = { pieceBytes: 1000, servedMax: 2, servedBytesPerSecond: 64e6 };

/** One node; `start` makes another process of it. */
export interface ExchangeNode {
  readonly id: string;
  readonly number: number;
  readonly disk: SimDisk;
  hello: Hello;
  gate: Gate;
  transport: Transport;
  exchange: SnapshotExchange;
  state: RaftState;
  /** What the leader has at the index is as `write` makes it, unless it is said. */
  fetch: (from: number, index: number, leaders?: { readonly term?: number; readonly chain?: number }) => void;
  /** What its core was told. */
  readonly events: EventBody[];
  readonly lines: string[];
}

export class ExchangeRig {
  readonly scheduler: Scheduler = new Scheduler();
  readonly net: SimNet;
  readonly nodes: ExchangeNode[];
  readonly configuration: Configuration;
  readonly tuning: SnapshotTuning;

  constructor(ids: string, options: { seed?: number; tuning?: Partial<SnapshotTuning>; net?: Partial<SimNetOptions> } = {}) {
    const seed = options.seed ?? 1;
    this.net = new SimNet(this.scheduler, { seed, ...options.net });
    this.tuning = { ...TUNING, ...options.tuning };
    const hellos = Array.from(ids, (id, at) => helloOf(id, at + 1));
    this.configuration = genesisConfiguration(hellos.map(({ nodeId, incarnation, address }) => ({ id: nodeId, incarnation, address })));
    this.nodes = hellos.map((hello, at) => {
      const disk = new SimDisk(this.scheduler, { seed: seed * 10 + at, delayMinMs: 0.01, delayMaxMs: 0.1 });
      const bare = { id: hello.nodeId, number: at + 1, disk, hello, events: [], lines: [] } as unknown as ExchangeNode;
      this.start(bare);
      return bare;
    });
  }

  node(id: string): ExchangeNode {
    return this.nodes.find((node) => node.id === id) as ExchangeNode;
  }

  /** A new process on what the disk holds. */
  start(node: ExchangeNode): void {
    const gate = new Gate();
    const disk = gate.disk(node.disk.boot());
    const host: Host = {
      clock: gate.clock(this.scheduler.clock(1_700_000_000_000)), disk, net: gate.net(this.net.host(node.id)),
      random: { u32: () => 7 },
      log: { enabled: () => true, write: (level, message) => node.lines.push(`${level} ${message}`) },
    };
    node.gate = gate;
    node.state = new Single({ config: { self: node.number, incarnation: node.hello.incarnation }, configuration: this.configuration }).state;
    const exchange = new SnapshotExchange({ host, tuning: this.tuning, spareBytes: 1000, dial: (peer, done) => node.transport.interview(peer, done), peerOf: (member) => currentMember(node.state, member) });
    node.exchange = exchange;
    const clusterId = node.hello.clusterId;
    const fetch = exchange.open({ clusterId, directory: DIRECTORY, state: node.state, submit: (event) => node.events.push(event), read: () => undefined, wanted: () => undefined });
    node.fetch = (from, index, { term = 3, chain = 9 } = {}) => fetch.begin(from, { index, term, chain });
    node.transport = new Transport(host, {
      hello: () => node.hello,
      admit: () => null,
      probe: (_from, _request, answer) => answer(null),
      snapshot: (from, question, answer) => exchange.asked(from, question, answer),
      message: () => undefined,
      linkUp: () => undefined,
      linkDown: () => undefined,
    }, { frameBytesMax: 1 << 20, bulkBytesMax: 1 << 20, snapshotsMax: this.tuning.servedMax });
    host.net.listen({ host: node.id, port: 7100 }, acceptor(node as unknown as TestNode), () => undefined);
    this.task(node, function* () {
      yield* wait<void>((done) => disk.makeDirectory(DIRECTORY, done));
      for (const path of [DIRECTORY, "data/snapshots", "data", "."]) yield* wait<void>((done) => disk.syncDirectory(path, done));
    });
  }

  /** Power cut. */
  crash(node: ExchangeNode, death: Death = "rebooted"): void {
    node.gate.open = false;
    node.disk.crash();
    this.net.crash(node.id, death);
  }

  /** Runs a task on the disk of the node, to its end. */
  task<T>(node: ExchangeNode, task: (disk: Host["disk"]) => Task<T>): T {
    let value: T | null = null;
    let ended = false;
    runTask(task(node.disk.boot()), (...[error, result]) => {
      if (error !== null) throw error;
      value = result;
      ended = true;
    });
    this.until("a task ends", () => ended);
    return value as T;
  }

  /** Writes a snapshot of so many bytes there; its content depends on `seed` alone. */
  write(node: ExchangeNode, { index, term = 3, bytes, seed = 1, head = {} }: { index: number; term?: number; bytes: number; seed?: number; head?: Partial<SnapshotHead> }): Uint8Array {
    const { configuration } = this;
    const whole: SnapshotHead = {
      clusterId: "cluster", group: 1, point: { index, term, chain: 9 }, featureLevel: 1, machine: "kv", machineVersion: 1,
      streamed: true, timeMs: 5000 + index, digest: 4, configuration, checks: { points: [], splitIndex: 0 }, origin: { used: true, restored: null }, emptied: false, ...head,
    };
    this.task(node, function* (disk) {
      const writer = yield* SnapshotWriter.begin(disk, DIRECTORY, whole);
      const random = seedRandom(seed);
      yield* writer.piece(PieceKind.machine, Uint8Array.from({ length: bytes }, () => nextU32(random) & 255));
      yield* writer.finish();
    });
    return node.disk.content(`${DIRECTORY}/${snapshotName({ index, term })}`) as Uint8Array;
  }

  names(node: ExchangeNode): string[] {
    return node.disk.names.list(DIRECTORY);
  }

  run(ms: number): void {
    this.scheduler.runUntil(this.scheduler.nowMs + ms);
  }

  until(what: string, condition: () => boolean, limitMs: number = 60_000): void {
    const endMs = this.scheduler.nowMs + limitMs;
    while (!condition()) {
      if (!this.scheduler.step(endMs)) throw new Error(`not within ${limitMs} ms: ${what}\n${this.nodes.flatMap(({ id, lines }) => lines.map((line) => `${id} ${line}`)).join("\n")}`);
    }
  }

  /** Runs until the fetch that is under way has ended; what the core was told of its end. */
  ended(node: ExchangeNode, limitMs?: number): EventBody {
    const isEnd = (event: EventBody): boolean => event.type === "snapshotFetched" || (event.type === "snapshotFetching" && event.index === 0);
    this.until("the fetch ends", () => node.events.some(isEnd), limitMs);
    const end = node.events.find(isEnd) as EventBody;
    node.events.length = 0;
    return end;
  }
}

/** The node as a member to dial. */
export function peerOf({ hello }: ExchangeNode): Peer {
  return { number: hello.memberNumber, incarnation: hello.incarnation, id: hello.nodeId, address: hello.address };
}
