/** A repair of a log that is cut short by a crash: the next start knows as well that the node may have held more. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes } from "../../src/base/bytes.ts";
import { wait } from "../../src/base/task.ts";
import type { Interview } from "../../src/net/interview.ts";
import type { Identity } from "../../src/node/identity.ts";
import { LogRepair } from "../../src/node/log_repair.ts";
import type { RecoveredLog } from "../../src/node/recovered_log.ts";
import type { Configuration, Member } from "../../src/raft/types.ts";
import type { LogDamage } from "../../src/wal/damage.ts";
import { HEADER_BYTES } from "../../src/wal/segment.ts";
import { DIRECTORY, Rig, SMALL, trying } from "../wal/fixture.ts";

const MEMBERS = [1, 2, 3].map((number): Member => ({ number, incarnation: 70 + number, id: `n${number}`, address: `n${number}:1`, role: "voter", outgoingRole: null, targetRole: "voter", promoteByMs: 0 }));
const CONFIGURATION: Configuration = { index: 0, members: MEMBERS, joint: false, nextMemberNumber: 4 };
const IDENTITY = { memberNumber: 1, bootCount: 5, welcome: null } as unknown as Identity;

/** Behind so many bytes from the beginning of its segment a record is spoilt, by whatever stands there. */
const GAPS = [1_500, 2_000];

interface Life {
  readonly rig: Rig;
  /** Each entry as it was sealed, by index. */
  readonly sealed: Map<number, Uint8Array>;
}

/** A log of several segments, the last one filled so far that `spareBytes` are left of it. */
function life(spareBytes: number): Life {
  const rig = new Rig(7, SMALL);
  rig.open();
  rig.make(1);
  rig.hardState(1, { term: 1, votedFor: 1, commitIndex: 0 });
  assert.ok(rig.sync());
  for (let turn = 0; turn < 22; turn++) {
    rig.append(1, 2, 380);
    assert.ok(rig.sync());
  }
  const wanted = 8_192 - spareBytes - 650;
  while (segmentOf(rig).used < wanted - 1_200) {
    rig.append(1, 1, 380);
    assert.ok(rig.sync());
  }
  const missing = wanted - segmentOf(rig).used - 120;
  if (missing > 0) rig.append(1, 1, missing - missing % 8);
  assert.ok(rig.sync());
  rig.append(1, 1, 400);
  assert.ok(rig.sync());
  rig.hardState(1, { term: 2, votedFor: 2, commitIndex: 0 });
  assert.ok(rig.sync());
  const sealed = new Map<number, Uint8Array>();
  for (let index = 1; index <= rig.model.last(1); index++) sealed.set(index, (rig.read(1, index, index, 1).runs[0] as Uint8Array).slice());
  rig.close();
  return { rig, sealed };
}

/** The newest segment that holds anything. */
function segmentOf(rig: Rig): { path: string; used: number } {
  const used = (path: string): number => (rig.disk.content(path) as Uint8Array).findLastIndex((byte) => byte !== 0) + 1;
  const paths = rig.disk.names.files().filter((path) => path.endsWith(".seg") && used(path) > HEADER_BYTES).sort();
  const path = paths.at(-1) as string;
  return { path, used: used(path) };
}

function copyFiles(from: Rig, to: Rig): void {
  for (const path of from.disk.names.files().filter((each) => each.startsWith(`${DIRECTORY}/wal/`))) to.disk.overwrite(path, (from.disk.content(path) as Uint8Array).slice());
}

/** A copy of the disk with gaps in two segments and, if wanted, without the last entry, which stands before the hard state of 80 bytes. */
function spoilt({ rig }: Life, seed: number, losesEnd: boolean): Rig {
  const copy = new Rig(seed, SMALL);
  copyFiles(rig, copy);
  const spoil = (path: string, from: number, to: number): void => {
    copy.disk.overwrite(path, (copy.disk.content(path) as Uint8Array).fill(0xee, from, to));
  };
  GAPS.forEach((at, i) => spoil(copy.segment(i + 1), HEADER_BYTES + at, HEADER_BYTES + at + 40));
  const { path, used } = segmentOf(rig);
  if (losesEnd) spoil(path, used - 300, used - 120);
  return copy;
}

/** Opens it. @returns what it lost; null if nothing */
function opened(copy: Rig): LogDamage | null {
  const told: { damage: LogDamage | null } = { damage: null };
  copy.options = { ...SMALL, onDamage: (damage) => told.damage = damage };
  assert.ok(copy.open());
  return told.damage;
}

/** Repairs it, with members that have entries up to `last`. @returns whether it came to its end */
function repaired(copy: Rig, damage: LogDamage, sealed: Life["sealed"], last: number): boolean {
  const log = Object.assign(copy.recovered, { configurationsSince: () => [CONFIGURATION] });
  const answers: (readonly unknown[])[] = [];
  const interview = {
    ask: ([, , from, to]: readonly number[]) => {
      const upTo = Math.min(to as number, last);
      const indexes = Array.from({ length: Math.max(0, upTo - (from as number) + 1) }, (_, i) => (from as number) + i);
      answers.push([concatBytes(indexes.map((index) => sealed.get(index) as Uint8Array)), 0, last]);
    },
    next: (done: (...result: [null, readonly unknown[]]) => void) => copy.scheduler.clock(0).soon(() => done(null, answers.shift() as readonly unknown[])),
    close: () => undefined,
  } as unknown as Interview;
  const ended = { yet: false };
  copy.run((function* () {
    yield* new LogRepair({
      path: DIRECTORY, identity: IDENTITY, group: 1, wal: copy.wal, log: log as unknown as RecoveredLog, damage, dial: (_, done) => done(null, interview),
      adoptSnapshot: () => wait<boolean>((done) => done(null, false)),
      beginBehindOwn: () => wait<void>((done) => done(null, undefined)),
      clock: copy.scheduler.clock(0), words: copy.host().log,
    }).run();
    ended.yet = true;
  })());
  return ended.yet;
}

/** Whether this start knows that there may have been more behind what it holds. */
function isMarked(copy: Rig): boolean {
  return copy.wal.groupOf(1).edit?.condition === "lost";
}

test("D12: wherever a repair is cut short, every later start knows that the end was lost, and so that it may have been acknowledged", () => {
  let rolled = 0;
  for (const spareBytes of [40, 200, 900]) {
    const whole = life(spareBytes);
    const last = whole.sealed.size;
    const sweep = { isOver: false };
    for (let call = 1; !sweep.isOver; call++) {
      assert.ok(call < 400, "a repair ends");
      const copy = spoilt(whole, call * 31 + spareBytes, true);
      trying(`${spareBytes} spare bytes, crash at call ${call}`, () => {
        let damage = opened(copy);
        assert.is(damage?.groups.get(1)?.verdict, "end");
        assert.ok((damage?.groups.get(1)?.absent.length ?? 0) >= 2, "and there are gaps");
        const segment = segmentOf(copy).path;
        for (let start = 1; start <= 3 && damage !== null; start++) {
          copy.disk.crashAt(copy.disk.calls + call);
          const isWhole = repaired(copy, damage, whole.sealed, last);
          if (start === 1) sweep.isOver = isWhole;
          if (segmentOf(copy).path !== segment) rolled += 1;
          copy.disk.crashAt(0);
          copy.disk.crash();
          damage = opened(copy);
          assert.ok(isMarked(copy) || damage?.groups.get(1)?.verdict === "end", `start ${start + 1} takes its end for certain`);
        }
        if (sweep.isOver) assert.is(damage?.groups.get(1)?.absent.length ?? 0, 0, "nothing is absent that somebody had");
      });
    }
  }
  assert.ok(rolled > 20, `segments begin: ${rolled}`);
});

test("D12: a segment that begins with the mark of a lost end, and was written in part, makes nothing certain", () => {
  const whole = life(40);
  const last = whole.sealed.size;
  const begun = segmentOf(whole.rig).path;
  let written = spoilt(whole, 1, true);
  for (let call = 1; segmentOf(written).path === begun; call++) {
    assert.ok(call < 40, "the mark begins a segment");
    const copy = spoilt(whole, 1, true);
    const damage = opened(copy) as LogDamage;
    copy.disk.endAt(copy.disk.calls + call, () => copy.disk.crash("kept"));
    assert.not.ok(repaired(copy, damage, whole.sealed, last));
    copy.disk.endAt(0, () => undefined);
    written = copy;
  }
  const { path, used } = segmentOf(written);
  const content = written.disk.content(path) as Uint8Array;
  assert.ok(used > HEADER_BYTES + 100, "it begins with a base");
  for (let cut = HEADER_BYTES; cut <= used + 8; cut += 8) {
    const torn = new Rig(cut, SMALL);
    copyFiles(written, torn);
    torn.disk.overwrite(path, content.slice().fill(0, cut));
    const damage = opened(torn);
    assert.ok(isMarked(torn) || damage?.groups.get(1)?.verdict === "end", `written up to ${cut} of ${used}`);
  }
});

test("D12: what is cut since nobody else ever had it is marked no later than it is cut", () => {
  for (const spareBytes of [40, 200, 900]) {
    const whole = life(spareBytes);
    const sweep = { isOver: false };
    for (let call = 1; !sweep.isOver; call++) {
      assert.ok(call < 400, "a repair ends");
      const copy = spoilt(whole, call * 31 + spareBytes, false);
      trying(`${spareBytes} spare bytes, crash at call ${call}`, () => {
        const damage = opened(copy);
        assert.is(damage?.groups.get(1)?.verdict, "entries");
        const { lastIndex } = copy.wal.groupOf(1);
        copy.disk.crashAt(copy.disk.calls + call);
        sweep.isOver = repaired(copy, damage as LogDamage, whole.sealed, 2);
        copy.disk.crashAt(0);
        copy.disk.crash();
        opened(copy);
        assert.ok(isMarked(copy) || copy.wal.lastIndex(1) === lastIndex, `it was cut to ${copy.wal.lastIndex(1)} of ${lastIndex}, and nothing says so`);
        if (sweep.isOver) assert.ok(isMarked(copy) && copy.wal.lastIndex(1) < lastIndex, "it is cut in the end");
      });
    }
  }
});

test.run();
