/** TLS on a node's one port: clients, HTTP and peers, who is let in, and what is said to who speaks plainly. */
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connect, DraftError, type NodeOptions, type RunningNode } from "../../mod.ts";
import { runTask } from "../../src/base/task.ts";
import { namesIn } from "../../src/host/certificate_names.ts";
import { createNodeHost, silentLog } from "../../src/host/node_host.ts";
import { NodeTlsNet } from "../../src/host/node_tls.ts";
import { Lane } from "../../src/net/frame.ts";
import { greet } from "../../src/net/greeting.ts";
import type { Hello } from "../../src/net/hello.ts";
import { NO_PROOF, type PeerProof } from "../../src/net/peer_proof.ts";
import { authFile, Guarded, TOKENS } from "./auth_rig.ts";
import { Authority, type Pem } from "./certificates.ts";

const test = suite("TLS");

const clients = await Authority.make("clients");
const nodes = await Authority.make("nodes");
const strangers = await Authority.make("strangers");

/** The flags of the node `id`. */
async function tlsOf(guarded: Guarded, id: string, more: NodeOptions = {}, pem?: Pem): Promise<NodeOptions> {
  const { cert, key } = pem ?? await nodes.node(id);
  return {
    id, tlsCert: guarded.secret(`${id}.crt`, cert), tlsKey: guarded.secret(`${id}.key`, key),
    tlsCa: guarded.secret("clients.pem", clients.pem), tlsPeerCa: guarded.secret("nodes.pem", nodes.pem), ...more,
  };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DraftError) return error.code;
    throw error;
  }
  return "done";
}

async function writes(node: RunningNode, tls: { ca?: string; cert?: string; key?: string }, token?: string): Promise<string> {
  await using client = connect(node.listen, { tls, timeoutMs: 2000, ...(token === undefined ? {} : { token }) });
  return await codeOf(client.write(["set", "k", "v"]));
}

/** Status of an answer over HTTPS; or the code of what broke the connection. */
function https(node: RunningNode, { method = "GET", path = "/livez", token = "", ...own }: { method?: string; path?: string; token?: string; cert?: string; key?: string } = {}): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
    const asked = request({ host: "127.0.0.1", port: Number(node.listen.split(":")[1]), method, path, ca: nodes.pem, agent: false, headers, ...own }, (answer) => {
      answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
    });
    asked.on("error", () => resolve("refused")).end();
  });
}

test("clients, HTTP and nodes meet on one port, over TLS alone, each with a certificate", async () => {
  const guarded = new Guarded();
  const leader = await guarded.start(await tlsOf(guarded, "a", { tlsClientAuth: true, bootstrap: true }));
  const follower = await guarded.start(await tlsOf(guarded, "b", { tlsClientAuth: true }));
  await leader.client.changeMembers([{ type: "add", id: "b", address: follower.address, votes: true }]);
  await guarded.voter(leader, "b");
  const alice = await clients.sign("alice");
  const mallory = await strangers.sign("alice");
  for (const node of [leader, follower]) {
    assert.is(await writes(node, { ca: nodes.pem, ...alice }), "done");
    assert.is(await writes(node, { ca: nodes.pem }), "UNREACHABLE", "without a certificate");
    assert.is(await writes(node, { ca: nodes.pem, ...mallory }), "UNREACHABLE", "with one of strangers");
    assert.is(await writes(node, { ca: strangers.pem, ...alice }), "UNREACHABLE", "the node's is of strangers");
    assert.is(await https(node, alice), 200);
    assert.is(await https(node, { ...alice, method: "PUT", path: "/v1/kv/https" }), 200, "a follower passes it on");
    assert.is(await https(node), "refused");
  }
  assert.is((await leader.client.read(["get", "https"])).result, "");
  await guarded.stop();
});

test("who speaks plainly is told so in words", async () => {
  const guarded = new Guarded();
  const node = await guarded.start(await tlsOf(guarded, "a", { bootstrap: true }));
  const said = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connectPlain({ host: "127.0.0.1", port: Number(node.listen.split(":")[1]) });
    socket.setEncoding("latin1").on("data", (part: string) => (text += part)).on("close", () => resolve(text)).on("error", () => resolve(text));
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
  });
  assert.match(said, /^HTTP\/1\.1 400 [^]*this port speaks TLS alone/);
  await guarded.stop();
});

const CLAIM: Omit<Hello, "nodeId" | "clusterId"> = {
  protocolVersion: 1, featureLevel: 1, memberNumber: 2, incarnation: 7, bootId: 1, address: "127.0.0.1:1", frameBytesMax: 65536,
  machineName: "kv", machineVersion: 1, sourceDigest: "", foundingDigest: "", groups: [], priority: 0,
};

/** Says hello as the node `nodeId`, and tells what comes of it. */
function intrude(node: RunningNode, nodeId: string, own: Pem | null, proof: PeerProof = NO_PROOF, lane: number = Lane.control): Promise<string> {
  const host = createNodeHost(silentLog);
  const net = own === null ? host.net : new NodeTlsNet({ own, ca: null, peerCa: nodes.pem, demandsCertificate: false }, true);
  return new Promise((resolve) => {
    const greeting = { host: { ...host, net }, address: node.listen, lane, proof, hello: { ...CLAIM, nodeId, clusterId: node.clusterId }, timeoutMs: 3000 };
    runTask(greet(greeting), (...[error, greeted]) => {
      greeted?.socket.destroy();
      resolve(error?.message ?? "let in");
    });
  });
}

test("a client's certificate opens no connection of nodes, nor does a node's that of another node", async () => {
  const guarded = new Guarded();
  const node = await guarded.start(await tlsOf(guarded, "a", { bootstrap: true }));
  const named = [{ type: "url", value: "draft-node:b" }] as const;
  const wanted = /shows no certificate of the node b/;
  assert.match(await intrude(node, "b", await clients.sign("b", [...named])), wanted, "the clients' authority signs no nodes");
  assert.match(await intrude(node, "b", await nodes.sign("draft-node:b")), wanted, "a common name is none of a node");
  assert.match(await intrude(node, "b", await nodes.sign("b", [{ type: "dns", value: "x, URI:draft-node:b" }])), wanted, "a DNS name that looks like two");
  assert.match(await intrude(node, "b", await nodes.node("c")), wanted);
  // Who has the right one is refused for what it says, not for who it is.
  assert.not.match(await intrude(node, "b", await nodes.node("b")), wanted);
  await guarded.stop();
});

test("nodes that share a secret believe nobody who does not prove to know it", async () => {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, peerSecretFile: guarded.secret("peers", "the secret of the peers") });
  const secret = (text: string): PeerProof => ({ secret: new TextEncoder().encode(text), certificates: false });
  assert.match(await intrude(node, "b", null), /wants a proof/);
  assert.match(await intrude(node, "b", null, secret("the secret of others")), /does not prove to know the secret/);
  assert.not.match(await intrude(node, "b", null, secret("the secret of the peers")), /proof|prove/);
  const other = await guarded.start({ id: "z", bootstrap: true });
  assert.match(await intrude(other, "b", null, secret("the secret of the peers"), Lane.probe), /does not prove to know the secret of the nodes: start it with/);
  await guarded.stop();
});

test("tokens over TLS need no certificate; one that the file names is who it says", async () => {
  const guarded = new Guarded();
  const auth = guarded.secret("auth.toml", authFile(["writer", "reader"], '[[certificate]]\nname = "alice.example"\nroles = ["read"]\n'));
  const node = await guarded.start(await tlsOf(guarded, "a", { bootstrap: true, authFile: auth }));
  const alice = await clients.sign("alice", [{ type: "dns", value: "alice.example" }]);
  assert.is(await writes(node, { ca: nodes.pem }, TOKENS.writer), "done");
  assert.is(await writes(node, { ca: nodes.pem }), "UNAUTHORIZED");
  assert.is(await writes(node, { ca: nodes.pem, ...alice }), "FORBIDDEN");
  assert.is(await https(node, { ...alice, path: "/v1/kv/k" }), 200);
  assert.is(await https(node, { ...(await strangers.sign("alice", [{ type: "dns", value: "alice.example" }])), path: "/v1/kv/k" }), 401);
  assert.is(await https(node, { token: TOKENS.reader, path: "/v1/kv/k" }), 200);
  await guarded.stop();
});

test("certificates are read again for new connections; broken ones change nothing", async () => {
  const guarded = new Guarded();
  const node = await guarded.start(await tlsOf(guarded, "a", { bootstrap: true }));
  await using before = connect(node.listen, { tls: { ca: nodes.pem } });
  await before.write(["set", "k", "1"]);
  guarded.secret("a.key", "no key");
  node.reload();
  assert.ok(guarded.lines.some(({ level, message }) => level === "error" && message.includes("keeps what it had: --tls-cert")));
  assert.is(await writes(node, { ca: nodes.pem }), "done");
  const { cert, key } = await strangers.node("a");
  guarded.secret("a.crt", cert);
  guarded.secret("a.key", key);
  node.reload();
  assert.is(await writes(node, { ca: nodes.pem }), "UNREACHABLE");
  assert.is(await writes(node, { ca: strangers.pem }), "done");
  assert.is(await codeOf(before.write(["set", "k", "2"])), "done", "what is open stays");
  await guarded.stop();
});

test("a key that others can read is refused, and one of another certificate", async () => {
  const guarded = new Guarded();
  const options = await tlsOf(guarded, "a", { bootstrap: true });
  const other = guarded.secret("other.key", (await nodes.node("a")).key);
  assert.is(await codeOf(guarded.start({ ...options, tlsKey: other })), "BAD_CONFIG");
  const { chmodSync } = await import("node:fs");
  chmodSync(options.tlsKey ?? "", 0o644);
  assert.is(await codeOf(guarded.start(options)), "BAD_CONFIG");
  await guarded.stop();
});

test("namesIn() reads names, and refuses what is no certificate", async () => {
  const { cert } = await nodes.sign("é, CN=x", [{ type: "dns", value: "x, URI:draft-node:b" }, { type: "url", value: "draft-node:c" }]);
  const der = Buffer.from(cert.replace(/-----[A-Z ]+-----/g, ""), "base64");
  assert.equal(namesIn(der), { commonName: "é, CN=x", alternatives: [{ kind: "dns", name: "x, URI:draft-node:b" }, { kind: "uri", name: "draft-node:c" }] });
  for (let length = 0; length < der.length; length++) assert.throws(() => namesIn(der.subarray(0, length)), (error: unknown) => error instanceof RangeError);
});

test.run();
