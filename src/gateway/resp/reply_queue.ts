/**
 * The replies of one connection, in the order of its commands: one that is known before those ahead of it waits for them.
 */
import { DraftError } from "../../base/errors.ts";
import { ownedReply } from "../local_connection.ts";
import { type ReplyWriter } from "./reply_writer.ts";
import { errorLine } from "./resp_errors.ts";

/** How a value is shown. */
export type Shape = (writer: ReplyWriter, value: unknown) => void;

/** As values are shown that no command has a form of its own for. */
export const plain: Shape = (writer, value) => writer.value(value);

/** The place of one reply. */
export interface Place {
  shape: Shape;
  value: unknown;
  isKnown: boolean;
  /** Memory that its command takes. */
  bytes: number;
  next: Place | null;
}

/** Keeps replies until it is their turn. */
export class ReplyQueue {
  readonly writer: ReplyWriter;
  readonly #written: () => void;
  #first: Place | null = null;
  #last: Place | null = null;
  #length = 0;
  #bytes = 0;

  /** @param written called whenever replies were added to `writer` */
  constructor(writer: ReplyWriter, written: () => void) {
    this.writer = writer;
    this.#written = written;
  }

  /** Commands whose reply is not written yet. */
  get length(): number {
    return this.#length;
  }

  /** Memory that their commands take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The newest command takes `bytes`, if its reply is not written yet. */
  charge(bytes: number): void {
    const last = this.#last;
    if (last === null) return;
    last.bytes += bytes;
    this.#bytes += bytes;
  }

  /** A place for the reply of the next command. */
  open(shape: Shape = plain): Place {
    const place: Place = { shape, value: null, isKnown: false, bytes: 0, next: null };
    if (this.#last === null) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.#length += 1;
    return place;
  }

  /** What `place` waited for, a value or an error. Called once; a value may change behind this call. */
  settle(place: Place, value: unknown): void {
    place.isKnown = true;
    if (place !== this.#first) {
      place.value = value instanceof DraftError ? value : ownedReply(value);
      return;
    }
    place.value = value;
    this.#write();
  }

  /** The reply of a command that is answered at once. */
  answer(shape: Shape): void {
    this.settle(this.open(shape), null);
  }

  /** The same, for an error in Redis's words. */
  refuse(line: string): void {
    this.answer((writer) => writer.error(line));
  }

  #write(): void {
    for (let first = this.#first; first?.isKnown === true; first = this.#first) {
      const { value, shape } = first;
      if (value instanceof DraftError) this.writer.error(errorLine(value));
      else shape(this.writer, value);
      this.#first = first.next;
      if (this.#first === null) this.#last = null;
      this.#length -= 1;
      this.#bytes -= first.bytes;
    }
    this.#written();
  }
}
