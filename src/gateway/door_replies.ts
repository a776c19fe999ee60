/**
 * What goes out on one client's connection: all replies of a turn in one write, up to a limit, and how much of it the
 * client has not read.
 */
import { DraftError } from "../base/errors.ts";
import type { Clock, Log, Socket } from "../host/host.ts";
import { encodeError, writeResult } from "../net/client_replies.ts";
import { FrameBatch } from "../net/frame_batch.ts";
import type { Answer } from "../node/node_api.ts";

/** Replies of a turn leave in one write, up to so many bytes. */
const BATCH_BYTES = 1024 * 1024;

/** While this much of our replies is not read, the client's requests are not read either. */
const UNREAD_PAUSE_BYTES = 1024 * 1024;

/** While this much of our replies is not read, no read is answered: one answer more is what there may be beyond. */
const ANSWERS_BYTES_MAX = 4 * 1024 * 1024;

/** A client that lets replies to writes pile up beyond this is dropped: each was made once, and cannot be asked for again. */
const UNREAD_MAX_BYTES = 256 * 1024 * 1024;

/** A reply that would be longer is refused: clients take frames up to here. */
const REPLY_BYTES_MAX = 63 * 1024 * 1024;

/** What the replies need of their connection. */
export interface RepliesOwner {
  readonly clock: Clock;
  readonly log: Log;
  readonly socket: Socket;
  /** Called once a turn, behind its last write. */
  flushed(): void;
  /** The client does not read: the connection is to be closed at once. */
  dropped(): void;
}

/** Writes replies. */
export class DoorReplies {
  readonly #owner: RepliesOwner;
  readonly #batch: FrameBatch = new FrameBatch();
  #isFlushPlanned = false;
  #isPaused = false;
  #isClosed = false;

  constructor(owner: RepliesOwner) {
    this.#owner = owner;
  }

  /** Whether all replies were handed to the socket. */
  get isEmpty(): boolean {
    return this.#batch.length === 0;
  }

  /** Whether the answer to a read may be written, however long it is. */
  get hasRoom(): boolean {
    return this.#owner.socket.queuedBytes + this.#batch.length < ANSWERS_BYTES_MAX;
  }

  /** Nothing is written any more. */
  close(): void {
    this.#isClosed = true;
  }

  add(body: Uint8Array): void {
    this.#batch.append(body);
    this.#planFlush();
  }

  addError(id: number, error: DraftError): void {
    this.add(encodeError(id, error));
  }

  /** @param changes whether what is answered has changed something */
  addResult(id: number, { index, reply, timing }: Answer, changes: boolean): void {
    const bytes = writeResult(this.#batch, { id, index, result: reply, timing }, REPLY_BYTES_MAX);
    if (bytes <= REPLY_BYTES_MAX) return this.#planFlush();
    const message = `the answer has ${bytes} bytes: a reply takes ${REPLY_BYTES_MAX} at most`;
    this.addError(id, new DraftError(changes ? "ANSWER_NOT_KEPT" : "TOO_LARGE", message));
  }

  /** Writes what is there, now. */
  flush(): void {
    const { socket, log } = this.#owner;
    const bytes = this.#batch.take();
    if (bytes !== null) socket.write([bytes]);
    const unread = socket.queuedBytes;
    if (unread > UNREAD_MAX_BYTES) {
      log.write("warn", "dropped a client that does not read its replies", { remote: socket.remote, unread });
      this.#owner.dropped();
    } else if (unread > UNREAD_PAUSE_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      socket.pause();
    }
  }

  /** The client has read all that was written. */
  drained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#owner.socket.resume();
  }

  #planFlush(): void {
    if (this.#batch.length >= BATCH_BYTES) this.flush();
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#owner.clock.soon(() => {
      this.#isFlushPlanned = false;
      if (this.#isClosed) return;
      this.flush();
      this.#owner.flushed();
    });
  }
}
