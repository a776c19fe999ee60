import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import type { DraftError } from "../../src/base/errors.ts";
import { encodeEnvelope } from "../../src/machine/command.ts";
import type { Base, Reply } from "../../src/machine/machine.ts";
import { SESSION_LIMITS } from "../../src/machine/session_limits.ts";
import { Sessions } from "../../src/machine/sessions.ts";
import { SessionsSource, SessionsTarget } from "../../src/machine/sessions_saved.ts";
import { isError, type Rig, rigOf } from "./rig.ts";

/** A key of its own for each number. */
function keyOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

/** A machine that notes what it ran, and under which session. */
class Noting {
  readonly ran: unknown[] = [];
  readonly rig: Rig;
  timeMs = 1000;

  constructor(answer: Base["apply"] = ([, n]) => `ran ${String(n)}`) {
    this.rig = rigOf({
      apply: (command, entry) => {
        this.ran.push([command[1], entry.session]);
        return answer(command, entry);
      },
    });
  }

  do(key: string, n: unknown): Reply | DraftError {
    const payload = new Uint8Array(encodeEnvelope({ session: key, sequence: 0, answeredBelow: 0, command: ["do", n] }));
    return this.rig.entry(EntryKind.command, this.timeMs, payload);
  }

  get keys(): Sessions["keys"] {
    return this.rig.applier.sessions.keys;
  }
}

test("a write under a key is done once, without a session, and answered with the index that it had", () => {
  const noting = new Noting();
  assert.is(noting.do(keyOf(1), "a"), "ran a");
  const first = noting.rig.applier.answeredIndex;
  assert.is(noting.do(keyOf(2), "a"), "ran a");
  assert.is(noting.do(keyOf(1), "a"), "ran a");
  assert.is(noting.rig.applier.answeredIndex, first);
  assert.equal(noting.ran, [["a", null], ["a", null]]);
});

test("another write under the same key is REJECTED, not done, and the first answer stays", () => {
  const noting = new Noting();
  noting.do(keyOf(1), "a");
  assert.is(isError(noting.do(keyOf(1), "b"), "REJECTED", /used for another write, at index 1/).outcome, "not-done");
  assert.is(noting.do(keyOf(1), "a"), "ran a");
  assert.is(noting.ran.length, 1);
});

test("a refusal of the machine is kept as any answer", () => {
  const noting = new Noting((_, entry) => {
    throw entry.reject("no", "CONFLICT");
  });
  isError(noting.do(keyOf(1), "a"), "CONFLICT", "no");
  isError(noting.do(keyOf(1), "a"), "CONFLICT", "no");
  assert.is(noting.ran.length, 1);
});

test("a key is kept for its time from its first use, and no longer", () => {
  const noting = new Noting();
  noting.do(keyOf(1), "a");
  noting.timeMs += SESSION_LIMITS.keyMs - 1;
  noting.do(keyOf(2), "b");
  noting.do(keyOf(1), "a");
  assert.is(noting.ran.length, 2);
  noting.timeMs += 1;
  noting.do(keyOf(1), "a");
  assert.equal([noting.ran.length, noting.keys.count], [3, 2]);
  noting.timeMs += SESSION_LIMITS.keyMs - 1;
  noting.rig.entry(EntryKind.noop, noting.timeMs);
  assert.is(noting.keys.count, 1);
});

test("when as many keys are kept as may be another one is refused, not done, until the oldest goes", () => {
  const noting = new Noting();
  noting.rig.applier.sessions = new Sessions({ keysMax: 2 });
  for (const number of [1, 2]) noting.do(keyOf(number), number);
  assert.is(isError(noting.do(keyOf(3), 3), "LOST", /2 keys are kept already/).outcome, "not-done");
  assert.is(noting.do(keyOf(1), 1), "ran 1");
  assert.equal([noting.keys.fullUntil(keyOf(3)), noting.keys.fullUntil(keyOf(1))], [1000 + SESSION_LIMITS.keyMs, null]);
  noting.timeMs += SESSION_LIMITS.keyMs;
  assert.is(noting.do(keyOf(3), 3), "ran 3");
  assert.is(noting.ran.length, 3);
});

test("while no key has room, time has to pass by itself: the oldest goes with a time entry", () => {
  const noting = new Noting();
  const { applier } = noting.rig;
  applier.sessions = new Sessions({ keysMax: 2 });
  noting.do(keyOf(1), 1);
  assert.is(applier.wakeAt(), null);
  noting.do(keyOf(2), 2);
  assert.is(applier.wakeAt(), 1000 + SESSION_LIMITS.keyMs);
  noting.timeMs = applier.wakeAt()!;
  noting.rig.entry(EntryKind.time, noting.timeMs);
  assert.equal([applier.wakeAt(), noting.keys.fullUntil(keyOf(3))], [null, null]);
});

test("answers take so much together; what has no room is done, and not kept", () => {
  const noting = new Noting(() => "x".repeat(60));
  noting.rig.applier.sessions = new Sessions({ keyAnswersBytesMax: 100 });
  assert.is(noting.do(keyOf(1), 1), "x".repeat(60));
  assert.is(noting.do(keyOf(2), 2), "x".repeat(60));
  assert.is(noting.do(keyOf(1), 1), "x".repeat(60));
  assert.is(isError(noting.do(keyOf(2), 2), "ANSWER_NOT_KEPT", /was done/).outcome, "done");
  assert.is(noting.ran.length, 2);
});

test("keys go with a snapshot as they were when it began", () => {
  const noting = new Noting(([, n]) => (typeof n === "number" && n % 2 === 0 ? { n } : "y".repeat(2000)));
  for (let number = 0; number < 500; number++) {
    noting.timeMs += 1000;
    noting.do(keyOf(number), number);
  }
  const { sessions } = noting.rig.applier;
  const hash = sessions.hash();
  const source = new SessionsSource(sessions);
  const pieces = [source.next()];
  noting.timeMs += 300_000;
  for (let number = 500; number < 510; number++) noting.do(keyOf(number), number);
  assert.is.not(sessions.hash(), hash);
  for (let piece = source.next(); piece !== null; piece = source.next()) pieces.push(piece);
  assert.ok(pieces.length > 1);
  const target = new SessionsTarget();
  for (const piece of pieces) target.add(piece as Uint8Array);
  assert.is(target.sessions.hash(), hash);
  assert.is(target.sessions.keys.count, 500);
  noting.rig.applier.sessions = target.sessions;
  const before = noting.ran.length;
  assert.equal(noting.do(keyOf(400), 400), { n: 400 });
  assert.is(noting.ran.length, before);
});

test.run();
