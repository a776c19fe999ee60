/** What a store may say of the log, and what may be said before it is durable. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, held, message, sealed, sent, Single } from "./helpers.ts";

test("P16 a hard state never calls committed what its own batch still has to bring", () => {
  // Two entries of a lost leader lie where the batch of the next one writes; a crash may keep the batch's first record
  // alone, and the old entries with it.
  const core = new Single({ log: sealed([1, 1, 1]), commitIndex: 1 });
  const replacing = sealed([2, 2], { previous: sealed([1])[0]! });
  const effects = core.receive(append({ term: 2, leaderCommit: 3 }, replacing, sealed([1])[0]!));
  const store = effects.find((effect) => effect.type === "store")!;
  assert.is(core.state.commitIndex, 3);
  assert.is(store.truncateFrom, 2);
  assert.equal(store.hardState, { term: 2, votedFor: 0, commitIndex: 1 });
});

test("P01 a vote and an acknowledgement wait for their store, the refusal of an old term does not", () => {
  const core = new Single({ log: sealed([1]) });
  const vote = core.receive(message("voteRequest", { term: 2, lastLogIndex: 1, lastLogTerm: 1 }));
  assert.equal(sent(vote), []);
  assert.is(held(vote)[0]?.type, "voteReply");
  core.storeAll();
  const refusal = core.receive(message("voteRequest", { term: 1, from: 3 }));
  assert.is(sent(refusal)[0]?.term, 2);
  const ack = core.receive(append({ term: 2 }, sealed([2], { previous: sealed([1])[0]! }), sealed([1])[0]!));
  assert.equal(sent(ack), []);
  assert.is(held(ack)[0]?.type, "appendReply");
});

test("a message of a term that is not durable waits for it", () => {
  const core = new Single({ log: sealed([1]) });
  const effects = core.receive(message("heartbeat", { term: 5 }));
  assert.equal(sent(effects), []);
  assert.is(held(effects)[0]?.term, 5);
});

test.run();
