/** What operators want by name, and what the core is asked by number. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Hello } from "../../src/net/hello.ts";
import type { MemberWish } from "../../src/net/member_wish.ts";
import { changesOf } from "../../src/node/wishes.ts";
import { reachedConfiguration, wantedConfiguration } from "../../src/raft/configuration_change.ts";
import type { Configuration, Member } from "../../src/raft/types.ts";

function member(number: number, id: string, role: "voter" | "learner"): Member {
  return { number, id, address: `${id}:7100`, incarnation: number * 100, role, outgoingRole: null, targetRole: role, promoteByMs: 0 };
}

/** The directory of b was lost, and the one that was to take its place did not catch up in time. */
const TWO_OF_B: Configuration = {
  index: 9, joint: false, nextMemberNumber: 5,
  members: [member(1, "a", "voter"), member(2, "b", "voter"), member(3, "c", "voter"), member(4, "b", "learner")],
};

/** Who is left by `wish`, by number. */
function after(wish: MemberWish): string[] {
  const wanted = wantedConfiguration(TWO_OF_B, changesOf(TWO_OF_B, [wish], () => ({ incarnation: 700 }) as Hello));
  return reachedConfiguration(wanted!).members.map(({ number, id, role }) => `${id}${number} ${role}`);
}

test("changesOf() removes all that bear the name, so that asking again changes nothing", () => {
  assert.equal(after({ type: "remove", id: "b" }), ["a1 voter", "c3 voter"]);
});

test("changesOf() replaces a name by the learner that did not catch up, or by another node altogether", () => {
  assert.equal(after({ type: "replace", id: "b", newId: "b", address: "b:7100" }), ["a1 voter", "c3 voter", "b4 voter"]);
  assert.equal(after({ type: "replace", id: "b", newId: "g", address: "g:7100" }), ["a1 voter", "c3 voter", "g5 voter"]);
});

test.run();
