import { test } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { EntryKind } from "../../src/base/entry.ts";
import { encode } from "../../src/base/codec.ts";
import { Applier } from "../../src/machine/applier.ts";
import { FAULT_TEXT } from "../../src/machine/machine_calls.ts";
import { encodeCommand, encodeEnvelope } from "../../src/machine/command.ts";
import { encodeSessionChange } from "../../src/machine/session_entry.ts";
import type { Base, Command, Entry, Reply } from "../../src/machine/machine.ts";
import { NOTHING, headOf, isError, rigOf } from "./rig.ts";

test("apply() hands the machine the command and what stands in the header", () => {
  const seen: unknown[] = [];
  const rig = rigOf({
    apply(command, entry) {
      seen.push([...command], entry.index, entry.term, entry.timeMs, entry.version, entry.session);
      return "done";
    },
  });
  const session = "00112233445566778899aabbccddeeff";
  const payload = encodeEnvelope({ session, sequence: 7, answeredBelow: 3, command: ["DO", 1, null, true] });
  rig.entry(EntryKind.session, 49, encodeSessionChange({ type: "open", session, principal: "", ordered: false }));
  assert.is(rig.entry(EntryKind.command, 50, payload), "done");
  assert.equal(seen, [["do", 1, null, true], 2, 2, 50, 1, session]);
});

test("apply() gives the machine bytes of its own", () => {
  const kept: Uint8Array[] = [];
  const rig = rigOf({
    apply(command) {
      kept.push(command[1] as Uint8Array, (command[2] as { in: Uint8Array[] }).in[0]!);
    },
  });
  const payload = encodeCommand(["do", Uint8Array.of(1, 2), { in: [Uint8Array.of(3)] }]).slice();
  rig.entry(EntryKind.command, 0, payload);
  payload.fill(0);
  assert.equal(kept.map((bytes) => [...bytes]), [[1, 2], [3]]);
  assert.ok(kept.every((bytes) => bytes.buffer.byteLength === bytes.byteLength));
});

test("apply() answers a refusal with its code, whether thrown or returned", () => {
  const rig = rigOf({
    apply([, how], entry) {
      if (how === "returned") return entry.reject("no");
      throw entry.reject("no", how === "conflict" ? "CONFLICT" : "REJECTED");
    },
  });
  assert.is(isError(rig.run("do"), "REJECTED", "no").outcome, "not-done");
  isError(rig.run("do", "conflict"), "CONFLICT", "no");
  isError(rig.run("do", "returned"), "REJECTED", "no");
  assert.equal(rig.logged, []);
});

test("apply() takes a refusal of an earlier entry for a fault", () => {
  let kept: Error | null = null;
  const rig = rigOf({
    apply(_, entry) {
      kept ??= entry.reject("old");
      throw kept;
    },
  });
  isError(rig.run("do"), "REJECTED", "old");
  isError(rig.run("do"), "MACHINE_FAULT", FAULT_TEXT);
});

test("apply() answers any other throw with one text, logs it, and goes on", () => {
  const rig = rigOf({
    apply([, what]) {
      if (what === "type") throw new TypeError("engine's words");
      if (what === "text") throw "words";
      return 1;
    },
  });
  const fault = isError(rig.run("do", "type"), "MACHINE_FAULT", FAULT_TEXT);
  assert.is(fault.outcome, "unknown");
  isError(rig.run("do", "text"), "MACHINE_FAULT", FAULT_TEXT);
  assert.is(rig.run("do"), 1);
  assert.is(rig.applier.lastApplied.index, 3);
  assert.equal(rig.logged, ["apply of 'do' at index 1 broke", "apply of 'do' at index 2 broke"]);
});

test("apply() refuses promises, errors and what cannot be sent as answers", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const answers: unknown[] = [Promise.reject(new Error("late")), new Error("returned"), () => 1, circle, 2n ** 64n];
  const rig = rigOf({ apply: ([, n]) => answers[n as number] as Reply });
  isError(rig.run("do", 0), "MACHINE_FAULT", /returned a promise/);
  for (let n = 1; n < answers.length; n++) isError(rig.run("do", n), "MACHINE_FAULT", FAULT_TEXT);
  assert.is(rig.applier.lastApplied.index, answers.length);
});

test("apply() answers what is no command or no operation without asking the machine", () => {
  let asked = 0;
  const rig = rigOf({ apply: () => ++asked });
  isError(rig.run("what"), "UNKNOWN_OPERATION", "unknown operation 'what': the machine 'tried' has do, see");
  isError(rig.entry(EntryKind.command, 0, Uint8Array.of(0xff)), "BAD_REQUEST", /CBOR/);
  isError(rig.entry(EntryKind.command, 0, encode([0, 0, 0, ["do"], 1])), "BAD_REQUEST", /tuple of four/);
  isError(rig.entry(EntryKind.command, 0, encode([0, -1, 0, ["do"]])), "BAD_REQUEST", /sequence/);
  isError(rig.entry(EntryKind.command, 0, encode([Uint8Array.of(1), 0, 0, ["do"]])), "BAD_REQUEST", /session/);
  isError(rig.entry(EntryKind.command, 0, encode([0, 0, 0, [Uint8Array.of(1)]])), "BAD_REQUEST", /name of an operation/);
  assert.is(asked, 0);
  assert.is(rig.applier.lastApplied.index, 6);
});

test("apply() runs a read that stands in the log on the state at its place", () => {
  const rig = rigOf({ query: (_, view) => view.index });
  rig.run("do");
  assert.is(rig.run("see"), 2);
});

test("D13: apply() throws on a kind that it does not know, and stays where it was", () => {
  const rig = rigOf({});
  rig.run("do");
  const before = rig.applier.digest;
  for (const kind of [0, EntryKind.group, 99]) {
    assert.throws(() => rig.applier.apply(headOf(2, kind, 0), NOTHING, 0, null), /entry 2 of group 1 is of kind/);
  }
  assert.equal(rig.applier.lastApplied, { index: 1, term: 2, chain: 0, timeMs: 0 });
  assert.is(rig.applier.digest, before);
});

test("apply() asserts that entries come in order and of its group", () => {
  const { applier } = rigOf({});
  assert.throws(() => applier.apply(headOf(2, EntryKind.noop, 0), NOTHING, 0, null), /in order/);
  assert.throws(() => applier.apply({ ...headOf(1, EntryKind.noop, 0), group: 2 }, NOTHING, 0, null), /this group/);
});

test("log time is the largest so far, over entries of every kind", () => {
  const times: number[] = [];
  const rig = rigOf({ apply: (_, entry) => void times.push(entry.timeMs) });
  rig.entry(EntryKind.noop, 100);
  rig.entry(EntryKind.command, 40, encodeCommand(["do"]));
  rig.entry(EntryKind.config, 200);
  rig.entry(EntryKind.command, 150, encodeCommand(["do"]));
  assert.equal(times, [100, 200]);
  assert.equal(rig.applier.view(), { index: 4, timeMs: 200, version: 1 });
});

test("wake() runs on time entries once it is due, and its throw is a fault", () => {
  const woken: number[] = [];
  let atMs: number | null = 100;
  const rig = rigOf({
    wakeAt: () => atMs,
    wake(entry) {
      woken.push(entry.timeMs);
      atMs = null;
      if (entry.timeMs > 150) throw new Error("oh");
    },
  });
  rig.entry(EntryKind.time, 99);
  rig.entry(EntryKind.noop, 100);
  assert.equal(woken, []);
  rig.entry(EntryKind.time, 90);
  assert.equal(woken, [100]);
  rig.entry(EntryKind.time, 120);
  assert.equal(woken, [100]);
  atMs = 200;
  assert.is(rig.applier.wakeAt(), 200);
  isError(rig.entry(EntryKind.time, 200), "MACHINE_FAULT", FAULT_TEXT);
  assert.equal(rig.logged, ["wake broke"]);
});

test("entry.random() repeats for the same entry and differs between entries", () => {
  const draw = (_: Command, entry: Entry): Reply => [entry.random(), entry.random()];
  const [a, b] = [rigOf({ apply: draw }), rigOf({ apply: draw })];
  const first = a.run("do");
  assert.equal(first, b.run("do"));
  assert.not.equal(first, a.run("do"));
  assert.equal(first, [0.9290546241682023, 0.05550581496208906]);
});

test("an entry refuses to serve after its apply", () => {
  let kept: Entry | null = null;
  const rig = rigOf({ apply: (_, entry) => void (kept = entry) });
  rig.run("do");
  const entry = kept as unknown as Entry;
  assert.throws(() => entry.emit("k", 1), /after the entry was applied/);
  assert.throws(() => entry.random(), /after the entry was applied/);
  assert.throws(() => entry.reject("no"), /after the entry was applied/);
});

test("the methods of an entry work when they are taken apart", () => {
  const rig = rigOf({
    apply(_, { emit, random, reject }) {
      emit("k", random());
      throw reject("no");
    },
  });
  isError(rig.run("do"), "REJECTED", "no");
});

test("the digest depends on index, answer, changes and their order", () => {
  const digestOf = (machine: Partial<Base>, before: number = 0): number => {
    const rig = rigOf(machine);
    for (let i = 0; i < before; i++) rig.entry(EntryKind.noop, 0);
    rig.run("do");
    return rig.applier.digest;
  };
  const digests = [
    digestOf({ apply: () => 1 }),
    digestOf({ apply: () => 2 }),
    digestOf({ apply: () => "1" }),
    digestOf({ apply: () => null }),
    digestOf({ apply: () => 1 }, 1),
    digestOf({ apply: (_, entry) => (entry.emit("a", "b"), 1) }),
    digestOf({ apply: (_, entry) => (entry.emit("a"), 1) }),
    digestOf({ apply: (_, entry) => (entry.emit("a", "b"), entry.emit("c", "d"), 1) }),
    digestOf({ apply: (_, entry) => (entry.emit("c", "d"), entry.emit("a", "b"), 1) }),
    digestOf({ apply: (_, entry) => { throw entry.reject("1"); } }),
    digestOf({ apply: (_, entry) => { throw entry.reject("2"); } }),
    digestOf({ apply: (_, entry) => { throw entry.reject("1", "CONFLICT"); } }),
    digestOf({ apply: () => { throw new Error("1"); } }),
  ];
  assert.is(new Set(digests).size, digests.length);
  assert.is(digestOf({ apply: () => { throw new Error("2"); } }), digests.at(-1));
});

test("the digest tells long values apart by their content, whether they are arguments or not", () => {
  const [long, other] = ["v".repeat(40), `${"v".repeat(39)}w`];
  const digestOf = (command: Command, emitted: string): number => {
    const rig = rigOf({ apply: (_, entry) => (entry.emit("k", emitted), 1) });
    rig.run(...command);
    return rig.applier.digest;
  };
  const digests = [
    digestOf(["do", long], long), digestOf(["do", other], other), digestOf(["do", long], other), digestOf(["do", other], long),
    digestOf(["do", other, long], long), digestOf(["do", long, other], long),
  ];
  assert.is(new Set(digests).size, digests.length);
});

test("the digest sees what a machine does to its own arguments", () => {
  const digestOf = (text: string): number => {
    const rig = rigOf({
      apply: (command, entry) => {
        (command as unknown as unknown[])[1] = text;
        entry.emit("k", command[1]);
        return 1;
      },
    });
    rig.run("do", "v".repeat(40));
    return rig.applier.digest;
  };
  assert.is.not(digestOf("w".repeat(40)), digestOf("x".repeat(40)));
});

test("a command of very many arguments is applied in time by their number", () => {
  const rig = rigOf({ apply: (command, entry) => {
    for (const value of command.slice(1)) entry.emit("k", value);
    return null;
  } });
  // Looking each of these up among all others would take minutes, and the runner gives a file less.
  const wide: Command = ["do", ...Array.from({ length: 200_000 }, (_, i) => `value ${i} of a wide one`)];
  rig.entry(EntryKind.command, 0, encodeCommand(wide));
  assert.is(rig.applier.lastApplied.index, 1);
});

test("stateHash() is the machine's own, else the digest", () => {
  assert.match(rigOf({}).applier.stateHash(), /^[0-9a-f]{8}$/);
  assert.is(rigOf({ hash: () => "abc" }).applier.stateHash(), "abc");
  assert.is(rigOf({ hash: () => 255n }).applier.stateHash(), "ff");
  assert.is(rigOf({ hash: () => Uint8Array.of(1, 255) }).applier.stateHash(), "01ff");
});

test("query() answers what cannot be sent with a fault, not done", () => {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  for (const answer of [() => 1, Symbol("s"), 2n ** 70n, circle, { within: () => 1 }, Promise.resolve(1)]) {
    const reply = rigOf({ query: () => answer as never }).applier.query(["see"]);
    assert.ok(reply instanceof DraftError, String(typeof answer));
    assert.is(`${reply.code} ${reply.outcome}`, "MACHINE_FAULT not-done");
  }
});

test("stateHash() of a hash that throws is the digest", () => {
  const rig = rigOf({ hash: () => { throw new Error("no"); } });
  assert.match(rig.applier.stateHash(), /^[0-9a-f]{8}$/);
});

test("a plugin that makes no machine is a bad one", () => {
  for (const create of [() => ({}), () => null, () => { throw new Error("no disk"); }]) {
    const plugin = { name: "p", version: 1, operations: {}, create } as never;
    try {
      new Applier({ plugin, group: 1, directory: "/nowhere", log: () => undefined });
      assert.unreachable("it was taken");
    } catch (error) {
      assert.is((error as DraftError).code, "BAD_PLUGIN");
    }
  }
});

test.run();
