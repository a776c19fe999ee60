/** Runs of commands: whatever is gathered must come to what each command alone comes to (SPEC section 10, `applyBatch`). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blankHead, type EntryHead, EntryKind, payloadSumOf } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { nextU32, type RandomState, seedRandom } from "../../src/base/random.ts";
import { Applier } from "../../src/machine/applier.ts";
import { BATCH_MAX } from "../../src/machine/batch.ts";
import { type CommandEnvelope, encodeEnvelope } from "../../src/machine/command.ts";
import { LiveEntry } from "../../src/machine/live_entry.ts";
import type { Base, Command, Entry, Plugin, Reply } from "../../src/machine/machine.ts";
import { encodeSessionChange } from "../../src/machine/session_entry.ts";
import { Sessions } from "../../src/machine/sessions.ts";
import type { SessionLimits } from "../../src/machine/session_limits.ts";
import { takeBack, toldBefore } from "../../src/machine/told.ts";
import { encodeVerdict } from "../../src/raft/verdict_entry.ts";
import { headOf, NOTHING } from "./rig.ts";

/** Counts words; refuses, breaks, draws and tells watchers. With `batched` it takes them in runs. */
function wordsPlugin(batched: boolean, wrong: Partial<Base> = {}): { plugin: Plugin<[string, number][]>; runs: number[] } {
  const runs: number[] = [];
  const plugin: Plugin<[string, number][]> = {
    name: "words", version: 1,
    operations: { put: { kind: "write" }, no: { kind: "write" }, ill: { kind: "write" }, long: { kind: "write" }, count: { kind: "read" } },
    create: () => {
      let held = new Map<string, number>();
      const apply = ([operation, word]: Command, entry: Entry): Reply => {
        if (operation === "no") throw entry.reject(`no ${String(word).repeat(200)}`, held.size % 2 === 0 ? "CONFLICT" : "REJECTED");
        if (operation === "ill") throw new Error("ill");
        if (operation === "long") return "x".repeat(Number(word));
        held.set(String(word), (held.get(String(word)) ?? 0) + 1);
        entry.emit(String(word), { at: entry.index, chance: entry.random() });
        if (held.size % 3 === 0) entry.emit("third", word);
        return [entry.index, entry.timeMs, entry.session, entry.random(), held.size];
      };
      const applyBatch = (commands: readonly Command[], entries: readonly Entry[]): Reply[] => {
        runs.push(commands.length);
        return commands.map((command, at) => {
          try {
            return apply(command, entries[at] as Entry);
          } catch (thrown) {
            return thrown as Error as Reply;
          }
        });
      };
      return {
        apply, query: () => held.size, hash: () => [...held].join(),
        snapshot: () => [...held], restore: (saved) => void (held = new Map(saved)),
        ...(batched ? { applyBatch } : {}), ...wrong,
      };
    },
  };
  return { plugin, runs };
}

function nextBelow(random: RandomState, end: number): number {
  return nextU32(random) % end;
}

function applierOf(plugin: Plugin<never> | Plugin<[string, number][]>, limits: Partial<SessionLimits> = {}): Applier {
  const applier = new Applier({ plugin, group: 1, directory: "", log: () => undefined });
  applier.sessions = new Sessions(limits);
  return applier;
}

interface Entered {
  readonly head: EntryHead;
  readonly payload: Uint8Array;
}

function entered(index: number, kind: number, timeMs: number, payload: Uint8Array): Entered {
  return { head: { ...headOf(index, kind, timeMs), payloadBytes: payload.length, payloadSum: payloadSumOf(payload) }, payload };
}

function commandAt(index: number, command: Command, more: Partial<CommandEnvelope> = {}): Entered {
  return entered(index, EntryKind.command, index, encodeEnvelope({ session: null, sequence: 0, answeredBelow: 0, command, ...more }));
}

interface Told {
  readonly index: number;
  readonly answeredIndex: number;
  readonly answer: unknown;
  readonly digest: number;
  readonly sessions: number;
}

function told(applier: Applier, { index }: EntryHead, answer: unknown): Told {
  const said = answer instanceof DraftError ? `${answer.code} ${answer.message}` : answer;
  return { index, answeredIndex: applier.answeredIndex, answer: said, digest: applier.digest, sessions: applier.sessions.hash() };
}

/** Applies each entry by itself. */
function alone(applier: Applier, log: readonly Entered[]): Told[] {
  return log.map(({ head, payload }) => told(applier, head, applier.apply(head, payload, 0, null)));
}

/** Applies them in runs that end where `ends` says so. */
function gathered(applier: Applier, log: readonly Entered[], ends: () => boolean): Told[] {
  const all: Told[] = [];
  const run = (): void => applier.applyGathered((head, answer) => all.push(told(applier, head, answer)));
  // Header and bytes are the caller's to use again.
  const head = blankHead();
  for (const { head: sealed, payload } of log) {
    if (ends()) run();
    const bytes = payload.slice();
    if (applier.gathers(Object.assign(head, sealed), bytes, 0, null)) {
      bytes.fill(0);
      continue;
    }
    run();
    if (applier.gathers(Object.assign(head, sealed), bytes, 0, null)) continue;
    all.push(told(applier, head, applier.apply(head, bytes, 0, null)));
  }
  run();
  return all;
}

const IDS: readonly string[] = ["a", "b", "c", "d"].map((digit) => digit.repeat(32));

/** A log of all kinds, of which every limit of sessions is met. */
function drawLog(random: RandomState, length: number): Entered[] {
  let timeMs = 1000;
  return Array.from({ length }, (_, at) => {
    const index = at + 1;
    // A leader seals no lower time than the one before; the applier does not rely on it.
    timeMs += [0, 0, 0, 1, 5, 60, -3][nextBelow(random, 7)] ?? 0;
    const session = IDS[nextBelow(random, IDS.length)] ?? "";
    switch (nextBelow(random, 14)) {
      case 0: return entered(index, EntryKind.session, timeMs, encodeSessionChange({ type: "open", session, principal: "", ordered: nextBelow(random, 4) === 0 }));
      case 1: return entered(index, nextBelow(random, 2) === 0 ? EntryKind.noop : EntryKind.time, timeMs, NOTHING);
      case 2: return entered(index, EntryKind.verdict, timeMs, encodeVerdict({ outcome: "none" }));
      default: return drawCommand(random, { index, timeMs, session });
    }
  });
}

function drawCommand(random: RandomState, { index, timeMs, session }: { readonly index: number; readonly timeMs: number; readonly session: string }): Entered {
  const sequence = nextBelow(random, 12);
  const place = nextBelow(random, 5) < 2 ? {} : { session, sequence, answeredBelow: Math.max(0, sequence - nextBelow(random, 8)) };
  const word = String.fromCharCode(97 + nextBelow(random, 5));
  const commands: readonly Command[] = [["put", word], ["put", word], ["PUT", word], ["no", word], ["ill"], ["long", nextBelow(random, 300)], ["count"], ["none"]];
  const { head, payload } = commandAt(index, commands[nextBelow(random, commands.length)] ?? ["put", word], place);
  return { head: { ...head, timeMs }, payload };
}

test("however a log is cut into runs, answers, digests and sessions are those of its entries one by one", () => {
  let inRuns = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const random = seedRandom(seed);
    const limits = { idleMs: [40, 600_000][seed % 2] ?? 0, window: [3, 1024][seed % 3 === 0 ? 0 : 1] ?? 0, bytesMax: [1300, 1700, 1_000_000][seed % 3] ?? 0, answerBytesMax: [0, 200][seed % 2] ?? 0, sessionsMax: 3 };
    const log = drawLog(random, 120);
    const { plugin, runs } = wordsPlugin(true);
    const applier = applierOf(plugin, limits);
    const one = alone(applierOf(wordsPlugin(false).plugin, limits), log);
    const other = gathered(applier, log, () => nextBelow(random, 12) === 0);
    for (const [at, each] of one.entries()) assert.equal(other[at], each, `seed ${seed}, index ${each.index}`);
    assert.is(other.length, one.length);
    for (const length of runs) inRuns += length > 1 ? length : 0;
  }
  assert.ok(inRuns > 1000, `${inRuns} commands were run with others`);
});

test("a run has so many commands at most, and ends before a read, another kind of entry and a command that is sent again", () => {
  const { plugin, runs } = wordsPlugin(true);
  const applier = applierOf(plugin);
  const [id = ""] = IDS;
  const log = [
    entered(1, EntryKind.session, 1, encodeSessionChange({ type: "open", session: id, principal: "", ordered: false })),
    ...Array.from({ length: BATCH_MAX + 2 }, (_, at) => commandAt(2 + at, ["put", "a"])),
  ];
  let next = log.length + 1;
  const under = (sequence: number): Entered => commandAt(next++, ["put", `s${sequence}`], { session: id, sequence, answeredBelow: 1 });
  const first = under(1);
  log.push(first, under(2), { ...first, head: { ...first.head, index: next++ } }, under(3), commandAt(next++, ["count"]), under(4));
  gathered(applier, log, () => false);
  assert.equal(runs, [BATCH_MAX, 4, 1, 1]);
});

test("what a run may hold is asked of the sessions that are there when it begins, also behind a snapshot that took their place", () => {
  const { plugin, runs } = wordsPlugin(true);
  const applier = applierOf(plugin);
  const [id = ""] = IDS;
  const [opened, put, unknown] = [
    entered(1, EntryKind.session, 1, encodeSessionChange({ type: "open", session: id, principal: "", ordered: false })),
    commandAt(2, ["put", "a"], { session: id, sequence: 1, answeredBelow: 1 }),
    commandAt(2, ["put", "a"], { session: "f".repeat(32), sequence: 1, answeredBelow: 1 }),
  ];
  alone(applier, [opened]);
  assert.not(applier.gathers(unknown.head, unknown.payload, 0, null));
  applier.sessions = new Sessions();
  const [answered] = gathered(applier, [put], () => false);
  assert.match(String(answered?.answer), /^SESSION_EXPIRED session a+ is not open/);
  assert.equal(runs, []);
});

test("what is emitted in a run is what it was then, though the machine changes it", () => {
  const live = (batched: boolean): Plugin<never> => ({
    name: "live", version: 1, operations: { add: { kind: "write" } },
    create: () => {
      const all: number[] = [];
      const apply = (_: Command, entry: Entry): Reply => {
        all.push(entry.index);
        entry.emit("all", all);
        return all.length;
      };
      const applyBatch = (commands: readonly Command[], entries: readonly Entry[]): Reply[] => commands.map((each, at) => apply(each, entries[at] as Entry));
      return { apply, snapshot: () => all as never, restore: () => undefined, ...(batched ? { applyBatch } : {}) };
    },
  });
  const log = Array.from({ length: 9 }, (_, at) => commandAt(at + 1, ["add"]));
  assert.equal(gathered(applierOf(live(true)), log, () => false), alone(applierOf(live(false)), log));
});

test("a machine that throws in applyBatch, or forgets an answer, stops its replica, and nothing of the run counts", () => {
  const cases: readonly (readonly [Base["applyBatch"], RegExp])[] = [
    [() => { throw new Error("out of order"); }, /^applyBatch of the machine 'words' broke on the entries 1 to 3: out of order: it must return an answer for each command/],
    [(commands) => commands.slice(1).map(() => 1), /: it returned 2 answers: /],
    [() => 5 as never, /: it returned no list of answers: /],
  ];
  for (const [applyBatch, says] of cases) {
    const applier = applierOf(wordsPlugin(true, applyBatch === undefined ? {} : { applyBatch }).plugin);
    assert.throws(() => gathered(applier, [1, 2, 3].map((index) => commandAt(index, ["put", "a"])), () => false), (error: DraftError) => error.code === "BAD_PLUGIN" && says.test(error.message));
    assert.is(applier.lastApplied.index, 0);
  }
});

test("what an entry of a run undid is told to nobody, as it is of one that is run alone", () => {
  const head = { ...headOf(1, EntryKind.command, 5), payloadBytes: 0 };
  const recorded = new LiveEntry();
  recorded.record(head, 5, { version: 1, shift: 0 });
  const alone = new LiveEntry();
  alone.begin(head, 5);
  for (const entry of [recorded, alone]) {
    entry.emit("kept", 1);
    const before = toldBefore(entry);
    entry.emit("undone", 2);
    takeBack(entry, before);
    entry.emit("last", 3);
  }
  const adopting = new LiveEntry();
  adopting.begin(head, 5);
  adopting.adopt(recorded);
  for (const { told, digest } of [adopting, alone]) {
    assert.equal([told.size, told.keyAt(0), told.keyAt(1), digest], [2, "kept", "last", alone.digest]);
  }
});

test.run();
