/** Configurations as payloads, and in the log: in force from append, gone with truncation (dissertation 4.1). */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { chainAfter, EntryKind } from "../../src/base/entry.ts";
import { encode } from "../../src/base/codec.ts";
import { decodeConfiguration, encodeConfiguration } from "../../src/raft/configuration.ts";
import type { LogEntry } from "../../src/raft/types.ts";
import { append, GENESIS_CHAIN, membersOf, sealed, Single, unstamped } from "./helpers.ts";

test("a configuration comes back from its payload", () => {
  const genesis = membersOf(["voter", "learner", "witness"]);
  const joint = { ...genesis, index: 7, joint: true, members: genesis.members.map((m) => ({ ...m, outgoingRole: "voter" as const, role: null })) };
  assert.equal(decodeConfiguration(encodeConfiguration(genesis), 0), genesis);
  assert.equal(decodeConfiguration(encodeConfiguration(joint), 7), joint);
});

test("a malformed payload is refused, never believed", () => {
  for (const value of [null, 1, [], [true, 2], [1, 2, []], [true, -1, []], [true, 2, [[1]]], [true, 2, [[1, "a", "b", 1, 9, 0, 0]]]]) {
    assert.throws(() => decodeConfiguration(encode(value), 3), /index 3/);
  }
});

function withConfiguration(index: number, previousChain: number): LogEntry {
  const configuration = { ...membersOf(["voter", "voter", "voter", "learner"]), index };
  const entry = { ...unstamped(), kind: EntryKind.config, index, term: 1, configuration };
  entry.chain = chainAfter(previousChain, entry);
  return entry;
}

test("M07, 4.1: a configuration holds from the append of its entry and is gone with its truncation", () => {
  const core = new Single();
  const entry = withConfiguration(1, GENESIS_CHAIN);
  const adopted = core.receive(append({ term: 1 }, [entry]));
  assert.ok(adopted.some((effect) => effect.type === "configurationChanged"));
  assert.is(core.state.configurations.length, 2);
  const cut = core.receive(append({ term: 2, from: 3 }, sealed([2])));
  assert.ok(cut.some((effect) => effect.type === "configurationChanged" && effect.configuration.index === 0));
  assert.is(core.state.configurations.length, 1);
  assert.equal(core.state.voters.incoming, [1, 2, 3]);
});

test.run();
