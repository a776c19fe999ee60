/** A lock from its holder's side: when it is asked for, renewed, and given up for lost. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { acquireLock, keepLease, type LeaseOptions } from "../../src/cli/lease.ts";
import type { Clock, Timer } from "../../src/host/host.ts";

const test = suite("lease");
const TTL_MS = 9000;

/** Time that passes when the test says so. */
class HandClock implements Clock {
  nowMs = 1000;
  readonly #timers: Set<{ atMs: number; fire: () => void }> = new Set();

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return 0;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, fire };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  soon(): void {
    throw new Error("nobody asks for this");
  }

  /** Lets time pass from timer to timer. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      const next = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.#timers.delete(next);
      next.fire();
    }
    this.nowMs = endMs;
  }

  get timers(): number {
    return this.#timers.size;
  }
}

interface Asked {
  readonly atMs: number;
  readonly operation: string;
  readonly args: readonly unknown[];
  readonly timeoutMs: number;
}

/** A cluster that answers by `answers`, in turn, the last one again and again; each after `delayMs`. */
class Rig {
  readonly clock: HandClock = new HandClock();
  readonly asked: Asked[] = [];
  readonly stopping: AbortController = new AbortController();
  delayMs = 0;
  readonly #answers: unknown[];

  constructor(...answers: unknown[]) {
    this.#answers = answers;
  }

  get options(): LeaseOptions {
    const ask = (operation: string, timeoutMs: number) => async (...args: unknown[]): Promise<never> => {
      this.asked.push({ atMs: this.clock.nowMs - 1000, operation, args, timeoutMs });
      const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
      if (this.delayMs > 0) await new Promise<void>((resolve) => void this.clock.setTimer(Math.min(this.delayMs, timeoutMs), resolve));
      if (answer instanceof Error) throw answer;
      return answer as never;
    };
    const locks: LeaseOptions["locks"] = (within) => ({
      acquire: ask("acquire", within), renew: ask("renew", within), release: ask("release", within), leave: ask("leave", within),
    });
    return { locks, clock: this.clock, name: "l", owner: "me", ttlMs: TTL_MS, timeoutMs: 5000 };
  }

  get moments(): number[] {
    return this.asked.map(({ atMs }) => atMs);
  }
}

/** What a promise gives, and whether it has. */
function told<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const result: { value?: T; error?: unknown } = {};
  promise.then((value) => (result.value = value), (error: unknown) => (result.error = error));
  return result;
}

const GRANTED = { granted: true, token: 7, expiresAtMs: 1 };
const REFUSED = { granted: false, owner: "ann", token: 3, expiresAtMs: 1 };
const GONE = new DraftError("CONFLICT", "lock 'l' is no longer held under token 7: nobody holds it");
const silent = (): DraftError => new DraftError("NO_LEADER", "1 of 3 voters answer");

test("acquireLock() asks again, ever less often, with a place in the line that lasts", async () => {
  const rig = new Rig(...Array.from({ length: 8 }, () => REFUSED), GRANTED);
  const held = told(acquireLock(rig.options, null, rig.stopping.signal));
  await rig.clock.pass(60_000);
  assert.equal(held.value, { token: 7, sinceMs: 1000 + 4550 });
  assert.equal(rig.moments, [0, 50, 150, 350, 750, 1550, 2550, 3550, 4550]);
  assert.equal(rig.asked[1], { atMs: 50, operation: "acquire", args: ["l", "me", TTL_MS, 10_000], timeoutMs: 5000 });
  assert.is(rig.clock.timers, 0);
});

test("acquireLock() asks as soon as it hears that the lock changed hands, and seldom while it hears nothing", async () => {
  const rig = new Rig(...Array.from({ length: 10 }, () => REFUSED), GRANTED);
  let changed = (): void => {};
  let isOver = false;
  const deaf = new AbortController();
  const listen: LeaseOptions["listen"] = (tell, signal) => new Promise((resolve, reject) => {
    changed = tell;
    signal.addEventListener("abort", () => void (isOver = true));
    deaf.signal.addEventListener("abort", () => reject(new DraftError("NO_LEADER", "silent")));
    rig.clock.setTimer(10, tell);
    signal.addEventListener("abort", () => resolve());
  });
  const held = told(acquireLock({ ...rig.options, listen }, null, rig.stopping.signal));
  await rig.clock.pass(6000);
  assert.equal(rig.moments, [0, 10, 110, 310, 710, 1510, 3110, 5610]);
  changed();
  await rig.clock.pass(0);
  assert.is(rig.moments.at(-1), 6000);
  deaf.abort();
  await rig.clock.pass(1000);
  assert.equal(rig.moments.slice(-3), [6000, 6000, 7000], "deaf, it asks at once, and then as often as before");
  assert.equal([held.value, isOver], [{ token: 7, sinceMs: 1000 + 7000 }, true]);
});

test("acquireLock() gives up in time and tells who has it; with 0 it asks once and does not stand in line", async () => {
  const rig = new Rig(REFUSED);
  const late = told(acquireLock(rig.options, 1000, rig.stopping.signal));
  await rig.clock.pass(999);
  assert.is(late.value, undefined);
  await rig.clock.pass(1);
  assert.is(late.value, "ann");
  const once = new Rig(REFUSED);
  assert.is(await acquireLock(once.options, 0, once.stopping.signal), "ann");
  assert.equal(once.asked.map(({ args }) => args[3]), [0]);
});

test("acquireLock() throws what the first question met; whoever waits already goes on waiting, unless it would be in vain", async () => {
  const first = new Rig(silent(), GRANTED);
  const thrown = told(acquireLock(first.options, null, first.stopping.signal));
  await first.clock.pass(1000);
  assert.is((thrown.error as DraftError).code, "NO_LEADER");
  const later = new Rig(REFUSED, silent(), silent(), GRANTED);
  const held = told(acquireLock(later.options, null, later.stopping.signal));
  await later.clock.pass(10_000);
  assert.is((held.value as { token: number }).token, 7);
  const vain = new Rig(REFUSED, new DraftError("REJECTED", "100000 wait"));
  const refused = told(acquireLock(vain.options, null, vain.stopping.signal));
  await vain.clock.pass(10_000);
  assert.is((refused.error as DraftError).code, "REJECTED");
});

test("acquireLock() asks anew for a lease of which a third had passed when it heard of it", async () => {
  const rig = new Rig(GRANTED);
  rig.delayMs = TTL_MS / 3;
  const held = told(acquireLock(rig.options, null, rig.stopping.signal));
  await rig.clock.pass(TTL_MS / 3 - 1);
  rig.delayMs = TTL_MS / 3 - 1;
  await rig.clock.pass(TTL_MS);
  assert.equal(held.value, { token: 7, sinceMs: 1000 + TTL_MS / 3 + 50 });
});

test("acquireLock() ends when it is told to", async () => {
  const rig = new Rig(REFUSED);
  const held = told(acquireLock(rig.options, null, rig.stopping.signal));
  await rig.clock.pass(500);
  rig.stopping.abort("SIGINT");
  await rig.clock.pass(0);
  assert.is(held.value, null);
  assert.is(rig.clock.timers, 0);
});

test("keepLease() renews after a third of the lease, which it counts from before it asked", async () => {
  const rig = new Rig(5);
  rig.delayMs = 1000;
  const loss = told(keepLease(rig.options, { token: 7, sinceMs: 1000 }, rig.stopping.signal));
  await rig.clock.pass(30_000);
  assert.equal(rig.moments, [3000, 6000, 9000, 12_000, 15_000, 18_000, 21_000, 24_000, 27_000, 30_000]);
  assert.equal(rig.asked[1], { atMs: 6000, operation: "renew", args: ["l", 7, TTL_MS], timeoutMs: 3000 });
  rig.stopping.abort();
  await rig.clock.pass(1000);
  assert.is(loss.value, null);
  assert.is(rig.clock.timers, 0);
});

test("keepLease() gives the lock up for lost after two thirds of the lease, and asks until then", async () => {
  const rig = new Rig(5, silent());
  const loss = told(keepLease(rig.options, { token: 7, sinceMs: 1000 }, rig.stopping.signal));
  // Renewed at 3000; that lease is lost at 9000 and over at 11,100.
  await rig.clock.pass(8999);
  assert.is(loss.value, undefined);
  assert.ok(rig.asked.every(({ atMs, timeoutMs }) => atMs < 3000 + 3000 || atMs + timeoutMs <= 9000), "nothing is asked beyond that");
  await rig.clock.pass(1);
  assert.equal(loss.value, { why: "it could not be renewed: 1 of 3 voters answer", overMs: 1000 + 11_100 });
  assert.ok(rig.asked.length > 20, "one silence is not the end");
});

test("keepLease() takes no answer that came too late for one that came", async () => {
  const rig = new Rig(5);
  rig.delayMs = 1_000_000;
  const loss = told(keepLease(rig.options, { token: 7, sinceMs: 1000 }, rig.stopping.signal));
  await rig.clock.pass(3000);
  // The whole process stood still meanwhile: its answer is there, and its lease is not.
  rig.clock.nowMs += 60_000;
  await rig.clock.pass(0);
  await rig.clock.pass(0);
  assert.equal(loss.value, { why: "it could not be renewed: no answer came in time", overMs: 1000 + 3000 + 8100 });
});

test("keepLease() hears at once that the lock is gone, and leaves some time to end what runs, within the lease", async () => {
  const early = new Rig(GONE);
  const loss = told(keepLease(early.options, { token: 7, sinceMs: 1000 }, early.stopping.signal));
  await early.clock.pass(3000);
  assert.equal(loss.value, { why: GONE.message, overMs: 1000 + 3000 + TTL_MS * (9 / 10 - 2 / 3) });
  const late = new Rig(silent(), GONE);
  late.delayMs = 2990;
  const second = told(keepLease(late.options, { token: 7, sinceMs: 1000 }, late.stopping.signal));
  await late.clock.pass(6000);
  assert.is(second.value?.overMs, 1000 + 8100);
});

test.run();
