import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { WriteSession, WriteSessions } from "../../src/client/write_session.ts";
import { decodeEnvelope } from "../../src/machine/command.ts";

const ID = "00112233445566778899aabbccddeeff";

test("take() numbers writes; what all answers are there of goes with the next one, in whatever order they came", () => {
  const session = new WriteSession(ID);
  const take = (): readonly unknown[] => {
    const { session: id, sequence, answeredBelow } = decodeEnvelope(session.take(["x"]).envelope);
    return [id, sequence, answeredBelow];
  };
  assert.equal([take(), take(), take()], [[ID, 1, 1], [ID, 2, 1], [ID, 3, 1]]);
  session.settle(2);
  assert.equal(take(), [ID, 4, 1]);
  session.settle(1);
  assert.equal(take(), [ID, 5, 3]);
});

test("a session has room for 1,024 writes from the first that is not answered on, for ever", () => {
  const session = new WriteSession(ID);
  for (let round = 0; round < 5; round++) {
    const taken: number[] = [];
    while (session.hasRoom) taken.push(session.take(["x"]).sequence);
    assert.is(taken.length, 1024);
    for (const sequence of taken.slice(1)) session.settle(sequence);
    assert.not.ok(session.hasRoom);
    assert.throws(() => session.take(["x"]), /a session has room/);
    session.settle(taken[0] as number);
  }
});

test("open() opens one at a time, for all who wait; beyond 64 that are full it is BUSY", async () => {
  const sessions = new WriteSessions();
  let asked = 0;
  const open = (): Promise<string> => Promise.resolve((++asked).toString(16).padStart(32, "0"));
  for (let count = 1; count <= 64; count++) {
    assert.is(sessions.ready("main"), null);
    await Promise.all([sessions.open("main", open), sessions.open("main", open)]);
    assert.is(asked, count);
    for (let session = sessions.ready("main"); session !== null; session = sessions.ready("main")) session.take(["x"]);
  }
  assert.throws(() => sessions.open("main", open), (error: unknown) => error instanceof DraftError && error.code === "BUSY");
  assert.is(sessions.ready("other"), null);
  await sessions.open("other", open);
  assert.is.not(sessions.ready("other"), null);
  assert.is([...sessions.takeAll()].length, 65);
});

test.run();
