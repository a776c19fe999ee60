/** Snapshots go from one member to another: whole, over broken lines, over restarts, from another source. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DIRECTORY, type ExchangeNode, ExchangeRig } from "./exchange_rig.ts";

const BYTES = 20_000;

/** `b` holds a snapshot of index 9 that `a` is to fetch. */
function pair(options: ConstructorParameters<typeof ExchangeRig>[1] = {}): { rig: ExchangeRig; a: ExchangeNode; b: ExchangeNode; content: Uint8Array } {
  const rig = new ExchangeRig("abc", options);
  const [a, b] = rig.nodes as [ExchangeNode, ExchangeNode];
  return { rig, a, b, content: rig.write(b, { index: 9, bytes: BYTES }) };
}

function fetched(rig: ExchangeRig, node: ExchangeNode, content: Uint8Array, name: string = "9-3.snap"): void {
  assert.is(rig.ended(node).type, "snapshotFetched");
  holds(rig, node, content, name);
}

function holds(rig: ExchangeRig, node: ExchangeNode, content: Uint8Array, name: string): void {
  assert.equal(rig.names(node), [name], "nothing else stays");
  assert.equal(node.disk.content(`${DIRECTORY}/${name}`), content);
}

test("a whole transfer: the core is told what is fetched, and then what its head says", () => {
  const { rig, a, content } = pair();
  a.fetch(2, 7);
  rig.until("the snapshot is named", () => a.events.length > 0);
  assert.equal(a.events, [{ type: "snapshotFetching", index: 9 }]);
  // The leader's reminders come again and again.
  a.fetch(3, 8);
  assert.equal(rig.ended(a), { type: "snapshotFetched", point: { index: 9, term: 3, chain: 9 }, timeMs: 5009, configuration: rig.configuration });
  holds(rig, a, content, "9-3.snap");
  rig.run(40_000);
  for (const { gate } of rig.nodes) assert.equal([gate.holdings.timers, gate.holdings.sockets, gate.holdings.files], [0, 0, 0]);
  rig.crash(a);
  holds(rig, a, content, "9-3.snap");
});

test.run();
