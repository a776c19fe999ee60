/** What a transfer of a snapshot may cost, and who may have one: disks that fail, rates, limits, strangers, and the end. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DraftError } from "../../src/base/errors.ts";
import type { Interview } from "../../src/net/interview.ts";
import type { EventBody } from "../../src/raft/event.ts";
import { removeOlder } from "../../src/wal/snapshot_directory.ts";
import { heartbeat, type TestNode } from "../net/nodes.ts";
import { DIRECTORY, type ExchangeNode, ExchangeRig, peerOf } from "./exchange_rig.ts";

const BYTES = 20_000;
const GIVEN_UP: EventBody = { type: "snapshotFetching", index: 0 };

type Options = ConstructorParameters<typeof ExchangeRig>[1];

function rigOf(ids: string, options: Options = {}): { rig: ExchangeRig; a: ExchangeNode; b: ExchangeNode; c: ExchangeNode; content: Uint8Array } {
  const rig = new ExchangeRig(ids, options);
  const [a, b, c] = rig.nodes as [ExchangeNode, ExchangeNode, ExchangeNode];
  return { rig, a, b, c, content: rig.write(b, { index: 9, bytes: BYTES }) };
}

function untilHalf(rig: ExchangeRig, node: ExchangeNode): void {
  const size = (): number => {
    const name = rig.names(node).find((each) => each.endsWith(".fetching"));
    return name === undefined ? 0 : (node.disk.content(`${DIRECTORY}/${name}`)?.length ?? 0);
  };
  rig.until("half is there", () => size() >= BYTES / 2);
}

/** Dials `to` from `from`; the connection, or why there is none. */
function dial(rig: ExchangeRig, from: ExchangeNode, to: ExchangeNode): Interview | DraftError {
  let result: Interview | DraftError | null = null;
  from.transport.interview(peerOf(to), (...[error, interview]) => {
    result = error === null ? interview : error as DraftError;
  });
  rig.until("dialled", () => result !== null);
  return result as unknown as Interview | DraftError;
}

/** The answer to one question over a connection of its own, or why there is none. */
function ask(rig: ExchangeRig, from: ExchangeNode, to: ExchangeNode, question: readonly unknown[]): unknown {
  const interview = dial(rig, from, to);
  if (interview instanceof Error) return interview.message;
  let result: unknown = null;
  interview.ask(question);
  interview.next((...[error, answer]) => {
    result = error === null ? answer : error.message;
    interview.close();
  });
  rig.until("answered", () => result !== null);
  return result;
}

test("a disk without room for the snapshot and the log: nothing is begun, and nobody dialled for ten seconds", () => {
  const { rig, a, content } = rigOf("abc");
  a.disk.capacityBytes = a.disk.usedBytes + content.length + 999;
  a.fetch(2, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.equal(rig.names(a), []);
  assert.ok(a.lines.some((line) => line.startsWith("warn") && line.includes("free bytes")));
  const dialled = rig.net.counters.get("dialled");
  a.fetch(3, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.is(rig.net.counters.get("dialled"), dialled);
  a.disk.capacityBytes = a.disk.usedBytes + content.length + 1000;
  rig.run(10_000);
  a.fetch(2, 9);
  assert.is(rig.ended(a).type, "snapshotFetched");
});

test("a disk that is full mid-way: the transfer is given up, its bytes are given back", () => {
  const { rig, a, content } = rigOf("abc");
  a.fetch(2, 9);
  untilHalf(rig, a);
  const used = a.disk.usedBytes;
  a.disk.capacityBytes = used;
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.equal(rig.names(a), []);
  assert.ok(a.lines.some((line) => line.startsWith("warn") && line.includes("ENOSPC")));
  a.disk.capacityBytes = Number.POSITIVE_INFINITY;
  rig.run(10_000);
  a.fetch(2, 9);
  assert.is(rig.ended(a).type, "snapshotFetched");
  assert.equal(a.disk.content(`${DIRECTORY}/9-3.snap`), content);
});

test("EIO at any call of the receiver's disk gives the transfer up; the next one believes nothing of it", () => {
  let calls = 0;
  for (let nth = 1; ; nth++) {
    const { rig, a, content } = rigOf("abc", { tuning: { pieceBytes: 4000 } });
    rig.run(10);
    let seen = 0;
    a.disk.fault = ({ path }) => path.startsWith(DIRECTORY) && ++seen === nth ? { error: "EIO" } : null;
    a.fetch(2, 9);
    const end = rig.ended(a);
    if (seen < nth) break;
    calls += 1;
    a.disk.fault = () => null;
    if (end.type === "snapshotFetching") {
      rig.run(10_000);
      const before = a.disk.calls;
      a.fetch(2, 9);
      assert.is(rig.ended(a).type, "snapshotFetched", `call ${nth}`);
      assert.ok(a.disk.calls > before + 10, "it comes from its beginning");
    }
    assert.equal(rig.names(a), ["9-3.snap"], `call ${nth}`);
    assert.equal(a.disk.content(`${DIRECTORY}/9-3.snap`), content, `call ${nth}`);
  }
  assert.ok(calls >= 15, `${calls} calls`);
});

test("what could not be removed after a failed sync is not gone on with, though its sums fit", () => {
  const { rig, a, b, content } = rigOf("abc");
  a.disk.fault = ({ kind, path }) => path.startsWith(DIRECTORY) && (kind === "sync" || kind === "unlink") ? { error: "EIO" } : null;
  a.fetch(2, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.is(rig.names(a).length, 1);
  a.disk.fault = () => null;
  rig.run(10_000);
  let reads = 0;
  b.disk.seen = ({ kind, path }) => {
    if (kind === "read" && path.endsWith(".snap")) reads += 1;
  };
  a.fetch(2, 9);
  assert.is(rig.ended(a).type, "snapshotFetched");
  assert.ok(reads >= 21, `${reads} reads`);
  assert.equal([rig.names(a), a.disk.content(`${DIRECTORY}/9-3.snap`)], [["9-3.snap"], content]);
});

test("one node sends no more bytes a second than it is told, to all together", () => {
  for (const [receivers, wantedMs] of [["a", 2000], ["ac", 4000]] as const) {
    const { rig } = rigOf("abc", { tuning: { servedBytesPerSecond: 10_000 } });
    const sinceMs = rig.scheduler.nowMs;
    for (const id of receivers) rig.node(id).fetch(2, 9);
    for (const id of receivers) assert.is(rig.ended(rig.node(id)).type, "snapshotFetched");
    const tookMs = rig.scheduler.nowMs - sinceMs;
    assert.ok(tookMs >= wantedMs - 200 && tookMs <= wantedMs + 200, `${tookMs} ms for ${receivers}`);
  }
});

test("the server reads one piece at a time, whoever asks", () => {
  const { rig, b } = rigOf("abcd", { tuning: { servedMax: 3 } });
  let under = 0;
  let most = 0;
  const { disk } = b;
  disk.seen = ({ kind, path }) => {
    if (!path.endsWith(".snap")) return;
    if (kind === "open") under += 1;
    if (kind === "close") under -= 1;
    most = Math.max(most, under);
  };
  for (const id of "acd") rig.node(id).fetch(2, 9);
  for (const id of "acd") assert.is(rig.ended(rig.node(id)).type, "snapshotFetched");
  assert.is(most, 1);
});

test("so many peers are served at a time, others are told why not; a peer's own new connection replaces its old one", () => {
  const { rig, a, b, c } = rigOf("abc", { tuning: { servedMax: 1, servedBytesPerSecond: 10_000 } });
  a.fetch(2, 9);
  untilHalf(rig, a);
  c.fetch(2, 9);
  assert.equal(rig.ended(c), GIVEN_UP);
  assert.ok(c.lines.some((line) => line.includes("1 others fetch snapshots here")), c.lines.join());
  assert.is(b.transport.counters.of("snapshotsFull"), 1);
  // Nobody tells the source that its old connection leads nowhere.
  rig.crash(a, "silent");
  a.events.length = 0;
  rig.start(a);
  assert.is(b.gate.holdings.sockets, 1);
  a.fetch(2, 9);
  assert.is(rig.ended(a).type, "snapshotFetched");
  rig.run(1000);
  c.fetch(2, 9);
  assert.is(rig.ended(c).type, "snapshotFetched");
});

test("heartbeats do not wait behind a snapshot, however slow the line", () => {
  const { rig, a, b } = rigOf("abc", { net: { windowBytes: 4096 } });
  const { transport } = b;
  const heardMs: number[] = [];
  transport.setPeers([peerOf(a)]);
  rig.run(100);
  rig.net.clog("b", "a", 10);
  a.fetch(2, 9);
  const before = a.transport.counters.of("messagesIn");
  for (let round = 1; round <= 100; round++) {
    transport.send(1, heartbeat(b as unknown as TestNode, a as unknown as TestNode, round));
    transport.flush();
    const sentMs = rig.scheduler.nowMs;
    rig.until("it is heard", () => a.transport.counters.of("messagesIn") === before + round);
    heardMs.push(rig.scheduler.nowMs - sentMs);
    rig.run(15);
  }
  assert.ok(a.events.every(({ type }) => type !== "snapshotFetched"), "the transfer is under way all the time");
  assert.ok(Math.max(...heardMs) < 30, `${Math.max(...heardMs)} ms`);
});

test("who is no member, or asks what makes no sense, is refused and counted", () => {
  const { rig, a, b } = rigOf("abc");
  const refusals: readonly [readonly unknown[], string][] = [
    [["which", 2, 1], "group 2 is not here"],
    [["which", 1, 10], "no snapshot of index 10 or later is here"],
    [["which", 1], "bad question from a peer: want at least 3 items, not 2"],
    [["what", 1, 1], "bad question from a peer: want which, piece or entries, not 'what'"],
    [[7], "bad question from a peer: want a string of at most 16 characters"],
    [["piece", 1, 9, 3, 0, 262_145], "bad length from a peer: want a whole number up to 262144"],
    [["piece", 1, 9, 3, 0, 0], "bad length from a peer: want at least 1"],
    [["piece", 1, 9, 3, -1, 5], "bad offset from a peer: want a whole number"],
    [["piece", 1, 9, 4, 0, 5], "the snapshot is not here any more"],
    [["piece", 1, 9, 3, 2 ** 52, 5], `the snapshot ends before ${2 ** 52 + 5}`],
  ];
  for (const [question, wanted] of refusals) assert.is(ask(rig, a, b, question), wanted);
  assert.is(b.transport.counters.of("questionsRefused"), refusals.length);
  for (const changes of [{ incarnation: 5 }, { nodeId: "d", memberNumber: 4 }, { memberNumber: 3 }]) {
    const { hello } = a;
    a.hello = { ...hello, ...changes };
    assert.is(ask(rig, a, b, ["which", 1, 1]), `node ${a.hello.nodeId} is no member of group 1`);
    a.hello = hello;
  }
  a.hello = { ...a.hello, memberNumber: 0 };
  assert.equal((ask(rig, a, b, ["which", 1, 1]) as unknown[]).slice(0, 2), [9, 3]);
});

test("a source without such a snapshot, one that is not there, and one that is no member are given up", () => {
  const { rig, a, c } = rigOf("abc");
  a.fetch(2, 10);
  assert.equal(rig.ended(a), GIVEN_UP);
  a.fetch(7, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  rig.crash(c);
  const sinceMs = rig.scheduler.nowMs;
  a.fetch(3, 9);
  assert.equal(rig.ended(a), GIVEN_UP);
  assert.ok(rig.scheduler.nowMs - sinceMs < 10_000);
});

test("a node that fetches a snapshot itself serves none", () => {
  const { rig, a, c } = rigOf("abc", { tuning: { servedBytesPerSecond: 10_000 } });
  rig.write(a, { index: 5, bytes: 100 });
  a.fetch(2, 9);
  untilHalf(rig, a);
  c.fetch(1, 5);
  assert.equal(rig.ended(c), GIVEN_UP);
  assert.ok(c.lines.some((line) => line.includes("fetches a snapshot itself")));
  assert.is(rig.ended(a).type, "snapshotFetched");
  c.fetch(1, 5);
  assert.is(rig.ended(c).type, "snapshotFetched");
});

test("S10 appends bring the log as far as the snapshot meanwhile: the transfer ends, and nothing stays", () => {
  const pieces = Math.ceil(rigOf("abc").content.length / 1000);
  for (const nth of [1, 10, pieces]) {
    const { rig, a } = rigOf("abc");
    let writes = 0;
    a.disk.seen = ({ kind, path }) => {
      if (kind === "write" && path.endsWith(".fetching") && ++writes === nth) a.state.commitIndex = 9;
    };
    a.fetch(2, 9);
    assert.equal(rig.ended(a), GIVEN_UP);
    assert.equal([writes, rig.names(a)], [nth, []]);
  }
});

test("the node ends at any moment of a transfer: nothing is held, nothing is told, what is there stays", () => {
  for (let events = 1; events < 400; events += 7) {
    const { rig, a, c } = rigOf("abc", { tuning: { pieceBytes: 4000 } });
    rig.run(10);
    rig.crash(c);
    // One that serves, and one that is down: then it rests and dials again.
    const isDown = events % 3 === 0;
    a.fetch(isDown ? 3 : 2, 9);
    if (isDown) rig.run(events * 5);
    else for (let i = 0; i < events; i++) rig.scheduler.step();
    // Nothing comes any more that would tell the task to look.
    rig.net.cut("b", "a");
    a.exchange.end();
    a.transport.close();
    const dialled = rig.net.counters.get("dialled");
    const told = a.events.length;
    // A hello that is waited for has its own limit, of 5 s.
    rig.run(6000);
    const { timers, sockets, files } = a.gate.holdings;
    assert.equal([timers, sockets, files], [0, 0, 0], `after ${events} events`);
    assert.equal([a.events.length, rig.net.counters.get("dialled")], [told, dialled]);
  }
});

test("a snapshot that is served stays for 30 s after it was last asked for, though a newer one supersedes it", () => {
  const { rig, a, b } = rigOf("abc", { tuning: { servedBytesPerSecond: 10_000 } });
  const sweep = (): number => rig.task(b, (disk) => removeOlder(disk, DIRECTORY, 12, (name) => b.exchange.isInUse(1, name)));
  a.fetch(2, 9);
  untilHalf(rig, a);
  rig.write(b, { index: 12, bytes: 500 });
  assert.is(sweep(), 1);
  assert.is(rig.ended(a).type, "snapshotFetched");
  assert.equal(rig.names(a), ["9-3.snap"]);
  rig.run(29_000);
  assert.is(sweep(), 1);
  rig.run(2000);
  assert.is(sweep(), 0);
  assert.equal(rig.names(b), ["12-3.snap"]);
});

test("what is being fetched is in use until it is there", () => {
  const { rig, a } = rigOf("abc");
  a.fetch(2, 9);
  untilHalf(rig, a);
  const [name] = rig.names(a) as [string];
  assert.equal([a.exchange.isInUse(1, name), a.exchange.isInUse(2, name), a.exchange.isInUse(1, "1-1-1-1.fetching")], [true, false, false]);
  rig.ended(a);
  assert.is(a.exchange.isInUse(1, name), false);
});

test.run();
