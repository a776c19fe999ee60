/**
 * Marks: rare situations, counted. A simulator that never meets them proves nothing about them, so a long run in which
 * one of them never occurred fails.
 */
import { DraftError } from "../base/errors.ts";
import type { Effect, Event } from "../raft/event.ts";
import type { Index, LogEntry, Role } from "../raft/types.ts";
import { ELECTION_MARKS, type ElectionMark, markElections } from "./marks_elections.ts";
import type { MessageArrival } from "./lossy_ways.ts";
import { LEASE_MARKS, type LeaseMark, markLeases } from "./marks_leases.ts";
import { LIFE_MARKS, type LifeMark, LifeMarks } from "./marks_lives.ts";
import { LOG_MARKS, type LogMark, markLog } from "./marks_log.ts";
import { MEMBER_MARKS, type MemberMark, MemberMarks } from "./marks_members.ts";
import { markReads, READ_MARKS, type ReadMark } from "./marks_reads.ts";
import { CLIENT_MARKS, type ClientMark, markAnswer } from "./marks_clients.ts";
import { ARRIVAL_MARKS, markMessages, MESSAGE_MARKS, type MessageMark } from "./marks_messages.ts";
import { markOpened, markSnapshots, SNAPSHOT_MARKS, type SnapshotMark } from "./marks_snapshots.ts";
import { LimitMarks, markDuplicate, markSessionWrite, SESSION_MARKS, type SessionMark } from "./marks_sessions.ts";
import { markVerdicts, VERDICT_MARKS, type VerdictMark } from "./marks_verdicts.ts";
import { VERSION_MARKS, type VersionMark, VersionMarks } from "./marks_versions.ts";
import { markWitnesses, WITNESS_MARKS, type WitnessMark } from "./marks_witnesses.ts";
import { memoOf, type StepMemo } from "./marks_step.ts";
import type { ClientOperation, Property, SimMember } from "./property.ts";

/** A situation by its name. */
export type Mark = ElectionMark | LogMark | ReadMark | SnapshotMark | LifeMark | MessageMark | ClientMark | SessionMark | VerdictMark | VersionMark | MemberMark | LeaseMark | WitnessMark;

/** All marks, in the order of a report. */
export const MARKS: readonly Mark[] = [
  ...ELECTION_MARKS, ...LOG_MARKS, ...READ_MARKS, ...SNAPSHOT_MARKS, ...LIFE_MARKS, ...MESSAGE_MARKS, ...CLIENT_MARKS, ...SESSION_MARKS, ...VERDICT_MARKS,
  ...VERSION_MARKS, ...MEMBER_MARKS, ...LEASE_MARKS, ...WITNESS_MARKS,
];

/** Notes that a situation occurred. */
export type NoteMark<M extends Mark = Mark> = (mark: M) => void;

/** Counts the marks of one run. */
export class MarkCounter implements Property {
  readonly name = "marks";
  readonly counts: Map<Mark, number> = new Map(MARKS.map((mark) => [mark, 0]));
  readonly lives: LifeMarks;
  readonly members: MemberMarks;
  readonly #memos: Map<SimMember, StepMemo> = new Map();
  /** The last index that each member's process found on its disk. */
  readonly #foundAt: Map<SimMember, Index> = new Map();
  /** That of the process that ended last. */
  #endedRole: Role = "follower";
  readonly #limits: LimitMarks = new LimitMarks();
  readonly #versions: VersionMarks;
  readonly #note: NoteMark = (mark) => void this.counts.set(mark, (this.counts.get(mark) ?? 0) + 1);

  constructor() {
    this.lives = new LifeMarks(this.#note);
    this.#versions = new VersionMarks(this.#note);
    this.members = new MemberMarks(this.#note);
  }

  opened(member: SimMember): void {
    this.lives.opened(member);
    this.#versions.opened(member);
    this.members.opened(member);
    if (member.state === null) return;
    markOpened(member.state, this.#note);
    this.#memos.set(member, memoOf(member.state));
    this.#foundAt.set(member, member.state.trail.lastIndex);
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    const { state } = member;
    const before = this.#memos.get(member);
    if (state === null) return;
    if (event.type === "applied") this.#limits.stepped(member, this.#note);
    this.#versions.stepped(member, event, effects);
    this.members.stepped(member, event, effects);
    if (before !== undefined) {
      const step = { member, before, state, event, effects };
      markElections(step, this.#note);
      markLog(step, this.#note);
      markReads(step, this.#note);
      markLeases(step, this.#note);
      markWitnesses(step, this.#note);
      markSnapshots(step, this.#note);
      markMessages(step, this.#note);
      markDuplicate(member, state, event, this.#foundAt.get(member) ?? 0, this.#note);
      this.lives.stepped(member, state, event, effects);
    }
    this.#memos.set(member, memoOf(state));
  }

  entriesSealed(_member: SimMember, entries: readonly LogEntry[], bytes: Uint8Array): void {
    markVerdicts(entries, bytes, this.#note);
  }

  /** A process failed, or could not start; what it held in memory is gone already. */
  failed({ isAstray }: SimMember, error: Error): void {
    this.lives.failed(error);
    if (isAstray !== true || !(error instanceof DraftError) || error.code !== "DAMAGED") return;
    this.#note(this.#endedRole === "leader" ? "verdict stopped a leader" : "verdict stopped a follower");
  }

  ended(member: SimMember): void {
    this.#endedRole = member.state?.role ?? "follower";
    this.lives.ended(member);
    this.#versions.ended(member);
    this.members.ended(member);
    this.#memos.delete(member);
  }

  answered(operation: ClientOperation): void {
    markAnswer(operation, this.#note);
    markSessionWrite(operation, this.#note);
    this.#versions.answered(operation);
  }

  /** A client went away without its answer. */
  gaveUp(): void {
    this.#note("client: gave up");
  }

  /** A watcher heard a change, or goes on. */
  watcherMet(mark: "watch: heard" | "watch: resumed" | "watch: none holds it"): void {
    this.#note(mark);
  }

  /** The network brought a message as no connection would. */
  messageArrived(how: MessageArrival): void {
    this.#note(ARRIVAL_MARKS[how]);
  }
}
