/**
 * Attaches bytes to the appends that the core sends as ranges: from memory, else read back from the WAL, one read a
 * follower at a time. A witness gets no payloads. What arrives after the leader's term has ended is dropped like a lost message.
 */
import { viewOf } from "../base/bytes.ts";
import { bareRun, blankHead, endOf, type EntryHead, readFields } from "../base/entry.ts";
import type { AppendRequest } from "../raft/message.ts";
import type { MemberNumber } from "../raft/types.ts";
import type { GroupLog, Outbox } from "./group_ports.ts";
import { runsOf, type Tail, TailReader } from "./tail.ts";

/** One follower's appends behind a read. */
interface Waiting {
  /** The entries that were not sent yet, as one message; null: none, but a read is out. */
  message: AppendRequest | null;
}

export interface AppendSenderOptions {
  readonly tail: Tail;
  readonly log: GroupLog;
  readonly outbox: Outbox;
  /** Entries of one frame, at most, in bytes; one entry always goes. */
  readonly frameEntryBytesMax: number;
  /** Entries were read back and queued: a turn is wanted that sends them. */
  readonly ready: () => void;
  /** Whether this node still leads in that term: then its log at and below what it sent is what it was. */
  readonly leads: (term: number) => boolean;
  /** Whether the follower keeps no payloads. */
  readonly isWitness: (member: MemberNumber) => boolean;
  /** Entries could not be read back. */
  readonly failed: (message: AppendRequest, error: Error) => void;
}

/** Sends appends of one group. */
export class AppendSender {
  readonly #options: AppendSenderOptions;
  readonly #waiting: Map<MemberNumber, Waiting> = new Map();

  constructor(options: AppendSenderOptions) {
    this.#options = options;
  }

  send(message: AppendRequest): void {
    const { tail, outbox } = this.#options;
    const waiting = this.#waiting.get(message.to);
    // Behind a read the order is kept: an append that overtook another would be refused.
    if (waiting !== undefined) waiting.message = joined(waiting.message, message);
    else if (message.lastIndex === message.prevLogIndex) outbox.send(message.to, message, []);
    else if (message.prevLogIndex + 1 >= tail.first) this.#sendFromTail(message);
    else {
      const begun = { message };
      this.#waiting.set(message.to, begun);
      this.#readNext(message.to, begun);
    }
  }

  /** Forgets what waits for this follower: its link is down, and the core starts over. */
  forget(member: MemberNumber): void {
    const waiting = this.#waiting.get(member);
    // A read is out: its answer finds nothing to send.
    if (waiting !== undefined) waiting.message = null;
  }

  #sendFromTail(message: AppendRequest): void {
    const { tail, frameEntryBytesMax } = this.#options;
    const runs = runsOf(tail, message.prevLogIndex + 1, message.lastIndex);
    const bytes = runs.reduce((sum, run) => sum + run.length, 0);
    if (bytes <= frameEntryBytesMax) this.#hand(message, runs);
    else this.#sendInPieces(message);
  }

  #hand(message: AppendRequest, runs: readonly Uint8Array[]): void {
    const { outbox, isWitness } = this.#options;
    outbox.send(message.to, message, isWitness(message.to) ? [bareRun(runs)] : runs);
  }

  /** A message may turn out larger than a frame, where the core could only estimate sizes. */
  #sendInPieces(message: AppendRequest): void {
    const { tail } = this.#options;
    for (let rest = message; rest.prevLogIndex < message.lastIndex;) {
      const last = this.#lastWithinFrame(rest);
      this.#hand({ ...rest, lastIndex: last.index }, runsOf(tail, rest.prevLogIndex + 1, last.index));
      rest = behind(rest, last);
    }
  }

  #lastWithinFrame(message: AppendRequest): EntryHead {
    const { tail, frameEntryBytesMax } = this.#options;
    const reader = new TailReader(tail);
    const last = blankHead();
    let bytes = 0;
    for (let index = message.prevLogIndex + 1; index <= message.lastIndex && reader.seek(index); index++) {
      bytes += endOf(reader.view, reader.at) - reader.at;
      if (bytes > frameEntryBytesMax && last.index > 0) break;
      readFields(reader.view, reader.at, last);
    }
    return last;
  }

  #readNext(member: MemberNumber, waiting: Waiting): void {
    const { tail, log, frameEntryBytesMax } = this.#options;
    const { message } = waiting;
    if (message !== null && this.#options.leads(message.term)) {
      const from = message.prevLogIndex + 1;
      if (from <= message.lastIndex && from < tail.first) {
        const to = Math.min(message.lastIndex, tail.first - 1);
        log.read(message.group, from, to, frameEntryBytesMax, (...[error, read]) => {
          this.#wasRead(waiting, message, error === null ? read.runs : error);
          this.#readNext(member, waiting);
          this.#options.ready();
        });
        return;
      }
      if (from > message.lastIndex) this.#options.outbox.send(member, message, []);
      else this.#sendFromTail(message);
    }
    this.#waiting.delete(member);
  }

  /** Sends what was read for `asked`, if it is still what is to be sent next; the rest waits on. */
  #wasRead(waiting: Waiting, asked: AppendRequest, read: readonly Uint8Array[] | Error): void {
    const { message } = waiting;
    const isNext = message !== null && message.term === asked.term && message.prevLogIndex === asked.prevLogIndex;
    if (!isNext || !this.#options.leads(message.term)) return;
    const last = read instanceof Error ? null : lastEntryOf(read);
    if (read instanceof Error || last === null) {
      waiting.message = null;
      const error = read instanceof Error ? read : new Error(`nothing was read from index ${message.prevLogIndex + 1} on`);
      return this.#options.failed(message, error);
    }
    this.#hand({ ...message, lastIndex: last.index }, read);
    waiting.message = last.index >= message.lastIndex ? null : behind(message, last);
  }
}

/**
 * What is to be sent once `message` came behind what waits. What waits is not lost, only late: if the core takes it for
 * lost and says it again, it is sent once all the same, or a slow disk would read the same entries again and again while
 * the follower waits for those behind them. A message that starts elsewhere is a stream that starts anew.
 */
function joined(waiting: AppendRequest | null, message: AppendRequest): AppendRequest {
  const continues = waiting !== null && waiting.term === message.term &&
    waiting.prevLogIndex <= message.prevLogIndex && message.prevLogIndex <= waiting.lastIndex;
  if (!continues) return message;
  const { prevLogIndex, prevLogTerm, prevLogChain } = waiting;
  return { ...message, prevLogIndex, prevLogTerm, prevLogChain, lastIndex: Math.max(waiting.lastIndex, message.lastIndex) };
}

/** What is left of an append once the entries through `last` were sent. */
function behind(message: AppendRequest, last: EntryHead): AppendRequest {
  return { ...message, prevLogIndex: last.index, prevLogTerm: last.term, prevLogChain: last.chain };
}

function lastEntryOf(runs: readonly Uint8Array[]): EntryHead | null {
  const run = runs.at(-1);
  if (run === undefined) return null;
  const view = viewOf(run);
  const last = blankHead();
  for (let at = 0; at < run.length; at = endOf(view, at)) readFields(view, at, last);
  return last;
}
