import { DraftError, type LeaderHint } from "../../src/base/errors.ts";
import { createNodeHost } from "../../src/host/node_host.ts";
import type { Log } from "../../src/host/host.ts";
import { ClientDoor } from "../../src/gateway/client_door.ts";
import { Mux } from "../../src/gateway/mux.ts";
import { decodeEnvelope } from "../../src/machine/command.ts";
import type { SessionAsk } from "../../src/net/client_protocol.ts";
import type { GroupStatus, MemberList, NodeStatus, OperationInfo } from "../../src/net/client_answers.ts";
import { FlightRecorder } from "../../src/node/flight_recorder.ts";
import { encodeRecording } from "../../src/node/recording.ts";
import type { Watch, WatchOptions } from "../../src/node/watch.ts";
import type { Answer, AnswerDone, MembersRequest, NodeApi, NodeIdentity, NodeLimits, ReadOptions } from "../../src/node/node_api.ts";

const OPERATIONS: readonly OperationInfo[] = [
  { name: "set", kind: "write", args: "K V", summary: "sets a key" },
  { name: "incr", kind: "write", args: "K", summary: "adds one" },
  { name: "get", kind: "read", args: "K", summary: "the value of a key" },
  { name: "list", kind: "read", args: "", summary: "all keys" },
];

/** What all fake nodes of a cluster share: a state, and who leads. */
export interface FakeCluster {
  readonly clusterId: string;
  readonly state: Map<string, unknown>;
  readonly members: { id: string; address: string }[];
  leader: LeaderHint | null;
  index: number;
  /** By session: what was answered to each sequence. */
  readonly sessions: Map<string, Map<number, Answer | DraftError>>;
}

export function fakeCluster(clusterId: string = "c1"): FakeCluster {
  return { clusterId, state: new Map(), members: [], leader: null, index: 0, sessions: new Map() };
}

/** A node without Raft: the state is shared memory. Tests replace what it answers. */
export class FakeNode implements NodeApi {
  readonly cluster: FakeCluster;
  readonly id: string;
  address = "";
  readonly seen: string[] = [];
  /** How fresh the reads were to be. */
  readonly floors: number[] = [];
  readonly recorder: FlightRecorder = new FlightRecorder();
  isWitness = false;
  inflightMax = 1024;
  frameBytesMax: number = 1024 * 1024;
  /** Instead of the usual answer of a write. */
  onPropose: ((envelope: Uint8Array, done: AnswerDone) => void) | null = null;
  onRead: ((command: readonly unknown[], done: AnswerDone) => void) | null = null;

  constructor(cluster: FakeCluster, id: string) {
    this.cluster = cluster;
    this.id = id;
  }

  identity(): NodeIdentity {
    return { nodeId: this.id, clusterId: this.cluster.clusterId, address: this.address, version: "0.0.0" };
  }

  /** Instead of a watch to which nothing ever comes. */
  onWatch: ((options: WatchOptions, ready: () => void) => Watch | DraftError) | null = null;

  watch(_group: string, options: WatchOptions, ready: () => void): Watch | DraftError {
    return this.onWatch?.(options, ready) ?? { take: () => null, close: () => {} };
  }

  limits(): NodeLimits {
    return { frameBytesMax: this.frameBytesMax, valueBytesMax: 1024 * 1024, queueBytesMax: 16 * 1024 * 1024, inflightMax: this.inflightMax };
  }

  operation(): null {
    return null;
  }

  leads(): boolean {
    return this.cluster.leader?.id === this.id;
  }

  holdsState(): boolean {
    return !this.isWitness;
  }

  leaderOf(): LeaderHint | null {
    return this.cluster.leader;
  }

  kindOf(group: string, [operation]: readonly [string, ...unknown[]]): "read" | "write" | DraftError {
    if (group !== "main") return new DraftError("NOT_FOUND", `no group "${group}"`);
    return OPERATIONS.find(({ name }) => name === operation)?.kind ?? new DraftError("UNKNOWN_OPERATION", `no operation ${operation}`);
  }

  operations(group: string): readonly OperationInfo[] | DraftError {
    return group === "main" ? OPERATIONS : new DraftError("NOT_FOUND", `no group "${group}"`);
  }

  propose(_group: string, envelope: Uint8Array, _timeoutMs: number, done: AnswerDone): void {
    const kept = new Uint8Array(envelope);
    this.seen.push(decodeEnvelope(kept).command.join(" "));
    if (this.onPropose !== null) return this.onPropose(kept, done);
    const { leader } = this.cluster;
    if (leader === null) return done(new DraftError("NO_LEADER", `nobody leads ${this.cluster.clusterId}`));
    if (leader.id !== this.id) return done(new DraftError("NOT_LEADER", `${leader.id} leads`, { leader }));
    setTimeout(() => done(this.applyOnce(kept)), 0);
  }

  changeSession(_group: string, ask: SessionAsk, _timeoutMs: number, done: AnswerDone): void {
    const { sessions, leader, index } = this.cluster;
    if (leader === null) return done(new DraftError("NO_LEADER", `nobody leads ${this.cluster.clusterId}`));
    if (leader.id !== this.id) return done(new DraftError("NOT_LEADER", `${leader.id} leads`, { leader }));
    const id = ask.type === "close" ? ask.session : (sessions.size + 1).toString(16).padStart(32, "0");
    if (ask.type === "open") sessions.set(id, new Map());
    const reply = ask.type === "open" ? id : sessions.delete(id);
    setTimeout(() => done({ index, reply }), 0);
  }

  /** What a write is answered with; under a session it is done once. */
  applyOnce(envelope: Uint8Array): Answer | DraftError {
    const { session, sequence, command } = decodeEnvelope(envelope);
    if (session === null) return this.#apply(command);
    const answers = this.cluster.sessions.get(session);
    if (answers === undefined) return new DraftError("SESSION_EXPIRED", `no session ${session}`);
    const answer = answers.get(sequence) ?? this.#apply(command);
    answers.set(sequence, answer);
    return answer;
  }

  #apply([operation, key, value]: readonly unknown[]): Answer | DraftError {
    const { state } = this.cluster;
    const index = ++this.cluster.index;
    if (operation === "set") {
      state.set(String(key), value);
      return { index, reply: "OK" };
    }
    if (operation !== "incr") return new DraftError("REJECTED", `no such write: ${String(operation)}`);
    const next = Number(state.get(String(key)) ?? 0) + 1;
    state.set(String(key), next);
    return { index, reply: next };
  }

  read(_group: string, command: readonly [string, ...unknown[]], options: ReadOptions, done: AnswerDone): void {
    this.seen.push(`${options.level} ${command.join(" ")}`);
    this.floors.push(options.minIndex);
    if (this.onRead !== null) return this.onRead(command, done);
    const { state, index } = this.cluster;
    const reply = command[0] === "list" ? [...state.keys()] : state.get(String(command[1])) ?? null;
    setTimeout(() => done({ index, reply }), 0);
  }

  status(done: (status: NodeStatus | DraftError) => void): void {
    const { cluster } = this;
    const leads = cluster.leader?.id === this.id;
    const group = {
      name: "main", id: 1, machine: "kv", machineVersion: 1, machineVersionMax: 1, role: leads ? "leader" : "follower",
      term: 1, leader: cluster.leader, leaderSinceMs: 1, firstIndex: 1, lastIndex: cluster.index,
      durableIndex: cluster.index, commitIndex: cluster.index, appliedIndex: cluster.index, snapshotIndex: 0,
      stateHash: "00", stateHashIndex: cluster.index,
      members: { voters: cluster.members.map(({ id }) => id), learners: [], witnesses: [], outgoing: [] },
      voting: true, condition: null, quiesced: false, peers: [],
    } satisfies GroupStatus;
    done({
      version: "0.0.0", runtime: "test", pid: 1, loop: null, clusterId: cluster.clusterId, nodeId: this.id, incarnation: "1",
      address: this.address, uptimeMs: 1, ready: true, checks: [], fenced: false, disk: { freeBytes: 1, state: "ok" }, scrub: null, groups: [group], alarms: [],
    });
  }

  members(_group: string, done: (members: MemberList | DraftError) => void): void {
    if (this.onMembers !== null) return done(this.onMembers());
    const members = this.cluster.members.map(({ id, address }) =>
      ({ id, address, role: "voter" as const, target: "voter" as const, incarnation: "1", reachable: true }));
    done({ index: 1, settled: true, members });
  }

  record(group: string, storyOnly: boolean, done: (recording: Uint8Array | DraftError) => void): void {
    if (group !== "main") return done(new DraftError("NOT_FOUND", `no group "${group}"`));
    const head = { version: "0.0.0", clusterId: this.cluster.clusterId, nodeId: this.id, group, wallMs: 5 };
    done(encodeRecording(head, this.recorder, storyOnly));
  }

  snapshot(group: string, done: (index: number | DraftError) => void): void {
    done(group === "main" ? 7 : new DraftError("NOT_FOUND", `no group "${group}"`));
  }

  backup(_group: string, _ask: unknown, done: (reply: DraftError) => void): void {
    done(new DraftError("NOT_FOUND", "no snapshot is here"));
  }

  restore(_group: string, _ask: unknown, _timeoutMs: number, done: AnswerDone): void {
    done(new DraftError("CONFLICT", "the group has applied commands"));
  }

  setLogLevel(level: string): string {
    this.seen.push(`log-level ${level}`);
    return "info";
  }

  /** Instead of the usual answer to a change of the members, and to who they are. */
  onChange: ((request: MembersRequest, done: AnswerDone) => void) | null = null;
  onMembers: (() => MemberList | DraftError) | null = null;

  changeMembers(_group: string, request: MembersRequest, done: AnswerDone): void {
    const { leader } = this.cluster;
    if (leader?.id !== this.id) return done(new DraftError("NOT_LEADER", "not here", { leader }));
    if (this.onChange !== null) return this.onChange(request, done);
    const { wishes } = request;
    this.seen.push(...wishes.map((wish) => Object.values(wish).join(" ")));
    done({ index: this.cluster.index, reply: { changed: true, before: ["a"], after: ["a"] } });
  }

  transfer(_group: string, id: string, _timeoutMs: number, done: AnswerDone): void {
    const { leader, members } = this.cluster;
    if (leader?.id !== this.id) return done(new DraftError("NOT_LEADER", "not here", { leader }));
    const member = members.find((each) => each.id === id);
    if (member === undefined) return done(new DraftError("BAD_REQUEST", `no member "${id}"`));
    this.cluster.leader = { ...member };
    done({ index: this.cluster.index, reply: id });
  }
}

/** A fake node that listens. */
export interface FakeServer {
  readonly node: FakeNode;
  readonly door: ClientDoor;
  readonly address: string;
  readonly logged: string[];
  stop(): Promise<void>;
}

/** Serves a fake node on loopback. */
export function serveFake(cluster: FakeCluster, id: string, port: number = 0): Promise<FakeServer> {
  const logged: string[] = [];
  const log: Log = { enabled: () => true, write: (_, message) => void logged.push(message) };
  const host = createNodeHost(log);
  const node = new FakeNode(cluster, id);
  const door = new ClientDoor(host, node);
  const mux = new Mux(host, { peer: (socket) => socket.destroy(), client: (socket) => door.accept(socket), http: (socket) => socket.destroy(), resp: (socket) => socket.destroy() });
  return new Promise((resolve, reject) => {
    mux.listen({ host: "127.0.0.1", port }, (...[error, address]) => {
      if (error !== null) return reject(error);
      node.address = `127.0.0.1:${address.port}`;
      if (!cluster.members.some((member) => member.id === id)) cluster.members.push({ id, address: node.address });
      cluster.leader ??= { id, address: node.address };
      const stop = (): Promise<void> =>
        new Promise((stopped) => {
          door.close();
          mux.close(() => stopped());
        });
      resolve({ node, door, address: node.address, logged, stop });
    });
  });
}
