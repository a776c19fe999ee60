/**
 * What watchers hear is the log (docs/watch.md): each change of their keys that an applied entry made, once, in order,
 * across resumes, crashes, snapshots and leaders. What entries made is taken from the replica that applied them first, and
 * every other replica must have made the same.
 */
import type { Change } from "../../client/watch.ts";
import { behindEntry, type ChangeCursor, type HeldChange, valueOf } from "../../machine/change.ts";
import type { Event } from "../../raft/event.ts";
import { type Property, type SimMember, Violation } from "../property.ts";

export class Watches implements Property {
  readonly name: string = "watches";
  /** What was applied changed, in order; the text of each by its place. */
  readonly #changes: Made[] = [];
  readonly #at: Map<string, Made> = new Map();
  /** Use: what of each replica was looked at. */
  readonly #seen: Map<SimMember, ChangeCursor> = new Map();
  /** How many of the changes each watcher is past. */
  readonly #past: Map<number, number> = new Map();
  readonly #mayLose: boolean;
  /** A replica that was led astray on purpose tells its watchers what it holds: nobody can know whom a watcher hears. */
  #isOneAstray = false;

  /** @param mayLose whether replicas may hold less than all, as they do where machines are on disk */
  constructor(mayLose: boolean) {
    this.#mayLose = mayLose;
  }

  began(member: SimMember): void {
    if (member.isAstray === true) this.#isOneAstray = true;
  }

  stepped(member: SimMember, event: Event): void {
    if (event.type !== "applied" && event.type !== "restored") return;
    const { applier } = member;
    if (applier === null || member.isAstray === true) return;
    const { history } = applier;
    // No run makes as many changes as are held: whoever lacks some lost them at a snapshot or a restart.
    if (!this.#mayLose && history.floor.index > 0) throw new Violation(this.name, `${member.id} holds nothing behind index ${history.floor.index}: must hold all`);
    const from = history.positionBehind(this.#seen.get(member) ?? behindEntry(0));
    // What is missing is what it applied before it began, or others did.
    for (let at = Math.max(0, from); at < history.size; at++) this.#made(member, history.at(at));
    this.#seen.set(member, behindEntry(applier.lastApplied.index));
  }

  ended(member: SimMember): void {
    this.#seen.delete(member);
  }

  heard(watcher: number, prefix: string, change: Change): void {
    if (this.#isOneAstray) return;
    const text = textOf(change.key, change.deleted, change.value);
    let past = this.#past.get(watcher) ?? 0;
    while (past < this.#changes.length && !this.#changes[past]!.key.startsWith(prefix)) past += 1;
    const next = this.#changes[past];
    this.#past.set(watcher, past + 1);
    if (next === undefined) throw new Violation(this.name, `watcher ${watcher} heard ${placeOf(change)}, ${text}: nothing is behind what it had heard`);
    if (next.place === placeOf(change) && next.text === text) return;
    throw new Violation(this.name, `watcher ${watcher} heard ${placeOf(change)}, ${text}: next is ${next.place}, ${next.text}`);
  }

  watchLost(watcher: number, oldestIndex: number): void {
    if (!this.#mayLose) throw new Violation(this.name, `watcher ${watcher} was told that only index ${oldestIndex} and later is held: all is held in memory`);
    const at = this.#changes.findIndex(({ index }) => index >= oldestIndex);
    this.#past.set(watcher, at < 0 ? this.#changes.length : at);
  }

  #made(member: SimMember, change: HeldChange): void {
    const place = placeOf(change);
    const text = textOf(change.key, change.value === undefined, valueOf(change.value));
    const known = this.#at.get(place);
    if (known === undefined) {
      const made = { index: change.index, place, key: change.key, text };
      this.#at.set(place, made);
      this.#changes.push(made);
    } else if (known.text !== text) {
      throw new Violation(this.name, `${member.id} holds ${place} as ${text}, another replica as ${known.text}`);
    }
  }
}

interface Made {
  readonly index: number;
  readonly place: string;
  readonly key: string;
  readonly text: string;
}

function placeOf({ index, n }: ChangeCursor): string {
  return `${index}.${n}`;
}

function textOf(key: string, deleted: boolean, value: unknown): string {
  return `'${key}' ${deleted ? "deleted" : `= ${value instanceof Uint8Array ? [...value].join(" ") : JSON.stringify(value)}`}`;
}
