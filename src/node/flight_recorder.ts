/**
 * What the core of a group was told, and what it decided, of late: always on, so that a failure can be understood after
 * it happened. Two halves of a fixed size, each a checkpoint of the whole state and the packed events that followed; when
 * the newer one is full the older one makes room. Beside them the story in words of what happened longer ago.
 *
 * It holds no data of users: of entries their heads, no payload, no key, no value.
 */
import { EffectDigest, Outline } from "../raft/effect_digest.ts";
import type { Effect, Event } from "../raft/event.ts";
import { entryCountOf, EventWriter } from "../raft/event_writer.ts";
import { imageOf, type RaftImage } from "../raft/image.ts";
import type { RaftState } from "../raft/state.ts";
import type { Configuration, Role } from "../raft/types.ts";
import type { GroupObserver } from "./group_observer.ts";
import { Storyteller } from "./story.ts";

const KIB = 1024;

/** Packed events of one half; it is full a little earlier, so that the memory need not grow for its last event. */
const HALF_BYTES = 2 * KIB * KIB;
const FULL_PART = 7 / 8;
const START_BYTES = 16 * KIB;

/** Steps and configurations of one half, at most. */
const HALF_STEPS_MAX = 1 << 18;
const HALF_CONFIGURATIONS_MAX = 256;

/** A longer event is not recorded, and a new half begins behind it. */
const ENTRIES_MAX = 1 << 16;

/** A log of more runs (67 million entries) is not kept in checkpoints: then the story alone goes on. */
const RUNS_MAX = 1 << 18;

/** Sentences that are kept. */
const STORY_MAX = 512;

/** What follows each event: digest, outline, and role, term and leader if they changed. */
const RESULT_BYTES_MAX = 64;

export const ROLES: readonly Role[] = ["follower", "pre-candidate", "candidate", "leader"];

/** Something that happened, in words, and when by the node's wall clock. */
export interface Told {
  readonly wallMs: number;
  readonly text: string;
}

/** How a group came to an end that nobody asked for. */
export interface Ending extends Told {
  /** The core threw in the midst of an event, which stands behind the last step. */
  readonly brokeOff: boolean;
}

/** A checkpoint and what followed. */
export interface RecordedHalf {
  /** The state that the half before it ended with. */
  readonly continues: boolean;
  readonly image: RaftImage;
  readonly configurations: readonly Configuration[];
  readonly steps: number;
  /** Packed events, each with its result. A view: copy what is kept. */
  readonly bytes: Uint8Array;
}

interface Half {
  continues: boolean;
  image: RaftImage;
  steps: number;
  readonly writer: EventWriter;
}

/** Records one group. */
export class FlightRecorder implements GroupObserver {
  readonly #halfBytes: number;
  readonly #digest: EffectDigest = new EffectDigest();
  readonly #teller: Storyteller = new Storyteller();
  readonly #told: Told[] = [];
  #older: Half | null = null;
  #newer: Half | null = null;
  #brokeOff = false;
  #ending: Ending | null = null;

  /** @param halfBytes packed events of each half */
  constructor(halfBytes: number = HALF_BYTES) {
    this.#halfBytes = halfBytes;
  }

  opened(state: RaftState): void {
    this.#teller.opened(state);
    this.#older = null;
    this.#newer = null;
    this.#begin(state, false);
  }

  stepped(state: RaftState, event: Event, effects: readonly Effect[]): void {
    const digest = this.#digest;
    digest.take(effects);
    const half = this.#newer;
    if (half !== null) this.#record(half, state, event);
    const text = this.#teller.tell(event, effects, state, digest.outline);
    if (text !== null) this.note({ wallMs: event.wallMs, text });
  }

  /** Something that happened before the core was asked. */
  note(told: Told): void {
    this.#told.push(told);
    if (this.#told.length > STORY_MAX) this.#told.shift();
  }

  sent(): void {}

  /** The core threw in the midst of this event: its state can no longer be believed, and it takes no other one. */
  broke(event: Event): void {
    if (this.#newer === null || entryCountOf(event) > ENTRIES_MAX) return;
    this.#newer.writer.write(event);
    this.#brokeOff = true;
  }

  /** The node came to an end that nobody asked for. */
  ended(nodeId: string, why: string, wallMs: number): void {
    const brokeOff = this.#brokeOff;
    this.#ending ??= { wallMs, text: `${nodeId} ${brokeOff ? "breaks off" : "ends"}: ${why}`, brokeOff };
  }

  /** Null as long as the group works. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /** What happened, in words, the oldest first. */
  get story(): readonly Told[] {
    return this.#told;
  }

  /** What is recorded, the older half first. To be used at once: the next step changes it. */
  halves(): RecordedHalf[] {
    const halves = [this.#older, this.#newer].filter((half) => half !== null);
    return halves.map(({ continues, image, steps, writer }, i) => ({
      continues: i > 0 && continues, image, steps, configurations: writer.configurations,
      bytes: writer.packed.bytes.subarray(0, writer.packed.at),
    }));
  }

  #record(half: Half, state: RaftState, event: Event): void {
    if (entryCountOf(event) > ENTRIES_MAX) return this.#begin(state, false);
    const { writer } = half;
    writer.write(event);
    this.#writeResult(writer, state);
    half.steps += 1;
    const isFull = writer.packed.at > this.#halfBytes * FULL_PART || half.steps >= HALF_STEPS_MAX ||
      writer.configurations.length >= HALF_CONFIGURATIONS_MAX;
    if (isFull) this.#begin(state, true);
  }

  #writeResult(writer: EventWriter, state: RaftState): void {
    const { digest, outline } = this.#digest;
    const { packed } = writer;
    packed.reserve(RESULT_BYTES_MAX);
    packed.u32(digest);
    packed.near(outline, 0);
    if ((outline & Outline.changesRole) === 0) return;
    packed.byte(ROLES.indexOf(state.role));
    packed.near(state.term, 0);
    packed.near(state.leaderId, 0);
  }

  /** Begins a half with the state as it is now, in the memory of the one that it drives out. */
  #begin(state: RaftState, continues: boolean): void {
    if (state.trail.runs.length > RUNS_MAX) {
      this.#older = null;
      this.#newer = null;
      return;
    }
    const writer = this.#older?.writer ?? new EventWriter(state.config, Math.min(START_BYTES, this.#halfBytes));
    writer.reset();
    this.#older = this.#newer;
    this.#newer = { continues, image: imageOf(state), steps: 0, writer };
  }
}
