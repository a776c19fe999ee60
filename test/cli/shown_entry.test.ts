/** `draft log show`: what an entry says, in words and as JSON. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { viewOf } from "../../src/base/bytes.ts";
import { encode } from "../../src/base/codec.ts";
import { blankHead, ENTRY_HEADER_BYTES, EntryKind, payloadSumOf, sealedBytes, writeHeader } from "../../src/base/entry.ts";
import { entriesIn, entryJson, entryText, hasKey, type ShownEntry } from "../../src/cli/shown_entry.ts";
import { encodeRestorePiece } from "../../src/machine/backup_pieces.ts";
import { encodeEnvelope } from "../../src/machine/command.ts";
import { encodeSessionChange } from "../../src/machine/session_entry.ts";
import { encodeMachineVersion } from "../../src/machine/version_entry.ts";
import { encodeConfiguration } from "../../src/raft/configuration.ts";
import type { Member, MemberRole } from "../../src/raft/types.ts";
import { encodeVerdict } from "../../src/raft/verdict_entry.ts";

const SESSION = "0123456789abcdef0123456789abcdef";

/** Sealed entries with these contents, from index 7 on. */
function sealed(...contents: readonly (readonly [kind: number, payload: Uint8Array])[]): Uint8Array {
  return Uint8Array.from(contents.flatMap(([kind, payload], at) => {
    const bytes = new Uint8Array(sealedBytes(payload.length));
    const head = { ...blankHead(), kind, group: 1, index: 7 + at, term: 3, timeMs: 1_700_000_000_000, payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    writeHeader(bytes, viewOf(bytes), 0, head);
    bytes.set(payload, ENTRY_HEADER_BYTES);
    return [...bytes];
  }));
}

function shown(kind: number, payload: Uint8Array, isRaw = false): ShownEntry {
  const [entry] = entriesIn(sealed([kind, payload]), isRaw);
  assert.ok(entry);
  return entry;
}

function member(id: string, role: MemberRole | null, targetRole: MemberRole | null, outgoingRole: MemberRole | null = null): Member {
  return { number: 1, id, address: `${id}:7100`, incarnation: 5, role, outgoingRole, targetRole, promoteByMs: 0 };
}

/** Each kind of entry: its payload, and what is said of it. */
const SAID: readonly (readonly [name: string, kind: number, payload: Uint8Array, words: string])[] = [
  ["command", EntryKind.command, encodeEnvelope({ session: null, sequence: 0, answeredBelow: 0, command: ["set", "a key", new Uint8Array([0x76]), 5, [1]] }), 'set "a key" "v" 5 [1]'],
  ["noop", EntryKind.noop, new Uint8Array(), "the first entry of term 3"],
  ["time", EntryKind.time, new Uint8Array(), "log time is 2023-11-14T22:13:20.000Z"],
  ["session", EntryKind.session, encodeSessionChange({ type: "open", session: SESSION, principal: "ann", ordered: true }), 'opens an ordered session of "ann"'],
  ["session", EntryKind.session, encodeSessionChange({ type: "open", session: SESSION, principal: "", ordered: false }), "opens a session"],
  ["session", EntryKind.session, encodeSessionChange({ type: "close", session: SESSION }), "closes the session"],
  ["version", EntryKind.version, encodeMachineVersion(2), "raises the machine to version 2"],
  ["verdict", EntryKind.verdict, encodeVerdict({ outcome: "majority", index: 4099, digest: 0xabc }), "at index 4099 a majority has digest 00000abc: who differs stops"],
  ["verdict", EntryKind.verdict, encodeVerdict({ outcome: "split", index: 4099 }), "at index 4099 no majority holds one state: an alarm"],
  ["verdict", EntryKind.verdict, encodeVerdict({ outcome: "none" }), "nothing is known yet: a new check point"],
  ["config", EntryKind.config, encodeConfiguration({ index: 0, joint: false, nextMemberNumber: 3, members: [member("a", "voter", "voter"), member("b", "learner", "voter")] }), "a voter at a:7100, b learner → voter at b:7100"],
  ["config", EntryKind.config, encodeConfiguration({ index: 0, joint: true, nextMemberNumber: 3, members: [member("a", "voter", "voter", "voter"), member("b", null, null, "voter"), member("c", "voter", "voter")] }), "joint: a voter at a:7100, b voter → none at b:7100, c none → voter at c:7100"],
  ["restore", EntryKind.restore, encodeRestorePiece({ id: new Uint8Array(16), sequence: 2, total: 900, last: false, bytes: new Uint8Array(70) }), "piece 2 of a backup of 900 bytes: 70 bytes"],
  ["restore", EntryKind.restore, encodeRestorePiece({ id: new Uint8Array(16), sequence: 3, total: 900, last: true, bytes: new Uint8Array() }), "a backup of 900 bytes is complete: the state becomes what it holds"],
  ["group", EntryKind.group, new Uint8Array([1]), "of a kind that this release of draft does not know"],
  ["kind 99", 99, new Uint8Array([1]), "of a kind that this release of draft does not know"],
];

for (const [name, kind, payload, words] of SAID) {
  test(`an entry of kind ${name} is told: ${words}`, () => {
    const entry = shown(kind, payload);
    assert.equal([entry.kind, entry.words], [name, words]);
    assert.match(entryText(entry), new RegExp(`^ +7 {2}t3 +${name} +${payload.length} B {2}\\S+ {2}`));
    assert.ok(entryText(entry).endsWith(words));
  });
}

test("no kind of entry is forgotten", () => {
  assert.equal(Object.values(EntryKind).filter((kind) => !SAID.some(([, each]) => each === kind)), []);
});

test("JSON has what an entry says as fields", () => {
  const common = { index: 7, term: 3, timeMs: 1_700_000_000_000, session: null, command: null };
  const verdict = encodeVerdict({ outcome: "majority", index: 9, digest: 1 });
  assert.equal(entryJson(shown(EntryKind.verdict, verdict)), { ...common, kind: "verdict", bytes: verdict.length, verdict: { outcome: "majority", index: 9, digest: 1 } });
  const version = encodeMachineVersion(2);
  assert.equal(entryJson(shown(EntryKind.version, version)), { ...common, kind: "version", bytes: version.length, machineVersion: 2 });
  const opened = encodeSessionChange({ type: "open", session: SESSION, principal: "ann", ordered: true });
  assert.equal(entryJson(shown(EntryKind.session, opened)), { ...common, kind: "session", bytes: opened.length, session: SESSION, change: "open", principal: "ann", ordered: true });
  const command = encodeEnvelope({ session: SESSION, sequence: 4, answeredBelow: 2, command: ["del", "k"] });
  assert.equal(entryJson(shown(EntryKind.command, command)), { ...common, kind: "command", bytes: command.length, session: SESSION, command: ["del", "k"], sequence: 4 });
  const raw = shown(EntryKind.command, command, true);
  assert.is(raw.words, (entryJson(raw) as { raw: string }).raw);
});

test("what cannot be read is said to be so, and the entries behind it are shown", () => {
  const all = [...entriesIn(sealed([EntryKind.command, encode([1])], [EntryKind.verdict, encode([9, 1, 1])], [EntryKind.noop, new Uint8Array()]), false)];
  assert.match(all[0]?.words ?? "", /^cannot be read: command is no tuple of four$/);
  assert.match(all[1]?.words ?? "", /^cannot be read: a verdict entry says what this release of draft does not know/);
  assert.is(all[2]?.words, "the first entry of term 3");
});

test("a key is looked for among the arguments of commands", () => {
  const command = shown(EntryKind.command, encodeEnvelope({ session: null, sequence: 0, answeredBelow: 0, command: ["get", new Uint8Array([0x6b])] }));
  assert.equal([hasKey(command, "k"), hasKey(command, "get"), hasKey(shown(EntryKind.noop, new Uint8Array()), "k")], [true, false, false]);
});

test.run();
