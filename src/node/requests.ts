/**
 * What the doors ask, answered by the node: checks requests, finds the group, words the refusals.
 */
import { EntryKind } from "../base/entry.ts";
import { DraftError, type LeaderHint } from "../base/errors.ts";
import { heldBytes } from "../base/held_bytes.ts";
import { version } from "../base/version.ts";
import { isDiskFull } from "../host/files.ts";
import type { Command, OperationRow } from "../machine/machine.ts";
import { encodeSessionChange, type SessionChange } from "../machine/session_entry.ts";
import type { MemberList, NodeStatus, OperationInfo } from "../net/client_answers.ts";
import type { BackupAsk, RestoreAsk } from "../net/backup_request.ts";
import type { SessionAsk } from "../net/client_protocol.ts";
import { currentConfiguration } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";
import type { Group } from "./group.ts";
import type { Node } from "./node.ts";
import { LOG_LEVELS } from "./config.ts";
import type { AnswerDone, MembersRequest, NodeApi, NodeIdentity, NodeLimits, ReadOptions } from "./node_api.ts";
import { FreeBytes } from "./free_bytes.ts";
import type { LoopGaps } from "./loop_gaps.ts";
import { storageError } from "./open_log.ts";
import { groupRecording } from "./node_recording.ts";
import { giveBackup, takeRestore } from "./backup_requests.ts";
import { changeMembers } from "./member_requests.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { endedError, noLeaderError, refusalError } from "./refusals.ts";
import { groupStatus, incarnationText, memberList, readyChecks, waitingStatus } from "./status.ts";
import { absenceOf } from "./transfers.ts";
import type { Watch, WatchOptions } from "./watch.ts";
import { holdsNoState } from "./witness.ts";

/** Requests of one connection that may wait for their answers. */
const INFLIGHT_MAX = 16_384;

/** What the process says of itself in a status. */
export interface ProcessInfo {
  readonly runtime: string;
  readonly pid: number;
  /** Looks at the loop that all of it runs on; null where there is none, as in a simulation. */
  readonly loop: LoopGaps | null;
}

/** Serves one node's doors. */
export class NodeRequests implements NodeApi {
  readonly #node: Node;
  readonly #process: ProcessInfo;
  readonly #freeBytes: FreeBytes = new FreeBytes();

  constructor(node: Node, process: ProcessInfo) {
    this.#node = node;
    this.#process = process;
  }

  identity(): NodeIdentity {
    const { settings } = this.#node.parts;
    return { nodeId: settings.id, clusterId: this.#node.identity.clusterId, address: settings.address, version };
  }

  limits(): NodeLimits {
    const { frameBytesMax, valueBytesMax, queueBytesMax } = this.#node.parts.settings;
    return { frameBytesMax, valueBytesMax, queueBytesMax, inflightMax: INFLIGHT_MAX };
  }

  leaderOf(name: string): LeaderHint | null {
    return this.#node.groups.get(name)?.leader ?? null;
  }

  leads(name: string): boolean {
    return this.#node.groups.get(name)?.state.role === "leader";
  }

  holdsState(name: string): boolean {
    return this.#node.groups.get(name)?.state.config.witness !== true;
  }

  operations(name: string): readonly OperationInfo[] | DraftError {
    const { plugin } = this.#node.parts;
    const group = this.#find(name);
    if (group instanceof DraftError && name !== "main") return group;
    const inForce = group instanceof DraftError || group.state.config.witness ? plugin.version : group.applier.view().version;
    return Object.entries(plugin.operations).map(([operation, { kind, args = "", summary = "", since = 1 }]) => ({
      name: operation, kind, args, summary: since > inForce ? `comes with version ${since}: ${summary}` : summary,
    }));
  }

  operation(name: string, operation: string): OperationRow | null {
    const group = this.#node.groups.get(name);
    if (group !== undefined && !group.state.config.witness) return group.applier.operations.find([operation])?.row ?? null;
    const { operations } = this.#node.parts.plugin;
    const known = operation.toLowerCase();
    return Object.hasOwn(operations, known) ? operations[known] ?? null : null;
  }

  kindOf(name: string, command: Command): "read" | "write" | DraftError {
    const group = this.#find(name);
    if (group instanceof DraftError) return group;
    const { operations } = group.applier;
    try {
      // A plugin may change in place what it prepares: the caller's stays as it came.
      return operations.kindOf(operations.prepare([...command]));
    } catch (error) {
      if (error instanceof DraftError) return error;
      throw error;
    }
  }

  propose(name: string, envelope: Uint8Array, timeoutMs: number, done: AnswerDone): void {
    const group = this.#leading(name);
    if (group instanceof DraftError) return done(group);
    const { valueBytesMax } = this.#node.parts.settings;
    if (envelope.length > valueBytesMax) {
      return done(tooLarge(envelope.length, valueBytesMax));
    }
    let prepared: Prepared;
    try {
      prepared = prepare(group, envelope);
    } catch (error) {
      if (error instanceof DraftError) return done(error);
      throw error;
    }
    // The plugin may have made more of it than the client sent, and an entry must fit one frame to be replicated.
    if (prepared.payload.length > valueBytesMax) return done(tooLarge(prepared.payload.length, valueBytesMax));
    group.propose({ kind: EntryKind.command, ...prepared }, timeoutMs, done);
  }

  changeSession(name: string, ask: SessionAsk, timeoutMs: number, done: AnswerDone): void {
    const group = this.#leading(name);
    if (group instanceof DraftError) return done(group);
    const change: SessionChange = ask.type === "close"
      ? ask
      : { type: "open", session: this.#drawSession(), principal: "", ordered: ask.ordered };
    group.propose({ kind: EntryKind.session, payload: encodeSessionChange(change), decoded: null, frees: true }, timeoutMs, done);
  }

  /** Drawn here, by one node, and carried by the entry: 128 bits that nobody can guess. */
  #drawSession(): string {
    const { random } = this.#node.parts.host;
    return Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, "0")).join("");
  }

  read(name: string, command: Command, options: ReadOptions, done: AnswerDone): void {
    const group = this.#find(name);
    if (group instanceof DraftError) return done(group);
    if (options.level !== "stale" && group.exclusion() !== "") return done(noLeaderError(group));
    const { valueBytesMax } = this.#node.parts.settings;
    const bytes = heldBytes(command);
    if (bytes > valueBytesMax) return done(tooLarge(bytes, valueBytesMax));
    let prepared: Command;
    try {
      prepared = group.applier.operations.prepare(command);
      if (group.applier.operations.kindOf(prepared) !== "read") {
        return done(new DraftError("BAD_REQUEST", `operation '${prepared[0]}' changes the state: send it as a write`));
      }
    } catch (error) {
      if (error instanceof DraftError) return done(error);
      throw error;
    }
    group.read(keepable(prepared), options, done);
  }

  watch(name: string, options: WatchOptions, ready: () => void): Watch | DraftError {
    const group = this.#find(name);
    if (group instanceof DraftError) return group;
    return group.state.config.witness ? holdsNoState(group) : group.watches.open(options, ready);
  }

  status(done: (status: NodeStatus | DraftError) => void): void {
    const node = this.#node;
    const { host, settings, dataDir, plugin } = node.parts;
    const { identity } = node;
    const nowMs = host.clock.monotonicMs();
    const groups = [...node.groups.values()].map((group) => groupStatus(group, nowMs, node.peers));
    const checks = readyChecks([...node.groups.values()], node.waitsFor, node.disk.complaint);
    const alarms = [
      ...(node.waitsFor === "" ? [] : [{ code: node.condition === null ? "WAITING" : "DAMAGED", message: node.waitsFor }]),
      ...[...(node.peers?.lost ?? []), node.peers?.fallenBack ?? ""].filter((each) => each !== "").map((message) => ({ code: "LOST_DIRECTORY", message })),
      ...[node.peers?.removed ?? ""].filter((each) => each !== "").map((message) => ({ code: "REMOVED", message })),
      ...[...node.groups.values()].flatMap((group) => group.alarms()),
    ];
    this.#freeBytes.ask(host, dataDir.path, (freeBytes, isSilent) => {
      done({
        version, runtime: this.#process.runtime, pid: this.#process.pid,
        clusterId: identity.clusterId === "" ? null : identity.clusterId,
        nodeId: settings.id, incarnation: incarnationText(identity.incarnation), address: settings.address,
        uptimeMs: Math.round(nowMs - node.startedMs), ready: checks.every(({ ok }) => ok), checks, fenced: node.disk.fenced,
        disk: { freeBytes, state: node.disk.stateOf(isSilent) }, scrub: node.groups.get("main")?.scrub.status ?? null,
        loop: this.#process.loop?.read() ?? null,
        groups: groups.length > 0 ? groups : [{ ...waitingStatus(plugin.name, plugin.version), condition: node.condition }],
        alarms: [...node.disk.alarms(isSilent, freeBytes), ...alarms],
      });
    });
  }

  members(name: string, done: (members: MemberList | DraftError) => void): void {
    const group = this.#find(name);
    done(group instanceof DraftError ? group : memberList(group, (number) => this.#node.isLinked(number)));
  }

  record(name: string, storyOnly: boolean, done: (recording: Uint8Array | DraftError) => void): void {
    const group = this.#find(name);
    done(group instanceof DraftError ? group : groupRecording(this.#node, group, storyOnly));
  }

  snapshot(name: string, done: (index: Index | DraftError) => void): void {
    const group = this.#find(name);
    if (group instanceof DraftError) return done(group);
    group.snapshot((...[error, index]) => {
      if (error === null) done(index === 0 ? 0 : group.applier.beginning.shown(index));
      else if (isDiskFull(error)) done(new DraftError("DISK_FULL", `there is no room for a snapshot of group ${name}: make room`));
      else done(error instanceof DraftError ? error : storageError(this.#node.parts.dataDir.path, error));
    });
  }

  backup(name: string, ask: BackupAsk, done: (reply: readonly unknown[] | DraftError) => void): void {
    const group = this.#find(name);
    return group instanceof DraftError ? done(group) : giveBackup(this.#node, group, ask, done);
  }

  restore(name: string, ask: RestoreAsk, timeoutMs: number, done: AnswerDone): void {
    const group = this.#leading(name);
    return group instanceof DraftError ? done(group) : takeRestore(group, ask, { timeoutMs, valueBytesMax: this.limits().valueBytesMax }, done);
  }

  changeMembers(name: string, request: MembersRequest, done: AnswerDone): void {
    const group = this.#leading(name);
    if (group instanceof DraftError) done(group);
    else changeMembers(this.#node, group, request, done);
  }

  setLogLevel(wanted: string): string | DraftError {
    const { log } = this.#node.parts.host;
    const level = LOG_LEVELS.find((each) => each === wanted);
    if (level === undefined) return new DraftError("BAD_REQUEST", `no log level is called '${wanted}': want one of ${LOG_LEVELS.join(", ")}`);
    if (log.setLevel === undefined) return new DraftError("BAD_REQUEST", "the log of this node is its program's own: its level is set there");
    return log.setLevel(level);
  }

  transfer(name: string, id: string, _timeoutMs: number, done: AnswerDone): void {
    const group = this.#find(name);
    if (group instanceof DraftError) return done(group);
    if (group.state.role !== "leader") return done(noLeaderError(group));
    const member = currentConfiguration(group.state).members.find((candidate) => candidate.id === id);
    if (member === undefined) {
      return done(new DraftError("NOT_FOUND", `no member is called '${id}' in group ${name}: see draft admin servers`));
    }
    const { clock } = this.#node.parts.host;
    const absence = absenceOf(group.state, member.number, { nowMs: clock.monotonicMs(), wallMs: clock.wallMs() });
    if (absence !== "") return done(new DraftError("TIMEOUT", `${id} cannot take over, and was told nothing: ${absence}: start it`, { outcome: "not-done" }));
    // It ends within an election timeout by itself, well before any client's own deadline.
    group.transfer(member.number, (refusal) => {
      done(refusal === null ? { index: group.state.commitIndex, reply: id } : refusalError(refusal, group));
    });
    this.#node.wake();
  }

  /** The group, if this node leads it and takes entries. */
  #leading(name: string): Group | DraftError {
    const group = this.#find(name);
    if (group instanceof DraftError) return group;
    if (this.#node.stopping) return new DraftError("STOPPING", "this node is stopping: ask another", { leader: group.leader });
    return group.state.role === "leader" ? group : noLeaderError(group);
  }

  #find(name: string): Group | DraftError {
    if (this.#node.ended) return endedError(this.#node);
    const group = this.#node.groups.get(name);
    if (group !== undefined) return group;
    if (name !== "main") return new DraftError("NOT_FOUND", `no group is called '${name}': draft admin states lists the groups`);
    const { id, address } = this.#node.parts.settings;
    const why = this.#node.waitsFor || `it waits to be added, by a node of the cluster: draft admin add ${id}@${address} -c HOST:PORT`;
    return new DraftError("NO_LEADER", `this node belongs to no cluster yet: ${why}`);
  }
}

function tooLarge(bytes: number, bytesMax: number): DraftError {
  return new DraftError("TOO_LARGE", `the command has ${bytes} bytes: at most ${bytesMax} are taken, see --value-bytes-max`);
}

/** A read may wait for its index: byte strings that are views of a receive buffer are copied. */
function keepable(command: Command): Command {
  const views = command.some((argument) => argument instanceof Uint8Array);
  if (!views) return command;
  return command.map((argument) => (argument instanceof Uint8Array ? new Uint8Array(argument) : argument)) as unknown as Command;
}
