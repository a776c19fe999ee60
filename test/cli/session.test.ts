import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError } from "../../src/base/errors.ts";
import { allLeaves } from "../../src/cli/main.ts";
import { dispatch } from "../../src/cli/dispatch.ts";
import { worseCode } from "../../src/cli/session.ts";
import { runServer } from "../../src/gateway/run_server.ts";
import type { OperationInfo } from "../../src/net/client_answers.ts";
import { type FakeServer, fakeCluster, serveFake } from "../gateway/fake_node.ts";
import { fakeIo } from "./fake_io.ts";

const test = suite("session");

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line with `args` and `input` against three fake nodes. */
async function run(args: readonly string[], input: string = "", prepare?: (servers: FakeServer[]) => void): Promise<Ran> {
  const cluster = fakeCluster();
  const servers: FakeServer[] = [];
  for (const id of ["a", "b", "c"]) servers.push(await serveFake(cluster, id));
  prepare?.(servers);
  const io = fakeIo(input, { DRAFT_CONNECT: servers.map(({ address }) => address).join(",") });
  try {
    const code = await dispatch(args, allLeaves(runServer), io);
    return { code, out: io.outText(), err: io.errText() };
  } finally {
    for (const server of servers) await server.stop();
  }
}

test("client runs one command verbatim", async () => {
  let servers: FakeServer[] = [];
  const ran = await run(["client", "set", "k", "007"], "", (all) => (servers = all));
  assert.equal(ran, { code: 0, out: "OK\n", err: "" });
  assert.is(servers[0]?.node.cluster.state.get("k"), "007");
  assert.equal(servers[0]?.node.seen, ["set k 007"]);
});

test("client sends -5 as text, and options behind COMMAND with it", async () => {
  let servers: FakeServer[] = [];
  await run(["client", "--json", "incr", "-5", "--json"], "", (all) => (servers = all));
  assert.equal(servers[0]?.node.seen, ["incr -5 --json"]);
});

test("a word that resembles no operation gets no guess", async () => {
  assert.match((await run(["client", "xyzzy"])).err, /no operation "xyzzy": draft client help lists them$/m);
  assert.match((await run(["client", "gte", "k"])).err, /no operation "gte": did you mean "get"\?$/m);
});

test("client --json answers with one line each, errors too", async () => {
  const ran = await run(["client", "--json"], "set k v\nget k\nbogus\n");
  const [first, second, third] = ran.out.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal([first, second], [{ result: "OK", index: 1 }, { result: "v", index: 1 }]);
  assert.equal(Object.keys(third?.["error"] as object), ["code", "message", "outcome", "leader"]);
  assert.equal([ran.code, ran.err], [1, ""]);
});

test("piped lines go on after an error, and the worst exit code counts", async () => {
  const ran = await run(["client"], 'bogus\nset "x\nset k v\nget k', ([a]) => {
    if (a !== undefined) a.node.onRead = (_, done) => done(new DraftError("LOST", "it went away"));
  });
  assert.is(ran.out, "OK\n");
  assert.is(ran.code, 3);
  assert.is(ran.err.trim().split("\n").length, 3);
});

test("worseCode() orders 0 < 1 < 4 < 3", () => {
  assert.equal([worseCode(0, 1), worseCode(4, 1), worseCode(4, 3), worseCode(3, 0), worseCode(3, 13)], [1, 4, 3, 3, 13]);
});

test("an error ends with what to do next", async () => {
  assert.match((await run(["client", "gett", "k"])).err, /^\(error\) UNKNOWN_OPERATION .*did you mean "get"\?/);
  const lost = await run(["client", "set", "k", "v"], "", ([a]) => {
    if (a !== undefined) a.node.onPropose = (_, done) => done(new DraftError("LOST", "the leader changed"));
  });
  assert.match(lost.err, "may have been done");
  assert.match(lost.err, "draft admin states");
  assert.is(lost.code, 3);
});

test("of an operation that nobody lists the node that would run it says why", async () => {
  const words = "unknown operation 'leave': the machine 'guests' has come; c still runs version 1";
  const { err, code } = await run(["client", "leave", "ann"], "", (all) => {
    for (const { node } of all) node.onRead = ([name], done) => done(new DraftError(name === "leave" ? "UNKNOWN_OPERATION" : "BAD_REQUEST", words));
  });
  assert.ok(err.startsWith(`(error) UNKNOWN_OPERATION ${words}`), err);
  assert.is(code, 1);
});

test("words of the prompt work with and without a dot", async () => {
  for (const words of [["help"], [".help"]]) {
    const { out, code } = await run(["client", ...words]);
    assert.match(out, "set K V");
    assert.match(out, ".status");
    assert.is(code, 0);
  }
  assert.match((await run(["client", ".help", "set"])).out, "sets a key");
  assert.match((await run(["client", "status"])).out, "leader");
  assert.match((await run(["client", ".stauts"])).err, 'did you mean ".status"?');
});

test("an operation of the machine goes before a word of the prompt", async () => {
  let servers: FakeServer[] = [];
  await run(["client", "status"], "", (all) => {
    servers = all;
    const operations = [{ name: "status", kind: "read" as const, args: "", summary: "" }];
    for (const { node } of all) node.operations = () => operations;
  });
  assert.equal(servers[0]?.node.seen, ["linearizable status"]);
});

test("an operation that came with a later version is found by a prompt that was open before", async () => {
  const { out, err } = await run(["client"], "get k\nfresh\nhelp fresh\n", (all) => {
    for (const { node } of all) {
      const before = node.operations("main") as readonly OperationInfo[];
      let asked = 0;
      node.operations = () => ++asked === 1 ? before : [...before, { name: "fresh", kind: "read" as const, args: "WHAT", summary: "is new" }];
    }
  });
  assert.equal([out, err], ["(nil)\n(nil)\nfresh WHAT\n  is new\n", ""]);
});

test("at a prompt what to type next is a line, and help knows its words with and without a dot", async () => {
  assert.match((await run(["client"], "xyzzy\n")).err, /no operation "xyzzy": \.help lists them$/m);
  for (const wanted of ["use", ".use"]) assert.is((await run(["client"], `help ${wanted}\n`)).out, ".use GROUP\n  sends what follows to another group\n");
});

test("L13: --json says of a stale answer that it is one, and of no other", async () => {
  for (const level of ["stale", "lease", "linearizable"]) {
    const { out } = await run(["client", "--json", "--level", level, "get", "k"]);
    assert.equal(Object.keys(JSON.parse(out) as object), level === "stale" ? ["result", "index", "level"] : ["result", "index"]);
  }
});

test("exit ends piped input", async () => {
  assert.equal(await run(["client"], "set k v\nexit\nget k\n"), { code: 0, out: "OK\n", err: "" });
});

test("admin servers, states and transfer", async () => {
  const servers = JSON.parse((await run(["admin", "servers", "--json"])).out) as { members: { id: string }[] };
  assert.equal(servers.members.map(({ id }) => id), ["a", "b", "c"]);
  const states = JSON.parse((await run(["admin", "status", "--json"])).out) as { nodeId: string }[];
  assert.equal(states.map(({ nodeId }) => nodeId), ["a", "b", "c"]);
  assert.match((await run(["admin", "transfer", "b"])).out, "b leads");
  assert.is((await run(["admin", "transfer", "nobody"])).code, 1);
});

test("admin states names the members that do not answer", async () => {
  const { out, code } = await run(["admin", "states", "--json"], "", ([a]) => {
    a?.node.cluster.members.push({ id: "z", address: "127.0.0.1:1" });
  });
  const states = JSON.parse(out) as Record<string, unknown>[];
  assert.equal(states.at(-1), { nodeId: "z", address: "127.0.0.1:1", unreachable: true });
  assert.is(code, 0);
});

test("bad options of client are usage errors, exit 2", async () => {
  for (const args of [["--level", "fresh"], ["--timeout-ms", "soon"], ["--min-index", "-1"], ["--nonsense"]]) {
    assert.is((await run(["client", ...args, "get", "k"])).code, 2, args.join(" "));
  }
});

test.run();
