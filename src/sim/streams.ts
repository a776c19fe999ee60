/** Streams of random numbers, one for each purpose, so that one more draw for one of them shifts no other. */
import { type RandomState, seedRandom, nextInRange } from "../base/random.ts";

/** The generator of `seed` for whatever `name` stands for. */
export function streamOf(seed: number, name: string): RandomState {
  let mixed = seed >>> 0;
  for (let at = 0; at < name.length; at++) mixed = Math.imul(mixed ^ name.charCodeAt(at), 0x0100_0193) >>> 0;
  return seedRandom(mixed * 2 ** 20 + (Math.abs(seed) % 2 ** 20));
}

/** One of `choices`. */
export function pick<T>(random: RandomState, choices: readonly T[]): T {
  return choices[nextInRange(random, 0, choices.length - 1)] as T;
}
