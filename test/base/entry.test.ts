/** Sealed entries, whole and bare. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { concatBytes, viewOf } from "../../src/base/bytes.ts";
import { bareRun, chainAfter, endOf, ENTRY_HEADER_BYTES, hasBare, isBare, readRun, sealedBytes } from "../../src/base/entry.ts";
import { sampleRuns } from "../net/samples.ts";

const RUN = concatBytes(sampleRuns());

test("bareRun() leaves out payloads but those of configurations; heads, chain too, stay what they were", () => {
  const bare = bareRun(sampleRuns());
  const [command, config, noop] = readRun(RUN).entries;
  assert.equal(readRun(bare), { entries: [command, config, noop], faultAt: -1, fault: null });
  assert.is(bare.length, RUN.length - sealedBytes(command!.payloadBytes) + ENTRY_HEADER_BYTES);
  assert.is(chainAfter(77, readRun(bare).entries[0]!), command!.chain);
  const view = viewOf(bare);
  const second = endOf(view, 0);
  assert.equal([isBare(view, 0), isBare(view, second), isBare(view, endOf(view, second))], [true, false, false]);
  assert.equal([hasBare(bare), hasBare(RUN), hasBare(new Uint8Array())], [true, false, false]);
});

test("bareRun() of what is bare already changes nothing", () => {
  const bare = bareRun([RUN]);
  assert.equal(bareRun([bare]), bare);
});

test("every bit of a bare entry is sealed, and none makes a whole one of it or the other way about", () => {
  for (const run of [RUN, bareRun([RUN])]) {
    for (let bit = 0; bit < run.length * 8; bit++) {
      const bad = run.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      assert.is.not(readRun(bad).fault, null, `bit ${bit} of ${run.length} bytes`);
    }
  }
});

test.run();
