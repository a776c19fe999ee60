/** The rule of versions on histories made by hand (D13). */
import { test } from "uvu";
import counter from "../../../plugins/counter/counter.ts";
import { ENTRY_HEADER_BYTES, EntryKind, sealedBytes } from "../../../src/base/entry.ts";
import { Applier } from "../../../src/machine/applier.ts";
import type { AnyPlugin } from "../../../src/machine/machine.ts";
import { encodeMachineVersion } from "../../../src/machine/version_entry.ts";
import type { Progress } from "../../../src/raft/progress.ts";
import { membersOf } from "../../raft/helpers.ts";
import { Hand, next, rejects } from "./hand.ts";

/** The member starts anew, with a plugin of that version, at a machine that is at another one. */
function start(hand: Hand, number: number, version: number, inForce: number = 1): void {
  hand.crash(number);
  const applier = new Applier({ plugin: { ...counter, version } as unknown as AnyPlugin, group: 1, directory: "", log: () => {} });
  applier.begin(inForce);
  hand.member(number).applier = applier;
  hand.open(number);
}

/** Member 1 leads and has heard the process of member 2. */
function led(...versions: readonly number[]): Hand {
  const hand = new Hand("versions");
  versions.forEach((version, at) => start(hand, at + 1, version));
  hand.elect(1, 1, [2]);
  hear(hand, 2);
  return hand;
}

function hear(hand: Hand, number: number): void {
  hand.state(1).progress.set(number, { bootId: hand.state(number).config.bootId } as Progress);
}

/** Member 1 seals the entry behind another one. */
function raise(hand: Hand, version: number): void {
  const payload = encodeMachineVersion(version);
  const first = next(null, 1, 0, 3);
  const entry = { ...next(first, 1, 0, 0, EntryKind.version), payloadBytes: payload.length };
  const from = sealedBytes(first.payloadBytes) + ENTRY_HEADER_BYTES;
  const bytes = new Uint8Array(from + sealedBytes(payload.length));
  bytes.set(payload, from);
  hand.tell((property) => property.entriesSealed?.(hand.member(1), [first, entry], bytes));
}

test("a raise goes to what all members can run", () => {
  raise(led(2, 2, 2), 2);
  raise(led(3, 2, 4), 2);
  rejects("versions", /n1 raises the version to 2, member 3 can run 1/, () => raise(led(2, 2, 1), 2));
  rejects("versions", /n1 raises the version to 3, member 1 can run 2/, () => raise(led(2, 2, 2), 3));
});

test("learners count, for they have a machine; witnesses have none", () => {
  const raised = (role: "learner" | "witness"): void => {
    const hand = new Hand("versions", { configuration: membersOf(["voter", "voter", role]) });
    [2, 2, 1].forEach((version, at) => start(hand, at + 1, version));
    hand.elect(1, 1, [2]);
    hear(hand, 2);
    raise(hand, 2);
  };
  raised("witness");
  rejects("versions", /n1 raises the version to 2, member 3 can run 1/, () => raised("learner"));
});

test("of a member that is away it counts what it ran, of one that was heard what it runs", () => {
  const away = led(2, 2, 2);
  start(away, 3, 1);
  raise(away, 2);
  const heard = led(2, 2, 2);
  start(heard, 2, 1);
  raise(heard, 2);
  hear(heard, 2);
  rejects("versions", /member 2 can run 1/, () => raise(heard, 2));
});

test("machines at one index are at one version, which their plugins can run", () => {
  const hand = led(2, 2, 2);
  rejects("versions", /at index 0 n3 is at version 2, another one was at 1/, () => start(hand, 3, 3, 2));
  rejects("versions", /n3 is at version 2, its plugin can run 1/, () => start(led(2, 2, 2), 3, 1, 2));
});

test.run();
