import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError, type ErrorCode, type Outcome } from "../../src/base/errors.ts";
import { type Client, connect } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/client_options.ts";
import { decodeEnvelope } from "../../src/machine/command.ts";
import { type FakeServer, fakeCluster, serveFake } from "../gateway/fake_node.ts";

const test = suite("client");

/** Runs `body` with servers a, b, … of one cluster, a leads, and closes all afterwards. */
async function withServers(
  count: number,
  body: (servers: FakeServer[], client: Client) => Promise<void>,
  options: ClientOptions = {},
): Promise<void> {
  const cluster = fakeCluster();
  const servers: FakeServer[] = [];
  for (const id of ["a", "b", "c"].slice(0, count)) servers.push(await serveFake(cluster, id));
  const client = connect(servers.map(({ address }) => address), { timeoutMs: 2000, ...options });
  try {
    await body(servers, client);
  } finally {
    await client.close();
    for (const server of servers) await server.stop();
  }
}

async function failure(promise: Promise<unknown>): Promise<DraftError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DraftError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

function assertError(error: DraftError, code: ErrorCode, outcome: Outcome): void {
  assert.equal([error.code, error.outcome], [code, outcome], error.message);
}

test("run() writes and reads, whichever the machine says", () =>
  withServers(1, async ([server], client) => {
    assert.equal(await client.run(["set", "k", "v"]), { result: "OK", index: 1 });
    assert.equal(await client.run(["GET", "k"]), { result: "v", index: 1 });
    assert.equal(server?.node.seen, ["set k v", "linearizable GET k"]);
  }));

test("run() refuses an operation that the machine does not have", () =>
  withServers(1, async (_, client) => {
    assertError(await failure(client.run(["gte", "k"])), "UNKNOWN_OPERATION", "not-done");
  }));

test("read() bears level and minIndex", () =>
  withServers(1, async ([server], client) => {
    await client.read(["get", "k"], { level: "stale", minIndex: 3 });
    assert.equal(server?.node.seen, ["stale get k"]);
    assert.equal(server?.node.floors, [3]);
  }));

test("L13: stale reads of one client see its own writes, and go back behind none of its answers; others are not held to it", () =>
  withServers(1, async ([server], client) => {
    const written = await client.write(["set", "k", "v"]);
    await client.read(["get", "k"], { level: "stale" });
    await client.read(["get", "k"], { level: "stale", minIndex: written.index + 5 });
    await client.read(["get", "k"], { level: "stale", group: "other" });
    await client.read(["get", "k"]);
    assert.ok(written.index > 0);
    assert.equal(server?.node.floors, [written.index, written.index + 5, 0, 0]);
  }));

test("requests are pipelined: many at once, each with its own answer", () =>
  withServers(1, async ([server], client) => {
    if (server !== undefined) server.node.inflightMax = 8;
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.write(["incr", "n"])));
    assert.equal(answers.map(({ result }) => result), Array.from({ length: 100 }, (_, i) => i + 1));
  }));

test("the client goes to the leader that a hello names", () =>
  withServers(3, async (servers, client) => {
    const cluster = servers[0]?.node.cluster;
    if (cluster !== undefined) cluster.leader = { id: "c", address: servers[2]?.address ?? "" };
    await client.write(["set", "k", "v"]);
    assert.equal(servers.map(({ node }) => node.seen.length), [0, 0, 1]);
  }));

test("a leader that says nothing is left alone for a while", () =>
  withServers(2, async ([a, b], client) => {
    await client.write(["set", "k", "1"]);
    if (a === undefined || b === undefined) throw new Error("no servers");
    a.node.onPropose = () => {};
    a.node.leaderOf = () => ({ id: "a", address: a.address }); // It knows of no other.
    assertError(await failure(client.write(["set", "k", "2"], { timeoutMs: 100 })), "TIMEOUT", "unknown");
    a.node.cluster.leader = { id: "b", address: b.address };
    assert.equal((await client.write(["set", "k", "3"], { timeoutMs: 500 })).result, "OK");
    assert.equal(b.node.seen, ["set k 3"]);
  }));

test("the client follows the hint of NOT_LEADER", () =>
  withServers(2, async ([a, b], client) => {
    await client.write(["set", "k", "1"]);
    if (a === undefined || b === undefined) throw new Error("no servers");
    a.node.onPropose = (_, done) => done(new DraftError("NOT_LEADER", "b leads", { leader: { id: "b", address: b.address } }));
    a.node.cluster.leader = { id: "b", address: b.address };
    a.node.leaderOf = () => null; // It does not forward.
    assert.equal((await client.write(["set", "k", "2"])).result, "OK");
    assert.equal(b.node.seen, ["set k 2"]);
  }));

test("a follower forwards a write, and passes the leader's refusal on", () =>
  withServers(2, async ([, b]) => {
    const client = connect(b?.address ?? "", { timeoutMs: 2000 });
    if (b !== undefined) b.node.leaderOf = () => b.node.cluster.leader;
    try {
      assert.equal((await client.write(["set", "k", "v"])).result, "OK");
      assertError(await failure(client.write(["bogus"])), "REJECTED", "not-done");
    } finally {
      await client.close();
    }
  }));

test("without a leader the client waits, and says why at the deadline", () =>
  withServers(2, async (servers, client) => {
    const cluster = servers[0]?.node.cluster;
    const leader = cluster?.leader ?? null;
    if (cluster !== undefined) cluster.leader = null;
    assertError(await failure(client.write(["set", "k", "v"], { timeoutMs: 800 })), "NO_LEADER", "not-done");
    setTimeout(() => {
      if (cluster !== undefined) cluster.leader = leader;
    }, 100);
    assert.equal((await client.write(["set", "k", "v"])).result, "OK");
  }));

test("what a member says counts more than that others do not answer, or wait to be added", async () => {
  const cluster = fakeCluster();
  const member = await serveFake(cluster, "a");
  const none = fakeCluster("");
  const waiting = await serveFake(none, "d");
  none.leader = null;
  const gone = await serveFake(cluster, "b");
  await gone.stop();
  cluster.leader = null;
  // What was tried last depends on when the time is up.
  const errors = await Promise.all(Array.from({ length: 12 }, async (_, i) => {
    await using client = connect([gone.address, member.address, waiting.address], { timeoutMs: 1200 + 100 * i });
    return await failure(client.write(["set", "k", "v"]));
  }));
  assert.equal(errors.map(({ code, outcome, message }) => `${code} ${outcome} ${message}`), errors.map(() => "NO_LEADER not-done nobody leads c1"));
  await member.stop();
  await waiting.stop();
});

test("a write without a session that was sent and lost its connection is LOST, unknown, and never sent again", () =>
  withServers(2, async ([a, b], client) => {
    if (a === undefined || b === undefined) throw new Error("no servers");
    a.node.onPropose = () => a.door.close();
    assertError(await failure(client.write(["set", "k", "v"])), "LOST", "unknown");
    assert.equal([a.node.seen.length, b.node.seen.length], [1, 0]);
  }, { sessions: false }));

/** The leader a is lost with the next write, which it did or did not do; then b leads. */
function failsOver([a, b]: FakeServer[], does: boolean): void {
  if (a === undefined || b === undefined) throw new Error("no servers");
  a.node.onPropose = (envelope) => {
    if (does) a.node.applyOnce(envelope);
    a.node.cluster.leader = { id: "b", address: b.address };
    a.door.close();
  };
}

for (const does of [true, false]) {
  test(`a write that lost its connection is asked for elsewhere and done once, ${does ? "done" : "not done"} by the first try`, () =>
    withServers(2, async (servers, client) => {
      await client.write(["incr", "n"]);
      failsOver(servers, does);
      assert.equal(await client.write(["incr", "n"]), { result: 2, index: 2 });
      assert.equal(await client.write(["incr", "n"]), { result: 3, index: 3 });
      assert.equal(servers.map(({ node }) => node.seen.length), [2, 2]);
    }));
}

test("a leader that goes silent in the midst of a write does not use up its time", () =>
  withServers(2, async ([a, b], client) => {
    if (a === undefined || b === undefined) throw new Error("no servers");
    await client.write(["incr", "n"]);
    a.node.onPropose = (envelope) => {
      a.node.applyOnce(envelope);
      a.node.cluster.leader = { id: "b", address: b.address };
    };
    assert.equal(await client.write(["incr", "n"]), { result: 2, index: 2 });
  }));

test("a session that is gone: a write that nobody sent before has another one", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    await client.write(["incr", "n"]);
    const { sessions } = a.node.cluster;
    sessions.clear();
    assert.equal(await client.write(["incr", "n"]), { result: 2, index: 2 });
    assert.is(sessions.size, 1);
  }));

test("a session that is gone: what an earlier try did is unknown", () =>
  withServers(2, async (servers, client) => {
    await client.write(["incr", "n"]);
    failsOver(servers, true);
    servers[1]!.node.onPropose = (_, done) => done(new DraftError("SESSION_EXPIRED", "gone"));
    assertError(await failure(client.write(["incr", "n"])), "SESSION_EXPIRED", "unknown");
  }));

for (const [refusal, told] of [["TOO_LARGE", "LOST"], ["BAD_REQUEST", "LOST"], ["REJECTED", "REJECTED"], ["CONFLICT", "CONFLICT"]] as const) {
  test(`a write that met an unknown and then ${refusal} ends with ${told}`, () =>
    withServers(2, async (servers, client) => {
      await client.write(["incr", "n"]);
      failsOver(servers, true);
      servers[1]!.node.onPropose = (_, done) => done(new DraftError(refusal, "no"));
      const error = await failure(client.write(["incr", "n"]));
      assertError(error, told, told === "LOST" ? "unknown" : "not-done");
    }));
}

test("more writes at once than a session remembers have several; each knows what was answered", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    const placed: { session: string | null; sequence: number; answeredBelow: number }[] = [];
    a.node.onPropose = (envelope, done) => {
      placed.push(decodeEnvelope(envelope));
      setTimeout(() => done(a.node.applyOnce(envelope)), 0);
    };
    a.node.inflightMax = 4096;
    await Promise.all(Array.from({ length: 2500 }, () => client.write(["incr", "n"])));
    assert.equal([a.node.cluster.index, new Set(placed.map(({ session }) => session)).size > 1], [2500, true]);
    assert.ok(placed.every(({ sequence, answeredBelow }) => sequence < answeredBelow + 1024));
    await client.write(["incr", "n"]);
    assert.equal(placed.at(-1)?.answeredBelow, placed.at(-1)?.sequence);
  }));

test("an open that nobody answers is not done for the write, and waits no longer than it", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    a.node.changeSession = () => {};
    assertError(await failure(client.write(["set", "k", "v"], { timeoutMs: 200 })), "TIMEOUT", "not-done");
    a.node.changeSession = (_group, _ask, _timeoutMs, done) => done(new DraftError("LOST", "the leader changed"));
    assertError(await failure(client.write(["set", "k", "v"], { timeoutMs: 600 })), "LOST", "not-done");
    assert.equal(a.node.seen, []);
  }));

test("who waits for a session that another write opens waits as long as its own timeout says", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    const open = a.node.changeSession.bind(a.node);
    a.node.changeSession = () => (a.node.changeSession = open);
    const hasty = failure(client.write(["set", "k", "v"], { timeoutMs: 100 }));
    assert.equal(await client.write(["set", "k", "w"]), { result: "OK", index: 1 });
    assertError(await hasty, "TIMEOUT", "not-done");
  }));

test("close() closes the sessions", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    await client.write(["set", "k", "v"]);
    const { sessions } = a.node.cluster;
    assert.is(sessions.size, 1);
    await client.close();
    const beganMs = performance.now();
    while (sessions.size > 0 && performance.now() - beganMs < 2000) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.is(sessions.size, 0);
  }));

test("a read that lost its connection is asked again elsewhere", () =>
  withServers(2, async ([a, b], client) => {
    if (a === undefined || b === undefined) throw new Error("no servers");
    a.node.onRead = () => a.door.close();
    b.node.onRead = (_, done) => done({ index: 7, reply: "here" });
    assert.equal(await client.read(["get", "k"]), { result: "here", index: 7 });
  }));

test("a write without an answer is TIMEOUT, unknown; a read not-done", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    await client.operations();
    a.node.onPropose = () => {};
    a.node.leaderOf = () => ({ id: "a", address: a.address }); // It knows of no other.
    a.node.onRead = () => {};
    assertError(await failure(client.write(["set", "k", "v"], { timeoutMs: 200 })), "TIMEOUT", "unknown");
    assertError(await failure(client.read(["get", "k"], { timeoutMs: 200 })), "TIMEOUT", "not-done");
  }));

test("an AbortSignal ends the wait with its reason", () =>
  withServers(1, async ([a], client) => {
    if (a === undefined) throw new Error("no server");
    a.node.onPropose = () => {};
    a.node.leaderOf = () => ({ id: "a", address: a.address }); // It knows of no other.
    const controller = new AbortController();
    const write = client.write(["set", "k", "v"], { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 20);
    try {
      await write;
      assert.unreachable();
    } catch (error) {
      assert.is((error as Error).message, "enough");
    }
  }));

test("addresses of two clusters: WRONG_IDENTITY, and nothing is sent", async () => {
  const one = await serveFake(fakeCluster("c1"), "a");
  const two = await serveFake(fakeCluster("c2"), "b");
  const client = connect([one.address, two.address]);
  try {
    const error = await failure(client.write(["set", "k", "v"]));
    assertError(error, "WRONG_IDENTITY", "not-done");
    assert.is(error.exitCode, 13);
    assert.equal([...one.node.seen, ...two.node.seen], []);
  } finally {
    await client.close();
    await one.stop();
    await two.stop();
  }
});

test("no cluster at the addresses: UNREACHABLE, exit 4", async () => {
  const server = await serveFake(fakeCluster(), "a");
  await server.stop();
  const client = connect(server.address, { timeoutMs: 300 });
  const error = await failure(client.write(["set", "k", "v"]));
  assertError(error, "UNREACHABLE", "not-done");
  assert.is(error.exitCode, 4);
  await client.close();
});

test("what is on its way to a node that stops in good order is not done, and another node does it", () =>
  withServers(2, async ([a, b], client) => {
    if (a === undefined || b === undefined) throw new Error("no server");
    await client.write(["set", "k", "v"]);
    const writes = Array.from({ length: 20 }, async () => {
      for (let i = 0; i < 20; i++) await client.write(["incr", "n"]);
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    a.node.cluster.leader = { id: "b", address: b.address };
    a.door.stop();
    await Promise.all(writes);
    assert.is((await client.read(["get", "n"])).result, 400);
  }));

test("a command larger than the node takes is TOO_LARGE, and the connection goes on", () =>
  withServers(1, async ([a]) => {
    if (a === undefined) throw new Error("no server");
    a.node.frameBytesMax = 1000;
    const client = connect(a.address);
    assertError(await failure(client.write(["set", "k", "v".repeat(1000)])), "TOO_LARGE", "not-done");
    assert.equal((await client.write(["set", "k", "v"])).result, "OK");
    await client.close();
  }));

test("status(), members(), operations() and transfer()", () =>
  withServers(2, async ([a, b], client) => {
    assert.equal((await client.operations()).map(({ name }) => name), ["set", "incr", "get", "list"]);
    assert.is((await client.status({ address: b?.address ?? "" })).nodeId, "b");
    assert.equal((await client.members()).members.map(({ id }) => id), ["a", "b"]);
    await client.transfer("b");
    assert.is(a?.node.cluster.leader?.id, "b");
    assertError(await failure(client.operations({ group: "none" })), "NOT_FOUND", "not-done");
  }));

test("a closed client refuses at once", () =>
  withServers(1, async (_, client) => {
    await client.run(["set", "k", "v"]);
    await client.close();
    assertError(await failure(client.run(["set", "k", "v"])), "STOPPING", "not-done");
  }));

test.run();
