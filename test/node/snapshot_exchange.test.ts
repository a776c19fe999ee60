/** Snapshots go from one member to another: whole, over broken lines, over restarts, from another source. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { EventBody } from "../../src/raft/event.ts";
import { DIRECTORY, type ExchangeNode, ExchangeRig } from "./exchange_rig.ts";

const BYTES = 20_000;
const GIVEN_UP: EventBody = { type: "snapshotFetching", index: 0 };

interface Pair {
  readonly rig: ExchangeRig;
  readonly a: ExchangeNode;
  readonly b: ExchangeNode;
  readonly c: ExchangeNode;
  readonly content: Uint8Array;
}

/** `b` holds a snapshot of index 9 that `a` is to fetch. */
function pair(options: ConstructorParameters<typeof ExchangeRig>[1] & { bytes?: number } = {}): Pair {
  const rig = new ExchangeRig("abc", options);
  const [a, b, c] = rig.nodes as [ExchangeNode, ExchangeNode, ExchangeNode];
  return { rig, a, b, c, content: rig.write(b, { index: 9, bytes: options.bytes ?? BYTES }) };
}

/** Three chunks, and ten pieces to each. */
const LARGE = { bytes: 600_000, tuning: { pieceBytes: 26_000 } };

function fetched(rig: ExchangeRig, node: ExchangeNode, content: Uint8Array, name: string = "9-3.snap"): void {
  assert.is(rig.ended(node).type, "snapshotFetched", node.lines.join("\n"));
  holds(rig, node, content, name);
}

function holds(rig: ExchangeRig, node: ExchangeNode, content: Uint8Array, name: string): void {
  assert.equal(rig.names(node), [name], "nothing else stays");
  assert.equal(node.disk.content(`${DIRECTORY}/${name}`), content);
}

/** Counts the pieces of snapshots that the node's disk is asked for. */
function readsOf(node: ExchangeNode): () => number {
  let count = 0;
  node.disk.seen = ({ kind, path }) => {
    if (kind === "read" && path.endsWith(".snap")) count += 1;
  };
  return () => count;
}

/** Calls `act` when the node has written the `nth` piece. */
function atWrite(node: ExchangeNode, nth: number, act: () => void): void {
  let count = 0;
  node.disk.seen = ({ kind, path }) => {
    if (kind === "write" && path.endsWith(".fetching") && ++count === nth) act();
  };
}

function partialOf(rig: ExchangeRig, node: ExchangeNode): string {
  return `${DIRECTORY}/${rig.names(node).find((name) => name.endsWith(".fetching")) ?? "none"}`;
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


test("a connection that breaks at any piece is dialled again, and no piece is fetched twice", () => {
  for (let nth = 1; nth <= 20; nth++) {
    const { rig, a, b, content } = pair({ seed: nth });
    const reads = readsOf(b);
    atWrite(a, nth, () => rig.net.reset("a", "b"));
    a.fetch(2, 9);
    fetched(rig, a, content);
    assert.ok(reads() <= 21 + 2 + 2, `broken at ${nth}: ${reads()} reads, of 21 pieces, what was under way, and twice the end`);
    assert.ok((rig.net.counters.get("dialled") ?? 0) <= 2);
  }
});

test("S11 a line that breaks again and again is enough, as long as each brings something", () => {
  const { rig, a, content } = pair();
  let count = 0;
  a.disk.seen = ({ kind, path }) => {
    if (kind === "write" && path.endsWith(".fetching") && ++count % 2 === 0) rig.net.reset("a", "b");
  };
  a.fetch(2, 9);
  fetched(rig, a, content);
  assert.ok((rig.net.counters.get("dialled") ?? 0) >= 10);
});

test("S09 the source dies: the core hears that it is given up, and another member's equal file is gone on with", () => {
  const { rig, a, b, c, content } = pair();
  rig.write(c, { index: 9, bytes: BYTES });
  atWrite(a, 15, () => rig.crash(b));
  a.fetch(2, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  const reads = readsOf(c);
  a.fetch(3, 9);
  fetched(rig, a, content);
  // No chunk of so small a file is whole before all is there; so all but the head came again, and of a large one little.
  assert.ok(reads() >= 20);
  const large = pair(LARGE);
  large.rig.write(large.c, { index: 9, bytes: LARGE.bytes });
  atWrite(large.a, 15, () => large.rig.crash(large.b));
  large.a.fetch(2, 9);
  assert.equal(large.rig.ended(large.a), GIVEN_UP);
  const few = readsOf(large.c);
  large.a.fetch(3, 9);
  fetched(large.rig, large.a, large.content);
  assert.ok(few() <= 16, `${few()} reads for 24 pieces`);
});

test("S09 the next source has another snapshot: it is fetched from its beginning, and nothing stays of the first", () => {
  for (const other of [{ index: 12, bytes: 9000 }, { index: 9, term: 4, bytes: BYTES }, { index: 9, bytes: BYTES, seed: 2 }]) {
    const { rig, a, b, c } = pair();
    const content = rig.write(c, other);
    atWrite(a, 15, () => rig.crash(b));
    a.fetch(2, 9);
    assert.equal(rig.ended(a), GIVEN_UP);
    a.fetch(3, 9, { term: other.term ?? 3 });
    fetched(rig, a, content, `${other.index}-${other.term ?? 3}.snap`);
  }
});

test("S08 the source's snapshot is gone mid-way: what it has now is fetched from its beginning", () => {
  for (const nth of [1, 10, 20]) {
    const { rig, a, b } = pair();
    let newer = new Uint8Array();
    let isGone = false;
    atWrite(a, nth, () => {
      isGone = true;
      rig.net.cut("b", "a");
    });
    a.fetch(2, 9);
    rig.until("it is half fetched", () => isGone);
    newer = rig.write(b, { index: 11, bytes: 7000 }) as Uint8Array<ArrayBuffer>;
    b.disk.move(`${DIRECTORY}/9-3.snap`, null);
    rig.net.heal("b", "a");
    // What crossed the line already may be all of it.
    assert.is(rig.ended(a).type, "snapshotFetched");
    const [name] = rig.names(a);
    assert.equal(rig.names(a).length, 1);
    if (name !== "9-3.snap") assert.equal(a.disk.content(`${DIRECTORY}/11-3.snap`), newer);
    if (nth < 15) assert.is(name, "11-3.snap");
  }
});

test("S07 the receiver loses power at each of its disk calls: the next process ends the transfer, and nothing stays", () => {
  let resumed = 0;
  let crashes = 0;
  for (let call = 1; ; call += 1) {
    const { rig, a, b, content } = pair({ ...LARGE, seed: call });
    let hasCrashed = false;
    rig.run(10);
    a.disk.crashAt(a.disk.calls + call, () => {
      hasCrashed = true;
    });
    a.fetch(2, 9);
    rig.until("it ends or crashes", () => hasCrashed || a.events.some(({ type }) => type === "snapshotFetched"));
    if (!hasCrashed) break;
    crashes += 1;
    rig.crash(a);
    a.events.length = 0;
    rig.start(a);
    const reads = readsOf(b);
    a.fetch(2, 9);
    const end = rig.ended(a);
    assert.is(end.type, "snapshotFetched", `crash at ${call}`);
    // The power was cut behind the rename: there are two names for a moment, never of a half.
    assert.equal(a.disk.content(`${DIRECTORY}/9-3.snap`), content, `crash at ${call}`);
    assert.equal(rig.names(a), ["9-3.snap"], `crash at ${call}`);
    if (reads() < 20) resumed += 1;
  }
  assert.ok(crashes >= 30, `${crashes} calls`);
  assert.ok(resumed >= 5, `${resumed} of ${crashes} went on with what was there`);
});

test("a process that is killed mid-way: the next one goes on behind the last whole chunk", () => {
  const { rig, a, b, content } = pair(LARGE);
  let isHalf = false;
  atWrite(a, 14, () => {
    isHalf = true;
  });
  a.fetch(2, 9);
  rig.until("half", () => isHalf);
  a.gate.open = false;
  rig.net.crash("a");
  a.events.length = 0;
  rig.start(a);
  const reads = readsOf(b);
  a.fetch(2, 9);
  fetched(rig, a, content);
  assert.ok(reads() <= 16, `${reads()} reads for 24 pieces`);
});

test("a byte that rots in what was left half fetched: its chunk is fetched again", () => {
  for (const position of [10, 100, 100_000, 300_000]) {
    const { rig, a, content } = pair(LARGE);
    let isHalf = false;
    atWrite(a, 14, () => {
      isHalf = true;
    });
    a.fetch(2, 9);
    rig.until("half", () => isHalf);
    rig.crash(a);
    const path = partialOf(rig, a);
    if ((a.disk.content(path)?.length ?? 0) > position) a.disk.flipBit(path, position, 3);
    a.events.length = 0;
    rig.start(a);
    a.fetch(2, 9);
    fetched(rig, a, content);
  }
});

test("a byte that is wrong at the source, or rots before the end, is found: nothing stays, and the next source serves", () => {
  const { rig, a, b, c, content } = pair();
  rig.write(c, { index: 9, bytes: BYTES });
  b.disk.flipBit(`${DIRECTORY}/9-3.snap`, 5000, 1);
  a.fetch(2, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.ok(a.lines.some((line) => line.startsWith("warn") && line.includes("does not fit its sum")), a.lines.join());
  assert.equal(rig.names(a), []);
  atWrite(a, 20, () => a.disk.flipBit(partialOf(rig, a), 3000, 1));
  a.fetch(3, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.equal(rig.names(a), []);
  a.disk.seen = null;
  a.fetch(3, 9);
  fetched(rig, a, content);
});

test("a snapshot that ends with another entry than the leader's log has there is refused; of a later one that is not known", () => {
  for (const leaders of [{ term: 2 }, { chain: 8 }]) {
    const { rig, a } = pair();
    a.fetch(2, 9, leaders);
    assert.equal(rig.ended(a), GIVEN_UP);
    assert.equal(rig.names(a), []);
    assert.ok(a.lines.some((line) => /ends with entry 9 of term 3 and chain 9: the leader's is of term [23] and chain [89]/.test(line)), a.lines.join());
  }
  const { rig, a, content } = pair();
  a.fetch(2, 8, { chain: 8 });
  fetched(rig, a, content);
});

test("a snapshot of another cluster or group, or another one than its name says, is refused", () => {
  for (const head of [{ clusterId: "other" }, { group: 2 }, { point: { index: 8, term: 3, chain: 9 } }]) {
    const { rig, a, c } = pair();
    rig.write(c, { index: 9, bytes: 100, head });
    if ("point" in head) c.disk.move(`${DIRECTORY}/8-3.snap`, `${DIRECTORY}/9-3.snap`);
    a.fetch(3, 9);
    assert.equal(rig.ended(a), GIVEN_UP);
    assert.equal(rig.names(a), []);
    assert.ok(a.lines.some((line) => line.includes("wanted cluster cluster, group 1, index 9, term 3")), a.lines.join());
  }
});

test.run();
