/**
 * The reads of one connection from one group: a run of them shares a read index, and none shows an older state than one
 * before it. So when one cannot be answered yet, it and all behind it are asked again, answered or not.
 */
import { DraftError, type ErrorCode } from "../../base/errors.ts";
import type { Command } from "../../machine/machine.ts";
import type { Answer, AnswerDone, ReadOptions } from "../../node/node_api.ts";
import { askLeader } from "../at_leader.ts";
import { ownedReply } from "../local_connection.ts";
import type { LeaderWay } from "./ordered_session.ts";

const RETRY_MS = 20;

/** What a read meets while leadership changes. */
const WORTH_RETRYING: ReadonlySet<ErrorCode> = new Set(["NO_LEADER", "NOT_LEADER", "LOST", "UNREACHABLE", "BUSY"]);

interface Read {
  readonly command: Command;
  readonly deadlineMs: number;
  readonly done: AnswerDone;
  result: Answer | DraftError | null;
}

/** Asks, and asks again. */
export class OrderedReads {
  readonly #way: LeaderWay;
  readonly #group: string;
  readonly #unsettled: Read[] = [];
  #underWay = 0;
  /** Use: nothing is asked before all that is under way has come back. */
  #isHalted = false;
  #isClosed = false;

  constructor(way: LeaderWay, group: string) {
    this.#way = way;
    this.#group = group;
  }

  /** Whether nothing is under way. */
  get isQuiet(): boolean {
    return this.#unsettled.length === 0;
  }

  /** Answers a read behind all before it; `done` is told in their order, in the same turn or later. */
  run(command: Command, timeoutMs: number, done: AnswerDone): void {
    const read: Read = { command, deadlineMs: this.#way.clock.monotonicMs() + timeoutMs, done, result: null };
    this.#unsettled.push(read);
    if (!this.#isHalted) this.#ask(read);
  }

  /** Nobody waits for answers any more. */
  close(): void {
    this.#isClosed = true;
  }

  #ask(read: Read): void {
    const { api, clock } = this.#way;
    const group = this.#group;
    const options: ReadOptions = { level: "linearizable", minIndex: 0, timeoutMs: Math.max(1, read.deadlineMs - clock.monotonicMs()) };
    read.result = null;
    this.#underWay += 1;
    const done: AnswerDone = (result) => this.#answered(read, result);
    if (api.holdsState(group)) return api.read(group, read.command, options, done);
    // A witness has nothing to answer from.
    askLeader(this.#way, {
      group,
      here: (told) => api.read(group, read.command, options, told),
      elsewhere: (connection, told) => connection.read(group, read.command, options, told),
    }, done);
  }

  #answered(read: Read, result: Answer | DraftError): void {
    this.#underWay -= 1;
    const isLate = this.#way.clock.monotonicMs() + RETRY_MS >= read.deadlineMs;
    if (result instanceof DraftError && WORTH_RETRYING.has(result.code) && !isLate) this.#isHalted = true;
    else if (read === this.#unsettled[0]) this.#tell(read, result);
    else read.result = result instanceof DraftError ? result : { index: result.index, reply: ownedReply(result.reply) };
    if (this.#isHalted && this.#underWay === 0) this.#way.clock.setTimer(RETRY_MS, () => this.#resume());
  }

  /** Tells the first, and those behind it that are answered already. */
  #tell(first: Read, result: Answer | DraftError): void {
    this.#unsettled.shift();
    if (!this.#isClosed) first.done(result);
    for (let next = this.#unsettled[0]; next !== undefined && next.result !== null; next = this.#unsettled[0]) {
      this.#unsettled.shift();
      if (!this.#isClosed) next.done(next.result);
    }
  }

  #resume(): void {
    this.#isHalted = false;
    if (this.#isClosed) return;
    for (const read of [...this.#unsettled]) {
      if (this.#isHalted) break;
      this.#ask(read);
    }
  }
}
