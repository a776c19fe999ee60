/** The commit rule: dissertation 3.6.2. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, membersOf, message, sealed, Single, unstamped } from "./helpers.ts";

test("C01, 3.6.2: an entry of an older term on a majority is not committed by counting; with one of its own term it is", () => {
  const core = new Single({ log: sealed([1, 2]) });
  core.lead();
  core.receive(message("appendReply", { term: 3, matchIndex: 2 }));
  assert.is(core.state.commitIndex, 0);
  core.receive(message("appendReply", { term: 3, matchIndex: 3 }));
  assert.is(core.state.commitIndex, 3);
});

test("C05 acknowledgements of learners commit nothing, those of witnesses do", () => {
  const core = new Single({ configuration: membersOf(["voter", "voter", "witness", "learner", "learner"]) });
  core.lead();
  for (const from of [4, 5]) core.receive(message("appendReply", { term: 1, from, matchIndex: 1 }));
  assert.is(core.state.commitIndex, 0);
  core.receive(message("appendReply", { term: 1, from: 3, matchIndex: 1 }));
  assert.is(core.state.commitIndex, 1);
});

test("C05 a leader that is being removed counts itself no more", () => {
  const core = new Single();
  core.lead();
  core.receive(message("appendReply", { term: 1, matchIndex: 1 }));
  const without = membersOf(["voter", "voter", "voter"]);
  const entry = { ...unstamped(), kind: 2, configuration: { ...without, members: without.members.slice(1) } };
  core.event({ type: "propose", entries: [entry] });
  core.storeAll();
  core.receive(message("appendReply", { term: 1, matchIndex: 2 }));
  assert.is(core.state.commitIndex, 1, "member 2 alone is no majority of 2 and 3");
  core.receive(message("appendReply", { term: 1, from: 3, matchIndex: 2 }));
  assert.is(core.state.commitIndex, 2);
});

test("M03, 4.3: during a joint step both halves must acknowledge", () => {
  const base = membersOf(["voter", "voter", "voter", "voter", "voter"]);
  const members = base.members.map((m, i) => ({ ...m, role: i < 3 ? ("voter" as const) : null, outgoingRole: i === 0 || i > 2 ? ("voter" as const) : null }));
  const core = new Single({ configuration: { ...base, joint: true, members } });
  core.lead([2, 4]);
  assert.is(core.state.role, "leader");
  core.receive(message("appendReply", { term: 1, from: 2, matchIndex: 1 }));
  core.receive(message("appendReply", { term: 1, from: 3, matchIndex: 1 }));
  assert.is(core.state.commitIndex, 0);
  core.receive(message("appendReply", { term: 1, from: 4, matchIndex: 1 }));
  assert.is(core.state.commitIndex, 1);
});

test("C06, 10.2.1: a leader counts itself when its own write is durable, and commits without it by the others", () => {
  const core = new Single();
  core.lead();
  core.event({ type: "propose", entries: [unstamped()] });
  core.receive(message("appendReply", { term: 1, matchIndex: 2 }));
  assert.is(core.state.commitIndex, 1, "one follower and a leader whose disk is still writing");
  core.receive(message("appendReply", { term: 1, from: 3, matchIndex: 2 }));
  assert.is(core.state.commitIndex, 2);
});

test("R18 a follower applies what is committed and durable, once, in order", () => {
  const core = new Single();
  const log = sealed([1, 1, 1, 1]);
  const applied: number[][] = [];
  const run = (effects: ReturnType<Single["event"]>): void => {
    for (const effect of effects) if (effect.type === "apply") applied.push([effect.from, effect.to]);
  };
  run(core.receive(append({ term: 1, leaderCommit: 2 }, log.slice(0, 2))));
  assert.equal(applied, []);
  run(core.receive(append({ term: 1, leaderCommit: 4 }, log.slice(2), log[1])));
  run(core.event({ type: "stored", store: 1 }));
  run(core.event({ type: "stored", store: 2 }));
  run(core.receive(message("heartbeat", { term: 1, leaderCommit: 4 })));
  assert.equal(applied, [[1, 2], [3, 4]]);
  assert.throws(() => core.event({ type: "applied", index: 5, wakeAtMs: null }), /only what was asked for/);
});

test("R18 after a restart all that was committed is applied again from the base", () => {
  const core = new Single({ log: sealed([1, 1, 1]), commitIndex: 2 });
  assert.is(core.state.applyRequested, 2);
  assert.is(core.state.lastApplied, 0);
});

test("X07, 3.5: a proposal that a later leader cut is gone from the log, and never applied", () => {
  const core = new Single();
  core.lead();
  const entry = unstamped(9);
  core.event({ type: "propose", entries: [entry] });
  core.storeAll();
  const effects = core.receive(append({ term: 2, leaderCommit: 2 }, sealed([2, 2])));
  const store = effects.find((effect) => effect.type === "store");
  assert.ok(store?.type === "store" && store.truncateFrom === 1, "the node learns from the truncation which proposals are lost");
  assert.is(core.state.trail.lastTerm, 2);
});

test.run();
