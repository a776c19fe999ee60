/** client.as(machine): operations as methods, on a fake cluster and on a real node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect, defineMachine, DraftError, int, json, optional, startNode, text } from "../../mod.ts";
import { fakeCluster, serveFake } from "../gateway/fake_node.ts";

const test = suite("operation methods");

/** What the fake nodes' machine looks like. */
const store = defineMachine({
  name: "store", version: 1, state: () => ({}), snapshot: () => null, restore: () => ({}),
  writes: {
    set: { args: [text("k"), text("v")], run: () => "OK" },
    // The fake nodes refuse it, and do not list it.
    bogus: { args: [], run: () => "OK" },
  },
  reads: { get: { args: [text("k")], run: (): string | null => null } },
});

async function withStore(body: (client: ReturnType<typeof connect>, seen: () => readonly string[]) => Promise<void>): Promise<void> {
  const server = await serveFake(fakeCluster(), "a");
  const client = connect(server.address, { timeoutMs: 2000 });
  try {
    await body(client, () => server.node.seen);
  } finally {
    await client.close();
    await server.stop();
  }
}

test("as(machine) sends writes as writes and reads as linearizable reads, without asking what they are", () =>
  withStore(async (client, seen) => {
    const { set, get } = client.as(store);
    assert.is(await set("k", "v"), "OK");
    assert.is(await get("k"), "v");
    assert.is(await client.as(store, { level: "stale" }).get("k"), "v");
    const refused: unknown = await client.as(store).bogus().catch((error: unknown) => error);
    assert.is(refused instanceof DraftError && refused.code, "REJECTED");
    assert.equal(seen(), ["set k v", "linearizable get k", "stale get k", "bogus"]);
    assert.equal(Object.keys(client.as(store)), ["set", "bogus", "get"]);
  }));

test("as<typeof machine>() does with the type alone, and may be awaited", () =>
  withStore(async (client, seen) => {
    const later = async (): Promise<object> => client.as<typeof store>();
    await later();
    assert.is(await client.as<typeof store>().set("k", "v"), "OK");
    assert.is(await client.as<typeof store>(null, { level: "stale" }).get("k"), "v");
    assert.equal(seen(), ["set k v", "stale get k"]);
  }));

const queue = defineMachine({
  name: "queue", version: 1,
  state: () => new Map<string, { body: string; dueMs: number; more: object | null }>(),
  writes: {
    push: { args: [text("body"), optional(int("delayMs")), optional(json<object>("more"))],
      run(jobs, entry, body, delayMs = 0, more = {}) {
        jobs.set(String(entry.index), { body, dueMs: delayMs, more });
        return String(entry.index);
      } },
    forget: { args: [text("id")], run(jobs, entry, id) {
      if (!jobs.delete(id)) throw entry.reject(`there is no job ${id}`);
    } },
    count: { args: [], run: (jobs) => BigInt(jobs.size) },
  },
  reads: { find: { args: [text("id")], run: (jobs, _, id) => jobs.get(id) } },
  snapshot: (jobs) => [...jobs],
  restore: (saved) => new Map(saved),
});

test("a real node runs a defined machine: typed, by text, refusals and answers of all kinds", async () => {
  const data = mkdtempSync(join(tmpdir(), "draft-define-"));
  try {
    await using node = await startNode({
      id: "a", data, listen: "127.0.0.1:0", bootstrap: true, segmentBytes: 1024 * 1024, heartbeatMs: 10, electionMs: "30-60", machine: queue,
    });
    const jobs = node.client.as(queue);
    const id = await jobs.push("body", undefined, { a: [1] });
    assert.equal(await jobs.find(id), { body: "body", dueMs: 0, more: { a: [1] } });
    const { result } = await node.client.run(["PUSH", "typed", "50", '{"b":2}']);
    assert.equal(await jobs.find(String(result)), { body: "typed", dueMs: 50, more: { b: 2 } });
    assert.is(await jobs.forget(id), null);
    assert.is(await jobs.find(id), null);
    assert.is(Number(await jobs.count()), 1);
    const codes = await Promise.all([jobs.forget(id), node.client.write(["push"]), node.client.read(["find", 5])].map((each) =>
      each.then(() => "taken", (error: unknown) => error instanceof DraftError ? `${error.code} ${error.message}` : String(error))
    ));
    assert.equal(codes, [
      `REJECTED there is no job ${id}`,
      "BAD_REQUEST push BODY [DELAYMS] [MORE]: got 0 arguments, wanted 1 to 3",
      "BAD_REQUEST find ID: ID is 5, wanted a text",
    ]);
  } finally {
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
});

test.run();
