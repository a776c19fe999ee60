/**
 * What has expired is not seen (DESIGN section 2): a linearizable read that is called later than the moment at which a
 * key expires does not see its value. Log time goes on with the leader's monotonic clock, so the true time since a
 * leader sealed an entry tells how far log time is at least, whatever the wall clocks show. Nothing is said of a read
 * while another term may be leading.
 */
import { DraftError } from "../../base/errors.ts";
import type { Command } from "../../machine/machine.ts";
import type { Effect, Event } from "../../raft/event.ts";
import type { Term } from "../../raft/types.ts";
import { endingOf, textOf } from "../history/history.ts";
import { type ClientOperation, type Property, type SimMember, Violation } from "../property.ts";
import type { ClusterModel } from "./cluster_model.ts";
import type { Committed } from "./committed.ts";

/** What clocks may lose, as a part of one, and what is lost by rounding. */
const DRIFT_MAX = 1e-3;
const ROUNDING_MS = 5;

/** What makes a value live longer than was said when it was written. */
const PROLONGING: ReadonlySet<string> = new Set(["expire", "pexpire", "persist", "append", "mset", "cas", "incr"]);

/** An entry of the highest term, and the true time at which its leader sealed it. */
interface Anchor {
  readonly term: Term;
  readonly index: number;
  readonly timeMs: number;
  readonly sealedAtMs: number;
}

/** What log time has reached when a read is called, if no higher term begins before it is answered. */
interface Floor {
  readonly term: Term;
  readonly timeMs: number;
}

/** A read that saw a value. */
interface Sight {
  readonly id: number;
  readonly key: string;
  readonly value: unknown;
  /** What log time had reached at least when it was called. */
  readonly reachedMs: number;
}

export class Expiry implements Property {
  readonly name: string = "expiry";
  readonly #model: ClusterModel;
  readonly #committed: Committed;
  #highestTerm: Term = 0;
  #anchor: Anchor | null = null;
  #trueMs: (() => number) | null = null;
  readonly #floors: Map<number, Floor> = new Map();
  /** By key and value: when it expires, in log time. */
  readonly #deadlines: Map<string, number> = new Map();
  /** By key and value: the latest read that saw it before its writer heard of it. */
  readonly #sights: Map<string, Sight> = new Map();
  readonly #prolonged: Set<string> = new Set();

  constructor(model: ClusterModel, committed: Committed) {
    this.#model = model;
    this.#committed = committed;
  }

  opened(member: SimMember): void {
    this.#trueMs ??= member.clocks?.trueMs ?? null;
    this.#highestTerm = Math.max(this.#highestTerm, member.state!.term);
  }

  stepped(member: SimMember, _event: Event, effects: readonly Effect[]): void {
    const state = member.state!;
    this.#highestTerm = Math.max(this.#highestTerm, state.term);
    if (member.clocks === undefined || state.role !== "leader" || state.term <= (this.#anchor?.term ?? 0)) return;
    const { memory, number } = this.#model.of(state);
    for (const effect of effects) {
      if (effect.type !== "store") continue;
      const entry = effect.entries.map(({ index }) => memory.at(index)!).find(({ by, term }) => by === number && term === state.term);
      if (entry === undefined) continue;
      this.#anchor = { term: entry.term, index: entry.index, timeMs: entry.timeMs, sealedAtMs: member.clocks.trueMs() };
      return;
    }
  }

  called({ id, command, read }: ClientOperation): void {
    if (read === null) {
      if (isProlonging(command)) for (const key of command.slice(1)) this.#prolonged.add(textOf(key));
      return;
    }
    if (read.level !== "linearizable" || this.#trueMs === null || this.#anchor === null) return;
    const { term, index, timeMs, sealedAtMs } = this.#anchor;
    // Once it is committed no leader of a lower term proves a read that was called later.
    if (term !== this.#highestTerm || this.#committed.at(index)?.term !== term) return;
    this.#floors.set(id, { term, timeMs: timeMs + (this.#trueMs() - sealedAtMs) * (1 - DRIFT_MAX) - ROUNDING_MS });
  }

  answered(operation: ClientOperation): void {
    const { id, read } = operation;
    const floor = this.#floors.get(id);
    this.#floors.delete(id);
    if (endingOf(operation) !== "done") return;
    if (read === null) this.#note(operation);
    else if (floor !== undefined && floor.term === this.#highestTerm) this.#check(operation, floor.timeMs);
  }

  #note({ command, answer }: ClientOperation): void {
    const [name, key, value, unit, forMs] = command;
    if (name !== "set" || String(unit).toLowerCase() !== "px" || answer === null || answer instanceof DraftError || answer.reply !== "OK") return;
    const entry = this.#committed.at(answer.index);
    if (entry === null) return;
    const place = placeOf(key, value);
    this.#deadlines.set(place, entry.timeMs + Number(forMs));
    const sight = this.#sights.get(place);
    if (sight !== undefined) this.#judge(sight);
  }

  #check(operation: ClientOperation, reachedMs: number): void {
    for (const [key, value] of seenBy(operation)) {
      const sight = { id: operation.id, key, value, reachedMs };
      const place = placeOf(key, value);
      if (this.#deadlines.has(place)) this.#judge(sight);
      else if (reachedMs > (this.#sights.get(place)?.reachedMs ?? 0)) this.#sights.set(place, sight);
    }
  }

  #judge({ id, key, value, reachedMs }: Sight): void {
    const deadlineMs = this.#deadlines.get(placeOf(key, value)) ?? Number.POSITIVE_INFINITY;
    if (deadlineMs > reachedMs || this.#prolonged.has(key)) return;
    const pastMs = Math.round(reachedMs - deadlineMs);
    throw new Violation(this.name, `read ${id} sees '${textOf(value)}' at ${key}, which had expired ${pastMs} ms of log time before it was called`);
  }
}

function isProlonging(command: Command): boolean {
  return PROLONGING.has(command[0]) || command.some((word) => typeof word === "string" && word.toLowerCase() === "keepttl");
}

/** The keys and values that a read shows. */
function seenBy({ command: [name, ...keys], answer }: ClientOperation): [key: string, value: unknown][] {
  if (answer === null || answer instanceof DraftError || answer.reply === null) return [];
  const { reply } = answer;
  if (name === "get") return [[textOf(keys[0]), reply]];
  if (!Array.isArray(reply)) return [];
  if (name === "getrev") return [[textOf(keys[0]), reply[0]]];
  return name === "mget" ? keys.map((key, at) => [textOf(key), reply[at]]) : [];
}

function placeOf(key: unknown, value: unknown): string {
  return `${textOf(key)} ${textOf(value)}`;
}
