/** Watches of one replica: each change once, in order, whatever comes between; nothing is kept for who does not read. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { Beginning } from "../../src/machine/beginning.ts";
import { behindEntry, type ChangeCursor } from "../../src/machine/change.ts";
import { ChangeHistory } from "../../src/machine/change_history.ts";
import { PROGRESS_MS, Watches } from "../../src/node/watches.ts";
import type { Watch } from "../../src/node/watch.ts";
import type { Event } from "../../src/raft/event.ts";
import type { RaftState } from "../../src/raft/state.ts";

const ELECTION_MS = 600;

/** A replica that applies what it is told, and hears of a leader as long as nobody says otherwise. */
class Rig {
  nowMs = 1000;
  index = 0;
  isCaughtUp = true;
  history: ChangeHistory;
  readonly state = { role: "follower", commitIndex: 0, leaderHeardMs: 1000, config: { electionMaxMs: ELECTION_MS } };
  readonly watches: Watches;
  readonly #timers: { atMs: number; fire: () => void }[] = [];

  constructor(changesMax = 1000) {
    this.history = new ChangeHistory({ changesMax, bytesMax: 1 << 30 });
    const rig = (): Rig => this;
    this.watches = new Watches({
      name: "main",
      applier: {
        get history() {
          return rig().history;
        },
        beginning: new Beginning(),
        view: () => ({ index: this.index, timeMs: 0, version: 1 }),
      },
      readiness: {
        get isCaughtUp() {
          return rig().isCaughtUp;
        },
        waitsFor: "1 of 9 entries applied",
      },
      clock: {
        monotonicMs: () => this.nowMs,
        setTimer: (delayMs, fire) => {
          const timer = { atMs: this.nowMs + delayMs, fire };
          this.#timers.push(timer);
          return { cancel: () => void this.#timers.splice(this.#timers.indexOf(timer) >>> 0, 1) };
        },
      },
    });
    this.watches.opened(this.#state);
  }

  get #state(): RaftState {
    return this.state as unknown as RaftState;
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Applies an entry that changes `keys`; `tells` false: within the same page as the next. */
  apply(keys: readonly string[] = [], tells = true): void {
    this.index += 1;
    const { index } = this;
    this.history.append(index, { size: keys.length, keyAt: (at) => keys[at]!, valueAt: () => `${index}` });
    this.state.commitIndex = index;
    if (tells) this.stepped("applied");
  }

  stepped(type: string): void {
    this.watches.stepped(this.#state, { type, nowMs: this.nowMs } as unknown as Event);
  }

  /** Lets time pass; the leader is heard unless it is silent. */
  pass(ms: number, silent = false): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      if (!silent) this.state.leaderHeardMs = this.nowMs;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      next.fire();
    }
    this.nowMs = endMs;
    if (!silent) this.state.leaderHeardMs = endMs;
  }

  reader(prefix: string, after: ChangeCursor | null, bytesMax = 1 << 20): Reader {
    return new Reader(this, prefix, after, bytesMax);
  }
}

/** Takes whatever there is, unless it is told to wait. */
class Reader {
  readonly heard: string[] = [];
  next: ChangeCursor | null;
  ended: string | null = null;
  calls = 0;
  reads = true;
  readonly watch: Watch;
  readonly #bytesMax: number;

  constructor(rig: Rig, prefix: string, after: ChangeCursor | null, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.next = after;
    const watch = rig.watches.open({ prefix, after }, () => {
      this.calls += 1;
      if (this.reads) this.take();
    });
    if (watch instanceof DraftError) throw watch;
    this.watch = watch;
    this.take();
  }

  take(): void {
    for (let page = this.watch.take(this.#bytesMax); page !== null; page = this.watch.take(this.#bytesMax)) {
      if (page instanceof DraftError) {
        this.ended = page.code;
        return;
      }
      this.next = page.next;
      for (const { index, n, key } of page.changes) this.heard.push(`${key}@${index}.${n}`);
    }
  }
}

function codeOf(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    return (error as DraftError).code;
  }
  return "";
}

test("a watch from an index hears what it missed, then what comes, of its prefix alone", () => {
  const rig = new Rig();
  rig.apply(["a/1", "b/1", "a/2"]);
  rig.apply(["b/2"]);
  const all = rig.reader("", behindEntry(0));
  const some = rig.reader("a/", { index: 1, n: 1 });
  rig.apply(["b/3"]);
  rig.apply([]);
  rig.apply(["a/3"]);
  assert.equal(all.heard, ["a/1@1.1", "b/1@1.2", "a/2@1.3", "b/2@2.1", "b/3@3.1", "a/3@5.1"]);
  assert.equal(some.heard, ["a/2@1.3", "a/3@5.1"]);
  assert.equal([some.next, some.calls, all.calls], [{ index: 6, n: 0 }, 1, 2]);
});

test("a watch from now on says first where that is, and hears nothing that came before", () => {
  const rig = new Rig();
  rig.apply(["k"]);
  const reader = rig.reader("", null);
  assert.equal([reader.heard, reader.next], [[], { index: 2, n: 0 }]);
  rig.state.commitIndex = 3;
  const later = rig.reader("", null);
  assert.equal(later.next, { index: 4, n: 0 }, "what is committed was before it");
  for (let i = 0; i < 3; i++) rig.apply(["k"]);
  assert.equal([reader.heard, later.heard], [["k@2.1", "k@3.1", "k@4.1"], ["k@4.1"]]);
  rig.isCaughtUp = false;
  assert.is(codeOf(() => rig.reader("", null)), "NO_LEADER", "now would be long past");
  assert.equal(rig.reader("", { index: 3, n: 1 }).heard, ["k@4.1"]);
});

test("W02: every watch hears its own sequence once, however it resumes, reads, stops and goes to another replica", () => {
  const random = seedRandom(11);
  const prefixes = ["", "a", "a/", "a/1", "b/", "c"];
  const keys = ["a/1", "a/2", "b/1", "b", "ab"];
  for (let round = 0; round < 60; round++) {
    const rigs = [new Rig(), new Rig()];
    const all: string[] = [];
    const readers = prefixes.map((prefix) => ({ prefix, rig: rigs[0]!, reader: rigs[0]!.reader(prefix, behindEntry(0), 200), heard: [] as string[] }));
    for (let index = 1; index <= 60; index++) {
      const changed = Array.from({ length: nextInRange(random, 0, 4) }, () => keys[nextInRange(random, 0, keys.length - 1)]!);
      for (const [n, key] of changed.entries()) all.push(`${key}@${index}.${n + 1}`);
      // The other one lags, and pages hold several entries.
      for (const rig of rigs) rig.apply(changed, nextInRange(random, 0, 2) > 0);
      for (const each of readers) {
        each.reader.reads = nextInRange(random, 0, 2) > 0;
        if (nextInRange(random, 0, 4) > 0) continue;
        const page = each.reader.watch.take(150);
        if (page !== null && !(page instanceof DraftError)) {
          each.reader.next = page.next;
          for (const change of page.changes) each.reader.heard.push(`${change.key}@${change.index}.${change.n}`);
        }
        if (nextInRange(random, 0, 1) === 0) continue;
        each.heard.push(...each.reader.heard);
        each.reader.watch.close();
        each.rig = rigs[nextInRange(random, 0, 1)]!;
        each.reader = each.rig.reader(each.prefix, each.reader.next ?? behindEntry(0), 200);
      }
    }
    for (const rig of rigs) rig.stepped("applied");
    for (const { prefix, reader, heard } of readers) {
      reader.take();
      assert.equal([...heard, ...reader.heard], all.filter((each) => each.startsWith(prefix)), `prefix '${prefix}', round ${round}`);
    }
  }
});

test("a watch goes on behind what another replica told, though this one is not so far yet", () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) rig.apply(["k"]);
  const reader = rig.reader("", { index: 8, n: 0 });
  rig.pass(PROGRESS_MS);
  assert.equal(reader.next, { index: 8, n: 0 }, "what was heard stays heard");
  for (let i = 0; i < 4; i++) rig.apply(["k", "l"]);
  assert.equal(reader.heard, ["k@8.1", "l@8.2", "k@9.1", "l@9.2"]);
});

test("W05: who waits hears each 5 s how far that is, at no cost to what it can still be told", () => {
  const rig = new Rig(4);
  const quiet = rig.reader("quiet/", null);
  const first = quiet.next;
  rig.pass(PROGRESS_MS - 1);
  assert.equal([quiet.next, quiet.calls], [first, 0]);
  rig.pass(1);
  assert.is(quiet.calls, 1);
  // The history is long past what it heard last, and held nothing for it.
  for (let i = 0; i < 50; i++) rig.apply(["loud"]);
  rig.pass(PROGRESS_MS);
  assert.equal([quiet.ended, quiet.next], [null, { index: 51, n: 0 }]);
  quiet.reads = false;
  rig.pass(PROGRESS_MS);
  for (let i = 0; i < 50; i++) rig.apply(["loud"]);
  quiet.take();
  assert.equal([quiet.ended, quiet.next, quiet.heard], [null, { index: 101, n: 0 }, []]);
  rig.apply(["quiet/1"]);
  quiet.reads = true;
  quiet.take();
  assert.equal(quiet.heard, ["quiet/1@101.1"]);
});

test("W03: who reads too slowly is told so once the history is past it, and was never kept anything", () => {
  const rig = new Rig(4);
  const slow = rig.reader("", null);
  slow.reads = false;
  for (let i = 0; i < 4; i++) rig.apply(["k"]);
  assert.is(slow.calls, 1);
  rig.apply(["k"]);
  assert.is(slow.calls, 1, "told once");
  slow.take();
  assert.equal([slow.ended, slow.heard], ["COMPACTED", []]);
  const end = rig.watches.open({ prefix: "", after: { index: 1, n: 0 } }, () => {});
  assert.not.instance(end, DraftError);
  const why = (end as Watch).take(1) as DraftError;
  assert.equal([why.code, why.oldestIndex, why.outcome], ["COMPACTED", 2, "not-done"]);
  assert.equal(rig.reader("", { index: 2, n: 0 }).heard.length, 4);
});

test("a snapshot that takes the state's place is gone on from where its history reaches back so far", () => {
  for (const [floor, ended, heard] of [[2, null, ["k@1.1", "k@3.1", "k@5.1"]], [4, "COMPACTED", ["k@1.1"]]] as const) {
    const rig = new Rig();
    const reader = rig.reader("k", behindEntry(0));
    rig.apply(["k"]);
    rig.index = 5;
    rig.history = new ChangeHistory({ changesMax: 100, bytesMax: 1000 });
    rig.history.restore(behindEntry(floor - 1));
    for (const index of [3, 5]) if (index >= floor) rig.history.restoreChange({ index, n: 1, key: "k", value: 1 });
    rig.stepped("restored");
    assert.equal([reader.ended, reader.heard], [ended, heard]);
  }
});

test("W05: without a leader for two election timeouts watches end, and none begins", () => {
  const rig = new Rig();
  const reader = rig.reader("", null);
  rig.pass(10 * ELECTION_MS);
  assert.is(reader.ended, null);
  rig.pass(2 * ELECTION_MS, true);
  assert.is(reader.ended, null);
  rig.pass(2, true);
  assert.is(reader.ended, "NO_LEADER");
  assert.is(codeOf(() => rig.reader("", behindEntry(0))), "NO_LEADER");
  assert.equal([rig.watches.size, rig.timers], [0, 0]);
  rig.state.role = "leader";
  const own = rig.reader("", null);
  rig.pass(10 * ELECTION_MS, true);
  assert.is(own.ended, null, "a leader needs no other");
  rig.stepped("deadline");
  rig.state.role = "follower";
  rig.pass(ELECTION_MS, true);
  assert.is(own.ended, null, "and counts from when it led");
  rig.pass(2 * ELECTION_MS, true);
  assert.is(own.ended, "NO_LEADER");
});

test("what is closed or ended leaves nothing behind", () => {
  const rig = new Rig();
  const closed = rig.reader("a", null);
  const other = rig.reader("b", null);
  closed.watch.close();
  closed.watch.close();
  rig.apply(["a", "b"]);
  assert.equal([closed.heard, other.heard, rig.watches.size, rig.timers], [[], ["b@1.2"], 1, 1]);
  rig.watches.end(new DraftError("STOPPING", "it stops"));
  assert.equal([other.ended, rig.watches.size, rig.timers], ["STOPPING", 0, 0]);
  assert.is(codeOf(() => rig.reader("x".repeat(2000), null)), "BAD_REQUEST");
});

test("a change looks for those that want it, not at all that watch", () => {
  const rig = new Rig(100_000);
  const readers = Array.from({ length: 1000 }, (_, at) => rig.reader(`user/${at}/`, null));
  for (let at = 0; at < 100; at++) rig.apply([`user/${at % 10}/name`]);
  assert.equal(readers.map(({ calls }) => calls).reduce((sum, each) => sum + each), 100);
  assert.equal(readers[3]!.heard.length, 10);
});

test("a state restored from a backup counts anew: whoever watches from before is told to read it", () => {
  const rig = new Rig();
  for (let entry = 0; entry < 9; entry++) rig.apply();
  const reader = rig.reader("", null);
  rig.index = 3;
  rig.history.lose(3);
  rig.stepped("restored");
  rig.apply(["a"]);
  assert.equal([reader.heard, reader.ended, rig.watches.size], [[], "COMPACTED", 0]);
});

test.run();
