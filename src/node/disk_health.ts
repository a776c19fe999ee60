/** What a node knows of its disk, and says of it: whether it works, whether it moves, whether there is room. */
import type { Clock } from "../host/host.ts";
import type { EventBody } from "../raft/event.ts";
import type { Space } from "../wal/disk_space.ts";
import type { Alarm } from "./group_observer.ts";

/** The disk of one node. */
export class DiskHealth {
  /** The log failed: the node votes, acks and leads no more. */
  fenced = false;
  #space: Space = "ample";
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #tell: (event: EventBody) => void;
  #stalledMs: number | null = null;

  /** @param tell what all groups hear */
  constructor(clock: Pick<Clock, "monotonicMs">, tell: (event: EventBody) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** How much room there is. */
  get space(): Space {
    return this.#space;
  }

  /** The log's batch makes no progress, or does again, which the core hears by its stores. */
  stalled(isStalled: boolean): void {
    this.#stalledMs = isStalled ? this.#clock.monotonicMs() : null;
    if (isStalled) this.#tell({ type: "diskStalled" });
  }

  /** The room changed. */
  has(space: Space): void {
    this.#space = space;
    this.#tell({ type: "diskFull", full: space !== "ample" });
  }

  /** A group begins: of what was told before it heard nothing. */
  tellAgain(): void {
    if (this.#space !== "ample") this.has(this.#space);
  }

  /** @param isSilent it did not answer when it was asked how much is free */
  stateOf(isSilent: boolean): "ok" | "full" | "stuck" {
    if (isSilent || this.#stalledMs !== null) return "stuck";
    return this.#space === "ample" ? "ok" : "full";
  }

  /** Why the node is not of full use; empty if it is. */
  get complaint(): string {
    if (this.fenced) return "the log failed";
    if (this.#stalledMs !== null) return "it stands still";
    return this.#space === "ample" ? "" : "it is full";
  }

  /** What a person should look at. */
  alarms(isSilent: boolean, freeBytes: number): Alarm[] {
    const state = this.stateOf(isSilent);
    if (state === "stuck") {
      const forMs = this.#stalledMs === null ? null : Math.round(this.#clock.monotonicMs() - this.#stalledMs);
      const since = forMs === null ? "does not answer" : `has made no progress since ${forMs} ms`;
      return [{ code: "DISK_STUCK", message: `its disk ${since}: it leads and acknowledges nothing until it moves; see what holds it (dmesg), or end the node` }];
    }
    if (state === "ok") return [];
    const taken = this.#space === "scarce" ? "what makes less is still taken" : "not even what makes less is taken any more";
    return [{ code: "DISK_FULL", message: `its disk counts as full, ${freeBytes} bytes are free: it takes no writes as leader, ${taken}; make room` }];
  }
}
