import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Plugin } from "../../mod.ts";
import { errorIn, HttpRig } from "./http_rig.ts";

const test = suite("http");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

test("a value goes in and out as it is, with its revision", async () => {
  const put = await rig.ask("PUT", "/v1/kv/dir/a%20b%2Fc", { body: "onward" });
  assert.is(put.status, 200);
  const { index, revision } = put.json as { index: number; revision: number };
  assert.is(index, revision);
  assert.is(put.headers["draft-index"], String(index));
  const got = await rig.ask("GET", "/v1/kv/dir/a%20b%2Fc");
  assert.equal([got.status, got.text, got.headers["draft-revision"], got.headers["etag"]], [200, "onward", String(revision), `"${revision}"`]);
  assert.equal(
    [got.headers["content-type"], got.headers["content-disposition"], got.headers["x-content-type-options"]],
    ["application/octet-stream", "attachment", "nosniff"],
  );
  assert.equal((await rig.node.client.run(["get", "dir/a b/c"])).result, "onward");
  const head = await rig.ask("HEAD", "/v1/kv/dir/a%20b%2Fc");
  assert.equal([head.status, head.text, head.headers["content-length"]], [200, "", "6"]);
});

test("a key may be any bytes, and is decoded once", async () => {
  await rig.ask("PUT", "/v1/kv/x%FF", { body: "\u00e9" });
  await rig.ask("PUT", "/v1/kv/x%2525", { body: "percent" });
  const { json } = await rig.ask("GET", "/v1/kv?prefix=x");
  assert.equal((json as { items: { key: unknown; value: unknown }[] }).items.map(({ key, value }) => [key, value]), [["x%25", "percent"], [{ base64: "eP8=" }, "\u00e9"]]);
  assert.is(errorIn(await rig.ask("GET", "/v1/kv/x%G1")), "BAD_REQUEST not-done");
  const dots = await rig.ask("PUT", "/v1/kv/a/../b", { body: "dots" });
  assert.is(dots.status, 200);
  assert.is((await rig.node.client.run(["get", "a/../b"])).result, "dots");
});

test("conditions are looked at by the entry that writes", async () => {
  const { index: first } = (await rig.ask("PUT", "/v1/kv/c?if_revision=0", { body: "1" })).json as { index: number };
  const taken = await rig.ask("PUT", "/v1/kv/c?if_revision=0", { body: "2" });
  assert.equal([taken.status, errorIn(taken)], [412, "CONFLICT not-done"]);
  assert.match(taken.text, `at revision ${first}`);
  assert.is((await rig.ask("PUT", "/v1/kv/c", { body: "2", headers: { "if-none-match": "*" } })).status, 412);
  assert.is((await rig.ask("PUT", "/v1/kv/c", { body: "2", headers: { "if-match": `"${first}"` } })).status, 200);
  assert.is((await rig.ask("PUT", "/v1/kv/c", { body: "3", headers: { "if-match": `"${first}"` } })).status, 412);
  assert.is((await rig.ask("PUT", "/v1/kv/none", { body: "3", headers: { "if-match": "*" } })).status, 412);
  assert.is((await rig.ask("PUT", "/v1/kv/c", { body: "3", headers: { "if-match": '"1", "2"' } })).status, 400);
  assert.is((await rig.ask("DELETE", `/v1/kv/c?if_revision=${first}`)).status, 412);
  const { headers } = await rig.ask("GET", "/v1/kv/c");
  const etag = headers["etag"] ?? "";
  const unchanged = await rig.ask("GET", "/v1/kv/c", { headers: { "if-none-match": `W/"1", ${etag}` } });
  assert.equal([unchanged.status, unchanged.text, unchanged.headers["etag"]], [304, "", etag]);
  const gone = await rig.ask("DELETE", "/v1/kv/c", { headers: { "if-match": etag } });
  assert.is((gone.json as { deleted: boolean }).deleted, true);
  const again = await rig.ask("DELETE", "/v1/kv/c");
  assert.is((again.json as { deleted: boolean }).deleted, false);
  const missing = await rig.ask("GET", "/v1/kv/c");
  assert.equal([missing.status, errorIn(missing)], [404, "NOT_FOUND not-done"]);
});

test("ttl_ms lets a key expire, with a condition too", async () => {
  await rig.ask("PUT", "/v1/kv/t1?ttl_ms=100000", { body: "1" });
  await rig.ask("PUT", "/v1/kv/t2?ttl_ms=100000&if_revision=0", { body: "1" });
  for (const key of ["t1", "t2"]) {
    const { result } = await rig.node.client.run(["pttl", key]);
    assert.ok(Number(result) > 0 && Number(result) <= 100_000, `${key} ${String(result)}`);
  }
});

test("a list goes on where it ended, whatever its keys are", async () => {
  for (const key of ["l/%26", "l/%2B", "l/%FE", "l/a", "l/b"]) await rig.ask("PUT", `/v1/kv/${key}`, { body: key });
  const seen: unknown[] = [];
  let after: string | null = "";
  for (let pages = 0; after !== null && pages < 10; pages++) {
    const { json } = await rig.ask("GET", `/v1/kv?prefix=l/&limit=2${after === "" ? "" : `&after=${after}`}`);
    const { items, next } = json as { items: { value: unknown }[]; next: string | null };
    seen.push(...items.map(({ value }) => value));
    after = next;
  }
  assert.equal(seen, ["l/%26", "l/%2B", "l/a", "l/b", "l/%FE"]);
});

test("run answers any operation, reads and writes, text and bytes", async () => {
  assert.equal((await rig.run(["incr", "n"])).json, { result: 1, index: Number((await rig.run(["getrev", "n"])).headers["draft-index"]) });
  assert.equal((await rig.run(["SET", "bytes", { base64: "/wA=" }])).status, 200);
  assert.equal((await rig.run(["get", "bytes"])).json, { result: { base64: "/wA=" }, index: Number((await rig.run(["get", "n"])).headers["draft-index"]) });
  assert.equal((await rig.run(["set", "big", "9007199254740993"])).status, 200);
  assert.is(((await rig.run(["incr", "big"])).json as { result: unknown }).result, "9007199254740994");
  const rejected = await rig.run(["incr", "bytes"]);
  assert.equal([rejected.status, errorIn(rejected)], [422, "REJECTED not-done"]);
  assert.equal((await rig.run(["nope"])).status, 404);
  assert.equal((await rig.run(["cas", "n", "7", "x"])).status, 412);
});

test("what is asked wrongly is told so, and nothing is done", async () => {
  const wrong: [method: string, path: string, status: number, headers?: Record<string, string>, body?: string][] = [
    ["GET", "/v1/nothing", 404],
    ["GET", "/v1/kv/", 404],
    ["PATCH", "/v1/kv/a", 405],
    ["POST", "/v1/status", 405],
    ["PUT", "/v1/kv/a?if_revison=3", 400],
    ["PUT", "/v1/kv/a?if_revision=x", 400],
    ["PUT", "/v1/kv/a?if_revision=1&if_revision=1", 400],
    ["PUT", "/v1/kv/a?ttl_ms=0", 400],
    ["GET", "/v1/kv/a?level=eventual", 400],
    ["GET", "/v1/kv?limit=10001", 400],
    ["GET", "/v1/members?group=none", 404],
    ["GET", "/v1/kv/a?group=none", 404],
    ["POST", "/v1/run", 415, {}, "{}"],
    ["POST", "/v1/run", 415, { "content-type": "text/plain" }, "{}"],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, "{"],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, "[".repeat(100_000)],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, `{"command":["get",${"[".repeat(40)}${"]".repeat(40)}]}`],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, '{"command":[]}'],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, '{"command":["get","a"],"lvel":"stale"}'],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, '{"command":["set","a",{"base64":"?"}]}'],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, '{"command":["set","a","b"],"level":"stale"}'],
    ["POST", "/v1/run", 400, { "content-type": "application/json" }, '{"command":["set","a","b"],"sequence":1}'],
    ["GET", "/v1/status", 403, { host: "evil.example" }],
    ["GET", "/v1/status", 403, { host: "127.0.0.1.evil.example:7100" }],
    ["GET", "/v1/status", 403, { origin: "http://evil.example" }],
    ["PUT", "/v1/kv/a", 403, { origin: "null" }, "x"],
    ["POST", "/v1/transfer", 404, { "content-type": "application/json" }, '{"to":"z"}'],
    ["POST", "/v1/members", 400, { "content-type": "application/json" }, '{"add":["b"]}'],
  ];
  const { result: before } = await rig.node.client.run(["getrev", "a"]);
  for (const [method, path, status, headers = {}, body = ""] of wrong) {
    const answer = await rig.ask(method, path, { headers, body });
    assert.is(answer.status, status, `${method} ${path} ${body.slice(0, 60)}: ${answer.text}`);
    assert.match(errorIn(answer), /^[A-Z_]+ not-done$/);
  }
  assert.equal((await rig.node.client.run(["getrev", "a"])).result, before);
  assert.is((await rig.ask("PATCH", "/v1/kv/a")).headers["allow"], "GET, HEAD, PUT, DELETE");
});

test("own pages may ask", async () => {
  for (const host of ["localhost:1", "127.0.0.1:9", "[::1]:80"]) {
    assert.is((await rig.ask("GET", "/v1/status", { headers: { host, origin: `http://${host}` } })).status, 200, host);
  }
});

test("health, status, members, groups, operations, a snapshot", async () => {
  assert.equal((await rig.ask("GET", "/livez")).json, { live: true });
  const ready = await rig.ask("GET", "/readyz");
  assert.equal([ready.status, (ready.json as { ready: boolean }).ready], [200, true]);
  const { nodeId, groups } = (await rig.ask("GET", "/v1/status")).json as { nodeId: string; groups: { role: string }[] };
  assert.equal([nodeId, groups[0]?.role], ["a", "leader"]);
  assert.equal(((await rig.ask("GET", "/v1/groups")).json as { groups: { name: string }[] }).groups.map(({ name }) => name), ["main"]);
  assert.equal(((await rig.ask("GET", "/v1/members")).json as { members: { id: string }[] }).members.map(({ id }) => id), ["a"]);
  const { operations } = (await rig.ask("GET", "/v1/operations")).json as { operations: { name: string; kind: string }[] };
  assert.equal(operations.find(({ name }) => name === "get")?.kind, "read");
  const { index } = (await rig.ask("POST", "/v1/snapshot")).json as { index: number };
  assert.ok(index > 0);
  assert.equal(((await rig.ask("POST", "/v1/transfer", { headers: { "content-type": "application/json" }, body: '{"to":"a"}' })).json as { result: string }).result, "a");
});

test("a session of one's own does a write once", async () => {
  const { session } = (await rig.ask("POST", "/v1/sessions")).json as { session: string };
  const first = await rig.run(["incr", "s"], { session, sequence: 1 });
  const again = await rig.run(["incr", "s"], { session, sequence: 1 });
  assert.equal(again.json, first.json);
  assert.is((await rig.run(["incr", "s"], { session, sequence: 2 })).status, 200);
  assert.is(((await rig.run(["get", "s"])).json as { result: unknown }).result, "2");
  const other = await rig.run(["incr", "s"], { session: "0".repeat(32), sequence: 1 });
  assert.is(other.status, 410);
});

test("under an Idempotency-Key a write is done once", async () => {
  const headers = { "idempotency-key": "order-17" };
  const first = await rig.run(["incr", "orders"], {}, headers);
  assert.is((first.json as { result: unknown }).result, 1);
  assert.equal((await rig.run(["incr", "orders"], {}, headers)).json, first.json);
  const other = await rig.run(["incr", "orders2"], {}, headers);
  assert.equal([other.status, errorIn(other)], [422, "REJECTED not-done"]);
  assert.is((await rig.run(["get", "orders"], {}, headers)).status, 400);
  const put = await rig.ask("PUT", "/v1/kv/once", { body: "1", headers: { "idempotency-key": "put" } });
  await rig.ask("PUT", "/v1/kv/once", { body: "2" });
  const again = await rig.ask("PUT", "/v1/kv/once", { body: "1", headers: { "idempotency-key": "put" } });
  assert.equal(again.json, put.json);
  assert.is((await rig.ask("GET", "/v1/kv/once")).text, "2");
  const lost = await rig.ask("PUT", "/v1/kv/once?if_revision=1", { body: "3", headers: { "idempotency-key": "cond" } });
  assert.equal([lost.status, (await rig.ask("PUT", "/v1/kv/once?if_revision=1", { body: "3", headers: { "idempotency-key": "cond" } })).status], [412, 412]);
  const gone = await rig.ask("DELETE", "/v1/kv/once", { headers: { "idempotency-key": "del" } });
  assert.equal((await rig.ask("DELETE", "/v1/kv/once", { headers: { "idempotency-key": "del" } })).json, gone.json);
  for (const key of ["", "a b", "x".repeat(256)]) {
    assert.is((await rig.ask("PUT", "/v1/kv/once", { body: "1", headers: { "idempotency-key": key } })).status, 400, `key of ${key.length}`);
  }
  assert.is((await rig.ask("POST", "/v1/snapshot", { headers })).status, 400);
});

test("a machine that means something else by the names of kv's operations is told apart", async () => {
  const odd: Plugin<null> = {
    name: "odd",
    version: 1,
    operations: { txn: { kind: "write" }, set: { kind: "write" }, list: { kind: "read" }, getrev: { kind: "read" } },
    create: () => ({ apply: () => "done", query: () => 7, snapshot: () => null, restore: () => {} }),
  };
  const own = await HttpRig.start({ machine: odd });
  try {
    const answers = [await own.ask("GET", "/v1/kv"), await own.ask("GET", "/v1/kv/a"), await own.ask("PUT", "/v1/kv/a?if_revision=0", { body: "x" }), await own.ask("DELETE", "/v1/kv/a")];
    assert.equal(answers.map(errorIn), ["UNKNOWN_OPERATION not-done", "NOT_FOUND not-done", "UNKNOWN_OPERATION done", "UNKNOWN_OPERATION not-done"]);
    assert.is((await own.ask("PUT", "/v1/kv/a", { body: "x" })).status, 200);
  } finally {
    await own.stop();
  }
});

test("fetch answers as the port does", async () => {
  const { node } = rig;
  const put = await node.fetch(new Request("http://draft/v1/kv/f?ttl_ms=60000", { method: "PUT", body: "v" }));
  assert.is(put.status, 200);
  const got = await node.fetch(new Request("http://draft/v1/kv/f"));
  assert.equal([got.status, await got.text(), got.headers.get("x-content-type-options")], [200, "v", "nosniff"]);
  assert.is((await node.fetch(new Request("http://draft/v1/kv/f", { headers: { "if-none-match": got.headers.get("etag") ?? "" } }))).status, 304);
  assert.is((await node.fetch(new Request("http://draft/v1/kv/f", { method: "HEAD" }))).headers.get("content-type"), "application/octet-stream");
  assert.is((await node.fetch(new Request("http://draft/v1/none"))).status, 404);
});

test.run();
