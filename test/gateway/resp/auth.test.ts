/** Tokens at the door for Redis's clients: AUTH and HELLO prove one, and its role and keys hold for every command. */
import { connect } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RunningNode } from "../../../mod.ts";
import { authFile, Guarded, TOKENS } from "../auth_rig.ts";

const test = suite("tokens over RESP");

/** Says `lines` on one connection, then QUIT; the first lines of the replies, without that to QUIT. */
function say(node: RunningNode, ...lines: string[]): Promise<string[]> {
  const [host = "", port = ""] = node.listen.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write([...lines, "QUIT", ""].join("\r\n")));
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => (text += piece)).on("error", reject).on("close", () => {
      resolve(text.split("\r\n").filter((line) => /^[-+:$*_%]/.test(line)).slice(0, -1));
    });
  });
}

async function guardedNode(): Promise<{ guarded: Guarded; node: RunningNode }> {
  const guarded = new Guarded();
  const node = await guarded.start({ bootstrap: true, authFile: guarded.secret("auth.toml", authFile()) });
  await node.client.run(["set", "secret", "v"]);
  return { guarded, node };
}

test("nobody is told anything before AUTH, and a wrong token proves nothing", async () => {
  const { guarded, node } = await guardedNode();
  const commands = ["GET secret", "SET secret w", "PING", "INFO", "CLIENT LIST", "COMMAND DOCS", "CLUSTER SLOTS", "MULTI", "DRAFT RUN get secret", "DRAFT WATCH secret"];
  assert.equal(await say(node, ...commands), commands.map(() => "-NOAUTH Authentication required."));
  const wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
  assert.equal(await say(node, "AUTH draft_wrong", "AUTH default draft_wrong", `AUTH reader ${TOKENS.ops}`, "GET secret"), [wrong, wrong, wrong, "-NOAUTH Authentication required."]);
  assert.match((await say(node, "HELLO 3")).join(), /^-NOAUTH HELLO must be called/);
  assert.is((await node.client.read(["get", "secret"])).result, "v");
  await guarded.stop();
});

test("a token, with its name or without, is who one is until another proves something or RESET forgets it", async () => {
  const { guarded, node } = await guardedNode();
  assert.equal(await say(node, `AUTH ${TOKENS.reader}`, "GET secret", "SET k v"), ["+OK", "$1", '-NOPERM "reader" has the role read: a write needs the role write']);
  assert.equal(await say(node, `AUTH writer ${TOKENS.writer}`, "SET k v", "AUTH draft_wrong", "GET k", "RESET", "GET k"), [
    "+OK", "+OK", "-WRONGPASS invalid username-password pair or user is disabled.", "$1", "+RESET", "-NOAUTH Authentication required.",
  ]);
  const [hello, , , value] = await say(node, `HELLO 2 AUTH default ${TOKENS.reader}`, "GET secret");
  assert.match(hello ?? "", /^\*/);
  assert.ok(value !== undefined);
  await guarded.stop();
});

test("who is kept to some keys is kept to them, in transactions and watches too", async () => {
  const { guarded, node } = await guardedNode();
  const ci = `AUTH ci ${TOKENS.ci}`;
  const told = await say(node, ci, "SET ci/a 1", "GET secret", "MGET ci/a secret", "DBSIZE", "WATCH secret", "MULTI", "SET ci/b 2", "SET secret w", "EXEC", "GET ci/b", "DRAFT RUN get secret", "HELLO 3", "DRAFT WATCH sec");
  const refused = /^-NOPERM "ci" may use keys that begin with "ci\/" alone/;
  const isRefused = told.map((line) => refused.test(line));
  assert.equal(isRefused.slice(0, 9), [false, false, true, true, true, true, false, false, true], told.join("\n"));
  assert.match(told[9] ?? "", /^-EXECABORT/);
  assert.is(told[10], "$-1");
  assert.ok(isRefused[11]);
  assert.ok(isRefused.at(-1), told.join("\n"));
  assert.is((await node.client.read(["get", "secret"])).result, "v");
  await guarded.stop();
});

test("who has not said who they are may send little", async () => {
  const { guarded, node } = await guardedNode();
  const fault = (bytes: string): Promise<string> => new Promise((resolve, reject) => {
    const socket = connect(Number(node.listen.split(":").at(-1)), "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setEncoding("latin1").on("data", (piece: string) => (text += piece)).on("error", reject).on("close", () => resolve(text));
  });
  assert.is(await fault("*11\r\n"), "-ERR Protocol error: unauthenticated multibulk length\r\n");
  assert.is(await fault("*2\r\n$4\r\nAUTH\r\n$16385\r\n"), "-ERR Protocol error: unauthenticated bulk length\r\n");
  const token = TOKENS.ops;
  const large = `*2\r\n$4\r\nECHO\r\n$20000\r\n${"x".repeat(20_000)}\r\n`;
  assert.is(await fault(`*2\r\n$4\r\nAUTH\r\n$${token.length}\r\n${token}\r\n${large}QUIT\r\n`), `+OK\r\n$20000\r\n${"x".repeat(20_000)}\r\n+OK\r\n`);
  await guarded.stop();
});

test.run();
