/** Whether machines decide, whatever comes of a change that is under way. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Configuration, Member } from "../../src/raft/types.ts";
import { decide, willDecide } from "../../src/sim/members_view.ts";
import type { SimMachine } from "../../src/sim/sim_machine.ts";

const IDS = "abcde";

function member(id: string, role: Member["role"], targetRole: Member["targetRole"] = role, outgoingRole: Member["outgoingRole"] = null): Member {
  const number = IDS.indexOf(id) + 1;
  return { number, id, address: `${id}:7100`, incarnation: number * 100, role, outgoingRole, targetRole, promoteByMs: 0 };
}

function machines(ids: string): SimMachine[] {
  return ids.split("").map((id) => ({ number: IDS.indexOf(id) + 1, incarnation: (IDS.indexOf(id) + 1) * 100 }) as SimMachine);
}

function of(joint: boolean, ...members: Member[]): Configuration[] {
  return [{ index: 7, joint, members, nextMemberNumber: 6 }];
}

test("decide() wants more than half of each half of each configuration", () => {
  const joint = of(true, member("a", "voter", "voter", "voter"), member("b", null, null, "voter"), member("c", "voter", "voter", null));
  assert.is(decide(machines("ac"), joint), false);
  assert.is(decide(machines("abc"), joint), true);
});

test("willDecide() wants them whole if a learner that is not among them becomes a voter", () => {
  const growing = of(false, member("a", "voter"), member("b", "learner", "voter"), member("c", "learner", "voter"));
  assert.is(decide(machines("a"), growing), true);
  assert.is(willDecide(machines("a"), growing), false);
  // c may be in time, and b, which is among them, not.
  assert.is(willDecide(machines("ab"), growing), false);
  assert.is(willDecide(machines("abc"), growing), true);
  const replacing = of(false, member("a", "voter"), member("b", "voter", null), member("c", "learner", "voter"));
  assert.is(willDecide(machines("ab"), replacing), false);
  assert.is(willDecide(machines("ac"), replacing), false);
});

test("willDecide() knows a directory from the one that bore its number before", () => {
  const settled = of(false, member("a", "voter"), member("b", "voter"), member("c", "voter"));
  assert.is(willDecide(machines("ab"), settled), true);
  assert.is(willDecide([...machines("a"), { number: 2, incarnation: 1 } as SimMachine], settled), false);
});

test.run();
