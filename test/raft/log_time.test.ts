/** What time an entry bears, and how the machine's moments come. Rows D09 and D10 of SCENARIOS, as far as the core. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import type { Effect } from "../../src/raft/event.ts";
import { message, Single, unstamped, WALL_MS } from "./helpers.ts";

const YEAR_MS = 365 * 24 * 3600 * 1000;

function stampOf(core: Single): number {
  const entry = unstamped();
  core.event({ type: "propose", entries: [entry] });
  return entry.timeMs;
}

function storedKinds(effects: readonly Effect[]): number[] {
  return effects.flatMap((effect) => (effect.type === "store" ? effect.entries.map((entry) => entry.kind) : []));
}

function heartbeatReply(core: Single, from: number, wallMs: number): void {
  core.receive(message("heartbeatReply", { term: core.state.term, from, wallMs, round: core.state.round }));
}

/** A leader of three whose log is committed and applied, and durable on member 2. */
function appliedLeader(): Single {
  const core = new Single();
  core.lead();
  settleLog(core, null);
  return core;
}

/** Has everything stored, acknowledged by member 2 and applied. */
function settleLog(core: Single, wakeAtMs: number | null): Effect[] {
  core.storeAll();
  const { term, trail } = core.state;
  core.receive(message("appendReply", { term, matchIndex: trail.lastIndex, wallMs: WALL_MS + core.nowMs }));
  return core.event({ type: "applied", index: core.state.commitIndex, wakeAtMs });
}

test("D09 a leader's clock that is a year ahead moves no entry forward", () => {
  const core = new Single();
  core.lead();
  const { state } = core;
  heartbeatReply(core, 2, WALL_MS - YEAR_MS);
  heartbeatReply(core, 3, WALL_MS - YEAR_MS + 5);
  assert.is(stampOf(core), WALL_MS - YEAR_MS + 5);
  assert.is(state.trail.timeMs, WALL_MS - YEAR_MS + 5);
});

test("D09 a follower's clock that is a year ahead moves nothing either; a majority's does", () => {
  const core = new Single();
  core.lead();
  heartbeatReply(core, 2, WALL_MS + YEAR_MS);
  const now = WALL_MS + core.nowMs;
  assert.is(stampOf(core), now);
  heartbeatReply(core, 3, WALL_MS + YEAR_MS - 1);
  assert.is(stampOf(core), WALL_MS + YEAR_MS - 1);
});

test("D09 log time never falls, and goes on by the monotonic clock when the wall clocks jump back", () => {
  const core = appliedLeader();
  heartbeatReply(core, 2, WALL_MS + core.nowMs);
  const before = stampOf(core);
  core.nowMs += 40;
  heartbeatReply(core, 2, WALL_MS - YEAR_MS);
  heartbeatReply(core, 3, WALL_MS - YEAR_MS);
  assert.is(stampOf(core), before + 40);
});

test("D09 a report that is older than an election timeout counts no more", () => {
  const core = appliedLeader();
  heartbeatReply(core, 2, WALL_MS + YEAR_MS);
  const before = stampOf(core);
  core.nowMs += core.state.config.electionMaxMs + 1;
  heartbeatReply(core, 3, WALL_MS + YEAR_MS);
  assert.ok(stampOf(core) < before + YEAR_MS / 2);
});

test("D10 when the machine's moment comes the leader appends one time entry, and no second before it is applied", () => {
  const core = appliedLeader();
  const wakeAtMs = core.state.trail.timeMs + 1000;
  core.event({ type: "applied", index: core.state.lastApplied, wakeAtMs });
  const kinds: number[] = [];
  for (let i = 0; i < 40 && kinds.length === 0; i++) {
    heartbeatReply(core, 2, WALL_MS + core.nowMs);
    kinds.push(...storedKinds(core.deadline()));
  }
  assert.equal(kinds, [EntryKind.time]);
  assert.ok(core.state.trail.timeMs >= wakeAtMs);
  heartbeatReply(core, 2, WALL_MS + core.nowMs);
  assert.equal(storedKinds(core.deadline()), []);
});

test("D10 a read past the machine's moment waits for one time entry and is answered with its index and time", () => {
  const core = appliedLeader();
  core.nowMs += 10;
  core.event({ type: "applied", index: core.state.lastApplied, wakeAtMs: core.state.trail.timeMs + 5 });
  core.event({ type: "read", readId: 9, lease: false });
  const effects = core.receive(message("heartbeatReply", { term: core.state.term, round: core.state.round, wallMs: WALL_MS }));
  const timeIndex = core.state.trail.lastIndex;
  assert.equal(storedKinds(effects), [EntryKind.time]);
  assert.equal(effects.filter((effect) => effect.type === "answerRead"), [{ type: "answerRead", readId: 9, index: timeIndex, timeMs: core.state.trail.timeMs }]);
});

test("D10 a read is answered for the leader's log time, here and elsewhere, whatever time its log has", () => {
  const core = appliedLeader();
  core.nowMs += 30;
  core.event({ type: "read", readId: 9, lease: false });
  core.receive(message("readIndexRequest", { term: core.state.term, from: 3, readId: 4 }));
  const { lastIndex, timeMs } = core.state.trail;
  const confirm = (): Effect[] => core.receive(message("heartbeatReply", { term: core.state.term, round: core.state.round, wallMs: WALL_MS }));
  const told = [...confirm(), ...confirm(), ...confirm()].flatMap((effect): { index: number; timeMs: number }[] => {
    if (effect.type === "answerRead") return [effect];
    return effect.type === "send" && effect.message.type === "readIndexReply" ? [effect.message] : [];
  });
  assert.equal(told.map(({ index }) => index), [lastIndex, lastIndex]);
  for (const read of told) assert.ok(read.timeMs >= timeMs + 30, `${read.timeMs - timeMs}`);
});

test("D10 a read does not wait until a machine is asked again whose moment does not move", () => {
  const core = appliedLeader();
  core.nowMs += 100;
  const wakeAtMs = core.state.trail.timeMs + 5;
  const applied = (): Effect[] => core.event({ type: "applied", index: core.state.commitIndex, wakeAtMs });
  applied();
  for (let i = 0; i < 5; i++) {
    while (!storedKinds(core.deadline()).includes(EntryKind.time)) heartbeatReply(core, 2, WALL_MS);
    settleLog(core, wakeAtMs);
  }
  core.nowMs += 1;
  core.event({ type: "read", readId: 9, lease: false });
  const effects = core.receive(message("heartbeatReply", { term: core.state.term, round: core.state.round, wallMs: WALL_MS }));
  assert.equal(storedKinds(effects), [EntryKind.time]);
});

test("D10 a moment that does not move is asked for at 10 ms, doubling to 1 s, also under other traffic", () => {
  const core = appliedLeader();
  core.nowMs += 100;
  const wakeAtMs = core.state.trail.timeMs + 5;
  const applied = (): Effect[] => core.event({ type: "applied", index: core.state.commitIndex, wakeAtMs });
  applied();
  const times: number[] = [];
  while (times.length < 10) {
    const appended = storedKinds(core.deadline()).includes(EntryKind.time);
    if (!appended) {
      heartbeatReply(core, 2, WALL_MS);
      continue;
    }
    times.push(core.nowMs);
    // A command that was committed before the time entry is applied by itself.
    applied();
    settleLog(core, wakeAtMs);
  }
  const gaps = times.slice(1).map((time, i) => Math.round(time - times[i]!));
  assert.equal(gaps, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
});

test("D10 remaining times survive a failover: the next leader goes on from the newest entry", () => {
  const old = appliedLeader();
  const stamp = stampOf(old);
  const core = new Single({ config: { self: 1 } });
  core.state.trail.timeMs = stamp + 50;
  core.lead();
  assert.ok(stampOf(core) >= stamp + 50);
});

test.run();
