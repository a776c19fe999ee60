/**
 * One node: its data directory, WAL, links and groups, and the turn that drives them. Disk and network meet only here.
 */
import { describeThrown, DraftError } from "../base/errors.ts";
import { runTask, type Task, wait } from "../base/task.ts";
import type { Host, Socket } from "../host/host.ts";
import { Applier } from "../machine/applier.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { Lane } from "../net/frame.ts";
import { Transport } from "../net/transport.ts";
import type { Message } from "../raft/message.ts";
import { createRaft } from "../raft/state.ts";
import { bestSuccessor } from "../raft/transfer.ts";
import { type Configuration, MAIN_GROUP, type MemberNumber } from "../raft/types.ts";
import { openWal } from "../wal/open_wal.ts";
import type { Wal } from "../wal/wal.ts";
import { WAL_DEFAULTS } from "../wal/wal_options.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import { Founding } from "./founding.ts";
import { decodeGenesis, drawClusterId, encodeGenesis, type Genesis } from "./genesis.ts";
import { Group } from "./group.ts";
import { Handover } from "./handover.ts";
import type { Identity } from "./identity.ts";
import { Introductions, PROBE_HELLO } from "./introductions.ts";
import { raftConfig, type NodeSettings } from "./settings.ts";
import { RecoveredLog } from "./recovered_log.ts";
import { Turn } from "./turn.ts";

/** What a node is made of. */
export interface NodeParts {
  readonly host: Host;
  readonly settings: NodeSettings;
  readonly plugin: AnyPlugin;
  readonly dataDir: DataDir;
  /** Called once, when the node cannot go on: its code is the exit code. */
  readonly failed: (error: DraftError) => void;
}

/** How often requests are looked at whose time may be up, in milliseconds. */
const EXPIRY_INTERVAL_MS = 50;

/** One node. */
export class Node {
  readonly parts: NodeParts;
  readonly transport: Transport;
  readonly startedMs: number;
  /** The groups by name; empty until the node belongs to a cluster. */
  readonly groups: Map<string, Group> = new Map();
  fenced = false;
  diskIsFull = false;
  stopping = false;
  readonly #turn: Turn;
  #wal: Wal | null = null;
  #founding: Founding | null = null;
  #handover: Handover | null = null;
  #ended = false;
  #expiring = false;

  constructor(parts: NodeParts) {
    this.parts = parts;
    this.startedMs = parts.host.clock.monotonicMs();
    const introductions = new Introductions({
      settings: parts.settings, plugin: parts.plugin, dataDir: parts.dataDir,
      main: () => this.groups.get("main") ?? null,
      founding: () => this.#founding,
      take: (genesis, taken) => this.#take(genesis, taken),
      failed: (error) => this.fail(error),
    });
    const { frameBytesMax, queueBytesMax } = parts.settings;
    this.transport = new Transport(parts.host, {
      hello: () => introductions.hello(),
      admit: (hello, lane) => (lane === Lane.probe ? null : introductions.admit(hello)),
      probe: (_hello, request, answer) => introductions.probed(request, answer),
      message: (_hello, message) => this.#received(message),
      linkUp: (member) => this.#linkChanged(member, true),
      linkDown: (member) => this.#linkChanged(member, false),
    }, { frameBytesMax, bulkBytesMax: queueBytesMax });
    this.#turn = new Turn({
      clock: parts.host.clock,
      groups: () => this.groups.values(),
      flush: () => {
        this.transport.flush();
        this.#wal?.flush();
      },
    });
  }

  /** Recovers the cluster that the directory belongs to, or begins to found one. The port is bound by now. */
  *open(): Task<void> {
    const { genesis } = this.identity;
    if (genesis !== null) yield* this.#join(genesis);
    else this.#beginFounding();
  }

  /** A connection on which a peer's preface was seen. */
  acceptPeer(socket: Socket): void {
    if (this.#ended) socket.destroy();
    else this.transport.acceptPeer(socket, new Uint8Array());
  }

  /** The node's own member number; 0 until it belongs to a cluster. */
  get memberNumber(): MemberNumber {
    return this.identity.memberNumber;
  }

  /** Who this node is, as its directory says. */
  get identity(): Identity {
    return identityOf(this.parts.dataDir);
  }

  /** Why a node without a cluster has none, in words. */
  get waitsFor(): string {
    return this.groups.size > 0 ? "" : (this.#founding?.waitsFor ?? "");
  }

  /** Whether a link to the member is up. */
  isLinked(member: MemberNumber): boolean {
    return this.transport.isUp(member);
  }

  /** A request was taken in: a turn is wanted, and somebody looks whether its time is up. */
  wake(): void {
    this.#turn.wake();
    if (this.#expiring || this.#ended) return;
    this.#expiring = true;
    this.parts.host.clock.setTimer(EXPIRY_INTERVAL_MS, () => this.#expire());
  }

  #expire(): void {
    this.#expiring = false;
    if (this.#ended) return;
    const nowMs = this.parts.host.clock.monotonicMs();
    let waiting = false;
    for (const group of this.groups.values()) {
      group.expire(nowMs);
      waiting ||= group.isWaitedFor;
    }
    if (waiting) this.wake();
  }

  #beginFounding(): void {
    const { host, settings, plugin } = this.parts;
    const { founding } = settings;
    if (founding === null) {
      host.log.write("info", `waiting to be added: draft admin add ${settings.id}@${settings.address} -c <a node of the cluster>`);
      return;
    }
    this.#founding = new Founding({
      id: settings.id, address: settings.address, incarnation: this.identity.incarnation,
      machine: plugin.name, machineVersion: plugin.version, founders: founding.founders,
      aloneAfterMs: settings.electionMaxMs, clock: host.clock, words: host.log,
      drawClusterId: () => drawClusterId(host.random),
      hello: (address, timeoutMs, done) => {
        this.transport.probe(address, PROBE_HELLO, timeoutMs, (...[error, answer]) => {
          if (error === null) done(null, answer.hello);
          else done(error);
        });
      },
      found: (genesis) => this.#take(genesis),
    });
    this.#founding.start();
  }

  /** A genesis that names this incarnation: makes it durable, and only then belongs to the cluster. */
  #take(genesis: Uint8Array, taken: () => void = () => undefined): void {
    this.#founding?.stop();
    runTask(this.#join(genesis), (...[error]) => {
      if (error === null) taken();
      else this.fail(error);
    });
  }

  *#join(bytes: Uint8Array): Task<void> {
    const { host, settings, dataDir, plugin } = this.parts;
    const genesis = decodeGenesis(bytes);
    if (genesis.machine !== plugin.name) {
      throw new DraftError("BAD_CONFIG", `--machine ${plugin.name} differs from the cluster's ${genesis.machine}: start with --machine ${genesis.machine}`);
    }
    const self = genesis.configuration.members.find((member) => member.id === settings.id);
    if (this.identity.clusterId === "") {
      yield* dataDir.change({ clusterId: genesis.clusterId, memberNumber: self?.number ?? 0, genesis: bytes });
    }
    const log = new RecoveredLog(MAIN_GROUP);
    const { clusterId, nodeId, incarnation } = this.identity;
    const wal = yield* openWal(host, dataDir.path, { clusterId, nodeId, incarnation }, {
      ...WAL_DEFAULTS, segmentBytes: settings.segmentBytes, stallMs: settings.electionMaxMs,
      onFailure: (error) => this.#storageFailed(error),
      onStall: () => this.#toAll({ type: "diskStalled" }),
      onSpace: (hasRoom) => {
        this.diskIsFull = !hasRoom;
        this.#toAll({ type: "diskFull", full: !hasRoom });
      },
    }, log);
    this.#wal = wal;
    if (!log.isMade) {
      log.groupMade(MAIN_GROUP, bytes);
      wal.appendGroupMade(MAIN_GROUP, bytes);
      wal.flush();
      yield* wait<void>((done) => wal.barrier(done));
    }
    this.#begin(genesis, log, wal);
  }

  #begin(genesis: Genesis, log: RecoveredLog, wal: Wal): void {
    const { host, settings, plugin, dataDir } = this.parts;
    const recovered = log.recovered();
    const seed = host.random.u32();
    const state = createRaft(raftConfig(settings, this.identity, seed), recovered);
    const applier = new Applier({
      plugin, group: MAIN_GROUP, directory: `${dataDir.path}/machines/main`,
      log: (message, thrown) => host.log.write("error", message, thrown === null ? {} : { thrown: describeThrown(thrown) }),
    });
    const group: Group = new Group({
      name: "main", state, applier, log: wal, outbox: this.transport, clock: host.clock, words: host.log,
      tailBytesMax: settings.tailBytesMax, gatherBytesMax: settings.queueBytesMax,
      submit: (from, event) => this.#turn.submit(from, event),
      wake: () => this.wake(),
      isLinked: (member) => this.isLinked(member),
      configurationChanged: (configuration) => this.#setPeers(configuration),
      failed: (error) => this.fail(error),
    });
    this.groups.set(group.name, group);
    this.#handover = new Handover({
      genesis: encodeGenesis(genesis), configuration: genesis.configuration, self: this.memberNumber,
      isLinked: (member) => this.isLinked(member), transport: this.transport, clock: host.clock, words: host.log,
    });
    const meetPeers = (): void => this.#setPeers(recovered.configurations.at(-1) as Configuration);
    // Founders are dialled as members once they have been told that they are.
    this.#handover.start(recovered.trail.lastIndex === 0 ? meetPeers : () => undefined);
    if (recovered.trail.lastIndex > 0) meetPeers();
    this.#turn.submit(group, { type: "start" });
  }

  #setPeers(configuration: Configuration): void {
    this.transport.setPeers(configuration.members.filter((member) => member.number !== this.memberNumber));
  }

  #received(message: Message): void {
    for (const group of this.groups.values()) {
      if (group.state.config.group === message.group) return this.#turn.submit(group, { type: "receive", message });
    }
  }

  #linkChanged(member: MemberNumber, up: boolean): void {
    for (const group of this.groups.values()) {
      if (up) group.linkUp(member);
      else group.linkDown(member);
    }
  }

  #toAll(event: Parameters<Turn["submit"]>[1]): void {
    for (const group of this.groups.values()) this.#turn.submit(group, event);
  }

  #storageFailed(error: Error): void {
    this.fenced = true;
    const { path } = this.parts.dataDir;
    this.fail(new DraftError("STORAGE_FAILED", `directory ${path}: ${error.message}; check the disk, then: draft serve --data ${path}`, { cause: error }));
  }

  /** The node cannot go on: it votes, acks and leads no more. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#end();
    this.parts.failed(error instanceof DraftError ? error : new DraftError("STORAGE_FAILED", error.message, { cause: error }));
  }

  #end(): void {
    this.#ended = true;
    this.#turn.stop();
    this.#founding?.stop();
    this.#handover?.stop();
    this.transport.close();
  }

  /** Hands leadership over if this node has it, makes all durable and ends. New requests are refused meanwhile. */
  *stop(): Task<void> {
    if (this.#ended) return;
    this.stopping = true;
    for (const group of this.groups.values()) {
      const successor = group.state.role === "leader" ? bestSuccessor(group.state) : 0;
      if (successor !== 0) yield* wait<void>((done) => group.transfer(successor, () => done(null, undefined)));
      yield* this.#drain(group);
    }
    // The transfer is told of in the midst of a turn: what the rest of that turn appends belongs into the log too.
    yield* wait<void>((done) => this.parts.host.clock.soon(() => done(null, undefined)));
    this.#end();
    const wal = this.#wal;
    if (wal !== null) yield* wait<void>((done) => wal.close(done));
  }

  /** Lets writes that are under way find their outcome, for one election timeout at most. */
  *#drain(group: Group): Task<void> {
    const { clock } = this.parts.host;
    const endMs = clock.monotonicMs() + this.parts.settings.electionMinMs;
    while (group.isWaitedFor && clock.monotonicMs() < endMs) {
      yield* wait<void>((done) => clock.setTimer(5, () => done(null, undefined)));
    }
  }
}
