/** D06: an entry with a real entry's index and term and another payload, on one node. The chain tells it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, sealed, sent, Single } from "./helpers.ts";

const real = sealed([1, 1, 1, 1]);
const forged = sealed([1, 1, 1, 1], { sums: [0, 9] });

test("D06 above the commit index another content is an ordinary conflict, and is cut", () => {
  const core = new Single({ log: forged, commitIndex: 1 });
  const effects = core.receive(append({ term: 1 }, real.slice(1), real[0]));
  const store = effects.find((effect) => effect.type === "store");
  assert.is(store?.type === "store" && store.truncateFrom, 2);
  assert.is(core.state.trail.lastChain, real[3]!.chain);
});

test("D06 at or below the commit index nothing is cut: the replica says where it differs, and acknowledges nothing", () => {
  const core = new Single({ log: forged, commitIndex: 2 });
  const effects = core.receive(append({ term: 1 }, real.slice(1), real[0]));
  assert.equal(effects.filter((effect) => effect.type !== "roleChanged"), [
    { type: "diverged", index: 2, ownChain: forged[1]!.chain, leaderChain: real[1]!.chain },
  ]);
  assert.is(core.state.trail.lastChain, forged[3]!.chain);
});

test("D06 the previous entry's chain is compared: above the commit index refused, below diverged", () => {
  const above = new Single({ log: forged, commitIndex: 1 });
  const [reply] = sent(above.receive(append({ term: 1 }, real.slice(3), real[2])));
  assert.ok(reply?.type === "appendReply" && !reply.success && reply.pointIndex < 3);
  const below = new Single({ log: forged, commitIndex: 3 });
  const types = below.receive(append({ term: 1 }, real.slice(3), real[2])).map((effect) => effect.type);
  assert.ok(types.includes("diverged") && !types.includes("store"));
});

test("D06 where chains are no longer known one by one, all that is neither proved nor committed is cut", () => {
  const core = new Single({ log: forged, commitIndex: 1 });
  // As if entries 1 to 3 had left the ring: only the chain at the end tells that the logs differ.
  core.state.trail.recentFirst = 4;
  const effects = core.receive(append({ term: 1 }, real));
  const store = effects.find((effect) => effect.type === "store");
  assert.is(store?.type === "store" && store.truncateFrom, 2);
  assert.is(store?.type === "store" && store.entries.length, 3);
  assert.is(core.state.trail.lastChain, real[3]!.chain);
});

test("D06 a leader counts no acknowledgement of another content", () => {
  const core = new Single({ log: real });
  core.lead();
  const { lastChain } = core.state.trail;
  const reply = (chain: number): void => {
    core.receive({
      type: "appendReply", group: 1, from: 2, fromIncarnation: 102, to: 1, term: 2, success: true, matchIndex: 5,
      rejectedIndex: 0, conflictTerm: 0, conflictIndex: 0, pointIndex: 5, pointTerm: 2, pointChain: chain, round: 0,
      bootId: 1, promiseMs: 0, wallMs: 0, checkIndex: 0, checkDigest: 0, durableIndex: 0, durableTerm: 0, durableChain: 77,
    });
  };
  reply(lastChain ^ 1);
  assert.is(core.state.commitIndex, 0);
  reply(lastChain);
  assert.is(core.state.commitIndex, 5);
});

test.run();
