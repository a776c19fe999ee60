import { test } from "uvu";
import kv from "../../../plugins/kv/kv.ts";
import { chainAfter, payloadSumOf } from "../../../src/base/entry.ts";
import { Applier } from "../../../src/machine/applier.ts";
import { encodeCommand } from "../../../src/machine/command.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { LogEntry } from "../../../src/raft/types.ts";
import { Clients } from "./clients.ts";
import { Hand, next, rejects } from "./hand.ts";

const NAME = "index-oracle";

/** A command's entry behind `previous`. */
function entryOf(command: Command, previous: LogEntry, timeMs: number = 0): LogEntry {
  const payload = encodeCommand(kv.prepare!(command));
  const entry = { ...next(previous, 1, 0, timeMs), payloadBytes: payload.length, payloadSum: payloadSumOf(payload) };
  entry.chain = chainAfter(previous.chain, entry);
  return entry;
}

/** A cluster that committed these commands from index 2 on, and its clients; some with their log time. */
function committed(...commands: readonly (Command | { readonly timeMs: number; readonly kind?: number; readonly command?: Command })[]): Clients {
  const hand = new Hand(NAME);
  let last = hand.elect(1, 1, [2]);
  const entries = [last];
  for (const row of commands) {
    const { command, timeMs = 0, kind = 1 } = "timeMs" in row ? row : { command: row };
    last = command === undefined ? next(last, 1, 0, timeMs, kind) : entryOf(command, last, timeMs);
    entries.push(last);
  }
  hand.durably(1, { entries: entries.slice(1) });
  hand.durably(2, { entries });
  hand.member(1).applier = new Applier({ plugin: kv, group: 1, directory: "", log: () => {} });
  hand.step(1, { commit: entries.length });
  return new Clients(hand.properties.filter(({ name }) => name === NAME));
}

test("answers that the log explains: of writes at their index, of reads at theirs, stale ones too", () => {
  const clients = committed(["set", "a", "1"], ["incr", "n"], ["incr", "n"], ["append", "a", "x"]);
  clients.do(["set", "a", "1"], "OK", 2);
  clients.do(["incr", "n"], 2, 4);
  clients.do(["incr", "n"], 1, 3);
  clients.do(["get", "a"], "1", 3);
  clients.do(["append", "a", "x"], 2, 5);
  clients.do(["list"], [["a", "1x", 5], ["n", "2", 4]], 5);
  clients.call(["get", "a"], "stale").says(null, 0);
  clients.call(["getrev", "a"], "stale").says(["1", 2], 4);
  clients.finish();
});

test("a write that took effect though nobody knows; one that did not; one that the machine refused", () => {
  const clients = committed(["set", "a", "1"], ["incr", "a"], ["cas", "a", 9, "x"], ["set", "a", "x"], ["incr", "a"]);
  clients.call(["set", "a", "1"]).fails("TIMEOUT");
  clients.call(["set", "b", "1"]).fails("TIMEOUT");
  clients.do(["incr", "a"], 2, 3);
  clients.call(["cas", "a", 9, "x"]).fails("CONFLICT");
  clients.do(["set", "a", "x"], "OK", 5);
  clients.call(["incr", "a"]).fails("REJECTED");
  clients.do(["get", "a"], "x", 6);
  clients.finish();
});

test("what expires by log time is gone at its index, not before", () => {
  const clients = committed({ timeMs: 100, command: ["set", "a", "1", "PX", 50] }, { timeMs: 149, kind: 3 }, { timeMs: 150, kind: 4 });
  clients.do(["set", "a", "1", "PX", 50], "OK", 2);
  clients.do(["get", "a"], "1", 3);
  clients.do(["get", "a"], null, 4);
  clients.finish();
  const wrong = committed({ timeMs: 100, command: ["set", "a", "1", "PX", 50] }, { timeMs: 149, kind: 3 });
  wrong.do(["set", "a", "1", "PX", 50], "OK", 2);
  wrong.do(["get", "a"], null, 3);
  rejects(NAME, /the log explains another answer, "1", to .* get a → nil at 3/, () => wrong.finish());
});

test("an acknowledged write that is not in the log, or is another's entry there", () => {
  const lost = committed(["set", "a", "1"]);
  lost.do(["set", "a", "1"], "OK", 2);
  lost.do(["set", "a", "2"], "OK", 3);
  rejects(NAME, /an acknowledged write is not the entry at its index: .* set a 2/, () => lost.finish());
  const other = committed(["set", "a", "1"], ["set", "a", "2"]);
  other.do(["set", "a", "2"], "OK", 2);
  rejects(NAME, /is not the entry at its index: .* set a 2/, () => other.finish());
});

test("an answer that the log does not explain: of a write, of a read, of a stale read", () => {
  const write = committed(["incr", "n"]);
  write.do(["incr", "n"], 2, 2);
  rejects(NAME, /the log explains another answer, "1", to .* incr n → "2" at 2/, () => write.finish());
  for (const level of ["linearizable", "stale"] as const) {
    const read = committed(["set", "a", "1"], ["set", "a", "2"]);
    read.do(["set", "a", "1"], "OK", 2);
    read.do(["set", "a", "2"], "OK", 3);
    read.call(["get", "a"], level).says("2", 2);
    rejects(NAME, /the log explains another answer, "1", to .* get a → "2" at 2/, () => read.finish());
  }
  const beyond = committed(["set", "a", "1"]);
  beyond.do(["set", "a", "1"], "OK", 2);
  beyond.do(["get", "a"], "1", 3);
  rejects(NAME, /nothing is committed at the index of .* get a/, () => beyond.finish());
});

test("a command in the log more often than it was called: doubled, told not-done, out of nowhere", () => {
  const doubled = committed(["incr", "n"], ["incr", "n"]);
  doubled.do(["incr", "n"], 1, 2);
  rejects(NAME, /a command is committed at 2, 3; 1 calls may have put it there/, () => doubled.finish());
  const refused = committed(["incr", "n"]);
  refused.call(["incr", "n"]).fails("LOST", "not-done");
  rejects(NAME, /a command is committed at 2; 0 calls/, () => refused.finish());
  const nowhere = committed(["incr", "n"]);
  rejects(NAME, /a command is committed at 2; 0 calls/, () => nowhere.finish());
});

test("a command that the machine refused, and that is not in the log", () => {
  const clients = committed(["set", "a", "x"]);
  clients.do(["set", "a", "x"], "OK", 2);
  clients.call(["incr", "a"]).fails("REJECTED");
  rejects(NAME, /a command was answered 1 times and is committed 0 times/, () => clients.finish());
});

test.run();
