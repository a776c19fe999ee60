/** Writes under sessions as the rules see them: one that was sent again is one operation. */
import { test } from "uvu";
import kv from "../../../plugins/kv/kv.ts";
import { chainAfter, EntryKind, payloadSumOf } from "../../../src/base/entry.ts";
import { Applier } from "../../../src/machine/applier.ts";
import { encodeEnvelope } from "../../../src/machine/command.ts";
import type { AnyPlugin, Command } from "../../../src/machine/machine.ts";
import { encodeSessionChange } from "../../../src/machine/session_entry.ts";
import type { LogEntry } from "../../../src/raft/types.ts";
import type { ExactlyOnce } from "../../../src/sim/properties/exactly_once.ts";
import { Clients } from "./clients.ts";
import { Hand, next, rejects } from "./hand.ts";

const NAME = "exactly-once";
const [ONE, TWO] = ["1".repeat(32), "2".repeat(32)];

interface Logged {
  readonly kind: number;
  readonly payload: Uint8Array;
}

function envelope(session: string, sequence: number, command: Command): Uint8Array {
  return new Uint8Array(encodeEnvelope({ session, sequence, answeredBelow: 1, command: kv.prepare!(command) }));
}

function opens(session: string): Logged {
  return { kind: EntryKind.session, payload: encodeSessionChange({ type: "open", session, principal: "", ordered: false }) };
}

function commands(...payloads: readonly Uint8Array[]): Logged[] {
  return payloads.map((payload) => ({ kind: EntryKind.command, payload }));
}

interface Options {
  /** Rules that look on besides this one. */
  readonly rules?: readonly string[];
  readonly plugin?: AnyPlugin;
}

/** A cluster that committed these from index 2 on, of which the machines ran those at `ran`; and its clients. */
function committed(logged: readonly Logged[], ran: readonly number[], { rules = [], plugin = kv }: Options = {}): Clients {
  const hand = new Hand(NAME);
  const entries: LogEntry[] = [hand.elect(1, 1, [2])];
  for (const { kind, payload } of logged) {
    const previous = entries.at(-1)!;
    const entry = { ...next(previous, 1, 0, 0, kind), payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
    entry.chain = chainAfter(previous.chain, entry);
    entries.push(entry);
  }
  hand.durably(1, { entries: entries.slice(1) });
  hand.durably(2, { entries });
  hand.member(1).applier = new Applier({ plugin, group: 1, directory: "", log: () => {} });
  hand.step(1, { commit: entries.length });
  const once = hand.properties.find(({ name }) => name === NAME) as ExactlyOnce;
  once.watched(plugin);
  for (const index of ran) once.ran({ index });
  return new Clients(hand.properties.filter(({ name }) => name === NAME || rules.includes(name)));
}

const INCR: Command = ["incr", "n"];

test("X01: a write that stands in the log twice and was run once is one operation, to all rules", () => {
  const first = envelope(ONE, 1, INCR);
  const logged = [opens(ONE), ...commands(first, first, envelope(ONE, 2, INCR), first)];
  const clients = committed(logged, [3, 5], { rules: ["index-oracle", "linearizability"] });
  clients.call(INCR, "linearizable", [first, first, first]).says(1, 3);
  clients.call(INCR, "linearizable", [envelope(ONE, 2, INCR)]).says(2, 5);
  clients.do(["get", "n"], "2", 5);
  clients.finish();
});

test("X01: a write that was run twice", () => {
  const first = envelope(ONE, 1, INCR);
  const clients = committed([opens(ONE), ...commands(first, first)], [3, 4]);
  clients.call(INCR, "linearizable", [first, first]).says(1, 3);
  rejects(NAME, /run at 3 and 4/, () => clients.finish());
});

test("X01: a write of an operation that came with a later version", () => {
  const plugin: AnyPlugin = { ...kv, version: 2, operations: { ...kv.operations, incr: { kind: "write", since: 2 } } };
  const first = envelope(ONE, 1, INCR);
  const clients = committed([opens(ONE), ...commands(first, first)], [3, 4], { plugin });
  clients.call(INCR, "linearizable", [first, first]).says(1, 3);
  rejects(NAME, /run at 3 and 4/, () => clients.finish());
});

test("a write that was run under two sessions", () => {
  const [first, again] = [envelope(ONE, 1, INCR), envelope(TWO, 1, INCR)];
  const clients = committed([opens(ONE), opens(TWO), ...commands(first, again)], [4, 5]);
  clients.call(INCR, "linearizable", [first, again]).says(2, 5);
  rejects(NAME, /run at 4 and 5/, () => clients.finish());
});

test("a write that was run and told not done; one that was told done and not run where it says", () => {
  const first = envelope(ONE, 1, INCR);
  const logged = [opens(ONE), ...commands(first, first)];
  const told = committed(logged, [3]);
  told.call(INCR, "linearizable", [first, first]).fails("LOST", "not-done");
  rejects(NAME, /told not done, and run at 3/, () => told.finish());
  const elsewhere = committed(logged, [3]);
  elsewhere.call(INCR, "linearizable", [first, first]).says(1, 4);
  rejects(NAME, /run at 3/, () => elsewhere.finish());
  const nowhere = committed(logged, []);
  nowhere.call(INCR, "linearizable", [first, first]).says(1, 3);
  rejects(NAME, /run at no index/, () => nowhere.finish());
});

test("commands of an ordered session run in the order of their sequences, with or without holes", () => {
  const [first, second, fourth] = [1, 2, 4].map((sequence) => envelope(ONE, sequence, INCR)) as [Uint8Array, Uint8Array, Uint8Array];
  const calls = (ordered: boolean, ...logged: readonly Uint8Array[]): Clients => {
    const clients = committed([opens(ONE), ...commands(...logged)], logged.map((_, at) => 3 + at));
    for (const payload of [first, second, fourth]) clients.call(INCR, "linearizable", [payload], ordered).says(1 + logged.indexOf(payload), 3 + logged.indexOf(payload));
    return clients;
  };
  calls(true, first, second, fourth).finish();
  calls(false, second, first, fourth).finish();
  rejects(NAME, /run at 3, before the one ahead of it in its ordered session at 4/, () => calls(true, second, first, fourth).finish());
});

test("a write that was told done without its answer, and was run nowhere", () => {
  const first = envelope(ONE, 1, INCR);
  const clients = committed([opens(ONE), ...commands(first)], []);
  clients.call(INCR, "linearizable", [first]).fails("ANSWER_NOT_KEPT", "done");
  rejects(NAME, /told done, and run nowhere/, () => clients.finish());
});

test("the index oracle refuses more entries than tries", () => {
  const first = envelope(ONE, 1, INCR);
  const clients = committed([opens(ONE), ...commands(first, first, first)], [3], { rules: ["index-oracle"] });
  clients.call(INCR, "linearizable", [first, first]).says(1, 3);
  rejects("index-oracle", /committed at 3, 4, 5; 2 calls/, () => clients.finish());
});

test.run();
