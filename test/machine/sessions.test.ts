import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { encodeEnvelope } from "../../src/machine/command.ts";
import { FAULT_TEXT } from "../../src/machine/machine_calls.ts";
import { Session, WINDOW } from "../../src/machine/session.ts";
import { encodeSessionChange } from "../../src/machine/session_entry.ts";
import { SESSION_LIMITS } from "../../src/machine/session_limits.ts";
import { Sessions } from "../../src/machine/sessions.ts";
import { SessionsSource, SessionsTarget } from "../../src/machine/sessions_saved.ts";
import type { Base, Reply } from "../../src/machine/machine.ts";
import { isError, type Rig, rigOf } from "./rig.ts";

const ID = "00112233445566778899aabbccddeeff";

/** An id of its own for each number. */
function idOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

/** A machine that counts what it ran and answers as it is told. */
class Counting {
  readonly ran: unknown[] = [];
  readonly rig: Rig;
  timeMs = 1000;

  constructor(answer: Base["apply"] = ([, n]) => `ran ${String(n)}`) {
    this.rig = rigOf({
      apply: (command, entry) => {
        this.ran.push(command[1]);
        return answer(command, entry);
      },
    });
  }

  open(session: string = ID, ordered: boolean = false): Reply | DraftError {
    return this.rig.entry(EntryKind.session, this.timeMs, encodeSessionChange({ type: "open", session, principal: "", ordered }));
  }

  close(session: string = ID): Reply | DraftError {
    return this.rig.entry(EntryKind.session, this.timeMs, encodeSessionChange({ type: "close", session }));
  }

  do(sequence: number, n: unknown = sequence, answeredBelow: number = 0, session: string = ID): Reply | DraftError {
    const payload = new Uint8Array(encodeEnvelope({ session, sequence, answeredBelow, command: ["do", n] }));
    return this.rig.entry(EntryKind.command, this.timeMs, payload);
  }

  get applied(): number {
    return this.rig.applier.lastApplied.index;
  }

  get answered(): number {
    return this.rig.applier.answeredIndex;
  }

  get sessions(): Sessions {
    return this.rig.applier.sessions;
  }
}

test("X01: a command that is sent again is answered as before, with the index that it had, and not run", () => {
  const counting = new Counting();
  assert.is(counting.open(), ID);
  assert.is(counting.do(1), "ran 1");
  const first = counting.answered;
  assert.is(counting.do(2), "ran 2");
  assert.is(counting.do(1), "ran 1");
  assert.equal([counting.answered, counting.applied], [first, first + 2]);
  assert.equal(counting.ran, [1, 2]);
});

test("X06: commands of a session run in any order, and each once, wherever it stands in the window", () => {
  const counting = new Counting();
  counting.open();
  const order = [3, 1, 1024, 2, 3, 500, 1, 1023, 2, 500];
  for (const sequence of order) assert.is(counting.do(sequence), `ran ${sequence}`);
  assert.equal(counting.ran, [3, 1, 1024, 2, 500, 1023]);
});

test("X06: the window slides up, by what the client says and by its width, and what lies below is refused for ever", () => {
  const counting = new Counting();
  counting.open();
  counting.do(1);
  counting.do(3);
  counting.do(5, 5, 4);
  for (const below of [1, 2, 3]) assert.is(isError(counting.do(below), "SESSION_EXPIRED", /lies below 4/).outcome, "unknown");
  assert.is(counting.do(4), "ran 4");
  counting.do(WINDOW + 4);
  isError(counting.do(4), "SESSION_EXPIRED", /lies below 5/);
  assert.is(counting.do(5, 5, 4), "ran 5");
  assert.equal(counting.ran, [1, 3, 5, 4, WINDOW + 4]);
});

test("D15: an ordered session runs each command behind the one before it; one that comes early may come again", () => {
  const counting = new Counting();
  counting.open(ID, true);
  assert.is(isError(counting.do(2), "LOST", /came before 1/).outcome, "not-done");
  counting.do(1);
  assert.is(counting.do(2), "ran 2");
  isError(counting.do(4), "LOST", /came before 3/);
  assert.is(counting.do(2), "ran 2");
  assert.equal(counting.ran, [1, 2]);
});

test("X08: another command under the same sequence is refused, and the answer of the first stays", () => {
  const counting = new Counting();
  counting.open();
  counting.do(1, "a");
  assert.is(isError(counting.do(1, "b"), "BAD_REQUEST", /was another command/).outcome, "not-done");
  assert.is(counting.do(1, "a"), "ran a");
  assert.equal(counting.ran, ["a"]);
});

test("X08: a session that is opened again stays as it was; an unknown or closed one runs nothing", () => {
  const counting = new Counting();
  isError(counting.do(1), "SESSION_EXPIRED", /not open/);
  counting.open();
  counting.do(1);
  isError(counting.open(), "BAD_REQUEST", /open already/);
  assert.is(counting.do(1), "ran 1");
  assert.equal([counting.close(), counting.close()], [true, false]);
  isError(counting.do(1), "SESSION_EXPIRED", /not open/);
  isError(counting.rig.entry(EntryKind.session, 0, Uint8Array.of(1, 2)), "BAD_REQUEST", /CBOR/);
  assert.equal(counting.ran, [1]);
});

test("refusals and faults of the machine are answered again, too", () => {
  const counting = new Counting(([, n], entry) => {
    if (n === 1) throw entry.reject("no such thing", "CONFLICT");
    if (n === 2) throw entry.reject("x".repeat(1000));
    throw new TypeError("broken");
  });
  counting.open();
  for (const round of ["first", "again"]) {
    isError(counting.do(1), "CONFLICT", "no such thing");
    isError(counting.do(2), "REJECTED", /^x{256}/);
    assert.is(isError(counting.do(3), "MACHINE_FAULT", FAULT_TEXT).outcome, "unknown", round);
  }
  assert.equal(counting.ran, [1, 2, 3]);
});

test("an answer is kept as it was, though the machine goes on with the object", () => {
  const live = { list: [1] };
  const answers: Reply[] = [live, Uint8Array.of(1, 2), null, true, -0.5, 2 ** 40, "a text that is not so short", "short", undefined];
  const counting = new Counting(([, n]) => answers[n as number]);
  counting.open();
  const sequences = answers.map((_, at) => at + 1);
  for (const at of sequences) counting.do(at, at - 1);
  live.list.push(2);
  const again = sequences.map((at) => counting.do(at, at - 1));
  assert.equal(again, [{ list: [1] }, Uint8Array.of(1, 2), null, true, -0.5, 2 ** 40, "a text that is not so short", "short", null]);
});

test("answers over 64 KiB, or of a session that keeps 1 MiB of them, are done and not kept", () => {
  const counting = new Counting(([, n]) => "x".repeat(n as number));
  counting.open();
  counting.do(1, 65_536);
  assert.is(isError(counting.do(1, 65_536), "ANSWER_NOT_KEPT", /too long/).outcome, "done");
  for (let sequence = 2; sequence <= 40; sequence++) counting.do(sequence, 60_000);
  const [session] = [...counting.sessions.all()];
  assert.ok(session!.bytes < SESSION_LIMITS.answersBytesMax + 100_000);
  assert.is(counting.do(2, 60_000), "x".repeat(60_000));
  isError(counting.do(40, 60_000), "ANSWER_NOT_KEPT", /too long/);
  assert.is(counting.ran.length, 40);
});

test("X04: a session expires after ten minutes of log time without use, at the entry that shows it", () => {
  const counting = new Counting();
  counting.open();
  counting.timeMs += SESSION_LIMITS.idleMs - 1;
  assert.is(counting.do(1), "ran 1");
  counting.timeMs += SESSION_LIMITS.idleMs - 1;
  assert.is(counting.do(1), "ran 1");
  counting.timeMs += SESSION_LIMITS.idleMs;
  isError(counting.do(1), "SESSION_EXPIRED", /not open/);
  isError(counting.do(2), "SESSION_EXPIRED", /not open/);
  assert.equal([counting.ran, counting.sessions.count, counting.sessions.bytes], [[1], 0, 0]);
});

test("X05: a log that is applied again years later comes to the same: no clock but its own is read", () => {
  const lived = (): Counting => {
    const counting = new Counting();
    counting.open();
    for (const sequence of [1, 2]) counting.do(sequence);
    counting.timeMs += SESSION_LIMITS.idleMs - 1;
    counting.do(3);
    return counting;
  };
  const first = lived();
  const { now } = Date;
  Date.now = () => now() + 10 * 365 * 86_400_000;
  try {
    const again = lived();
    assert.equal([again.ran, again.sessions.count, again.sessions.hash()], [[1, 2, 3], 1, first.sessions.hash()]);
    assert.is(again.do(1), "ran 1");
    assert.is(again.ran.length, 3);
  } finally {
    Date.now = now;
  }
});

test("X04: the session that was unused for longest makes room, by count and by bytes", () => {
  const byCount = new Sessions({ sessionsMax: 2, bytesMax: 1e9 });
  const open = (sessions: Sessions, number: number): unknown => sessions.change({ type: "open", session: idOf(number), principal: "", ordered: false }, number, 0);
  const run = (sessions: Sessions, number: number, sequence: number, answer: Reply): boolean => {
    const found = sessions.admit({ session: idOf(number), sequence, answeredBelow: 0, command: ["do"] }, 7, 0);
    if (found === null) sessions.keep(100, answer);
    return found === null;
  };
  for (const number of [1, 2]) open(byCount, number);
  assert.ok(run(byCount, 1, 1, "OK"));
  open(byCount, 3);
  assert.equal([...byCount.all()].map(({ id }) => id), [idOf(1), idOf(3)]);
  const byBytes = new Sessions({ sessionsMax: 9, bytesMax: 100_000 });
  for (const number of [1, 2, 3]) open(byBytes, number);
  for (const [number, sequence] of [[1, 1], [2, 1], [3, 1]] as const) assert.ok(run(byBytes, number, sequence, "x".repeat(40_000)));
  assert.equal([...byBytes.all()].map(({ id }) => id), [idOf(2), idOf(3)]);
  assert.ok(byBytes.bytes <= 100_000);
});

/** All pieces that are left. */
function piecesOf(source: SessionsSource): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let piece = source.next(); piece !== null; piece = source.next()) pieces.push(piece);
  return pieces;
}

function loadedFrom(pieces: Iterable<Uint8Array>): Sessions {
  const target = new SessionsTarget();
  for (const piece of pieces) target.add(piece);
  return target.sessions;
}

/** Commands, repeats and sessions by chance, the same for both. */
function shake(both: readonly Counting[], rounds: number, dice: () => number): void {
  for (let round = 0; round < rounds; round++) {
    const number = Math.floor(dice() * 5);
    const session = idOf(number);
    const kind = dice();
    const sequence = 1 + Math.floor(dice() * 40) + Math.floor(round / 20);
    const below = dice() < 0.3 ? Math.max(1, sequence - 10) : 0;
    const passes = dice() < 0.02 ? SESSION_LIMITS.idleMs : dice() * 1000;
    const answers = both.map((counting) => {
      counting.timeMs += passes;
      if (kind < 0.1) return counting.open(session, number === 4);
      if (kind < 0.12) return counting.close(session);
      return counting.do(sequence, dice.length + sequence, below, session);
    });
    assert.equal(answers[0], answers[1]);
  }
}

test("a table that was saved and loaded goes on as the one that was not", () => {
  const replies = (n: number): Reply => ([null, n, "OK", { n }, "x".repeat(n * 3000)] as Reply[])[n % 5];
  const make = (): Counting => new Counting(([, n], entry) => {
    if ((n as number) % 7 === 0) throw entry.reject(`not ${String(n)}`);
    return replies(n as number);
  });
  const [one, twin] = [make(), make()];
  let seed = 1;
  const dice = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  shake([one, twin], 400, dice);
  assert.is(one.rig.applier.digest, twin.rig.applier.digest);
  const loaded = loadedFrom(piecesOf(new SessionsSource(one.sessions)));
  assert.equal([loaded.hash(), loaded.bytes, loaded.count], [one.sessions.hash(), one.sessions.bytes, one.sessions.count]);
  assert.ok(loaded.count > 2);
  for (let round = 0; round < 3000; round++) {
    const envelope = { session: idOf(Math.floor(dice() * 5)), sequence: 1 + Math.floor(dice() * 70), answeredBelow: 0, command: ["do", round] } as const;
    const [a, b] = [one.sessions, loaded].map((sessions) => {
      sessions.expire(one.timeMs);
      const found = sessions.admit(envelope, 5, one.timeMs);
      if (found === null) sessions.keep(round, replies(round % 50));
      return found === null ? "ran" : found.answer instanceof DraftError ? found.answer.message : found;
    });
    assert.equal(a, b);
    one.timeMs += dice() * 5000;
  }
  assert.equal([loaded.hash(), loaded.bytes], [one.sessions.hash(), one.sessions.bytes]);
  assert.throws(() => loadedFrom([Uint8Array.of(0x81, 3)]), /format 3/);
});

test("S12: a table that is saved piece by piece is as it was when that began, whatever comes meanwhile", () => {
  const answers = [null, 7, "OK", "x".repeat(50_000), { a: [1] }] as Reply[];
  const counting = new Counting(([, n]) => answers[(n as number) % answers.length]);
  let seed = 5;
  const dice = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  const going: { source: SessionsSource; hash: number; count: number; pieces: Uint8Array[] }[] = [];
  let [checked, most] = [0, 0];
  for (let round = 0; round < 6000; round++) {
    counting.timeMs += dice() * 500;
    const session = idOf(Math.floor(dice() * 40));
    const kind = dice();
    if (kind < 0.05) counting.open(session, false);
    else if (kind < 0.055) counting.close(session);
    else counting.do(1 + Math.floor(dice() * 30) + Math.floor(round / 100), round, 0, session);
    if (round % 40 === 7 && going.length < 3) {
      const { sessions } = counting;
      going.push({ source: new SessionsSource(sessions), hash: sessions.hash(), count: sessions.count, pieces: [] });
    }
    const at = Math.floor(dice() * going.length);
    const one = dice() < 0.1 ? going[at] : undefined;
    const piece = one?.source.next();
    if (one === undefined || piece === undefined) continue;
    if (piece !== null) {
      one.pieces.push(piece);
      continue;
    }
    const loaded = loadedFrom(one.pieces);
    assert.equal([loaded.hash(), loaded.count], [one.hash, one.count], `begun ${one.pieces.length} pieces before round ${round}`);
    going.splice(at, 1);
    checked += 1;
    most = Math.max(most, one.pieces.length);
  }
  assert.ok(checked > 20 && most > 3, `${checked} tables, of ${most} pieces at most`);
});

test("a session costs a source one row, and one that was shown or came later none", () => {
  const counting = new Counting();
  for (let number = 0; number < 3; number++) counting.open(idOf(number));
  const source = new SessionsSource(counting.sessions);
  const kept: string[] = [];
  counting.sessions.addKeeper({ turn: source.turn, keep: ({ id }) => kept.push(id) });
  counting.do(1, 1, 0, idOf(0));
  counting.do(2, 2, 0, idOf(0));
  counting.open(idOf(9));
  counting.do(1, 1, 0, idOf(9));
  assert.equal(kept, [idOf(0)]);
  assert.is(piecesOf(source).length, 1);
  assert.equal(kept, [idOf(0), idOf(1), idOf(2)]);
  for (let number = 0; number < 3; number++) counting.do(3, 3, 0, idOf(number));
  assert.equal(kept.length, 3);
  assert.is(source.next(), null);
});

test("replicas whose sessions came and went differently differ in their digest, without a command", () => {
  const [one, other] = [new Counting(), new Counting()];
  for (const counting of [one, other]) counting.open();
  assert.is(one.rig.applier.digest, other.rig.applier.digest);
  // As if a clock of its own had told one of them that ten minutes are over.
  other.sessions.expire(1e9);
  for (const counting of [one, other]) counting.rig.entry(EntryKind.noop, counting.timeMs);
  assert.is.not(one.rig.applier.digest, other.rig.applier.digest);
});

test("a session's window takes memory by what it holds, not by what it held", () => {
  const session = new Session({ id: ID, principal: "", ordered: false, openedIndex: 1, usedMs: 0 });
  const empty = session.bytes;
  for (let sequence = 1; sequence <= 100_000; sequence++) {
    session.add({ sequence, index: sequence, payloadSum: 2 ** 32 - 1, kept: "OK" });
    const below = sequence - (sequence % 3000 < 1000 ? WINDOW - 1 : 5);
    if (below > session.answeredBelow) session.forgetBelow(below);
  }
  for (const { sequence, index, payloadSum } of session.commands()) assert.equal([index, payloadSum], [sequence, 2 ** 32 - 1]);
  assert.is(session.slots, 16);
  session.forgetBelow(200_000);
  assert.equal([session.bytes, session.last, [...session.commands()], session.slots], [empty, 199_999, [], 8]);
});

test.run();
