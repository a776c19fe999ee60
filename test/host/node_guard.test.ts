/** O06: the guard of machines, on whichever runtime this runs. */
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ForbiddenGlobal } from "../../src/host/guard.ts";
import { type InstalledGuard, installGuard } from "../../src/host/node_guard.ts";

/** What the guard says of `work` in an apply of 'push'; null if nothing. */
function refusal(guard: InstalledGuard, work: () => unknown): ForbiddenGlobal | null {
  try {
    guard.run("apply", "push", work);
    return null;
  } catch (thrown) {
    if (!(thrown instanceof ForbiddenGlobal)) throw thrown;
    return thrown;
  }
}

const USES: Readonly<Record<string, () => unknown>> = {
  "Date()": () => [Date()],
  "new Date()": () => [new Date().getTime()],
  "Date.now()": () => [Date.now()],
  "performance.now()": () => [performance.now()],
  "process.hrtime()": () => [process.hrtime()],
  "process.hrtime.bigint()": () => [process.hrtime.bigint()],
  "Math.random()": () => [[1].map(Math.random)],
  "crypto.getRandomValues()": () => [crypto.getRandomValues(new Uint8Array(1))],
  "crypto.randomUUID()": () => [crypto.randomUUID()],
  "setTimeout()": () => [setTimeout(() => undefined, 1)],
  "setInterval()": () => [setInterval(() => undefined, 1)],
  "setImmediate()": () => [setImmediate(() => undefined)],
  "queueMicrotask()": () => [queueMicrotask(() => undefined)],
  "process.nextTick()": () => [process.nextTick(() => undefined)],
  "fetch()": () => [fetch("http://127.0.0.1:1/")],
};

test("each global is refused by its name, with the line that uses it", () => {
  const guard = installGuard();
  try {
    for (const [global, work] of Object.entries(USES)) {
      const use = refusal(guard, work)?.use;
      assert.is(use?.global, global);
      assert.is(use?.operation, "push");
      assert.match(use?.place ?? "", /^(\/|[A-Z]:\\).*node_guard\.test\.ts:\d+:\d+$/, global);
    }
  } finally {
    guard.remove();
  }
});

test("the place is never one of draft's own, though Bun leaves out callers that return what they call", () => {
  const guard = installGuard();
  try {
    assert.match(refusal(guard, () => Date.now())?.use.place ?? "node_guard.test.ts", /node_guard\.test\.ts/);
  } finally {
    guard.remove();
  }
});

test("outside of a machine, and once it is removed, all is as it was", async () => {
  const own = [Date, Date.now, Math.random, globalThis.setTimeout, crypto.randomUUID, performance.now] as const;
  const old = new Date(5);
  const guard = installGuard();
  const second = installGuard();
  assert.ok(Date.now() > 0 && Math.random() < 1 && new Date().getTime() > 0 && Date().length > 0 && crypto.randomUUID().length === 36);
  await new Promise((resolve) => void setTimeout(resolve, 1));
  assert.ok(old instanceof Date && new Date(5) instanceof Date && old.constructor === Date && Date.UTC(2000) === 946684800000);
  guard.remove();
  guard.remove();
  assert.is(refusal(second, () => Date.now())?.use.global, "Date.now()", "another one is in force");
  second.remove();
  assert.equal([Date, Date.now, Math.random, globalThis.setTimeout, crypto.randomUUID, performance.now], own);
  assert.is(old.constructor, Date);
  assert.is(refusal(second, () => Date.now()), null);
});

test("what does not ask for now is allowed: dates of something, and what the runtime does to print", () => {
  const guard = installGuard();
  const print = console.log;
  try {
    assert.is(guard.run("apply", "push", () => new Date(7).getTime() + Date.UTC(1970, 0, 1, 0, 0, 0, 3) + Math.floor(1.5)), 11);
    assert.is(refusal(guard, () => print("")), null);
    assert.is(refusal(guard, () => { throw guard.run("apply", null, () => new ForbiddenGlobal({ method: "wake", operation: null, global: "x", kind: "clock", place: null })); })?.use.global, "x");
  } finally {
    guard.remove();
  }
});

test("what a plugin keeps when it is loaded is guarded, modules included", async () => {
  const guard = installGuard();
  try {
    const { kept, imported } = await import("./plain_clock.ts");
    for (const [global, work] of Object.entries(kept)) assert.is(refusal(guard, work)?.use.global, global);
    assert.match(refusal(guard, imported)?.use.global ?? "", /^crypto\./);
  } finally {
    guard.remove();
  }
});

test("a machine that catches the refusal is refused all the same, and the first use counts", () => {
  const guard = installGuard();
  try {
    const swallow = (): number => {
      try {
        return Date.now();
      } catch {
        return 0;
      }
    };
    assert.is(refusal(guard, swallow)?.use.global, "Date.now()");
    assert.is(refusal(guard, () => {
      swallow();
      Math.random();
    })?.use.global, "Date.now()");
    assert.is(guard.run("apply", "push", () => 3), 3);
  } finally {
    guard.remove();
  }
});

test("the sentence names method, operation and what to use instead", () => {
  const guard = installGuard();
  const say = (method: Parameters<InstalledGuard["run"]>[0], operation: string | null, work: () => unknown): string => {
    try {
      guard.run(method, operation, work);
    } catch (thrown) {
      return (thrown as Error).message;
    }
    return "";
  };
  try {
    assert.match(say("apply", "push", () => [Date.now()]), /^apply\(\) of 'push' uses Date\.now\(\) at .*:\d+: each replica runs it at another moment, take entry\.timeMs$/);
    assert.match(say("query", "due", () => [Date.now()]), /^query\(\) of 'due' uses .* moment, take view\.timeMs$/);
    assert.match(say("wake", null, () => [Math.random()]), /^wake\(\) uses Math\.random\(\).*take entry\.random\(\)$/);
    assert.match(say("hash", null, () => [Math.random()]), /tell it from the state alone$/);
    assert.match(say("apply", "push", () => [setTimeout(() => undefined, 1)]), /name the moment in wakeAt\(\) and do it in wake\(\)$/);
    assert.match(say("apply", "push", () => [fetch("x:")]), /send the answer as a command$/);
  } finally {
    guard.remove();
  }
});

test.run();
