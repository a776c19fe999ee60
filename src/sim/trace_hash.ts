/** A running hash over what happened: two runs whose hashes are equal did the same, event by event. */
import type { Event } from "../raft/event.ts";
import type { Message } from "../raft/message.ts";
import type { RaftState } from "../raft/state.ts";

/** Two lanes of 32 bits, mixed with whole-number arithmetic alone: the same on every engine. */
export class TraceHash {
  readonly #float: Float64Array = new Float64Array(1);
  readonly #words: Uint32Array = new Uint32Array(this.#float.buffer);
  #a = 0x9e37_79b9;
  #b = 0x85eb_ca6b;

  /** Takes in one number; fractions count to the last bit. */
  add(value: number): void {
    if (value === (value | 0)) return this.#mix(value | 0);
    this.#float[0] = value;
    this.#mix(this.#words[0] as number);
    this.#mix(this.#words[1] as number);
  }

  addText(text: string): void {
    this.#mix(text.length);
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at));
  }

  /** 16 hexadecimal digits. */
  get text(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x85eb_ca6b);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + word, 0xc2b2_ae35) ^ this.#a;
    this.#b ^= this.#b >>> 13;
  }

  /** Something passed between a process and the world. */
  addPassed(nowMs: number, place: number, kind: number, size: number): void {
    this.add(nowMs);
    this.add(place);
    this.add(kind);
    this.add(size);
  }

  /** A step of a core, and what it became. */
  addStep(place: number, state: RaftState, event: Event): void {
    this.add(place);
    this.add(event.type.length);
    this.add(state.term);
    this.add(state.commitIndex);
    this.add(state.trail.lastChain);
  }

  addMessage(message: Message): void {
    this.add(message.type.length);
    this.add(message.to);
    this.add(message.term);
  }
}
