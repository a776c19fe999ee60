/**
 * The guard of machines: while a machine runs an entry, whatever would differ from node to node (a clock, chance, a
 * timer, the network) throws, with what to use in its place. It is for `draft dev`, `draft sim` and authors' tests; a
 * node in production has none.
 */

/** What a guarded machine may be doing. A snapshot and a restore are not guarded: see {@link guardPlugin}. */
export type GuardedMethod = "apply" | "applyBatch" | "query" | "wakeAt" | "wake" | "upgrade" | "hash" | "prepare";

/** Why a global is refused. */
export type ForbiddenKind = "clock" | "chance" | "timer" | "network";

/** A port that refuses clocks, chance, timers and network to what runs under it. */
export interface Guard {
  /**
   * Runs `work`, a method of a machine.
   *
   * @param operation whose command it runs; null if it runs none
   * @throws ForbiddenGlobal if `work` used what is refused, also if it caught what that threw; else what `work` throws
   */
  run<T>(method: GuardedMethod, operation: string | null, work: () => T): T;
}

/** What a machine was doing when it used a global. */
export interface ForbiddenUse {
  readonly method: GuardedMethod;
  readonly operation: string | null;
  /** As one would write it: `Date.now()`. */
  readonly global: string;
  readonly kind: ForbiddenKind;
  /** `FILE:LINE:COLUMN`, or null where the runtime does not tell. */
  readonly place: string | null;
}

/** Thrown by what a machine may not use. */
export class ForbiddenGlobal extends Error {
  override readonly name = "ForbiddenGlobal";
  readonly use: ForbiddenUse;

  constructor(use: ForbiddenUse) {
    super(sentence(use));
    this.use = use;
  }
}

function sentence({ method, operation, global, kind, place }: ForbiddenUse): string {
  const where = operation === null ? `${method}()` : `${method}() of '${operation}'`;
  const why = method === "prepare" ? "a write that is sent again to another node must become the same" : WHY[kind];
  return `${where} uses ${global}${place === null ? "" : ` at ${place}`}: ${why}, ${insteadOf(kind, method)}`;
}

const WHY: Readonly<Record<ForbiddenKind, string>> = {
  clock: "each replica runs it at another moment",
  chance: "each replica would draw something else",
  timer: "what it begins would end at another moment on each replica",
  network: "each replica would be answered by itself",
};

function insteadOf(kind: ForbiddenKind, method: GuardedMethod): string {
  if (kind === "timer") return "do it at once, or name the moment in wakeAt() and do it in wake()";
  if (kind === "network") return "ask before, and send the answer as a command";
  if (method === "wakeAt" || method === "hash") return "tell it from the state alone";
  if (method === "prepare") return "leave that to apply(), which has entry.timeMs and entry.random()";
  if (method === "query") return kind === "clock" ? "take view.timeMs" : "draw in a write, by entry.random()";
  return kind === "clock" ? "take entry.timeMs" : "take entry.random()";
}
