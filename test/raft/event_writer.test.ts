import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { nextInRange, seedRandom } from "../../src/base/random.ts";
import { genesisConfiguration } from "../../src/raft/configuration.ts";
import type { Event, EventBody } from "../../src/raft/event.ts";
import { EVENT_TYPES, MESSAGE_TYPES } from "../../src/raft/event_format.ts";
import { EventReader } from "../../src/raft/event_reader.ts";
import { EventWriter } from "../../src/raft/event_writer.ts";
import type { LogEntry } from "../../src/raft/types.ts";
import { APPEND_REQUEST, MESSAGES } from "../net/samples.ts";
import { CONFIG, sealed, unstamped } from "./helpers.ts";

const test = suite("event_writer");

const configuration = genesisConfiguration([{ id: "a", address: "h:1", incarnation: 5 }]);
const entries: readonly LogEntry[] = sealed([4, 4, 5], { timeMs: 1_700_000_000_000 });
const odd: readonly LogEntry[] = [
  { ...unstamped(0xffff_ffff, 1 << 20), index: 7, term: 3, group: 9, kind: 255 },
  { ...unstamped(), kind: 2, configuration, index: 8, term: 2 ** 40, chain: 0xffff_ffff, timeMs: 2 ** 50 },
];

const BODIES: readonly EventBody[] = [
  { type: "start" }, { type: "deadline" }, { type: "diskStalled" },
  ...MESSAGES.map((message): EventBody => ({ type: "receive", message })),
  { type: "receive", message: { ...MESSAGES[4]!, to: 1, fromIncarnation: 12 } },
  { type: "receive", message: { ...MESSAGES[4]!, to: 1, fromIncarnation: 12, term: 2 ** 53 - 1 } },
  { type: "receive", message: { ...APPEND_REQUEST, entries } },
  { type: "receive", message: { ...APPEND_REQUEST, prevLogIndex: 0, lastIndex: 3, entries } },
  { type: "receive", message: { ...APPEND_REQUEST, entries: odd } },
  { type: "stored", store: 70_000 }, { type: "stored", store: 70_001 },
  { type: "applied", index: 2 ** 33, wakeAtMs: null }, { type: "applied", index: 12, wakeAtMs: 1_700_000_000_123.5 },
  { type: "propose", entries: [] },
  { type: "propose", entries: [{ ...unstamped(3, 100), group: 0 }, { ...unstamped(), group: 0, configuration, kind: 2 }] },
  { type: "read", readId: 2 ** 52 + 1, lease: false }, { type: "transfer", to: 3 }, { type: "changeMembership", configuration, promoteWithinMs: 5000, force: true },
  { type: "linkUp", peer: 2 }, { type: "linkDown", peer: 3 }, { type: "readFailed", from: 4, to: 900 },
  { type: "read", readId: 7, lease: true }, { type: "promiseReady", promiseMs: 300 }, { type: "loopStalled", forMs: 451.5 },
  { type: "diskFull", full: true }, { type: "diskFull", full: false },
  { type: "snapshotStored", point: { index: 9, term: 2, chain: 0xffff_ffff }, timeMs: 1_700_000_000_123.5 },
  { type: "entriesLost", point: { index: 9, term: 2, chain: 3 }, timeMs: 1_700_000_000_125 },
  { type: "snapshotFetching", index: 2 ** 40 },
  { type: "snapshotFetched", point: { index: 90, term: 3, chain: 7 }, timeMs: 1_700_000_000_124, configuration },
  { type: "restored", index: 99, wakeAtMs: null }, { type: "restored", index: 100, wakeAtMs: 1_700_000_000_999 },
  { type: "checked", index: 0, digest: 0, unjudgedSinceMs: null }, { type: "checked", index: 101, digest: 0xffff_ffff, unjudgedSinceMs: 1_700_000_000_999 },
];

function packed(events: readonly Event[]): { bytes: Uint8Array; writer: EventWriter } {
  const writer = new EventWriter(CONFIG, 16);
  for (const event of events) writer.write(event);
  return { bytes: writer.packed.bytes.slice(0, writer.packed.at), writer };
}

/** Every body three times over, in any order, with clocks that stand, go, jump and break numbers. */
function events(seed: number): Event[] {
  const random = seedRandom(seed);
  let nowMs = 12.25;
  let wallMs = 1_700_000_000_000;
  return Array.from({ length: BODIES.length * 3 }, () => {
    const dice = nextInRange(random, 1, 6);
    if (dice > 2) nowMs += nextInRange(random, 1, 1000) / 7;
    if (dice > 3) wallMs += nextInRange(random, -50, 50);
    if (dice === 6) wallMs += 0.5;
    return { ...BODIES[nextInRange(random, 0, BODIES.length - 1)]!, nowMs, wallMs };
  });
}

test("every type of event and of message is among the samples", () => {
  assert.equal(new Set(BODIES.map(({ type }) => type)), new Set(EVENT_TYPES));
  assert.equal(new Set(MESSAGES.map(({ type }) => type)), new Set(MESSAGE_TYPES));
});

test("what is read is what was written, in any order", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const all = events(seed);
    const { bytes, writer } = packed(all);
    const reader = new EventReader(CONFIG, bytes, writer.configurations);
    for (const event of all) assert.equal(reader.read(), event);
    assert.ok(reader.packed.isAtEnd);
  }
});

test("a second use of the writer begins as the first", () => {
  const all = events(3);
  const { writer, bytes } = packed(all);
  writer.reset();
  for (const event of all) writer.write(event);
  assert.equal(writer.packed.bytes.slice(0, writer.packed.at), bytes);
});

test("usual events are short", () => {
  const now = { nowMs: 1234.5, wallMs: 1_700_000_000_000 };
  const message = { ...MESSAGES.find(({ type }) => type === "appendReply")!, fromIncarnation: 9, to: 1, conflictTerm: 0, conflictIndex: 0, promiseMs: 0, checkIndex: 0, checkDigest: 0, wallMs: now.wallMs + 3, matchIndex: 5, pointIndex: 5, durableIndex: 5, pointTerm: 6, durableTerm: 6 };
  const reply: Event = { type: "receive", message, ...now } as Event;
  assert.is(packed([reply, reply]).bytes.length - packed([reply]).bytes.length, 26);
  const first: Event = { type: "propose", entries: [], ...now };
  const hundred: Event = { type: "propose", entries: Array.from({ length: 100 }, () => unstamped(77, 100)), ...now };
  assert.is(packed([first, hundred]).bytes.length - packed([first]).bytes.length, 1 + 2 + 100 * 7);
});

test("damaged bytes are refused or read as something else, never more", () => {
  const random = seedRandom(5);
  const { bytes, writer } = packed(events(1));
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const damaged = bytes.slice(0, nextInRange(random, 0, 9) === 0 ? nextInRange(random, 0, bytes.length) : bytes.length);
    for (let k = nextInRange(random, 1, 4); k > 0 && damaged.length > 0; k--) damaged[nextInRange(random, 0, damaged.length - 1)] = nextInRange(random, 0, 255);
    const reader = new EventReader(CONFIG, damaged, writer.configurations);
    try {
      while (!reader.packed.isAtEnd) reader.read();
    } catch (error) {
      assert.instance(error, DraftError);
      assert.is((error as DraftError).code, "DAMAGED");
      refused += 1;
    }
  }
  assert.ok(refused > 100);
});

test.run();
