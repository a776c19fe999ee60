/** What operators want by name, and what the core is asked by number. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import type { Hello } from "../../src/net/hello.ts";
import type { MemberWish } from "../../src/net/member_wish.ts";
import { changesOf, type Said } from "../../src/node/wishes.ts";
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

/** Who is left by `wish`, by number, if the nodes that are asked are of these incarnations; one that is of none is empty, and of 700. */
function after(wish: MemberWish, there: Record<string, number> = {}): string[] {
  const said: Said = {
    newcomer: ({ id }) => {
      if (id in there) throw new DraftError("BAD_REQUEST", `${id} belongs to a cluster`);
      return { incarnation: 700 } as Hello;
    },
    isMember: ({ id }, incarnation) => there[id] === incarnation,
  };
  const changes = changesOf(TWO_OF_B, [wish], said);
  if (changes.length === 0) return ["as before"];
  return reachedConfiguration(wantedConfiguration(TWO_OF_B, changes)!).members.map(({ number, id, role }) => `${id}${number} ${role}`);
}

function replace(id: string, newId: string): MemberWish {
  return { type: "replace", id, newId, address: `${newId}:7100` };
}

test("changesOf() removes all that bear the name, so that asking again changes nothing", () => {
  assert.equal(after({ type: "remove", id: "b" }), ["a1 voter", "c3 voter"]);
});

test("changesOf() replaces a name by the learner that did not catch up, or by another node altogether", () => {
  assert.equal(after(replace("b", "b"), { b: 400 }), ["a1 voter", "c3 voter", "b4 voter"]);
  assert.equal(after(replace("b", "g")), ["a1 voter", "c3 voter", "g5 voter"]);
});

test("changesOf() never promotes a learner whose directory was lost again: the newest one takes the place", () => {
  assert.equal(after(replace("b", "b")), ["a1 voter", "c3 voter", "b5 voter"]);
  assert.equal(after(replace("c", "b")), ["a1 voter", "b5 voter"], "by a name that had two");
});

test("changesOf() changes nothing where a node took its own place already, and lets no other member take it", () => {
  assert.equal(after(replace("c", "c"), { c: 300 }), ["as before"]);
  assert.throws(() => after(replace("c", "c"), { c: 301 }), /belongs to a cluster/);
  assert.throws(() => after(replace("c", "a"), { a: 100 }), /a is a member already: it cannot take the place of c/);
});

test("changesOf() never says that a voter is the learner that was asked for", () => {
  const learner = (id: string): MemberWish => ({ type: "add", id, address: `${id}:7100`, votes: false });
  assert.throws(() => after(learner("a")), /a is a voter: draft admin demote a/);
});

test.run();
