/**
 * The side of a snapshot connection that asks: questions leave at once, answers come in their order. A line that says
 * nothing for a while counts as broken, and so does one that is refused, ended or garbled: the asker dials anew.
 */
import { DraftError } from "../base/errors.ts";
import type { Done } from "../base/task.ts";
import type { Host, Timer } from "../host/host.ts";
import { FrameWriter } from "./frame_writer.ts";
import type { Greeted } from "./greeting.ts";
import { ConnectionFrame, decodeReply, encodeProbe } from "./hello.ts";

/** So long nothing at all may come while an answer is owed. */
const SILENT_MS = 10_000;

/** A connection on which this node asks. */
export class Interview {
  readonly #host: Pick<Host, "clock">;
  readonly #greeted: Greeted;
  readonly #writer: FrameWriter = new FrameWriter();
  readonly #arrived: (readonly unknown[])[] = [];
  #waiting: Done<readonly unknown[]> | null = null;
  #silence: Timer | null = null;
  /** Questions that have no answer yet. */
  #owed = 0;
  #end: Error | null = null;

  constructor(host: Pick<Host, "clock">, greeted: Greeted) {
    this.#host = host;
    this.#greeted = greeted;
    greeted.socket.open({
      data: (bytes) => this.#receive(bytes),
      drained: () => undefined,
      closed: (error) => this.#fail(broken(error?.message ?? "the other side closed it")),
    });
    // Nothing is owed yet: what came behind the hello is nonsense, and is met as such.
    this.#takeFrames();
  }

  /** Asks. What was asked before is answered before. */
  ask(question: readonly unknown[]): void {
    if (this.#end !== null) return;
    this.#owed += 1;
    this.#writer.add(encodeProbe(ConnectionFrame.request, question));
    this.#greeted.socket.write(this.#writer.take());
    this.#listen();
  }

  /**
   * Waits for the next answer.
   *
   * @param done gets it; or a DraftError: FORBIDDEN if the other side refuses, BAD_REQUEST if it speaks nonsense,
   *   UNREACHABLE if the line broke
   */
  next(done: Done<readonly unknown[]>): void {
    const answer = this.#arrived.shift();
    if (answer !== undefined) done(null, answer);
    else if (this.#end !== null) done(this.#end);
    else this.#waiting = done;
  }

  close(): void {
    this.#fail(broken("it was closed here"));
  }

  #receive(bytes: Uint8Array): void {
    if (this.#end !== null) return;
    if (this.#owed > 0) this.#listen();
    this.#greeted.parser.feed(bytes);
    this.#takeFrames();
  }

  #takeFrames(): void {
    const { parser } = this.#greeted;
    try {
      for (let body = parser.next(); body !== null; body = parser.next()) this.#take(decodeReply(body));
      if (parser.fault !== null) this.#fail(broken(`bad frame: ${parser.fault}`));
    } catch (error) {
      if (!(error instanceof DraftError)) throw error;
      this.#fail(error);
    }
  }

  #take(answer: readonly unknown[]): void {
    if (this.#end !== null) return;
    if (this.#owed === 0) return this.#fail(new DraftError("BAD_REQUEST", `${this.#greeted.hello.nodeId} answers what nobody asked`));
    this.#owed -= 1;
    if (this.#owed === 0) this.#hush();
    const done = this.#waiting;
    this.#waiting = null;
    if (done === null) this.#arrived.push(answer);
    else done(null, answer);
  }

  #listen(): void {
    this.#hush();
    this.#silence = this.#host.clock.setTimer(SILENT_MS, () => this.#fail(broken(`nothing came for ${SILENT_MS} ms`)));
  }

  #hush(): void {
    this.#silence?.cancel();
    this.#silence = null;
  }

  #fail(error: Error): void {
    if (this.#end !== null) return;
    this.#end = error;
    this.#hush();
    this.#greeted.socket.destroy();
    const done = this.#waiting;
    this.#waiting = null;
    done?.(error);
  }
}

function broken(why: string): DraftError {
  return new DraftError("UNREACHABLE", `the snapshot connection broke: ${why}`);
}
