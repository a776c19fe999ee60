/**
 * One node: its data directory, WAL, links and groups, and the turn that drives them. Disk and network meet only here.
 */
import { describeThrown, DraftError } from "../base/errors.ts";
import { type Task, wait } from "../base/task.ts";
import type { Host, Socket } from "../host/host.ts";
import { Applier } from "../machine/applier.ts";
import type { AnyPlugin } from "../machine/machine.ts";
import { Lane } from "../net/frame.ts";
import { Transport } from "../net/transport.ts";
import type { EventBody } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import { MAIN_GROUP, type MemberNumber } from "../raft/types.ts";
import type { Wal } from "../wal/wal.ts";
import { Admission } from "./admission.ts";
import { Belonging, type WholeLog } from "./belonging.ts";
import { Beginnings } from "./beginnings.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import { DiskHealth } from "./disk_health.ts";
import { Expiry } from "./expiry.ts";
import { Farewell } from "./farewell.ts";
import type { Group } from "./group.ts";
import type { GroupObserver } from "./group_observer.ts";
import type { Identity } from "./identity.ts";
import { HighWater } from "./high_water.ts";
import { Introductions, type Membership } from "./introductions.ts";
import { machineDirectory, openGroup } from "./open_group.ts";
import { startError, storageError } from "./open_log.ts";
import { changeMembers } from "./member_requests.ts";
import { Peers } from "./peers.ts";
import { endedError } from "./refusals.ts";
import { Repairs } from "./repairs.ts";
import { type NodeSettings, snapshotTuning, peerProof } from "./settings.ts";
import { SnapshotExchange } from "./snapshot_exchange.ts";
import { closeMachine, settleGroup } from "./stopping.ts";
import { Turn } from "./turn.ts";

/** What a node is made of. */
export interface NodeParts {
  readonly host: Host;
  readonly settings: NodeSettings;
  readonly plugin: AnyPlugin;
  /** Digest of the plugin's source; "" if nobody knows it. */
  readonly sourceDigest: string;
  readonly dataDir: DataDir;
  /** Look on while its groups work. */
  readonly observers: readonly GroupObserver[];
  /** Called once, when the node cannot go on: its code is the exit code. */
  readonly failed: (error: DraftError) => void;
}

/** One node. */
export class Node {
  readonly parts: NodeParts;
  readonly transport: Transport;
  readonly startedMs: number;
  /** The groups by name; empty until the node belongs to a cluster. */
  readonly groups: Map<string, Group> = new Map();
  readonly disk: DiskHealth;
  stopping = false;
  /** Nothing is taken in or done any more: it failed, or stopped. */
  ended = false;
  /** Of the group main. */
  readonly #machine: Applier;
  readonly #turn: Turn;
  readonly #expiry: Expiry;
  readonly exchange: SnapshotExchange;
  #wal: Wal | null = null;
  readonly #beginnings: Beginnings;
  readonly #repairs: Repairs;
  readonly #belonging: Belonging;
  #peers: Peers | null = null;
  #logIsClosing = false;

  /** @throws DraftError BAD_PLUGIN if the plugin makes no machine */
  constructor(parts: NodeParts) {
    this.parts = parts;
    const { plugin, dataDir, host } = parts;
    this.#machine = new Applier({
      plugin, group: MAIN_GROUP, directory: machineDirectory(dataDir.path),
      log: (message, thrown) => host.log.write("error", message, thrown === null ? {} : { thrown: describeThrown(thrown) }),
    });
    this.startedMs = parts.host.clock.monotonicMs();
    this.disk = new DiskHealth(host.clock, (event) => this.#toAll(event));
    const main = (): Group | null => this.groups.get("main") ?? null;
    const admission = new Admission({
      secret: parts.settings.peerSecret, areProved: parts.settings.peerCertificates, clock: host.clock, random: host.random, main, clusterId: () => this.identity.clusterId,
      change: (group, request, done) => changeMembers(this, group, request, done),
    });
    const introductions = new Introductions({
      settings: parts.settings, plugin, sourceDigest: parts.sourceDigest, dataDir, main,
      beginnings: () => this.#beginnings, whereabouts: () => this.#peers?.whereabouts() ?? [],
      join: (hello, request, remote, answer) => admission.asked(hello, request, remote, answer),
      met: (hello) => this.#peers?.met(hello) ?? null,
      whyFallenBack: (incarnation) => this.#peers?.whyFallenBack(incarnation) ?? "",
      isJoining: () => this.#belonging.isUnderWay,
      take: (membership, taken) => this.#take(membership, taken),
      failed: (error) => this.fail(error),
    });
    const { frameBytesMax, queueBytesMax, segmentBytes } = parts.settings;
    const tuning = snapshotTuning(parts.settings);
    this.exchange = new SnapshotExchange({
      host, tuning, spareBytes: segmentBytes, dial: (peer, done) => this.transport.interview(peer, done), peerOf: (member) => this.transport.peerOf(member),
    });
    this.#expiry = new Expiry(host.clock, () => this.groups.values(), () => this.wake());
    this.transport = new Transport(parts.host, {
      hello: () => introductions.hello(),
      admit: (hello, lane) => (lane === Lane.probe ? null : introductions.admit(hello)),
      stranger: (hello) => introductions.dialledByStranger(hello),
      probe: (hello, request, answer, remote) => introductions.probed(hello, request, answer, remote),
      snapshot: (hello, question, answer) => this.exchange.asked(hello, question, answer),
      message: (hello, message) => {
        // Who was removed, and does not know, asks for votes; it hears of it when it dials again.
        if (message.type === "voteRequest" && introductions.isGone(hello)) this.transport.drop((each) => introductions.isGone(each));
        else this.#received(message);
      },
      linkUp: (member) => this.#linkChanged(member, true),
      linkDown: (member) => this.#linkChanged(member, false),
    }, { proof: peerProof(parts.settings), frameBytesMax, bulkBytesMax: queueBytesMax, snapshotsMax: tuning.servedMax });
    this.#beginnings = new Beginnings({
      host, settings: parts.settings, plugin, transport: this.transport,
      identity: () => this.identity,
      hello: () => introductions.hello(),
      found: (membership) => this.#take(membership),
    });
    this.#repairs = new Repairs({ host, settings: parts.settings, dataDir, dial: (peer, done) => this.transport.interview(peer, done) });
    this.#belonging = new Belonging({
      parts, repairs: this.#repairs, ended: () => this.ended, opened: (wal) => this.#wal = wal, begin: (whole) => this.#begin(whole), failed: (error) => this.fail(error),
      handlers: {
        onFailure: (error) => this.#storageFailed(error),
        onStall: (isStalled) => this.disk.stalled(isStalled),
        onSpace: (space) => this.disk.has(space),
      },
    });
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
    const { genesis, clusterId, welcome } = this.identity;
    if (genesis !== null && welcome !== null) yield* wait<void>((done) => this.#belonging.begin({ genesis, clusterId, ...welcome }, done));
    // Also of one whose log lost what it voted.
    if (this.identity.clusterId === "") this.#beginnings.start();
  }

  /** A connection on which a peer's preface was seen. */
  acceptPeer(socket: Socket): void {
    if (this.ended) socket.destroy();
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

  /** How damage of its files leaves it; null if it does not. */
  get condition(): Repairs["condition"] {
    return this.#repairs.condition;
  }

  /** Why a node without a group has none, in words. */
  get waitsFor(): string {
    return this.groups.size > 0 ? "" : [this.#repairs.waitsFor, this.#beginnings.waitsFor].filter((each) => each !== "").join("; ");
  }

  /** Whom it knows of its cluster; null before it belongs to one. */
  get peers(): Peers | null {
    return this.#peers;
  }

  /** Whether a link to the member is up. */
  isLinked(member: MemberNumber): boolean {
    return this.transport.isUp(member);
  }

  /** A request was taken in: a turn is wanted, and somebody looks whether its time is up. */
  wake(): void {
    this.#turn.wake();
    this.#expiry.watch();
  }

  /** A genesis that names this incarnation: makes it durable, and only then belongs to the cluster. */
  #take(membership: Membership, taken: () => void = () => undefined): void {
    this.#beginnings.stop();
    this.#belonging.begin(membership, (...[error]) => {
      if (error === null) taken();
      else this.fail(startError(this.parts.dataDir.path, error));
    });
  }

  *#begin({ genesis, log, wal, waits }: WholeLog): Task<void> {
    const { host, settings, dataDir, observers, sourceDigest } = this.parts;
    let opened: Group | null = null;
    const submit = (event: EventBody): void => {
      if (opened !== null) this.#turn.submit(opened, event);
    };
    const farewell = new Farewell(this.transport);
    const highWater = new HighWater();
    const group = yield* openGroup({
      name: "main", host, settings, dataDir, identity: this.identity, genesis, applier: this.#machine, log, wal,
      observers: [...observers, farewell, highWater], disk: this.disk, outbox: this.transport, exchange: this.exchange, submit, sourceDigest,
      helloOf: (member) => this.transport.helloOf(member),
      wake: () => this.wake(), isLinked: (member) => this.isLinked(member), exclusion: () => this.#peers?.exclusion ?? "",
      addressOf: (member) => this.#peers?.whereIs(member) ?? member.address,
      configurationChanged: (configuration) => this.#peers?.changed(configuration),
      failed: (error) => this.fail(error),
      mendSnapshot: (damaged) => {
        waits();
        return this.#repairs.snapshot(genesis, wal, log, damaged);
      },
    });
    if (this.ended) return group.end(endedError(this));
    opened = group;
    this.groups.set(group.name, group);
    this.#peers = new Peers({
      genesis, clusterId: this.identity.clusterId, farewell, highWater, state: group.state, transport: this.transport, clock: host.clock, words: host.log,
      dataDir, address: settings.address, hints: settings.join,
    });
    this.#peers.start();
    this.#turn.submit(group, { type: "start" });
    this.disk.tellAgain();
  }

  #received(message: Message): void {
    for (const group of this.groups.values()) if (group.takes(message)) return this.#turn.submit(group, { type: "receive", message });
  }

  #linkChanged(member: MemberNumber, up: boolean): void {
    for (const group of this.groups.values()) group.linkChanged(member, up);
    if (!up) this.#peers?.linkDown();
  }

  #toAll(event: EventBody): void {
    for (const group of this.groups.values()) this.#turn.submit(group, event);
  }

  #storageFailed(error: Error): void {
    this.disk.fenced = true;
    this.fail(storageError(this.parts.dataDir.path, error));
  }

  /** The node cannot go on: it votes, acks and leads no more. */
  fail(error: Error): void {
    if (this.ended) return;
    this.end();
    this.parts.failed(error instanceof DraftError ? error : new DraftError("STORAGE_FAILED", error.message, { cause: error }));
  }

  /** Takes part in nothing any more, and tells everybody who waits what is known. The log stays open. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#turn.stop();
    this.#beginnings.stop();
    this.#peers?.stop();
    this.#expiry.stop();
    this.exchange.end();
    this.#repairs.end();
    this.transport.close();
    for (const group of this.groups.values()) group.end(endedError(this));
  }

  /** Hands leadership over if this node has it, makes all durable and ends. New requests are refused meanwhile. */
  *stop(): Task<void> {
    this.stopping = true;
    const { host: { clock }, settings: { electionMinMs: limitMs } } = this.parts;
    for (const group of this.ended ? [] : this.groups.values()) {
      yield* settleGroup(group, { clock, limitMs, ended: () => this.ended });
    }
    // The transfer is told of in the midst of a turn: what the rest of that turn appends belongs into the log too.
    yield* wait<void>((done) => clock.soon(() => done(null, undefined)));
    this.end();
    yield* this.closeLog();
  }

  /** Closes the machine and the log, durable to the last of it; of a log that failed nothing can be said. */
  *closeLog(): Task<void> {
    yield* this.#belonging.settled();
    const wal = this.#wal;
    if (this.#logIsClosing) return;
    this.#logIsClosing = true;
    yield* this.parts.dataDir.settled();
    yield* closeMachine(this.#machine, this.parts.host.log);
    if (wal !== null && !wal.fenced) yield* wait<void>((done) => wal.close(done));
  }
}
