import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EffectDigest, Outline, type OutlineBit } from "../../src/raft/effect_digest.ts";
import type { Effect, StoreEffect } from "../../src/raft/event.ts";
import type { Message } from "../../src/raft/message.ts";
import type { Configuration, LogStart, Member } from "../../src/raft/types.ts";
import { APPEND_REQUEST, MESSAGES } from "../net/samples.ts";
import { membersOf, sealed } from "./helpers.ts";

const test = suite("effect_digest");

function of(...effects: Effect[]): { digest: number; outline: number } {
  const taker = new EffectDigest();
  taker.take(effects);
  return { digest: taker.digest, outline: taker.outline };
}

function bits(outline: number): OutlineBit[] {
  return (Object.keys(Outline) as OutlineBit[]).filter((bit) => (outline & Outline[bit]) !== 0);
}

const LOG_START: LogStart = { point: { index: 4, term: 2, chain: 9 }, configuration: membersOf(["voter"]), timeMs: 5 };

const STORE: StoreEffect = {
  type: "store", store: 7, hardState: { term: 3, votedFor: 2, commitIndex: 1 }, truncateFrom: 4, reset: LOG_START, entries: sealed([1, 1, 2]), messages: [MESSAGES[3]!],
};

/** Each of them with every field that counts. */
const EFFECTS: readonly Effect[] = [
  ...MESSAGES.map((message): Effect => ({ type: "send", message })),
  { type: "apply", from: 3, to: 9 }, { type: "answerRead", readId: 4, index: 8, timeMs: 9 },
  { type: "failPending", readIds: [4, 5], reason: "busy" }, { type: "rejected", reason: "busy" },
  { type: "transferEnded", to: 3, refusal: "replaced" }, { type: "roleChanged", role: "leader", term: 4, leaderId: 2 },
  { type: "diverged", index: 4, ownChain: 5, leaderChain: 6 }, { type: "fetchSnapshot", from: 2, point: { index: 7, term: 3, chain: 9 } },
];

/** Of the node itself, and what the group attaches. */
const LEFT_OUT: ReadonlySet<string> = new Set(["type", "group", "from", "fromIncarnation", "entries"]);

function changed(value: unknown): unknown {
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return [...(value as unknown[]), 1];
  return typeof value === "number" ? Math.floor(value) + 1 : "candidate";
}

test("every field of every message and effect counts", () => {
  for (const effect of EFFECTS) {
    const { digest } = of(effect);
    assert.is(of(structuredClone(effect)).digest, digest);
    const fields = effect.type === "send" ? effect.message : effect;
    for (const [name, value] of Object.entries(fields)) {
      if (LEFT_OUT.has(name) && effect.type === "send") continue;
      if (name === "type") continue;
      const other = { ...fields, [name]: name === "start" ? (value === null ? LOG_START : null) : changed(value) };
      const differing = effect.type === "send" ? { type: "send", message: other as Message } as const : other as Effect;
      assert.is.not(of(differing).digest, digest, `${effect.type} ${"type" in fields ? fields.type : ""}: ${name}`);
    }
  }
});

test("of a store everything counts but the heads before the last, which its chain sums up", () => {
  const { digest } = of(STORE);
  const { entries } = STORE;
  const others: Partial<StoreEffect>[] = [
    { store: 8 }, { truncateFrom: 0 }, { hardState: null }, { hardState: { term: 3, votedFor: 1, commitIndex: 1 } },
    { entries: [] }, { entries: entries.slice(1) }, { entries: sealed([1, 1, 2], { sums: [0, 0, 9] }) }, { entries: sealed([1, 1, 2], { sums: [9] }) },
    { messages: [] }, { messages: [MESSAGES[4]!] },
  ];
  for (const other of others) assert.is.not(of({ ...STORE, ...other }).digest, digest, JSON.stringify(other));
  assert.is(of({ ...STORE, entries: [{ ...entries[0]!, payloadSum: 5 }, ...entries.slice(1)] }).digest, digest);
});

test("of a configuration everything counts but ids and addresses", () => {
  const whole = membersOf(["voter", "learner"]);
  const digestOf = (configuration: Configuration): number => of({ type: "configurationChanged", configuration }).digest;
  const digest = digestOf(whole);
  const withFirst = (other: Partial<Member>): Configuration => ({ ...whole, members: [{ ...whole.members[0]!, ...other }, whole.members[1]!] });
  const others = [
    { ...whole, index: 5 }, { ...whole, joint: true }, { ...whole, nextMemberNumber: 9 }, { ...whole, members: whole.members.slice(1) },
    withFirst({ number: 9 }), withFirst({ incarnation: 9 }), withFirst({ role: null }), withFirst({ outgoingRole: "voter" }),
    withFirst({ targetRole: "learner" }), withFirst({ promoteByMs: 9 }),
  ];
  for (const other of others) assert.is.not(digestOf(other), digest, JSON.stringify(other));
  assert.is(digestOf(withFirst({ id: "other", address: "other:1" })), digest);
});

test("order and number of effects count", () => {
  const [first, second] = EFFECTS as [Effect, Effect];
  assert.is.not(of(first, second).digest, of(second, first).digest);
  assert.is.not(of(first).digest, of(first, first).digest);
  assert.is.not(of().digest, of({ type: "rejected", reason: "busy" }).digest);
  const waits: Effect = { ...STORE, messages: [MESSAGES[4]!] };
  assert.is.not(of(waits).digest, of({ ...STORE, messages: [] }, { type: "send", message: MESSAGES[4]! }).digest);
});

test("the outline names the kinds", () => {
  assert.equal(bits(of().outline), []);
  assert.equal(bits(of({ ...STORE, messages: [] }).outline), ["stores", "cutsLog"]);
  assert.equal(bits(of({ type: "send", message: APPEND_REQUEST }).outline), ["sends", "sendsAppends"]);
  assert.equal(bits(of({ ...STORE, truncateFrom: 0, messages: [MESSAGES[1]!, MESSAGES[0]!] }).outline), ["stores", "grantsVote", "asksForVotes"]);
  const refused = { ...MESSAGES[1]!, granted: false } as Message;
  assert.equal(bits(of({ type: "send", message: refused }, { type: "rejected", reason: "busy" }).outline), ["sends", "refuses", "refusesVote"]);
  const rest: Effect[] = [
    { type: "apply", from: 1, to: 1 }, { type: "answerRead", readId: 1, index: 1, timeMs: 1 }, { type: "roleChanged", role: "leader", term: 1, leaderId: 1 },
    { type: "failPending", readIds: [1], reason: "busy" }, { type: "send", message: MESSAGES.find(({ type }) => type === "timeoutNow")! },
    { type: "transferEnded", to: 1, refusal: null }, { type: "configurationChanged", configuration: membersOf(["voter"]) },
    { type: "diverged", index: 1, ownChain: 1, leaderChain: 1 }, { type: "send", message: { ...MESSAGES[3]!, success: false } as Message },
    { type: "compact", start: LOG_START },
  ];
  assert.equal(bits(of(...rest).outline), [
    "sends", "applies", "answersRead", "changesRole", "failsReads", "handsOver", "endsTransfer", "changesMembers", "diverges", "refusesEntries", "other",
  ]);
});

test.run();
