/** How a simulated client reaches the cluster. */
import type { DraftError } from "../base/errors.ts";
import type { Command } from "../machine/machine.ts";
import type { Answer, ReadOptions } from "../node/node_api.ts";

/** What stands for the node of a request that may be answered by any. */
export const ANY_MEMBER: string = "the cluster";

/** What a request is. */
export interface Ask {
  readonly member: string;
  readonly command: Command;
  readonly read: ReadOptions | null;
  readonly timeoutMs: number;
  /** Gives up after so long; 0: never. */
  readonly patienceMs: number;
}

/** A request under way. */
export interface Asked extends Ask {
  /** Whether it was answered or given up. */
  isOver: boolean;
  /** Of a write: what was sent, at each try. */
  readonly sent: Uint8Array[];
}

/** Hears once how a request ended, unless it was given up. */
export type LineDone = (result: Answer | DraftError) => void;

export interface Line {
  send(asked: Asked, done: LineDone): void;
  /** Nobody waits for it any more. */
  giveUp(asked: Asked): void;
  close(): void;
}
