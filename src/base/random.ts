/**
 * A seeded generator whose state is a plain record, so that a simulated node draws the same numbers on every runtime
 * and a state can be copied whole. Not for secrets: ids come from the host's `Random`.
 */

/** State of one generator: three words and a counter. */
export interface RandomState {
  a: number;
  b: number;
  c: number;
  counter: number;
}

const WARM_UP_ROUNDS = 12;

/** A generator that starts from `seed` (any integer; the low 53 bits count). */
export function seedRandom(seed: number): RandomState {
  const state: RandomState = { a: 0, b: seed >>> 0, c: Math.floor(seed / 2 ** 32) >>> 0, counter: 1 };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) nextU32(state);
  return state;
}

/** The next 32-bit number. The algorithm is Doty-Humphrey's small fast counting generator (sfc32). */
export function nextU32(state: RandomState): number {
  const sum = (state.a + state.b + state.counter) | 0;
  state.counter = (state.counter + 1) | 0;
  state.a = state.b ^ (state.b >>> 9);
  state.b = (state.c + (state.c << 3)) | 0;
  state.c = ((state.c << 21) | (state.c >>> 11)) + sum | 0;
  return sum >>> 0;
}

/** A number in [0, 1). */
export function nextFloat(state: RandomState): number {
  return nextU32(state) / 2 ** 32;
}

/** A whole number in `from`..`to`, both ends included. */
export function nextInRange(state: RandomState, from: number, to: number): number {
  return from + Math.floor(nextFloat(state) * (to - from + 1));
}
