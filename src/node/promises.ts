/**
 * Durable leave to promise: a follower tells its leader for how long it will vote for nobody (raft/lease.ts), and a
 * process that starts waits for the longest such promise that an earlier one may have made. So the identity file says
 * how long that is before one as long is made. It is written when the node first follows somebody, not at its start: who
 * was always alone has promised nothing, and need not wait.
 */
import type { Task } from "../base/task.ts";
import { runTask } from "../base/task.ts";
import type { Log } from "../host/host.ts";
import type { Event, EventBody } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { DataDir } from "./data_dir.ts";
import { identityOf } from "./data_dir.ts";
import type { GroupObserver } from "./group_observer.ts";

/** After a write that failed: without promises this node's leader asks for each read, no more is lost. */
const RETRY_MS = 1000;

export interface PromisesOptions {
  readonly dataDir: DataDir;
  /** The longest promise that is made: the shortest election timeout, in milliseconds. */
  readonly promiseMs: number;
  readonly submit: (event: EventBody) => void;
  readonly words: Log;
}

/** Looks on at one group. */
export class Promises implements GroupObserver {
  readonly #options: PromisesOptions;
  #isWriting = false;
  #notBeforeMs = 0;

  constructor(options: PromisesOptions) {
    this.#options = options;
  }

  opened(): void {}

  stepped(state: RaftState, { nowMs }: Event): void {
    const { promiseMs, dataDir } = this.#options;
    const isFollowing = state.leaderId !== 0 && state.role !== "leader";
    if (!isFollowing || this.#isWriting || nowMs < this.#notBeforeMs || nowMs < state.silentUntilMs) return;
    // A shorter one is written too, once what the longer one stood for is over: the next start need not wait for that.
    if (identityOf(dataDir).promiseMaxMs !== promiseMs) this.#write(nowMs);
  }

  sent(): void {}

  #write(nowMs: number): void {
    const { dataDir, promiseMs, words, submit } = this.#options;
    this.#isWriting = true;
    runTask(dataDir.change({ promiseMaxMs: promiseMs }) as Task<unknown>, (...[error]) => {
      this.#isWriting = false;
      if (error === null) return submit({ type: "promiseReady", promiseMs });
      this.#notBeforeMs = nowMs + RETRY_MS;
      words.write("warn", `the identity file cannot be written: ${error.message}: this node helps its leader to no lease`);
    });
  }
}
