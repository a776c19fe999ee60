/** `/v1/watch` of a real node: each change once, in order, from any place; readers that are slow, gone or too many. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Streams } from "../../src/gateway/http/streams.ts";
import { watchedPrefix, watchEvents } from "../../src/gateway/http/watch_events.ts";
import { EventReader } from "./event_source.ts";
import { errorIn, HttpRig } from "./http_rig.ts";

const test = suite("http watch");
let rig: HttpRig;

test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

function url(query: string): string {
  return `http://127.0.0.1:${rig.port}/v1/watch${query}`;
}

async function set(key: string, value: string): Promise<number> {
  return (await rig.node.client.run(["set", key, value])).index;
}

test("a watch tells where it begins, then each change with its place", async () => {
  await using events = await EventReader.open(url("?prefix=one/"));
  assert.equal([events.response.headers.get("content-type"), events.response.headers.get("cache-control")], ["text/event-stream", "no-store"]);
  const begun = await events.next();
  assert.is(begun?.type, "progress");
  const first = await set("one/a", "1");
  await set("two/a", "1");
  const { index: both } = await rig.node.client.run(["mset", "one/a", "2", "one/b", "3"]);
  const { index: gone } = await rig.node.client.run(["del", "one/a"]);
  const told = [await events.nextOf("message"), await events.nextOf("message"), await events.nextOf("message"), await events.nextOf("message")];
  assert.equal(told.map(({ id }) => id), [`${first}.1`, `${both}.1`, `${both}.2`, `${gone}.1`]);
  assert.equal(told.map(({ data }) => data), [
    { key: "one/a", value: "1", revision: first, deleted: false },
    { key: "one/a", value: "2", revision: both, deleted: false },
    { key: "one/b", value: "3", revision: both, deleted: false },
    { key: "one/a", value: null, revision: gone, deleted: true },
  ]);
});

test("from= begins with the changes of an entry, Last-Event-ID goes on behind one, and comes first", async () => {
  const { index } = await rig.node.client.run(["mset", "from/a", "1", "from/b", "2", "from/c", "3"]);
  const last = await set("from/d", "4");
  const keys = async (query: string, lastEventId: string, count: number): Promise<unknown[]> => {
    await using events = await EventReader.open(url(query), lastEventId);
    const told: unknown[] = [];
    while (told.length < count) told.push(((await events.nextOf("message")).data as { key: unknown }).key);
    return told;
  };
  assert.equal(await keys(`?prefix=from/&from=${index}`, "", 4), ["from/a", "from/b", "from/c", "from/d"]);
  assert.equal(await keys(`?prefix=from/&from=${index + 1}`, "", 1), ["from/d"]);
  assert.equal(await keys("?prefix=from/", `${index}.1`, 3), ["from/b", "from/c", "from/d"]);
  assert.equal(await keys(`?prefix=from/&from=${index}`, `${index}.3`, 1), ["from/d"]);
  assert.equal(await keys("?prefix=from/", `${last}.0`, 1), ["from/d"]);
});

test("a key of bytes that are no text is told as such, and found by a prefix of bytes", async () => {
  await rig.ask("PUT", "/v1/kv/raw%FF%01", { body: "x" });
  const { index } = await rig.node.client.run(["get", "first"]);
  await using events = await EventReader.open(url(`?prefix=raw%FF&from=${index}`));
  assert.equal(((await events.nextOf("message")).data as { key: unknown }).key, { base64: "cmF3/wE=" });
  assert.is(watchedPrefix(Uint8Array.of(0x61, 0xff)), "a\udcff");
});

test("what is asked wrongly is refused, and nothing stays open", async () => {
  for (const [path, status, error] of [
    ["/v1/watch?from=x", 400, "BAD_REQUEST not-done"], ["/v1/watch?from=-1", 400, "BAD_REQUEST not-done"],
    ["/v1/watch?prefixes=a", 400, "BAD_REQUEST not-done"], ["/v1/watch?group=none", 404, "NOT_FOUND not-done"],
    [`/v1/watch?prefix=${"a".repeat(1025)}`, 400, "BAD_REQUEST not-done"], ["/v1/watch?prefix=%G1", 400, "BAD_REQUEST not-done"],
  ] as const) {
    const answer = await rig.ask("GET", path);
    assert.equal([answer.status, errorIn(answer)], [status, error], path);
  }
  const odd = await rig.ask("GET", "/v1/watch", { headers: { "last-event-id": "12" } });
  assert.equal([odd.status, errorIn(odd)], [400, "BAD_REQUEST not-done"]);
  assert.is((await rig.ask("POST", "/v1/watch")).status, 405);
  const head = await rig.ask("HEAD", "/v1/watch?prefix=a");
  assert.equal([head.status, head.text, head.headers["content-type"]], [200, "", "text/event-stream"]);
  await using events = await EventReader.open(url(""));
  assert.ok(await events.next());
});

test("what is no longer held is 410, with where it goes on", async () => {
  const own = await HttpRig.start();
  // More changes by one entry than any history holds.
  await own.node.client.run(["mset", ...Array.from({ length: 200_000 }, (_, at) => (at % 2 === 0 ? `k${at}` : "v"))]);
  const gone = await own.ask("GET", "/v1/watch?from=1");
  const { error } = gone.json as { error: { code: string; oldestIndex: number } };
  assert.equal([gone.status, error.code], [410, "COMPACTED"]);
  await using events = await EventReader.open(`http://127.0.0.1:${own.port}/v1/watch?from=${error.oldestIndex}`);
  await own.node.client.run(["set", "after", "1"]);
  assert.equal(((await events.nextOf("message")).data as { key: unknown }).key, "after");
  await own.stop();
});

test("a node that stops says so, and a stream ends with the reason", async () => {
  const own = await HttpRig.start();
  await using events = await EventReader.open(`http://127.0.0.1:${own.port}/v1/watch`);
  await events.next();
  const stopped = own.stop();
  const end = await events.nextOf("end");
  assert.is((end.data as { error: { code: string } }).error.code, "STOPPING");
  assert.is(await events.next(), null);
  await stopped;
});

test("who does not read holds nothing, and hears all of it, or why not, once he reads", async () => {
  const own = await HttpRig.start();
  const slow = own.dial();
  await new Promise<void>((resolve) => slow.on("connect", resolve));
  slow.pause();
  slow.write("GET /v1/watch?prefix=s/ HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await using quick = await EventReader.open(`http://127.0.0.1:${own.port}/v1/watch?prefix=s/`);
  await quick.next();
  // 64 MB go by: more than sockets and history hold of it.
  const value = "v".repeat(64 * 1024);
  for (let at = 0; at < 1000; at++) {
    await own.node.client.run(["set", `s/${at}`, value]);
    assert.is(((await quick.nextOf("message")).data as { key: string }).key, `s/${at}`);
  }
  let text = "";
  slow.setEncoding("latin1").on("data", (part: string) => (text += part)).resume();
  await new Promise<void>((resolve) => slow.on("close", () => resolve()));
  assert.match(text, /event: end\ndata: \{"error":\{"code":"COMPACTED"/);
  const keys = [...text.matchAll(/"key":"s\/(\d+)"/g)].map(([, at]) => Number(at));
  assert.equal(keys, keys.map((_, at) => at));
  assert.ok(keys.length < 1000);
  await own.stop();
});

test("there are so many streams and no more, and each is given back once", async () => {
  const streams = new Streams(2);
  const over = streams.begin();
  streams.begin();
  assert.throws(() => streams.begin(), /2 streams are open/);
  over();
  over();
  assert.is(streams.open, 1);
  streams.begin();
  assert.throws(() => streams.begin());
});

test("who goes away is forgotten, once, whatever it was waiting for", async () => {
  const calls: string[] = [];
  let ready = (): void => undefined;
  const watch = { take: () => null, close: () => void calls.push("close") };
  const events = watchEvents((wake) => {
    ready = wake;
    return watch;
  }, () => void calls.push("over"));
  const reader = events.getReader();
  const waiting = reader.read();
  await reader.cancel();
  ready();
  assert.equal([calls, await waiting], [["close", "over"], { done: true, value: undefined }]);
});

test("node.fetch streams, and lets go when it is cancelled", async () => {
  const response = await rig.node.fetch(new Request("http://any/v1/watch?prefix=f/"));
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /^event: progress\nid: \d+\.0\ndata: \{"index":\d+\}\n\n$/);
  await set("f/a", "1");
  assert.match(new TextDecoder().decode((await reader.read()).value), /^id: \d+\.1\ndata: \{"key":"f\/a"/);
  await reader.cancel();
  const head = await rig.node.fetch(new Request("http://any/v1/watch", { method: "HEAD" }));
  assert.equal([head.status, await head.text()], [200, ""]);
});

test.run();
