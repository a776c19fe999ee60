import { test } from "uvu";
import * as assert from "uvu/assert";
import { KeyMap } from "../../src/machine/key_map.ts";

/** The sizes of the engine's maps that were made while `run` ran. */
function sizesOf(run: () => void): number[] {
  const made: Map<unknown, unknown>[] = [];
  const Real = globalThis.Map;
  globalThis.Map = class<K, V> extends Real<K, V> {
    constructor() {
      super();
      made.push(this);
    }
  } as MapConstructor;
  try {
    run();
  } finally {
    globalThis.Map = Real;
  }
  return made.map(({ size }) => size);
}

test("a map of small maps holds what one map holds, whatever comes and goes", () => {
  const [small, one] = [new KeyMap<number>(), new Map<string, number>()];
  let seed = 3;
  const dice = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  for (let step = 0; step < 60_000; step++) {
    const key = `k/${Math.floor(dice() * 12_000)}`;
    if (dice() < 0.8) {
      small.set(key, step);
      one.set(key, step);
    } else {
      small.delete(key);
      one.delete(key);
    }
    assert.is(small.size, one.size);
  }
  assert.ok(one.size > 5000);
  for (let at = 0; at < 12_000; at++) assert.is(small.get(`k/${at}`), one.get(`k/${at}`));
});

test("no map of it is large, and none is made of all keys at once", () => {
  const keys = Array.from({ length: 100_000 }, (_, at) => `key/${String(at).padStart(12, "0")}`);
  const sizes = sizesOf(() => {
    const map = new KeyMap<number>();
    keys.forEach((key, at) => map.set(key, at));
  });
  assert.ok(sizes.length > keys.length / 512, `${sizes.length} maps`);
  assert.ok(Math.max(...sizes) <= 4097, `${Math.max(...sizes)} keys in one`);
  const live = sizes.slice(-100);
  assert.ok(Math.max(...live) <= 1024, `${Math.max(...live)} keys in one of those that came last`);
});

test("a few keys are in one map", () => {
  assert.is(sizesOf(() => {
    const map = new KeyMap<number>();
    for (let at = 0; at < 4096; at++) map.set(`k${at}`, at);
  }).length, 1);
});

test.run();
