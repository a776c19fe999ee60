/**
 * The reads of one connection, no more answers of which are made than it has room for: nobody knows how large an answer is
 * before it is there, and a few bytes may ask for many megabytes. An answer that has no room is dropped while it is but a
 * reference into the state, and the read is asked again once there is room: what it sees then is only newer.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock } from "../host/host.ts";
import type { ReadRequest } from "../net/client_protocol.ts";
import type { Answer, AnswerDone } from "../node/node_api.ts";

/** What the reads need of their connection. */
export interface ReadsOwner {
  readonly clock: Clock;
  /** Whether one more answer, of any length, may be written. */
  hasRoom(): boolean;
  /** Has a read answered. */
  ask(request: ReadRequest, done: AnswerDone): void;
  /** What a read ends with. Called once for each. */
  answer(id: number, result: Answer | DraftError): void;
}

interface HeldRead {
  readonly request: ReadRequest;
  readonly deadlineMs: number;
}

/** Asks as many at once as their answers leave room for. */
export class PacedReads {
  readonly #owner: ReadsOwner;
  /** Reads that wait for room; the owner bounds how many there are. */
  #held: HeldRead[] = [];
  #underWay = 0;
  /** Reads that may be under way at once: one after an answer had no room, and one more with each that had. */
  #underWayMax = Number.POSITIVE_INFINITY;

  constructor(owner: ReadsOwner) {
    this.#owner = owner;
  }

  /** Takes a read. */
  add(request: ReadRequest): void {
    const read = { request, deadlineMs: this.#owner.clock.monotonicMs() + request.timeoutMs };
    if (this.#held.length > 0 || !this.#mayAsk()) this.#held.push(read);
    else this.#ask(read, request.timeoutMs);
  }

  /** There may be room again. */
  more(): void {
    if (this.#held.length === 0) return;
    const waiting = this.#held;
    this.#held = [];
    let at = 0;
    for (; at < waiting.length && this.#mayAsk(); at++) this.#askHeld(waiting[at] as HeldRead);
    this.#held = [...waiting.slice(at), ...this.#held];
    if (this.#held.length === 0) this.#underWayMax = Number.POSITIVE_INFINITY;
  }

  #mayAsk(): boolean {
    return this.#underWay < this.#underWayMax && this.#owner.hasRoom();
  }

  #askHeld(read: HeldRead): void {
    const remainingMs = read.deadlineMs - this.#owner.clock.monotonicMs();
    if (remainingMs > 0) return this.#ask(read, remainingMs);
    const message = "the read was not answered in time: the answers to reads before it were not taken";
    this.#owner.answer(read.request.id, new DraftError("TIMEOUT", message, { outcome: "not-done" }));
  }

  #ask(read: HeldRead, timeoutMs: number): void {
    this.#underWay += 1;
    const { request } = read;
    this.#owner.ask(timeoutMs === request.timeoutMs ? request : { ...request, timeoutMs }, (result) => this.#answered(read, result));
  }

  #answered(read: HeldRead, result: Answer | DraftError): void {
    this.#underWay -= 1;
    if (result instanceof DraftError || this.#owner.hasRoom()) {
      this.#underWayMax += 1;
      this.#owner.answer(read.request.id, result);
    } else {
      this.#underWayMax = 1;
      this.#held.push(read);
    }
  }
}
