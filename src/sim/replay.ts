/**
 * Steps the core through what a production node recorded: the same code, from the checkpoint, event by event. Whatever
 * it asks for must be what it asked for then; so a recording can be believed, and a changed core be held against it.
 */
import { AssertionFailed } from "../base/assert.ts";
import { DraftError } from "../base/errors.ts";
import { type Ending, type RecordedHalf, ROLES, type Told } from "../node/flight_recorder.ts";
import type { Recording } from "../node/recording.ts";
import { Storyteller } from "../node/story.ts";
import { EffectDigest, Outline } from "../raft/effect_digest.ts";
import type { Effect, Event } from "../raft/event.ts";
import { EventReader } from "../raft/event_reader.ts";
import { imageOf, stateOf } from "../raft/image.ts";
import { checkState } from "../raft/invariants.ts";
import type { RaftState } from "../raft/state.ts";
import { step } from "../raft/step.ts";
import { effectsWords, eventWords, nameIn, namesIn, outlineWords } from "../raft/words.ts";

/** Where the core of this program does something else than was recorded. */
export interface Difference {
  /** Counts the steps of the recording from 1. */
  readonly step: number;
  readonly wallMs: number;
  readonly event: string;
  readonly recorded: string;
  readonly replayed: string;
}

/** What came of one recording. */
export interface Replayed {
  readonly nodeId: string;
  readonly group: string;
  readonly version: string;
  /** Steps that were recorded, and of these how many were taken. */
  readonly steps: number;
  readonly taken: number;
  /** When the first and the last of them were taken in production; null if there are none. */
  readonly fromWallMs: number | null;
  readonly toWallMs: number | null;
  /** The first one; null if every step did what it had done. */
  readonly difference: Difference | null;
  /** The oldest first: what was told then of the time before, and what is told now of the steps. */
  readonly story: readonly Told[];
}

/**
 * Replays one recording up to its end or its first difference.
 *
 * @throws DraftError DAMAGED if its checkpoints or events make no sense
 */
export function replay(recording: Recording): Replayed {
  const { nodeId, group, version, halves, story, ending } = recording;
  const run = new Replay(nodeId);
  for (const [i, half] of halves.entries()) {
    run.half(half, i === halves.length - 1 ? ending : null);
    if (run.difference !== null) break;
  }
  if (run.difference === null && ending !== null) run.told.push({ wallMs: ending.wallMs, text: ending.text });
  const { fromWallMs, toWallMs, taken, difference } = run;
  const before = story.filter(({ wallMs }) => fromWallMs === null || wallMs < fromWallMs);
  const steps = halves.reduce((sum, half) => sum + half.steps, ending?.brokeOff === true ? 1 : 0);
  return { nodeId, group, version, steps, taken, fromWallMs, toWallMs, difference, story: [...before, ...run.told] };
}

class Replay {
  readonly told: Told[] = [];
  difference: Difference | null = null;
  taken = 0;
  fromWallMs: number | null = null;
  toWallMs: number | null = null;
  readonly #nodeId: string;
  readonly #digest: EffectDigest = new EffectDigest();
  #teller: Storyteller = new Storyteller();
  #state: RaftState | null = null;

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
  }

  /** @param ending how the recording ends, if this is its last half */
  half(half: RecordedHalf, ending: Ending | null): void {
    if (half.continues && this.#state !== null && !this.#isAt(half, this.#state)) return;
    const state = this.#stateFrom(half);
    if (!half.continues || this.#state === null) {
      this.#teller = new Storyteller();
      this.#teller.opened(state);
    }
    this.#state = state;
    const reader = new EventReader(state.config, half.bytes, half.configurations);
    for (let steps = 0; steps < half.steps && this.difference === null; steps++) {
      if (reader.packed.isAtEnd) throw this.#damaged(`it says ${half.steps} steps and has ${steps}`);
      const event = reader.read();
      const result = resultFrom(reader);
      this.#step(state, event, result);
    }
    if (this.difference !== null) return;
    if (ending?.brokeOff === true) this.#breakOff(state, reader.read(), ending);
    if (!reader.packed.isAtEnd) throw this.#damaged(`it says ${half.steps} steps and has more`);
  }

  #stateFrom(half: RecordedHalf): RaftState {
    const state = stateOf(half.image);
    try {
      checkState(state);
    } catch (error) {
      if (!(error instanceof AssertionFailed)) throw error;
      throw this.#damaged(`its checkpoint cannot be: ${error.message}`);
    }
    return state;
  }

  /** Whether the state is the one of the checkpoint, which was made of the very same state. */
  #isAt(half: RecordedHalf, state: RaftState): boolean {
    const where = firstDifference(half.image, imageOf(state), "");
    if (where === null) return true;
    this.difference = {
      step: this.taken, wallMs: this.toWallMs ?? 0, event: "after this step a checkpoint was made",
      recorded: `the state then: ${where.path} is ${where.recorded}`, replayed: `the state now: it is ${where.replayed}`,
    };
    return false;
  }

  #step(state: RaftState, event: Event, result: Result): void {
    const effects = this.#take(state, event);
    if (effects instanceof Error) return this.#differs(state, event, result, `breaks off: ${effects.message}`);
    this.#digest.take(effects);
    const { digest, outline } = this.#digest;
    if (digest !== result.digest || outline !== result.outline) {
      return this.#differs(state, event, result, effectsWords(effects, namesIn(state)));
    }
    const text = this.#teller.tell(event, effects, state, outline);
    if (text !== null) this.told.push({ wallMs: event.wallMs, text });
  }

  /** The effects of the step, or what the core threw in its midst. */
  #take(state: RaftState, event: Event): readonly Effect[] | Error {
    this.taken += 1;
    this.fromWallMs ??= event.wallMs;
    this.toWallMs = event.wallMs;
    try {
      return step(state, event);
    } catch (error) {
      if (error instanceof AssertionFailed || error instanceof TypeError || error instanceof RangeError) return error;
      throw error;
    }
  }

  /** The event at which the core broke off. What an engine says of its own errors is its own affair. */
  #breakOff(state: RaftState, event: Event, ending: Ending): void {
    const effects = this.#take(state, event);
    const isSame = effects instanceof AssertionFailed ? ending.text.endsWith(effects.message) : effects instanceof Error;
    if (isSame) return;
    this.difference = {
      step: this.taken, wallMs: event.wallMs, event: eventWords(event, namesIn(state)), recorded: ending.text.slice(ending.text.indexOf(" ") + 1),
      replayed: effects instanceof Error ? `breaks off: ${effects.message}` : effectsWords(effects, namesIn(state)),
    };
  }

  #differs(state: RaftState, event: Event, result: Result, replayed: string): void {
    const { role } = result;
    const became = role === null ? "" : `: ${ROLES[role.role] ?? "?"} of term ${role.term}, leader ${nameIn(state, role.leaderId)}`;
    const recorded = `${outlineWords(result.outline)}${became}`;
    const sameKinds = this.#digest.outline === result.outline && !replayed.startsWith("breaks off");
    this.difference = {
      step: this.taken, wallMs: event.wallMs, event: eventWords(event, namesIn(state)),
      recorded: sameKinds ? `${recorded}, with other numbers` : recorded, replayed,
    };
  }

  #damaged(why: string): DraftError {
    return new DraftError("DAMAGED", `the recording of ${this.#nodeId} cannot be replayed, ${why}: take it again with draft admin record FILE`);
  }
}

/** What was recorded behind an event. */
interface Result {
  readonly digest: number;
  readonly outline: number;
  readonly role: { readonly role: number; readonly term: number; readonly leaderId: number } | null;
}

function resultFrom({ packed }: EventReader): Result {
  const digest = packed.u32();
  const outline = packed.near(0);
  const changed = (outline & Outline.changesRole) !== 0;
  return { digest, outline, role: changed ? { role: packed.byte(), term: packed.near(0), leaderId: packed.near(0) } : null };
}

/** The first field in which two pieces of plain data differ. */
function firstDifference(recorded: unknown, replayed: unknown, path: string): { path: string; recorded: string; replayed: string } | null {
  if (Object.is(recorded, replayed)) return null;
  if (typeof recorded !== "object" || typeof replayed !== "object" || recorded === null || replayed === null) {
    return { path, recorded: String(recorded), replayed: String(replayed) };
  }
  const a = recorded as Readonly<Record<string, unknown>>;
  const b = replayed as Readonly<Record<string, unknown>>;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const difference = firstDifference(a[key], b[key], path === "" ? key : `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}
