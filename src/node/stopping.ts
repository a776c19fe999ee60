/** What a group does before its node stops: another leads it, and writes that are under way find their outcome. */
import { type Task, wait } from "../base/task.ts";
import type { Clock, Log } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import { bestSuccessor } from "../raft/transfer.ts";
import type { Group } from "./group.ts";

const LOOK_MS = 5;

export interface StoppingOptions {
  readonly clock: Clock;
  /** Writes are waited for so long, at most. */
  readonly limitMs: number;
  /** The node ended meanwhile: nothing is to be waited for. */
  readonly ended: () => boolean;
}

/** Ends the machine. What it holds on disk is good as it is, however that goes. */
export function* closeMachine(applier: Applier, words: Log): Task<void> {
  yield* wait<void>((done) => applier.close((...[error]) => {
    if (error !== null) words.write("warn", `the machine could not be closed: ${error.message}`);
    done(null, undefined);
  }));
}

/** Hands leadership over, if this node has it and somebody can take it, and waits for who waits for an answer. */
export function* settleGroup(group: Group, { clock, limitMs, ended }: StoppingOptions): Task<void> {
  const successor = group.state.role === "leader" ? bestSuccessor(group.state) : 0;
  if (successor !== 0) yield* wait<void>((done) => group.transfer(successor, () => done(null, undefined)));
  const endMs = clock.monotonicMs() + limitMs;
  while (!ended() && group.isWaitedFor && clock.monotonicMs() < endMs) {
    yield* wait<void>((done) => clock.setTimer(LOOK_MS, () => done(null, undefined)));
  }
}
