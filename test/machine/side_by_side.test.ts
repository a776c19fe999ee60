import { test } from "uvu";
import * as assert from "uvu/assert";
import { blankHead, type EntryHead, EntryKind, payloadSumOf } from "../../src/base/entry.ts";
import { DraftError } from "../../src/base/errors.ts";
import { encodeCommand } from "../../src/machine/command.ts";
import type { AnyPlugin, Base, Command, Plugin } from "../../src/machine/machine.ts";
import { SideBySide, type BuildsDiffer } from "../../src/machine/side_by_side.ts";
import { encodeMachineVersion } from "../../src/machine/version_entry.ts";

/** Counts; `add` is what it does. */
function counting(version: number, add: (total: number, by: number, entry: Parameters<Base["apply"]>[1]) => number, answer: (total: number) => unknown = (total) => total): AnyPlugin {
  const plugin: Plugin<{ total: number }> = {
    name: "counting", version,
    operations: { add: { kind: "write" } },
    create: () => {
      let total = 0;
      return {
        apply: ([, by], entry) => answer(total = add(total, Number(by), entry)) as number,
        upgrade: () => void (total *= 10),
        hash: () => total,
        snapshot: () => ({ total }), restore: (saved) => void ({ total } = saved),
      };
    },
  };
  return plugin as unknown as AnyPlugin;
}

const OLDER = counting(2, (total, by) => total + by);

/** The first difference of two builds over these commands; a number raises the version. */
function replay(newer: AnyPlugin, log: readonly (Command | number)[], older: AnyPlugin = OLDER): BuildsDiffer | null {
  const both = new SideBySide({ older, newer, group: 1, version: 1 });
  for (const [at, each] of log.entries()) {
    const payload = typeof each === "number" ? encodeMachineVersion(each) : new Uint8Array(encodeCommand(each));
    const kind = typeof each === "number" ? EntryKind.version : EntryKind.command;
    const head: EntryHead = { ...blankHead(), kind, group: 1, index: at + 1, term: 1, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    const difference = both.apply(head, payload, 0);
    if (difference !== null) return difference;
  }
  return null;
}

const LOG: readonly (Command | number)[] = [["add", 1], ["add", 2], 2, ["add", 3]];

test("builds that do the same differ nowhere", () => {
  assert.is(replay(counting(3, (total, by, { version }) => version > 2 ? 0 : total + by), LOG), null);
});

test("the first entry whose answer, changes or state differ is told", () => {
  assert.equal(replay(counting(2, (total, by) => total + (by === 2 ? 7 : by)), LOG), { index: 2, what: "answer", older: "3", newer: "8" });
  const silent = (): unknown => null;
  const mute = counting(2, (total, by) => total + by, silent);
  assert.equal(replay(counting(2, (total, by, { version }) => version === 2 ? total : total + by, silent), LOG, mute), { index: 4, what: "state", older: "21", newer: "1e" });
  const telling = counting(2, (total, by, entry) => {
    entry.emit("total", total);
    return total + by;
  });
  assert.match(JSON.stringify(replay(telling, LOG)), /^\{"index":1,"what":"emitted","older":"[0-9a-f]{8}","newer":"[0-9a-f]{8}"\}$/);
});

test("a build that cannot run the version of an entry says so", () => {
  assert.throws(() => replay(OLDER, LOG, counting(1, (total, by) => total + by)), (error: unknown) => error instanceof DraftError && error.code === "BAD_PLUGIN");
});

test.run();
