/** Marks of machines that change: raises, who waited for them, and who met them how. */
import { DraftError } from "../base/errors.ts";
import { EntryKind } from "../base/entry.ts";
import type { Effect, Event } from "../raft/event.ts";
import type { Index } from "../raft/types.ts";
import { TALLY } from "./builds.ts";
import type { ClientOperation, SimMember } from "./property.ts";

/** What may happen to a version. */
export const VERSION_MARKS = [
  "version raised", "version raised by several at once", "version raised while a member was away", "version raised again, from the log",
  "raise waited for a member that was away", "raise waited for a member that was set back", "raise cut from a log",
  "snapshot of an older version restored", "snapshot of a raised version restored",
  "operation of a later version done", "operation of a later version refused",
] as const;

/** One of them. */
export type VersionMark = (typeof VERSION_MARKS)[number];

/** A member's machine. */
interface Seen {
  /** What the plugin of its last process could run, and that of any. */
  last: number;
  highest: number;
  isUp: boolean;
  /** In force when it was last looked at. */
  version: number;
  /** The highest that was ever in force there. */
  raised: number;
  /** Where raises stand in its log. */
  raises: Index[];
}

/** Keeps what is known of each member. */
export class VersionMarks {
  readonly #note: (mark: VersionMark) => void;
  readonly #seen: Map<SimMember, Seen> = new Map();
  #newest = 1;
  /** In force anywhere, first and now. */
  #first = 0;
  #inForce = 0;

  constructor(note: (mark: VersionMark) => void) {
    this.#note = note;
  }

  opened(member: SimMember): void {
    const { applier } = member;
    if (applier === null) return;
    const { version: last } = applier.plugin;
    const { version, index } = applier.view();
    const before = this.#seen.get(member);
    this.#newest = Math.max(this.#newest, last);
    if (this.#first === 0) this.#first = this.#inForce = version;
    const highest = Math.max(last, before?.highest ?? 0);
    this.#seen.set(member, { last, highest, isUp: true, version, raised: Math.max(version, before?.raised ?? 0), raises: before?.raises ?? [] });
    if (index > 0) this.#restored(last, version);
  }

  ended(member: SimMember): void {
    const seen = this.#seen.get(member);
    if (seen !== undefined) seen.isUp = false;
  }

  stepped(member: SimMember, event: Event, effects: readonly Effect[]): void {
    if (this.#newest === 1) return;
    const seen = this.#seen.get(member);
    const { applier, state } = member;
    if (seen === undefined || applier === null) return;
    this.#markLog(seen, effects);
    if (event.type === "applied") this.#applied(seen, applier.view().version);
    else if (event.type === "restored") {
      seen.version = applier.view().version;
      this.#restored(seen.last, seen.version);
    } else if (event.type === "deadline" && state?.role === "leader") this.#waited(seen.version);
  }

  answered({ command, answer }: ClientOperation): void {
    if (command[0] !== TALLY) return;
    if (!(answer instanceof DraftError)) this.#note("operation of a later version done");
    else if (answer.code === "UNKNOWN_OPERATION") this.#note("operation of a later version refused");
  }

  #restored(able: number, version: number): void {
    if (version < able) this.#note("snapshot of an older version restored");
    if (version > this.#first) this.#note("snapshot of a raised version restored");
  }

  #applied(seen: Seen, version: number): void {
    if (version === seen.version) return;
    if (version > seen.version + 1) this.#note("version raised by several at once");
    if (version <= seen.raised) this.#note("version raised again, from the log");
    if (version > this.#inForce) {
      this.#note("version raised");
      if ([...this.#seen.values()].some(({ isUp }) => !isUp)) this.#note("version raised while a member was away");
      this.#inForce = version;
    }
    seen.version = version;
    seen.raised = Math.max(version, seen.raised);
  }

  #waited(version: number): void {
    const all = [...this.#seen.values()];
    if (all.every(({ last }) => last > version)) {
      if (all.some(({ isUp }) => !isUp)) this.#note("raise waited for a member that was away");
    } else if (all.every(({ highest }) => highest > version)) this.#note("raise waited for a member that was set back");
  }

  #markLog(seen: Seen, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== "store") continue;
      const { truncateFrom, entries } = effect;
      if (truncateFrom > 0 && seen.raises.some((index) => index >= truncateFrom)) {
        this.#note("raise cut from a log");
        seen.raises = seen.raises.filter((index) => index < truncateFrom);
      }
      for (const { kind, index } of entries) if (kind === EntryKind.version) seen.raises.push(index);
    }
  }
}
