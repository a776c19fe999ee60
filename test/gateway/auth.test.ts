/** Tokens at the doors of real nodes: who is let in, what they may, and what becomes of it on a follower. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Client, connect, DraftError, type RunningNode } from "../../mod.ts";
import { authFile, Guarded, TOKENS } from "./auth_rig.ts";

const test = suite("tokens");

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DraftError) return error.code;
    throw error;
  }
  return "done";
}

/** Asks `node` alone over HTTP. */
async function status(node: RunningNode, method: string, path: string, token: string | null, body?: string): Promise<number> {
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(body?.startsWith("{") === true ? { "content-type": "application/json" } : {}) };
  const answer = await fetch(`http://${node.listen}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  await answer.arrayBuffer();
  return answer.status;
}

async function as<T>(node: RunningNode, token: string | undefined, run: (client: Client) => Promise<T>): Promise<T> {
  await using client = connect(node.listen, token === undefined ? {} : { token });
  return await run(client);
}

test("who shows no token, or a wrong one, is told nothing, at every door", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  await node.client.run(["set", "k", "v"]);
  for (const token of [undefined, "draft_wrong", TOKENS.ops.slice(1)]) {
    assert.is(await codeOf(as(node, token, (client) => client.read(["get", "k"]))), "UNAUTHORIZED");
    assert.is(await codeOf(as(node, token, (client) => client.status())), "UNAUTHORIZED");
    for (const path of ["/v1/kv/k", "/v1/status", "/v1/operations", "/openapi.json"]) assert.is(await status(node, "GET", path, token ?? null), 401, path);
    assert.is(await status(node, "PUT", "/v1/kv/k", token ?? null, "other"), 401);
  }
  const answer = await fetch(`http://${node.listen}/v1/status`);
  assert.is(answer.headers.get("www-authenticate"), "Bearer");
  assert.is((await answer.text()).includes(node.clusterId), false);
  for (const path of ["/livez", "/readyz"]) assert.is(await status(node, "GET", path, null), 200);
  assert.is((await node.client.read(["get", "k"])).result, "v");
  await guarded.stop();
});

test("a role is what one may do, and no more", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  await node.client.run(["set", "k", "v"]);
  assert.is((await as(node, TOKENS.reader, (client) => client.read(["get", "k"]))).result, "v");
  for (const [token, write, admin] of [[TOKENS.reader, "FORBIDDEN", "FORBIDDEN"], [TOKENS.writer, "done", "FORBIDDEN"], [TOKENS.ops, "done", "done"]] as const) {
    assert.is(await codeOf(as(node, token, (client) => client.write(["set", "k", "v"]))), write);
    assert.is(await codeOf(as(node, token, (client) => client.snapshot())), admin);
    assert.is(await codeOf(as(node, token, (client) => client.setLogLevel("info", { address: node.listen }))), admin === "done" ? "BAD_REQUEST" : admin);
    assert.is(await status(node, "PUT", "/v1/kv/k", token, "v"), write === "done" ? 200 : 403);
    assert.is(await status(node, "POST", "/v1/run", token, '{"command":["SET","k","v"]}'), write === "done" ? 200 : 403);
    assert.is(await status(node, "POST", "/v1/sessions", token), write === "done" ? 200 : 403);
    assert.is(await status(node, "POST", "/v1/snapshot", token), admin === "done" ? 200 : 403);
    assert.is(await status(node, "DELETE", "/v1/members/nobody", token), admin === "done" ? 200 : 403);
    assert.is(await status(node, "GET", "/v1/kv/k", token), 200);
  }
  await guarded.stop();
});

test("who is kept to some keys is kept to them, whatever the command", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  await node.client.run(["set", "secret", "v"]);
  await as(node, TOKENS.ci, async (client) => {
    for (const command of [["set", "ci/a", "1"], ["MSET", "ci/b", "1", "ci/c", "2"], ["get", "ci/a"], ["list", "ci/"], ["txn", '[["exists","ci/a"]]', '[["del","ci/a"]]', "[]"]] as const) {
      assert.is(await codeOf(client.run([...command])), "done", command.join(" "));
    }
    for (const command of [
      ["set", "secret", "1"], ["get", "secret"], ["GET", "secret"], ["mset", "ci/b", "1", "secret", "2"], ["del", "ci/b", "secret"], ["list"], ["list", "c"], ["keys", "*"], ["flushall"], ["dbsize"], ["scan", "0"],
      ["txn", '[["exists","secret"]]', "[]", "[]"], ["txn", "[]", '[["get","secret"]]', "[]"], ["txn", "[]", "[]", '[["flushall"]]'], ["txn", "x", "[]", "[]"],
    ] as const) {
      assert.is(await codeOf(client.run([...command])), "FORBIDDEN", command.join(" "));
    }
    assert.is(await codeOf(client.watch("c").next()), "FORBIDDEN");
    assert.is((await client.watch("ci/", { from: 1 }).next()).done, false);
  });
  assert.is(await status(node, "GET", "/v1/kv/secret", TOKENS.ci), 403);
  assert.is(await status(node, "GET", "/v1/kv/ci%2Fb", TOKENS.ci), 200);
  assert.is(await status(node, "PUT", "/v1/kv/secret", TOKENS.ci, "x"), 403);
  assert.is(await status(node, "PUT", "/v1/kv/ci/d?if_revision=0", TOKENS.ci, "x"), 200);
  assert.is(await status(node, "DELETE", "/v1/kv/secret", TOKENS.ci), 403);
  assert.is(await status(node, "GET", "/v1/kv", TOKENS.ci), 403);
  assert.is(await status(node, "GET", "/v1/kv?prefix=ci/", TOKENS.ci), 200);
  assert.is(await status(node, "GET", "/v1/watch?prefix=c", TOKENS.ci), 403);
  assert.is(await status(node, "POST", "/v1/run", TOKENS.ci, '{"command":["get","secret"]}'), 403);
  assert.is((await node.client.read(["get", "secret"])).result, "v");
  await guarded.stop();
});

test("an Idempotency-Key is one's own: another's under the same text is another one", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  const add = (token: string): Promise<number> => fetch(`http://${node.listen}/v1/run`, {
    method: "POST", body: '{"command":["incr","n"]}', headers: { "authorization": `Bearer ${token}`, "content-type": "application/json", "idempotency-key": "one" },
  }).then(async (answer) => ((await answer.json()) as { result: number }).result);
  assert.equal([await add(TOKENS.writer), await add(TOKENS.writer), await add(TOKENS.ops), await add(TOKENS.writer)], [1, 1, 2, 1]);
  await guarded.stop();
});

test("a token that the file does not name any more ends at the next request; a broken file changes nothing", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  await as(node, TOKENS.writer, async (client) => {
    await client.write(["set", "k", "1"]);
    guarded.secret("auth.toml", "[[token]");
    node.reload();
    assert.ok(guarded.lines.some(({ level, message }) => level === "error" && message.startsWith("keeps what it had: --auth-file")));
    await client.write(["set", "k", "2"]);
    guarded.secret("auth.toml", authFile(["reader"]));
    node.reload();
    assert.is(await codeOf(client.write(["set", "k", "3"])), "UNAUTHORIZED");
    assert.is(await status(node, "GET", "/v1/kv/k", TOKENS.writer), 401);
    assert.is(await status(node, "GET", "/v1/kv/k", TOKENS.reader), 200);
  });
  await guarded.stop();
});

test("a follower passes on what those ask who may, and proves to the leader that it is a node", async () => {
  const guarded = new Guarded();
  const options = { authFile: guarded.secret("auth.toml", authFile()), peerSecretFile: guarded.secret("peers", "the secret of the peers") };
  const [leader, follower] = await guarded.cluster(["a", "b"], options) as [RunningNode, RunningNode];
  assert.is(await status(follower, "PUT", "/v1/kv/k", TOKENS.writer, "v"), 200);
  assert.is(await status(follower, "PUT", "/v1/kv/k", TOKENS.reader, "v"), 403);
  assert.is(await status(follower, "PUT", "/v1/kv/k", null, "v"), 401);
  assert.is((await leader.client.read(["get", "k"])).result, "v");
  // What draft's own clients send to a follower goes another way than what HTTP brings.
  const { openConnection } = await import("../../src/client/open_connection.ts");
  const { createNodeHost, silentLog } = await import("../../src/host/node_host.ts");
  const { encodeCommand } = await import("../../src/machine/command.ts");
  const written = await new Promise<string>((resolve, reject) => {
    const how = { clientName: "test", clusterId: "", forwarded: false, openTimeoutMs: 5000, credentials: { type: "token", token: TOKENS.writer } as const };
    openConnection(createNodeHost(silentLog), follower.listen, how, (error, connection) => {
      if (error !== null) return reject(error);
      connection.write("main", encodeCommand(["set", "k", "w"]), 5000, (failure) => {
        connection.close();
        resolve(failure?.code ?? "done");
      });
    });
  });
  assert.is(written, "done");
  await guarded.stop();
});

test("who says that it is a node, and knows no secret, or another one, is not believed", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()), peerSecretFile: guarded.secret("peers", "the secret of the peers") });
  const { openConnection } = await import("../../src/client/open_connection.ts");
  const { createNodeHost, silentLog } = await import("../../src/host/node_host.ts");
  const open = (secret: Uint8Array | null): Promise<string> => new Promise((resolve) => {
    const how = { clientName: "node a", clusterId: "", forwarded: true, openTimeoutMs: 5000, credentials: { type: "node", secret } as const };
    openConnection(createNodeHost(silentLog), node.listen, how, (error, connection) => {
      connection?.close();
      resolve(error?.code ?? "let in");
    });
  });
  assert.is(await open(null), "UNAUTHORIZED");
  assert.is(await open(new TextEncoder().encode("the secret of others")), "UNAUTHORIZED");
  assert.is(await open(new TextEncoder().encode("the secret of the peers")), "let in");
  await guarded.stop();
});

test("without a way to prove that it is a node a follower says who leads, and its token leads there", async () => {
  const guarded = new Guarded();
  const [, follower] = await guarded.cluster(["a", "b"], { authFile: guarded.secret("auth.toml", authFile()) }) as [RunningNode, RunningNode];
  assert.ok(guarded.lines.some(({ level, message }) => level === "warn" && message.includes("add --peer-secret-file")));
  assert.is(await status(follower, "PUT", "/v1/kv/k?timeout_ms=2000", TOKENS.writer, "v"), 421);
  assert.is(await codeOf(as(follower, TOKENS.writer, (client) => client.write(["set", "k", "v"]))), "done");
  await guarded.stop();
});

test("each admin action is told in the log: who, what, and how it ended", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  await node.client.run(["set", "k", "v"]);
  await as(node, TOKENS.ops, (client) => client.snapshot());
  await codeOf(as(node, TOKENS.writer, (client) => client.changeMembers([{ type: "remove", id: "a" }])));
  await status(node, "DELETE", "/v1/members/nobody?force=true", TOKENS.ops);
  await status(node, "POST", "/v1/snapshot", null);
  const told = guarded.lines.filter(({ fields }) => fields["audit"] === true).map(({ level, fields }) => [level, fields["principal"], fields["action"], fields["outcome"]]);
  assert.equal(told, [
    ["info", "ops", "snapshot", "done"],
    ["warn", "writer", 'change [{"type":"remove","id":"a"}]', "not-done: FORBIDDEN"],
    ["info", "ops", "DELETE /v1/members/nobody?force=true", "done"],
    ["warn", "unknown", "POST /v1/snapshot", "not-done: UNAUTHORIZED"],
  ]);
  assert.is(guarded.lines.some(({ message, fields }) => JSON.stringify([message, fields]).includes("draft_")), false, "no token stands in the log");
  await guarded.stop();
});

test.run();
