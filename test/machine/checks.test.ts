/** What a replica notes at check points, and what verdicts make of it (O05, D14). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EntryKind } from "../../src/base/entry.ts";
import type { DraftError } from "../../src/base/errors.ts";
import { ChangeHistory } from "../../src/machine/change_history.ts";
import { CHECKS_MAX, Checks } from "../../src/machine/checks.ts";
import type { SavedState } from "../../src/machine/saved_state.ts";
import { Sessions } from "../../src/machine/sessions.ts";
import { encodeVerdict } from "../../src/raft/verdict_entry.ts";
import { type Rig, rigOf } from "./rig.ts";

function noop(rig: Rig): void {
  rig.entry(EntryKind.noop, 0);
}

/** A verdict entry is applied: the majority came to `digest` at `index`. */
function judge(rig: Rig, index: number, digest: number): void {
  rig.entry(EntryKind.verdict, 0, encodeVerdict({ outcome: "majority", index, digest }));
}

function newest(rig: Rig): number {
  return rig.applier.checks.newest.digest;
}

/** Two replicas of what ought to be one machine, each of which runs one command and passes a check point. */
function twins(one: Parameters<typeof rigOf>[0], other: Parameters<typeof rigOf>[0]): [Rig, Rig] {
  const rigs: [Rig, Rig] = [rigOf(one), rigOf(other)];
  for (const rig of rigs) {
    rig.run("do", 1);
    noop(rig);
  }
  return rigs;
}

test("noops and verdicts are check points, other entries are none", () => {
  const rig = rigOf({});
  rig.run("do");
  rig.entry(EntryKind.time, 5);
  assert.equal(rig.applier.checks.newest, { index: 0, digest: 0 });
  noop(rig);
  assert.equal(rig.applier.checks.newest, { index: 3, digest: rig.applier.digest });
  rig.entry(EntryKind.verdict, 0, encodeVerdict({ outcome: "none" }));
  assert.equal(rig.applier.checks.newest, { index: 4, digest: rig.applier.digest });
});

test("a replica that answers otherwise comes to something else, and the majority's verdict stops it", () => {
  const [one, other] = twins({ apply: () => 1 }, { apply: () => 2 });
  const digest = newest(one);
  const own = newest(other);
  assert.is.not(own, digest);
  judge(one, 2, digest);
  const hex = (value: number): string => value.toString(16).padStart(8, "0");
  assert.throws(() => judge(other, 2, digest), (error: DraftError) =>
    error.code === "DAMAGED" && error.message.includes(`at index 2: digest ${hex(own)} here, ${hex(digest)} there`) &&
    error.message.includes("; it is one of the entries 1 to 2 that shows it first: ") && error.message.endsWith("draft log show --from 1 --to 2 prints"));
});

/** What a replica says that is stopped by a verdict. */
function stopped(rig: Rig, index: number): string {
  try {
    judge(rig, index, 1);
  } catch (error) {
    return (error as DraftError).message;
  }
  return "it was not stopped";
}

test("a replica that differs names the entries of which one shows it first, and which machine runs where", () => {
  const rig = rigOf({});
  noop(rig);
  rig.run("do");
  noop(rig);
  judge(rig, 1, rig.applier.checks.saved().points[0]?.digest ?? 0);
  rig.applier.checks.runs = () => "version 1 of the machine 'm' is in force; this node has version 1";
  const said = stopped(rig, 3);
  assert.match(said, /; at index 1 it was the same, so it is one of the entries 2 to 3 that shows it first; version 1 of the machine 'm' is in force; this node has version 1: /);
  assert.match(said, /draft log show --from 2 --to 3 prints$/);
});

test("a replica that began from a snapshot says that it may have come with that, and surely did if the check point is older", () => {
  const checks = new Checks(1);
  checks.restore({ points: [{ index: 5, digest: 7 }], splitIndex: 0 }, { index: 8, timeMs: 0 });
  checks.passed({ index: 12, digest: 7 });
  const verdict = (index: number): Uint8Array => encodeVerdict({ outcome: "majority", index, digest: 8 });
  assert.throws(() => checks.judge(verdict(12), 0), /; it came with the snapshot of index 8 that this node began from, or one of the entries 9 to 12 shows it first: /);
  assert.throws(() => checks.judge(verdict(5), 0), /; it came with the snapshot of index 8 that this node began from: /);
});

test("a state that differs with equal answers shows in the machine's hash, and only there", () => {
  const [one, other] = twins({ hash: () => 1 }, { hash: () => 2 });
  assert.is(one.applier.digest, other.applier.digest);
  assert.is.not(newest(one), newest(other));
  const [quiet, alsoQuiet] = twins({}, {});
  assert.is(newest(quiet), newest(alsoQuiet));
});

test("a replica on which alone apply, wake, wakeAt or hash throws comes to something else", () => {
  const broken = (): never => {
    throw new Error("disk on fire");
  };
  for (const [sound, ill] of [
    [{ apply: () => undefined }, { apply: broken }],
    [{ hash: () => 1 }, { hash: broken }],
    [{ wakeAt: () => 1, wake: () => {} }, { wakeAt: () => 1, wake: broken }],
    [{ wakeAt: () => 1, wake: () => {} }, { wakeAt: broken, wake: () => {} }],
  ] as const) {
    const rigs = [rigOf(sound), rigOf(sound), rigOf(ill)].map((rig) => {
      rig.run("do");
      rig.entry(EntryKind.time, 10);
      noop(rig);
      return rig;
    });
    assert.is(newest(rigs[0]!), newest(rigs[1]!));
    assert.throws(() => judge(rigs[2]!, 3, newest(rigs[0]!)), /differs from that of the majority/, Object.keys(ill).join());
  }
});

test("a verdict of a check point that is not kept says nothing", () => {
  const rig = rigOf({});
  noop(rig);
  judge(rig, 9, 1);
  for (let n = 0; n < CHECKS_MAX; n++) noop(rig);
  judge(rig, 1, 1);
});

test("without a majority there is an alarm, until a verdict finds one; a verdict of nothing leaves it", () => {
  const rig = rigOf({});
  noop(rig);
  rig.entry(EntryKind.verdict, 0, encodeVerdict({ outcome: "split", index: 1 }));
  assert.is(rig.applier.checks.splitIndex, 1);
  rig.entry(EntryKind.verdict, 0, encodeVerdict({ outcome: "none" }));
  assert.is(rig.applier.checks.splitIndex, 1);
  judge(rig, 3, newest(rig));
  assert.is(rig.applier.checks.splitIndex, 0);
});

test("a verdict that says something unknown stops the replica", () => {
  assert.throws(() => rigOf({}).entry(EntryKind.verdict, 0, new Uint8Array([0x83, 7, 1, 1])), /says what this release of draft does not know/);
});

test("something is to be judged from the first use on, until a verdict is about a check point behind the last", () => {
  const rig = rigOf({});
  const { checks } = rig.applier;
  noop(rig);
  rig.entry(EntryKind.time, 500);
  assert.is(checks.unjudgedSinceMs, null, "nothing was used");
  rig.entry(EntryKind.config, 1000);
  rig.entry(EntryKind.config, 2000);
  assert.is(checks.unjudgedSinceMs, 1000);
  rig.entry(EntryKind.verdict, 3000, encodeVerdict({ outcome: "majority", index: 1, digest: rig.applier.checks.saved().points[0]!.digest }));
  assert.is(checks.unjudgedSinceMs, 3000, "the point was before the use");
  rig.entry(EntryKind.verdict, 4000, encodeVerdict({ outcome: "none" }));
  assert.is(checks.unjudgedSinceMs, 4000);
  rig.entry(EntryKind.verdict, 5000, encodeVerdict({ outcome: "majority", index: 5, digest: checks.saved().points[1]!.digest }));
  assert.is(checks.unjudgedSinceMs, null);
});

test("the core is told of whatever is new, and of nothing else", () => {
  const rig = rigOf({});
  const { checks } = rig.applier;
  const news = (): boolean => {
    const { hasNews } = checks;
    checks.hasNews = false;
    return hasNews;
  };
  noop(rig);
  assert.is(news(), true);
  rig.run("do");
  assert.is(news(), true, "there is something to judge now");
  rig.run("do");
  rig.entry(EntryKind.time, 5);
  assert.is(news(), false);
});

test("check points go with a snapshot: whoever restores it is still compared, and reports the newest", () => {
  const source = rigOf({});
  source.run("do");
  noop(source);
  source.run("do");
  source.entry(EntryKind.verdict, 7, encodeVerdict({ outcome: "split", index: 2 }));
  const saved: SavedState = source.applier.snapshot();
  for (const [digest, stops] of [[source.applier.checks.saved().points[0]!.digest, false], [1, true]] as const) {
    const restored = rigOf({});
    restored.applier.restore(saved, () => {});
    restored.applier.restored(saved, { sessions: new Sessions(), history: new ChangeHistory() });
    const { checks } = restored.applier;
    assert.equal(checks.newest, source.applier.checks.newest);
    assert.equal([checks.splitIndex, checks.unjudgedSinceMs, checks.hasNews], [2, 7, true]);
    const payload = encodeVerdict({ outcome: "majority", index: 2, digest });
    const head = { kind: EntryKind.verdict, group: 1, index: 5, term: 2, timeMs: 7, chain: 0, payloadBytes: payload.length, payloadSum: 0 };
    const apply = (): unknown => restored.applier.apply(head, payload, 0, null);
    if (stops) assert.throws(apply, /differs from that of the majority at index 2/);
    else apply();
  }
});

test("no more check points are kept, or taken over, than the bound", () => {
  const checks = new Checks(1);
  for (let index = 1; index <= 3 * CHECKS_MAX; index++) checks.passed({ index, digest: index });
  assert.equal(checks.saved().points.map(({ index }) => index), Array.from({ length: CHECKS_MAX }, (_, i) => 2 * CHECKS_MAX + 1 + i));
  const other = new Checks(1);
  other.restore({ points: Array.from({ length: 3 * CHECKS_MAX }, (_, i) => ({ index: i + 1, digest: 0 })), splitIndex: 0 }, { index: 99, timeMs: 0 });
  assert.is(other.saved().points.length, CHECKS_MAX);
});

test.run();
