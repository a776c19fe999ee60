/**
 * Whom this node keeps links to, where they are, and whether it is still one of them. Members are those of the
 * configuration in force, and of those before it that may be in force elsewhere; besides, those that dial it as members
 * and whom its log, which is behind, does not name yet: without a link to them it could not answer the leader that brings
 * its log forward. Addresses are hints: where a member says that it is counts more than where it was when it was taken in.
 */
import { runTask, type Task } from "../base/task.ts";
import type { Clock, Log } from "../host/host.ts";
import type { Hello } from "../net/hello.ts";
import type { Peer } from "../net/link.ts";
import type { Transport } from "../net/transport.ts";
import { currentConfiguration, type RaftState } from "../raft/state.ts";
import type { Configuration, Incarnation, Index, Member, MemberNumber } from "../raft/types.ts";
import { type DataDir, identityOf } from "./data_dir.ts";
import type { Farewell } from "./farewell.ts";
import { encodeGenesis, type Genesis } from "./genesis.ts";
import { fallenBack, type HighWater, mayHaveForgotten } from "./high_water.ts";
import { Neighbours } from "./neighbours.ts";
import { openConfigurations, standingOf } from "./standing.ts";

export interface PeersOptions {
  readonly genesis: Genesis;
  /** What the cluster is called now. */
  readonly clusterId: string;
  readonly state: RaftState;
  /** Hears who was let in. */
  readonly farewell: Pick<Farewell, "letIn">;
  readonly transport: Pick<Transport, "setPeers" | "isUp" | "probe" | "peerOf" | "drop">;
  /** Where members may be besides, `host:port`: asked while one is missing. */
  readonly hints: readonly string[];
  readonly clock: Clock;
  readonly words: Log;
  /** Where others find this node. */
  readonly address: string;
  /** How far the members were. */
  readonly highWater: HighWater;
  readonly dataDir: DataDir;
}

/** The links of one node of a cluster. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #neighbours: Neighbours;
  /** What others said of themselves where the configuration in force says otherwise, or nothing. */
  readonly #met: Map<MemberNumber, Peer> = new Map();
  #configuration: Configuration;
  #hasMet = false;
  #removed = "";
  #fallenBack = "";
  /** Members that hold less than they once did, and how that is known. */
  readonly #fallen: Map<Incarnation, string> = new Map();

  constructor(options: PeersOptions) {
    this.#options = options;
    const { genesis, clusterId, state, transport, clock, words } = options;
    this.#configuration = currentConfiguration(state);
    this.#neighbours = new Neighbours({
      genesis: encodeGenesis(genesis), founders: genesis.configuration, self: state.config.self, transport, clock, words,
      configuration: () => this.#configuration,
      leads: () => state.role === "leader",
      isLinked: (member) => transport.isUp(member),
      removed: (by, index) => this.#gone(by, index),
      hints: options.hints,
      clusterId,
      whereIs: (member) => this.whereIs(member),
      met: (hello) => this.met(hello),
      markOf: ({ incarnation }) => options.highWater.markOf(incarnation),
      fell: (member, why) => this.#fell(member, why),
      fallen: (by, why) => this.#fall(by, why),
    });
    this.#fallenBack = identityOf(options.dataDir).fallenBack;
  }

  /** Why it is no member any more, in words; empty while it is, as far as it knows. */
  get removed(): string {
    const { state } = this.#options;
    const { self, incarnation } = state.config;
    // Its own log may say so, or another member has.
    const isGone = this.#removed === "" && standingOf(state, { number: self, incarnation, welcomeIndex: 0 }) === "gone";
    return isGone ? this.#words(`this node was removed from the cluster, as its log says up to index ${state.commitIndex}`) : this.#removed;
  }

  /** Why it takes part in nothing although it is a member: its directory is not what it was. Empty while it does. */
  get fallenBack(): string {
    const { dataDir, state, address } = this.#options;
    if (this.#fallenBack === "") return "";
    const id = memberOf(this.#configuration, state.config.self)?.id ?? "";
    return `the directory of this node is an older copy, or lost what it had called durable: ${this.#fallenBack}: it takes part in nothing any more; ` +
      `stop it, empty ${dataDir.path}, start it without --initial or --bootstrap, then type: draft admin replace ${id} ${id}@${address}`;
  }

  /** Why it takes part in nothing, whichever way; empty while it does. */
  get exclusion(): string {
    const { removed } = this;
    return removed === "" ? this.fallenBack : removed;
  }

  /** Why a member of this incarnation is not listened to: how it is known that it holds less than it did. Empty: it is. */
  whyFallenBack(incarnation: Incarnation): string {
    return this.#fallen.get(incarnation) ?? "";
  }

  /** Members that have another directory than the one that is a member, in words. */
  get lost(): readonly string[] {
    return this.#neighbours.lost;
  }

  /** Where the member is, as it said itself, or as the configuration says. */
  whereIs({ number, address }: Member): string {
    const { state, address: own } = this.#options;
    return number === state.config.self ? own : (this.#met.get(number)?.address ?? address);
  }

  /** Where the members are that this node is linked to. */
  whereabouts(): readonly string[] {
    const { state, transport } = this.#options;
    return this.#configuration.members.flatMap(({ number }) => {
      const peer = number !== state.config.self && transport.isUp(number) ? transport.peerOf(number) : null;
      return peer === null ? [] : [peer.address];
    });
  }

  /** Founders are dialled as members once they have been told that they are; the members of a log that has begun, at once. */
  start(): void {
    const isNew = this.#options.state.trail.lastIndex === 0;
    this.#neighbours.start(isNew ? () => this.#meet() : () => undefined);
    if (!isNew) this.#meet();
  }

  stop(): void {
    this.#neighbours.stop();
  }

  /** Another configuration is in force. */
  changed(configuration: Configuration): void {
    const before = this.#configuration;
    this.#configuration = configuration;
    for (const { number, address } of configuration.members) {
      // Whoever moved it knows better than it did when it began.
      if (memberOf(before, number)?.address !== address) this.#met.delete(number);
    }
    this.#link();
    this.#neighbours.watch();
  }

  /** A node of the cluster says this of itself. Returns why its messages are not let in before it has said it again; null: they are. */
  met(hello: Hello): string | null {
    const { farewell, highWater, state } = this.#options;
    const { memberNumber: number, incarnation, nodeId: id } = hello;
    const mark = highWater.markOf(incarnation);
    // It may have said this long ago.
    if (fallenBack(hello, mark) !== null) this.#neighbours.check(number);
    if (mayHaveForgotten(hello, mark)) return `${id} was further than it says: it is asked again how far it is`;
    farewell.letIn(hello);
    highWater.met(hello, state);
    this.#noteAddress(hello);
    return null;
  }

  #noteAddress({ memberNumber: number, incarnation, nodeId: id, address }: Hello): void {
    if (number === 0 || number === this.#options.state.config.self || address === "") return;
    const member = memberOf(this.#configuration, number);
    if (member !== null && member.incarnation !== incarnation) return;
    if (this.#met.get(number)?.address === address) return;
    if (member?.address === address) {
      // It may be back from elsewhere.
      if (this.#met.delete(number)) this.#link();
      return;
    }
    this.#met.set(number, { number, incarnation, id, address });
    this.#link();
  }

  /** The link to a member is down: it may be told something by it; or nobody needs that link any more. */
  linkDown(): void {
    if (!this.#hasMet) return;
    this.#link();
    this.#neighbours.watch();
  }

  #meet(): void {
    this.#hasMet = true;
    this.#link();
  }

  #link(): void {
    if (!this.#hasMet) return;
    const { state, transport } = this.#options;
    if (this.#removed !== "" || this.#fallenBack !== "") return transport.setPeers([]);
    const peers: Map<MemberNumber, Peer> = new Map();
    // A leader that is being removed counts our answers until that is committed.
    for (const { members } of openConfigurations(state)) {
      for (const { number, incarnation, id, address } of members) {
        if (!this.#fallen.has(incarnation)) peers.set(number, { number, incarnation, id, address });
      }
    }
    for (const [number, peer] of this.#met) {
      if (this.#fallen.has(peer.incarnation) || standingOf(state, { ...peer, welcomeIndex: 0 }) === "gone") this.#met.delete(number);
      else peers.set(number, peer);
    }
    peers.delete(state.config.self);
    const all = [...peers.values()];
    transport.setPeers(all.filter((peer) => !all.some((other) => tookItsPlace(other, peer))));
  }

  #gone(by: Member, index: Index): void {
    if (this.#removed !== "") return;
    this.#removed = this.#words(`this node was removed from the cluster, says ${by.id}, by what was committed up to index ${index}`);
    this.#options.words.write("warn", this.#removed);
    this.stop();
    this.#link();
  }

  /** A member holds less than it once did: nothing that it says counts any more, and it is told when it asks why. */
  #fell(member: Member, why: string): void {
    if (this.#fallen.has(member.incarnation)) return;
    this.#fallen.set(member.incarnation, why);
    const { words, transport } = this.#options;
    words.write("warn", `the directory of ${member.id} is an older copy, or lost what it had called durable: ${why}`);
    this.#link();
    transport.drop((hello) => hello.incarnation === member.incarnation);
    this.#neighbours.watch();
  }

  #fall(by: Member, why: string): void {
    if (this.#fallenBack !== "") return;
    this.#fallenBack = `${by.id} says: ${why}`;
    const { words, transport, dataDir } = this.#options;
    words.write("warn", this.fallenBack);
    this.stop();
    this.#link();
    transport.drop(() => true);
    runTask(remember(dataDir, this.#fallenBack), (...[error]) => {
      if (error !== null) words.write("warn", `the identity file cannot be written: ${error.message}: the next start has to be told again`);
    });
  }

  #words(what: string): string {
    return `${what}: it takes part in nothing any more; to add it again, stop it, empty ${this.#options.dataDir.path} and start it without --initial or --bootstrap`;
  }
}

/** Over restarts, though nobody may be left who knows it. */
function* remember(dataDir: DataDir, why: string): Task<void> {
  yield* dataDir.settled();
  yield* dataDir.change({ fallenBack: why });
}

function memberOf(configuration: Configuration, number: MemberNumber): Member | null {
  return configuration.members.find((member) => member.number === number) ?? null;
}

/** Whether it is what is to be found now where the other one was: to dial that one would end its connections. */
function tookItsPlace(newer: Peer, older: Peer): boolean {
  return newer.id === older.id && newer.address === older.address && newer.number > older.number;
}
