import { test } from "uvu";
import type { ClientOperation } from "../../../src/sim/property.ts";
import type { Command } from "../../../src/machine/machine.ts";
import type { ReadLevel } from "../../../src/node/node_api.ts";
import { WALL_MS } from "../../raft/helpers.ts";
import { Hand, next, rejects } from "./hand.ts";

const TARGET = "expiry";
const FOR_MS = 50;

/** A value that lives for 50 ms, written and committed at time 0 of a cluster whose clocks tell the time. */
class Written {
  readonly hand: Hand = new Hand(TARGET);
  #next = 1;

  /** @param isHeard whether its writer has heard of it */
  constructor(isHeard = true) {
    const { hand } = this;
    for (const member of hand.members) member.clocks = { monotonicMs: () => hand.nowMs, trueMs: () => hand.nowMs, wallMs: () => WALL_MS + hand.nowMs };
    for (const number of [1, 2, 3]) hand.open(number);
    const noop = hand.elect(1, 1, [2]);
    const entry = next(noop, 1, 1, 0);
    hand.step(1, { entries: [entry] });
    hand.stored(1);
    hand.durably(2, { entries: [noop, entry] });
    hand.step(1, { commit: 2 });
    if (isHeard) this.hear();
  }

  hear(): void {
    this.call(["set", "t", "v", "px", FOR_MS], "OK");
  }

  call(command: Command, reply: unknown, { tookMs = 1, level = "linearizable" as ReadLevel, meanwhile = (): void => {} } = {}): void {
    const { hand } = this;
    const isRead = ["get", "getrev", "mget"].includes(command[0]);
    const operation: ClientOperation = {
      id: this.#next++, client: 1, member: "n1", command, read: isRead ? { level, minIndex: 0, timeoutMs: 1000 } : null,
      calledAtMs: hand.nowMs, answeredAtMs: Number.POSITIVE_INFINITY, answer: null,
    };
    hand.tell((property) => property.called?.(operation));
    meanwhile();
    hand.nowMs += tookMs;
    hand.tell((property) => property.answered?.({ ...operation, answeredAtMs: hand.nowMs, answer: { index: 2, reply } }));
  }
}

test("expiry: a value is seen until its time, by a read that was called before, and not later", () => {
  const written = new Written();
  written.call(["get", "t"], "v");
  written.hand.nowMs = FOR_MS - 1;
  written.call(["mget", "x", "t"], [null, "v"], { tookMs: 100 });
  for (const [command, reply] of [[["get", "t"], "v"], [["getrev", "t"], ["v", 2]], [["mget", "x", "t"], [null, "v"]]] as const) {
    rejects(TARGET, /sees 'v' at t, which had expired \d+ ms/, () => written.call(command, reply));
  }
  written.call(["get", "t"], null);
  written.call(["get", "t"], "another");
  written.call(["get", "t"], "v", { level: "stale" });
});

test("expiry: a value that is seen before its writer hears of it is judged when that one does", () => {
  const seen = new Written(false);
  seen.hand.nowMs = FOR_MS - 1;
  seen.call(["get", "t"], "v");
  seen.hear();
  const late = new Written(false);
  late.hand.nowMs = 2 * FOR_MS;
  late.call(["get", "t"], "v");
  rejects(TARGET, /sees 'v' at t, which had expired 4\d ms/, () => late.hear());
});

test("expiry: nothing is said while another term may lead", () => {
  const written = new Written();
  written.hand.nowMs = 2 * FOR_MS;
  written.call(["get", "t"], "v", { meanwhile: () => written.hand.step(3, { role: "candidate", term: 2, vote: 3 }) });
  written.call(["get", "t"], "v");
});

test("expiry: what was called to make it live longer may have done so", () => {
  const written = new Written();
  written.hand.nowMs = 2 * FOR_MS;
  rejects(TARGET, /had expired/, () => written.call(["get", "t"], "v"));
  written.call(["persist", "t"], 0);
  written.call(["get", "t"], "v");
});

test.run();
