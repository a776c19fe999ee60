/**
 * One group on this node: the core's state, the newest entries, the machine, and who waits for what. Steps the core and
 * performs what it asks for. Nothing here decides anything that the core could decide.
 */
import { assertNever } from "../base/assert.ts";
import { DraftError, type LeaderHint } from "../base/errors.ts";
import type { Applier } from "../machine/applier.ts";
import type { Command } from "../machine/machine.ts";
import type { Effect, Event, EventBody, Now, Refusal } from "../raft/event.ts";
import { encodeLogStart } from "../raft/log_start.ts";
import { currentMember } from "../raft/membership.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";
import { step } from "../raft/step.ts";
import type { LogPoint, MemberNumber, Role } from "../raft/types.ts";
import { AppendSender } from "./append_sender.ts";
import { ApplyQueue } from "./apply_queue.ts";
import { FlightRecorder } from "./flight_recorder.ts";
import { Flights } from "./flights.ts";
import type { Alarm, GroupObserver } from "./group_observer.ts";
import type { GroupOptions } from "./group_options.ts";
import { GroupReads } from "./group_reads.ts";
import type { SnapshotDone } from "./group_snapshots.ts";
import { Installs } from "./installs.ts";
import { Intake } from "./intake.ts";
import type { MembershipChange, WantedMembership } from "./membership_change.ts";
import type { AnswerDone, ReadOptions } from "./node_api.ts";
import { divergedError, noLeaderError, refusalError } from "./refusals.ts";
import { PendingWrites } from "./pending.ts";
import type { Proposals, Proposed } from "./proposals.ts";
import type { Readiness } from "./readiness.ts";
import { Stores } from "./stores.ts";
import { Tail } from "./tail.ts";
import { type TransferDone, Transfers } from "./transfers.ts";
import type { Watches } from "./watches.ts";
import { holdsNoState, isForWitness } from "./witness.ts";

/** One group. */
export class Group {
  readonly name: string;
  readonly state: RaftState;
  readonly applier: Applier;
  leaderSinceMs: number | null = null;
  readonly recorder: FlightRecorder = new FlightRecorder();
  readonly readiness: Readiness;
  readonly edits: GroupOptions["edits"];
  readonly watches: Watches;
  readonly scrub: GroupOptions["scrub"];
  readonly isLinked: GroupOptions["isLinked"];
  readonly exclusion: GroupOptions["exclusion"];
  readonly addressOf: GroupOptions["addressOf"];
  readonly #observers: readonly GroupObserver[];
  readonly #options: GroupOptions;
  readonly #tail: Tail;
  readonly #writes: PendingWrites = new PendingWrites();
  readonly #reads: GroupReads;
  readonly #intake: Intake;
  readonly #flights: Flights;
  readonly #sender: AppendSender;
  readonly #applies: ApplyQueue;
  readonly #stores: Stores;
  readonly #transfers: Transfers = new Transfers();
  /** Changes of the membership that were asked for in this turn. */
  readonly #changes: MembershipChange[] = [];
  #lastRefusal: Refusal | null = null;
  readonly #installs: Installs;

  constructor(options: GroupOptions) {
    const { state, applier, log, outbox } = options;
    this.#options = options;
    this.name = options.name;
    this.state = state;
    this.applier = applier;
    ({ readiness: this.readiness, watches: this.watches, scrub: this.scrub, edits: this.edits, isLinked: this.isLinked, exclusion: this.exclusion, addressOf: this.addressOf } = options);
    this.#observers = [this.recorder, ...options.observers];
    this.#tail = new Tail(state.trail.lastIndex + 1);
    this.#reads = new GroupReads(applier, options.gatherBytesMax);
    this.#stores = new Stores({
      state, log, tail: this.#tail, proposals: () => this.#intake.given, observers: options.observers, submit: options.submit,
      send: (message) => this.#send(message),
    });
    this.#flights = new Flights(options.clock, options.wake);
    this.#sender = new AppendSender({
      tail: this.#tail, log, outbox, frameEntryBytesMax: options.frameEntryBytesMax, ready: options.wake,
      leads: (term) => state.role === "leader" && state.term === term,
      isWitness: (member) => state.progress.get(member)?.witness === true,
      failed: (message, error) => {
        // A follower that is so far behind gets a snapshot.
        if (error instanceof DraftError && error.code === "COMPACTED") return;
        options.words.write("error", `entries could not be read back: ${error.message}`);
        options.submit({ type: "readFailed", from: message.prevLogIndex + 1, to: message.lastIndex });
      },
    });
    this.#applies = new ApplyQueue({
      group: state.config.group, applier, tail: this.#tail, log, clock: options.clock, state,
      applied: ({ index, term }, reply) => this.#writes.applied(index, term, reply, applier.beginning.shown(applier.answeredIndex)),
      restore: (head, payload, wanted) => this.#installs.restore(head, payload, wanted),
      decoded: (index, term) => this.#writes.decoded(index, term),
      ready: options.wake,
      failed: (error) => options.failed(error instanceof DraftError ? error : new DraftError("DAMAGED", error.message, { cause: error })),
    }, applier.lastApplied.index);
    this.#installs = new Installs({ ...options, applies: this.#applies, restored: () => this.#answerReads() });
    this.#intake = new Intake({
      group: this, clock: options.clock, bytesMax: options.gatherBytesMax, space: options.space,
      backlogMs: (more) => this.#applies.backlogMs(state.trail.lastIndex + more),
    });
    for (const observer of this.#observers) observer.opened(state);
  }

  /** Who leads, as far as known; null if nobody. */
  get leader(): LeaderHint | null {
    const member = currentMember(this.state, this.state.leaderId);
    return member === null ? null : { id: member.id, address: this.addressOf(member) };
  }

  /** Whether somebody waits for an answer. */
  get isWaitedFor(): boolean {
    return this.#writes.size > 0 || this.#intake.count > 0 || this.#changes.length > 0 || this.#reads.size > 0;
  }

  alarms(): Alarm[] {
    return this.#observers.flatMap((observer) => observer.alarms?.() ?? []);
  }

  /** Whether the message is one that this member can take in. */
  takes(message: Message): boolean {
    return message.group === this.state.config.group && (this.state.config.witness || !isForWitness(message));
  }

  /** Takes an entry into this turn. `payload` is copied; `decoded` is its content, if that is a command and known. */
  propose(entry: Proposed, timeoutMs: number, done: AnswerDone): void {
    if (this.#intake.add(entry, timeoutMs, done)) this.#options.wake();
  }

  /** Takes a read into this turn. What is kept of `command` must outlive the call. */
  read(command: Command, options: ReadOptions, done: AnswerDone): void {
    if (this.state.config.witness) return done(holdsNoState(this));
    const isTaken = this.#reads.add(command, options, this.#options.clock.monotonicMs(), done);
    if (isTaken) this.#options.wake();
    else done(refusalError("busy", this));
  }

  /** Takes a snapshot now; `done` hears which index it holds, once it is durable. */
  snapshot(done: SnapshotDone): void {
    if (this.state.config.witness) done(new DraftError("BAD_REQUEST", "a witness holds no state that a snapshot could be taken of"));
    else this.#options.snapshots.request(done);
  }

  /** Makes the member the leader; `done` hears how that ended. */
  transfer(to: MemberNumber, done: TransferDone): void {
    this.#transfers.add(to, done);
    this.#options.submit({ type: "transfer", to });
  }

  /** Takes a change of the members into this turn; `done` hears of it once its first entry is applied. */
  changeMembers(wanted: WantedMembership, timeoutMs: number, done: AnswerDone): void {
    this.#changes.push({ ...wanted, deadlineMs: this.#options.clock.monotonicMs() + timeoutMs, done });
    this.#options.wake();
  }

  /** One event. */
  step(body: EventBody, now: Now): void {
    this.#perform(this.#stepCore({ ...body, ...now }), body.type === "receive" ? body.message : null);
    if (body.type === "diskFull") this.#options.snapshots.consider();
    // What others commit reaches this node's machine only through its disk: nobody is left to wait for that.
    if (body.type === "diskStalled" && this.state.role !== "leader") this.#writes.end("the disk of the node that took it stands still");
  }

  #stepCore(event: Event): readonly Effect[] {
    let effects: readonly Effect[] | null = null;
    try {
      effects = step(this.state, event);
    } finally {
      if (effects === null) this.recorder.broke(event);
    }
    for (const observer of this.#observers) observer.stepped(this.state, event, effects);
    return effects;
  }

  /** What was gathered in this turn: one event for all proposals, one for all reads. */
  stepGathered(now: Now): void {
    if (this.#intake.count > 0 && this.#flights.mayLeave(this.state, now.nowMs)) {
      this.#intake.handOver((proposals) => this.#stepProposals(proposals, now));
    }
    for (const change of this.#changes.splice(0)) this.#stepChange(change, now);
    for (const asked of this.#reads.takeGathered()) this.step({ type: "read", ...asked }, now);
  }

  #stepChange({ configuration, promoteWithinMs, force, deadlineMs, done }: MembershipChange, now: Now): void {
    const { term, trail: { lastIndex } } = this.state;
    const hindrance = this.#options.hindrance(configuration);
    if (hindrance !== null) return done(hindrance);
    this.#lastRefusal = null;
    this.step({ type: "changeMembership", configuration, promoteWithinMs, force }, now);
    // The same step may have appended what another change was waiting for.
    if (this.#lastRefusal !== null) done(refusalError(this.#lastRefusal, this));
    else this.#writes.add(lastIndex + 1, { term, deadlineMs, decoded: null, done });
  }

  #stepProposals({ list }: Proposals, now: Now): void {
    this.#lastRefusal = null;
    this.#perform(this.#stepCore({ type: "propose", entries: list, ...now }), null);
    for (const proposal of list) {
      if (proposal.index === 0) proposal.done(refusalError(this.#lastRefusal ?? "not-leader", this));
      else this.#writes.add(proposal.index, proposal);
    }
    this.#flights.left(this.state.trail.lastIndex, now.nowMs);
  }

  /** Applies a page of what is committed; true if there is more to do in this turn. */
  runApplies(now: Now): boolean {
    if (!this.#applies.hasMore || !this.#applies.run()) return false;
    this.step({ type: "applied", index: this.#applies.applied, wakeAtMs: this.applier.wakeAt() }, now);
    this.#answerReads();
    this.#tail.dropTo(this.#options.tailBytesMax, Math.min(this.state.durableIndex, this.#applies.applied));
    this.#options.snapshots.consider();
    return this.#applies.hasMore;
  }

  #answerReads(): void {
    this.#reads.answerApplied(this.state.term);
    if (this.#reads.hasGathered) this.#options.wake();
  }

  /** Answers whoever waited too long, and whoever waits in vain: nobody tells a node that is excluded what is decided. */
  expire(nowMs: number): void {
    this.#writes.expire(nowMs);
    this.#reads.expire(nowMs);
    if (this.exclusion() === "") return;
    this.#writes.end("the node that took it takes part in nothing any more", this.state.commitIndex);
    this.#reads.end(noLeaderError(this));
  }

  /** The node ends: tells everybody who waits. `refusal` is for those of whom nothing was handed over. */
  end(refusal: DraftError): void {
    this.#intake.end(refusal);
    for (const { done } of this.#changes.splice(0)) done(refusal);
    this.#writes.end("this node ended before its outcome was known");
    this.#reads.end(refusal);
    this.watches.end(refusal);
    for (const each of [this.#transfers, this.#options.snapshots, this.#options.restore, this.#options.regain, this.scrub]) each.end();
  }

  #perform(effects: readonly Effect[], received: Message | null): void {
    // Bytes first: appends of this step name entries that the same step stores.
    for (const effect of effects) if (effect.type === "store") this.#stores.seal(effect, received);
    for (const effect of effects) this.#performOne(effect);
  }

  #performOne(effect: Effect): void {
    switch (effect.type) {
      case "send": return this.#send(effect.message);
      case "store": return this.#stores.store(effect);
      case "apply": return this.#applies.extend(effect.from, effect.to);
      case "answerRead":
        this.#reads.answered(effect.readId, { index: effect.index, timeMs: effect.timeMs, term: this.state.term });
        return this.#answerReads();
      case "failPending":
        for (const readId of effect.readIds) this.#reads.failed(readId, refusalError(effect.reason, this));
        return;
      case "rejected":
        this.#lastRefusal = effect.reason;
        return;
      case "transferEnded": return this.#transfers.ended(effect.to, effect.refusal);
      case "roleChanged": return this.#roleChanged(effect.role, effect.term);
      case "configurationChanged": return this.#options.configurationChanged(effect.configuration);
      case "diverged": return this.#options.failed(divergedError(this.name, effect));
      case "fetchSnapshot": return this.#options.fetchSnapshot(effect.from, effect.point);
      case "installSnapshot": return this.#install(effect.point);
      case "compact": return this.#options.log.appendCompact(this.state.config.group, effect.start.point, encodeLogStart(effect.start));
      default: return assertNever(effect);
    }
  }

  #send(message: Message): void {
    for (const observer of this.#observers) observer.sent(this.state, message);
    if (message.type === "appendRequest") this.#sender.send(message);
    else this.#options.outbox.send(message.to, message, []);
  }

  #install(point: LogPoint): void {
    this.#writes.end("another member's snapshot took the place of this node's log");
    this.#installs.begin(point);
  }

  #roleChanged(role: Role, term: number): void {
    const { words, clock } = this.#options;
    const { leader } = this;
    this.leaderSinceMs = leader === null ? null : clock.monotonicMs();
    const id = currentMember(this.state, this.state.config.self)?.id ?? "?";
    const facts = { group: this.name, role, term, leader: leader?.id ?? null };
    words.write("info", `${id} is ${role} of group ${this.name} in term ${term}, leader ${leader?.id ?? "unknown"}`, facts);
  }

  /** The link to a member came up, or went down: then what waits for it is of no use. */
  linkChanged(member: MemberNumber, isUp: boolean): void {
    if (!isUp) this.#sender.forget(member);
    this.#options.submit({ type: isUp ? "linkUp" : "linkDown", peer: member });
  }
}
