/** The watches that one connection waits for: each is one question, answered once (net/watch_request.ts). */
import { DraftError } from "../base/errors.ts";
import type { WatchRequest } from "../net/client_protocol.ts";
import { encodeWatchAnswer } from "../net/watch_request.ts";
import type { AnswerDone, NodeApi } from "../node/node_api.ts";
import type { Watch } from "../node/watch.ts";

/** What one answer holds, or a change that is larger. */
const ANSWER_BYTES = 256 * 1024;

/** Asks the node, and answers once there is something to say. */
export class DoorWatches {
  readonly #api: NodeApi;
  readonly #waiting: Map<Watch, AnswerDone> = new Map();

  constructor(api: NodeApi) {
    this.#api = api;
  }

  /** Answers `request` once; never, if the connection is closed before. */
  ask({ group, ask }: Pick<WatchRequest, "group" | "ask">, done: AnswerDone): void {
    const watch = this.#api.watch(group, ask, () => this.#look(watch as Watch));
    if (watch instanceof DraftError) return done(watch);
    this.#waiting.set(watch, done);
    this.#look(watch);
  }

  /** Answers all with `why`: the node takes no more requests. */
  end(why: DraftError): void {
    for (const [watch, done] of [...this.#waiting]) this.#answer(watch, () => done(why));
  }

  /** The connection is gone, and nobody waits. */
  close(): void {
    for (const watch of this.#waiting.keys()) watch.close();
    this.#waiting.clear();
  }

  #look(watch: Watch): void {
    const done = this.#waiting.get(watch);
    const page = done === undefined ? null : watch.take(ANSWER_BYTES);
    if (page === null || done === undefined) return;
    this.#answer(watch, () => done(page instanceof DraftError ? page : { index: page.appliedIndex, reply: encodeWatchAnswer(page) }));
  }

  #answer(watch: Watch, answer: () => void): void {
    this.#waiting.delete(watch);
    watch.close();
    answer();
  }
}
