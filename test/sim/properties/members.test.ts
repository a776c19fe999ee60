/** The rules of members, each broken on purpose. */
import { test } from "uvu";
import { EntryKind } from "../../../src/base/entry.ts";
import { enteredConfiguration, reachedConfiguration, wantedConfiguration } from "../../../src/raft/configuration_change.ts";
import type { MemberChange } from "../../../src/raft/configuration_change.ts";
import { rollBackConfigurations } from "../../../src/raft/membership.ts";
import type { Configuration, LogEntry } from "../../../src/raft/types.ts";
import { membersOf } from "../../raft/helpers.ts";
import { type Change, Hand, next, rejects } from "./hand.ts";

const FOUR: Configuration = membersOf(["voter", "voter", "voter", "learner"]);

/** The entry behind `previous` that carries these changes out. */
function changed(from: Configuration, previous: LogEntry, term: number, changes: readonly MemberChange[], joint: boolean = true): LogEntry {
  const reached = reachedConfiguration(wantedConfiguration(from, changes)!);
  const entered = joint ? enteredConfiguration(from, reached) : reached;
  const entry = next(previous, term, 0, 0, EntryKind.config);
  return { ...entry, configuration: { ...entered, index: entry.index } };
}

/** A step that appends a configuration, as a core does that puts it in force. */
function append(hand: Hand, number: number, entry: LogEntry, more: Change = {}): void {
  hand.state(number).configurations.push(entry.configuration!);
  hand.step(number, { ...more, entries: [entry] });
}

/** A leader of term 1 that has committed its noop, if it is told to. */
function led(target: string, commits: boolean = true): { readonly hand: Hand; readonly noop: LogEntry } {
  const hand = new Hand(target, { configuration: FOUR });
  const noop = hand.elect(1, 1, [2]);
  hand.stored(1);
  hand.durably(2, { entries: [noop] });
  if (commits) hand.step(1, { commit: 1 });
  return { hand, noop };
}

test("M02: one change at a time: none before an entry of the own term is committed", () => {
  const { hand, noop } = led("one change at a time", false);
  const entry = changed(FOUR, noop, 1, [{ type: "remove", member: 3 }]);
  rejects("one change at a time", /appends the configuration 2: nothing of its own term 1 is committed/, () => append(hand, 1, entry));
});

test("M01: one change at a time: none while another one is not committed", () => {
  const { hand, noop } = led("one change at a time");
  const first = changed(FOUR, noop, 1, [{ type: "remove", member: 3 }]);
  append(hand, 1, first);
  const second = changed(first.configuration!, first, 1, [{ type: "remove", member: 2 }]);
  rejects("one change at a time", /the one at 2 is not committed, 1 is/, () => append(hand, 1, second));
});

test("one change at a time: two voters at once are no change of one, and a joint one is left to its new half", () => {
  const direct = led("one change at a time");
  const both: readonly MemberChange[] = [{ type: "promote", member: 4 }, { type: "remove", member: 3 }];
  rejects("one change at a time", /from \[1 2 3\] to \[1 2 4\]/, () => append(direct.hand, 1, changed(FOUR, direct.noop, 1, both, false)));
  const { hand, noop } = led("one change at a time");
  const joint = changed(FOUR, noop, 1, both);
  append(hand, 1, joint);
  hand.step(1, { commit: 2 });
  const back = next(joint, 1, 0, 0, EntryKind.config);
  rejects("one change at a time", /from \[1 2 4\] and \[1 2 3\] to \[1 2 3\]/, () => append(hand, 1, { ...back, configuration: { ...FOUR, index: 3 } }));
});

test("M07: configurations: one that is not in force though it stands in the log, and one that is though it was cut", () => {
  const late = led("configurations");
  const entry = changed(FOUR, late.noop, 1, [{ type: "remove", member: 3 }]);
  rejects("configurations", /the configuration 0 holds on n1; 2 is the newest in its log/, () => late.hand.step(1, { entries: [entry] }));
  const { hand, noop } = led("configurations");
  append(hand, 2, changed(FOUR, noop, 1, [{ type: "remove", member: 3 }]));
  rejects("configurations", /the configuration 2 holds on n2; 0 is the newest/, () => hand.step(2, { truncateFrom: 2 }));
  const well = led("configurations");
  append(well.hand, 2, changed(FOUR, well.noop, 1, [{ type: "remove", member: 3 }]));
  rollBackConfigurations(well.hand.state(2), 2);
  well.hand.step(2, { truncateFrom: 2 });
});

test("E21: learners: one that campaigns", () => {
  const { hand } = led("learners");
  hand.step(2, { role: "pre-candidate" });
  rejects("learners", /n4 is pre-candidate of term 0, and votes by no configuration/, () => hand.step(4, { role: "pre-candidate" }));
});

/** The first member commits that the third goes, with the second. */
function committed(hand: ReturnType<typeof led>["hand"], noop: ReturnType<typeof led>["noop"]): ReturnType<typeof changed> {
  const entry = changed(FOUR, noop, 1, [{ type: "remove", member: 3 }]);
  append(hand, 1, entry);
  hand.stored(1);
  append(hand, 2, entry);
  hand.stored(2);
  hand.step(1, { commit: 2 });
  return entry;
}

test("removed leaders: one that knows that it was removed leads no later term", () => {
  const { hand, noop } = led("removed leaders");
  const entry = committed(hand, noop);
  hand.durably(3, { entries: [noop] });
  append(hand, 3, entry, { commit: 2 });
  rejects("removed leaders", /n3 leads term 2; by the configuration 2, which was committed before, it does not vote/, () => hand.elect(3, 2, [1], [noop, entry]));
});

test("changes that were answered: with an index that says something else, or nothing", () => {
  const { hand, noop } = led("changes that were answered");
  committed(hand, noop);
  const told = (type: "remove" | "promote", id: string, index: number, is: boolean): void =>
    hand.tell((property) => property.changeAnswered?.([{ type, id }], { index, reply: { changed: is } }));
  told("remove", "n3", 2, true);
  rejects("changes that were answered", /"promote","id":"n4"\} was answered with 2/, () => told("promote", "n4", 2, true));
  rejects("changes that were answered", /is so already by the configuration 1: none is committed there/, () => told("remove", "n3", 1, false));
});

test.run();
