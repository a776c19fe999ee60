/**
 * One connection to one node: requests go out in batches, one socket write a turn, and replies come back in any order.
 * Callbacks only, so that a load generator pays for no promise; and the one place that knows of each request whether
 * it was handed over, which decides between *definitely not done* and *unknown*.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Net, Socket, Timer } from "../host/host.ts";
import { sessionBytes } from "../machine/command.ts";
import type { NodeHello } from "../net/client_hello.ts";
import { FrameBatch } from "../net/frame_batch.ts";
import {
  type AskRequest, type CommandTuple, encodeRequest, type SessionAsk, type UnsentRequest, writeRequestBytesMax, writeWriteRequest,
} from "../net/client_protocol.ts";
import { ReplyReader } from "../net/client_replies.ts";
import type { WriteTiming } from "../net/write_timing.ts";
import type { MemberAsk } from "../net/member_wish.ts";
import type { NodeConnection, ReadAsk, RequestDone } from "./node_connection.ts";

/** The ports that a connection needs. */
export interface ConnectionPorts {
  readonly net: Net;
  readonly clock: Clock;
}

/** Requests beyond the node's limit that wait here for their turn, at most: beyond, BUSY. */
const WAITING_MAX = 65_536;

/** While the system has not taken so many bytes of ours, requests wait for their turn, too. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;

/** Requests of a turn leave in one write, up to so many bytes. */
const BATCH_BYTES = 1024 * 1024;

/** The node is told to answer this much earlier than we give up, so that its own words arrive; at most a tenth. */
const ANSWER_MARGIN_MS = 100;

interface Pending {
  readonly deadlineMs: number;
  /** Lost on the way, it may have been done: a write. Reads are always not done. */
  readonly changes: boolean;
  readonly request: UnsentRequest;
  done: RequestDone;
}

/** An open connection. Requests end later, never within the call that asked. */
export class Connection implements NodeConnection {
  readonly address: string;
  readonly hello: NodeHello;
  onClosed: (() => void) | null = null;
  onSilent: (() => void) | null = null;
  /** Called, before its answer is passed on, with what a write took, if replies say so. */
  onTimed: ((group: string, index: number, timing: WriteTiming) => void) | null = null;

  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #replies: ReplyReader = new ReplyReader();
  readonly #batch: FrameBatch = new FrameBatch();
  readonly #inflight: Map<number, Pending> = new Map();
  readonly #waiting: Set<Pending> = new Set();
  readonly #groups: Map<string, Uint8Array> = new Map();
  /** Requests of this id and above are not handed over yet. */
  #unsentFrom = 1;
  #nextId = 1;
  #flushPlanned = false;
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #closed = false;
  #lastWords: DraftError | null = null;

  /** Use {@link openConnection}. */
  constructor(ports: ConnectionPorts, address: string, socket: Socket, hello: NodeHello) {
    this.#clock = ports.clock;
    this.address = address;
    this.#socket = socket;
    this.hello = hello;
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Requests that wait for their reply, or for their turn. */
  get pendingCount(): number {
    return this.#inflight.size + this.#waiting.size;
  }

  write(group: string, envelope: Uint8Array, timeoutMs: number, done: RequestDone): void {
    this.submit({ kind: "write", group, envelope }, timeoutMs, true, done);
  }

  read(group: string, command: CommandTuple, { level, minIndex, timeoutMs }: ReadAsk, done: RequestDone): void {
    this.submit({ kind: "read", group, level, minIndex, command }, timeoutMs, false, done);
  }

  ask(kind: AskRequest["kind"], group: string, timeoutMs: number, done: RequestDone): void {
    this.submit({ kind, group }, timeoutMs, false, done);
  }

  transfer(group: string, to: string, timeoutMs: number, done: RequestDone): void {
    this.submit({ kind: "transfer", group, to }, timeoutMs, true, done);
  }

  changeMembers(kind: "change" | "rehearse", group: string, ask: MemberAsk, timeoutMs: number, done: RequestDone): void {
    this.submit({ kind, group, wishes: ask.wishes, force: ask.force }, timeoutMs, kind === "change", done);
  }

  changeSession(group: string, ask: SessionAsk, timeoutMs: number, done: RequestDone): void {
    const request: UnsentRequest = ask.type === "open"
      ? { kind: "open", group, ordered: ask.ordered }
      : { kind: "close", group, session: sessionBytes(ask.session) };
    this.submit(request, timeoutMs, true, done);
  }

  /** Sends what was asked in this turn, then closes. What still waits for a reply ends as if the connection broke. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#lastWords ??= new DraftError("UNREACHABLE", "the connection was closed here");
    this.#socket.end();
    this.#end(null);
  }

  /** Sends any request. @param changes whether one that is lost on the way may have been done */
  submit(request: UnsentRequest, timeoutMs: number, changes: boolean, done: RequestDone): void {
    if (this.#closed) {
      this.#clock.soon(() => done(this.#notSent(), 0, null));
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const deadlineMs = nowMs + timeoutMs;
    const pending: Pending = { deadlineMs, changes, request, done };
    if (this.#hasRoom()) this.#send(pending, nowMs);
    else if (this.#waiting.size < WAITING_MAX) this.#waiting.add(pending);
    else {
      const busy = new DraftError("BUSY", `${WAITING_MAX} requests wait for ${this.address} already`, { retryAfterMs: 50 });
      this.#clock.soon(() => done(busy, 0, null));
      return;
    }
    this.#armTimer(deadlineMs, nowMs);
  }

  #send(pending: Pending, nowMs: number): void {
    const id = this.#nextId;
    const remainingMs = Math.max(1, pending.deadlineMs - nowMs);
    const timeoutMs = Math.ceil(remainingMs - Math.min(ANSWER_MARGIN_MS, remainingMs / 10));
    const tooLarge = this.#append(pending.request, id, timeoutMs);
    if (tooLarge !== null) {
      this.#clock.soon(() => pending.done(tooLarge, 0, null));
      return;
    }
    this.#nextId += 1;
    this.#inflight.set(id, pending);
    if (this.#batch.length >= BATCH_BYTES) this.#write();
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.#clock.soon(() => this.#flush());
  }

  /** Puts the request into the turn's batch; an error if it is larger than the node takes. */
  #append(request: UnsentRequest, id: number, timeoutMs: number): DraftError | null {
    const batch = this.#batch;
    if (request.kind !== "write") {
      const body = encodeRequest({ ...request, id, timeoutMs });
      if (body.length > this.hello.frameBytesMax) return this.#tooLarge(body.length);
      batch.append(body);
      return null;
    }
    const group = this.#groupBytes(request.group);
    const bytesMax = writeRequestBytesMax(group.length, request.envelope.length);
    if (bytesMax > this.hello.frameBytesMax) return this.#tooLarge(request.envelope.length);
    const at = batch.reserve(bytesMax);
    batch.finish(writeWriteRequest(batch.bytes, at, { id, group, timeoutMs, envelope: request.envelope }));
    return null;
  }

  #tooLarge(bytes: number): DraftError {
    const { frameBytesMax } = this.hello;
    return new DraftError("TOO_LARGE", `the command has ${bytes} bytes: ${this.address} takes ${frameBytesMax} at most`);
  }

  #groupBytes(group: string): Uint8Array {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const bytes = new TextEncoder().encode(group);
    if (this.#groups.size < 1024) this.#groups.set(group, bytes);
    return bytes;
  }

  #hasRoom(): boolean {
    return this.#inflight.size < this.hello.inflightMax && this.#socket.queuedBytes + this.#batch.length < UNSENT_BYTES_MAX;
  }

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#closed) return;
    this.#write();
    this.drained();
  }

  #write(): void {
    const bytes = this.#batch.take();
    if (bytes === null) return;
    this.#unsentFrom = this.#nextId;
    this.#socket.write([bytes]);
  }

  /** One frame arrived. @throws DraftError if it is no reply */
  receive(body: Uint8Array): void {
    const { id, index, result, timing, error } = this.#replies.read(body);
    if (id === 0) {
      this.#lastWords = error;
      return;
    }
    const pending = this.#inflight.get(id);
    if (pending === undefined) return; // Its deadline passed, and its caller was told.
    this.#inflight.delete(id);
    this.drained();
    if (timing !== null) this.onTimed?.(pending.request.group, index, timing);
    pending.done(error, index, result);
  }

  /** There may be room for requests that wait. */
  drained(): void {
    for (const next of this.#waiting) {
      if (this.#closed || !this.#hasRoom()) return;
      this.#waiting.delete(next);
      this.#send(next, this.#clock.monotonicMs());
    }
  }

  /** The socket is gone. */
  lost(error: Error | null): void {
    if (error !== null) this.#lastWords ??= new DraftError("UNREACHABLE", error.message);
    this.#end(error);
  }

  #end(cause: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    const unsent = this.#notSent();
    // A node that stops in good order has answered all that it took before it says so.
    const noneTaken = this.#lastWords?.code === "STOPPING";
    for (const [id, pending] of this.#inflight) {
      const sent = id < this.#unsentFrom && !noneTaken;
      pending.done(sent && pending.changes ? this.#unknown(cause) : unsent, 0, null);
    }
    for (const pending of this.#waiting) pending.done(unsent, 0, null);
    this.#inflight.clear();
    this.#waiting.clear();
    this.onClosed?.();
  }

  #notSent(): DraftError {
    const words = this.#lastWords;
    if (words !== null && words.code !== "UNREACHABLE" && words.outcome === "not-done") return words;
    return new DraftError("UNREACHABLE", `${this.address} closed the connection${words === null ? "" : `: ${words.message}`}`);
  }

  #unknown(cause: Error | null): DraftError {
    const why = this.#lastWords === null ? "" : `: ${this.#lastWords.message}`;
    return new DraftError("LOST", `the connection to ${this.address} ended before the answer${why}`, { cause });
  }

  #armTimer(deadlineMs: number, nowMs: number): void {
    if (deadlineMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = deadlineMs;
    this.#timer = this.#clock.setTimer(Math.max(0, deadlineMs - nowMs), () => this.#expire());
  }

  /** Ends what is overdue, and sets the timer for what is due next: it fires seldom, since most are answered before. */
  #expire(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    const overdue: [Pending, boolean][] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [id, pending] of this.#inflight) {
      if (pending.deadlineMs > nowMs) nextMs = Math.min(nextMs, pending.deadlineMs);
      else if (this.#inflight.delete(id)) overdue.push([pending, pending.changes]);
    }
    for (const pending of this.#waiting) {
      if (pending.deadlineMs > nowMs) nextMs = Math.min(nextMs, pending.deadlineMs);
      else if (this.#waiting.delete(pending)) overdue.push([pending, false]);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#armTimer(nextMs, nowMs);
    // Before anybody is told, so that whoever asks again asks somebody else.
    if (overdue.length > 0) this.onSilent?.();
    for (const [pending, handedOver] of overdue) pending.done(this.#timedOut(handedOver), 0, null);
  }

  #timedOut(handedOver: boolean): DraftError {
    const outcome = handedOver ? "unknown" : "not-done";
    return new DraftError("TIMEOUT", `no answer from ${this.address} within the timeout`, { outcome });
  }
}
