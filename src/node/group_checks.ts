/**
 * The check points of one group's machine on their way to the core, and what this node says where the replicas disagree.
 */
import type { Log } from "../host/host.ts";
import type { Applier } from "../machine/applier.ts";
import type { Event, EventBody } from "../raft/event.ts";
import type { RaftState } from "../raft/state.ts";
import type { Index } from "../raft/types.ts";
import type { Alarm, GroupObserver } from "./group_observer.ts";

export interface GroupChecksOptions {
  /** Of the group. */
  readonly name: string;
  readonly applier: Pick<Applier, "checks">;
  readonly words: Log;
  readonly submit: (event: EventBody) => void;
}

/** Looks on at one group. */
export class GroupChecks implements GroupObserver {
  readonly #options: GroupChecksOptions;
  #isSplit = false;

  constructor(options: GroupChecksOptions) {
    this.#options = options;
  }

  opened(): void {}

  /** Whatever the machine has passed by now came with its start, a page of entries, or a snapshot. */
  stepped(_state: RaftState, { type }: Event): void {
    const { checks } = this.#options.applier;
    if (!checks.hasNews || (type !== "start" && type !== "applied" && type !== "restored")) return;
    checks.hasNews = false;
    this.#tell(checks.splitIndex);
    this.#options.submit({ type: "checked", ...checks.newest, unjudgedSinceMs: checks.unjudgedSinceMs });
  }

  sent(): void {}

  /** That no majority of the replicas agrees, if so. */
  alarms(): Alarm[] {
    const { name, applier: { checks: { splitIndex } } } = this.#options;
    return splitIndex === 0 ? [] : [{ code: "DIVERGED", message: splitText(name, splitIndex) }];
  }

  #tell(splitIndex: Index): void {
    const { name, words } = this.#options;
    if (splitIndex > 0 === this.#isSplit) return;
    this.#isSplit = splitIndex > 0;
    if (this.#isSplit) words.write("error", splitText(name, splitIndex), { group: name, index: splitIndex });
    else words.write("info", `a majority of the replicas of group ${name} agrees again`, { group: name });
  }
}

/** What an operator is told while no majority of the replicas agrees. */
function splitText(group: string, index: Index): string {
  return `the replicas of group ${group} hold different states at index ${index}, and none is that of a majority: all serve on, each from its own; ` +
    "compare stateHash, machine and runtime of the nodes: draft admin states --json";
}
