/**
 * Attaches bytes to the appends that the core sends as ranges: from memory, else read back from the WAL, one read a
 * follower at a time. What arrives after the leader's term has ended is dropped like a lost message.
 */
import { viewOf } from "../base/bytes.ts";
import { blankHead, endOf, type EntryHead, readFields } from "../base/entry.ts";
import type { AppendRequest } from "../raft/message.ts";
import type { MemberNumber } from "../raft/types.ts";
import type { GroupLog, Outbox } from "./group_ports.ts";
import { runsOf, type Tail, TailReader } from "./tail.ts";

/** Appends that wait for one follower behind a read, at most: a disk that does not answer must not gather more. */
const WAITING_MAX = 1024;

/** A range that still has to be read and sent to one follower. */
interface Waiting {
  message: AppendRequest;
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
  /** Entries could not be read back. */
  readonly failed: (message: AppendRequest, error: Error) => void;
}

/** Sends appends of one group. */
export class AppendSender {
  readonly #options: AppendSenderOptions;
  readonly #waiting: Map<MemberNumber, Waiting[]> = new Map();

  constructor(options: AppendSenderOptions) {
    this.#options = options;
  }

  send(message: AppendRequest): void {
    const { tail, outbox } = this.#options;
    const queue = this.#waiting.get(message.to);
    if (queue !== undefined) {
      if (goesBack(message, queue.at(-1)?.message)) {
        dropOutdated(queue, message);
        if (queue.length > 0) return;
      }
      // Behind a read the order is kept: an append that overtook another would be refused.
      // What finds no room is lost, as on a network.
      if (queue.length < WAITING_MAX) queue.push({ message });
      return;
    }
    if (message.lastIndex === message.prevLogIndex) outbox.send(message.to, message, []);
    else if (message.prevLogIndex + 1 >= tail.first) this.#sendFromTail(message);
    else {
      this.#waiting.set(message.to, [{ message }]);
      this.#readNext(message.to);
    }
  }

  /** Forgets what waits for this follower: its link is down, and the core starts over. */
  forget(member: MemberNumber): void {
    const queue = this.#waiting.get(member);
    // The read that is out belongs to the first one; its answer finds nothing to send.
    if (queue !== undefined) queue.length = 0;
  }

  #sendFromTail(message: AppendRequest): void {
    const { tail, outbox, frameEntryBytesMax } = this.#options;
    const runs = runsOf(tail, message.prevLogIndex + 1, message.lastIndex);
    const bytes = runs.reduce((sum, run) => sum + run.length, 0);
    if (bytes <= frameEntryBytesMax) outbox.send(message.to, message, runs);
    else this.#sendInPieces(message);
  }

  /** A message may turn out larger than a frame, where the core could only estimate sizes. */
  #sendInPieces(message: AppendRequest): void {
    const { tail, outbox } = this.#options;
    for (let rest = message; rest.prevLogIndex < message.lastIndex;) {
      const last = this.#lastWithinFrame(rest);
      outbox.send(rest.to, { ...rest, lastIndex: last.index }, runsOf(tail, rest.prevLogIndex + 1, last.index));
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

  #readNext(member: MemberNumber): void {
    const queue = this.#waiting.get(member) as Waiting[];
    const { tail, log, frameEntryBytesMax } = this.#options;
    for (;;) {
      const first = queue[0];
      if (first === undefined) {
        this.#waiting.delete(member);
        return;
      }
      const { message } = first;
      const from = message.prevLogIndex + 1;
      if (this.#options.leads(message.term) && from <= message.lastIndex && from < tail.first) {
        const to = Math.min(message.lastIndex, tail.first - 1);
        log.read(message.group, from, to, frameEntryBytesMax, (...[error, read]) => {
          if (error === null) this.#sendRead(first, read.runs);
          else if (queue[0] === first) this.#options.failed(message, error);
          if (error !== null && queue[0] === first) queue.shift();
          this.#readNext(member);
          this.#options.ready();
        });
        return;
      }
      queue.shift();
      if (!this.#options.leads(message.term)) continue;
      if (from > message.lastIndex) this.#options.outbox.send(message.to, message, []);
      else this.#sendFromTail(message);
    }
  }

  /** Sends what was read of the first message that waits; the rest of it waits on in its place. */
  #sendRead(waiting: Waiting, runs: readonly Uint8Array[]): void {
    const { message } = waiting;
    const queue = this.#waiting.get(message.to);
    if (queue === undefined || queue[0] !== waiting || !this.#options.leads(message.term)) return;
    const last = lastEntryOf(runs);
    if (last === null) {
      queue.shift();
      return this.#options.failed(message, new Error(`nothing was read from index ${message.prevLogIndex + 1} on`));
    }
    this.#options.outbox.send(message.to, { ...message, lastIndex: last.index }, runs);
    if (last.index >= message.lastIndex) queue.shift();
    else waiting.message = behind(message, last);
  }
}

/** The core starts over: what it sent before is there already, or will be refused. */
function goesBack(message: AppendRequest, last: AppendRequest | undefined): boolean {
  return last !== undefined && (message.prevLogIndex < last.lastIndex || message.term > last.term);
}

/**
 * Leaves of what waits only what is being read, if that begins where `message` does and so serves it: begun anew for each
 * try, a slow read would never bring anything.
 */
function dropOutdated(queue: Waiting[], { prevLogIndex, term }: AppendRequest): void {
  const first = queue[0]?.message;
  queue.length = first?.prevLogIndex === prevLogIndex && first.term === term ? 1 : 0;
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
