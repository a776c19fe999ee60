/** What goes wrong in use: each has its exit code and a line that ends with what to type next (O11). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { draft, freePorts, type Result, temporaryDirectory, TestCluster, TestNode, until } from "./processes.ts";

const test = suite("errors");

/** A node alone, on small limits. */
async function soloNode(): Promise<TestNode> {
  const address = `127.0.0.1:${await freePorts(1)}`;
  const flags = ["--bootstrap", "--heartbeat-ms", "40", "--election-ms", "150-300", "--value-bytes-max", "4096", "--segment-bytes", "1MiB"];
  return new TestNode({ id: "a", address, data: join(temporaryDirectory(), "a"), flags });
}

/** Nothing on standard output, one line on standard error that says `pattern`. */
function refused(result: Result, code: number, pattern: RegExp): void {
  assert.is(result.code, code, result.err);
  assert.is(result.out, "");
  assert.is(result.err.trimEnd().split("\n").length, 1, result.err);
  assert.match(result.err.trimEnd(), pattern);
}

/** The error object of --json, on standard output. */
function refusedJson(result: Result, exit: number, code: string): void {
  assert.is(result.code, exit, result.err);
  assert.is(result.err, "");
  const { error } = JSON.parse(result.out) as { error: { code: string; message: string; outcome: string; leader: unknown } };
  assert.equal([error.code, error.outcome], [code, "not-done"]);
  assert.ok(error.message.length > 0 && "leader" in error);
}

test("O11: a client's mistakes", async () => {
  const node = await soloNode();
  await node.start();
  try {
    const client = (...args: string[]): Promise<Result> => draft(["client", "-c", node.address, ...args]);
    assert.equal(await client("set", "k", "v"), { code: 0, out: "OK\n", err: "" });
    const large = "x".repeat(5000);
    refused(await client("set", "k", large), 1, /^\(error\) TOO_LARGE the command has 50\d\d bytes: at most 4096 are taken, see --value-bytes-max$/);
    refusedJson(await client("--json", "set", "k", large), 1, "TOO_LARGE");
    refused(await client("sett", "k", "v"), 1, /^\(error\) UNKNOWN_OPERATION .*"sett": did you mean "set"\?$/);
    refusedJson(await client("--json", "sett", "k", "v"), 1, "UNKNOWN_OPERATION");
    refused(await client("set", "k"), 1, /^\(error\) BAD_REQUEST .*: draft client help lists the operations$/);
    refusedJson(await client("--json", "set", "k"), 1, "BAD_REQUEST");
    refused(await client("--group", "none", "get", "k"), 1, /^\(error\) NOT_FOUND .*'none': draft admin states lists the groups$/);
    refusedJson(await client("--json", "cas", "k", "999", "v"), 1, "CONFLICT");
    refusedJson(await client("--json", "incr", "k"), 1, "REJECTED");
    refused(await client("--level", "new", "get", "k"), 2, /^draft client: --level "new": wants one of .*: draft client --help$/);
    refused(await draft(["admin", "transfer", "z", "-c", node.address]), 1, /^\(error\) NOT_FOUND .*draft admin servers$/);
  } finally {
    await node.kill();
  }
});

test("O11: nobody there, and addresses that are none", async () => {
  const address = `127.0.0.1:${await freePorts(1)}`;
  const pattern = /^\(error\) UNREACHABLE no node answers at 127\.0\.0\.1:\d+: draft dev starts a cluster, -c names one$/;
  refused(await draft(["client", "-c", address, "get", "k"]), 4, pattern);
  refusedJson(await draft(["client", "-c", address, "--json", "get", "k"]), 4, "UNREACHABLE");
  refused(await draft(["admin", "states", "-c", address]), 4, pattern);
  refused(await draft(["client", "-c", "nonsense", "get", "k"]), 2, /^draft client: -c "nonsense": .*want host:port: draft client --help$/);
  refused(await draft(["client", "-c", "127.0.0.1:99999", "get", "k"]), 2, /want host:port: draft client --help$/);
  refused(await draft(["serve", "--id", "a", "--listen", "nonsense"]), 14, /^\(error\) BAD_CONFIG --listen: bad address "nonsense": want host:port: draft serve --help$/);
});

test("O11: bad configuration is 14, unknown flags are 2", async () => {
  const data = join(temporaryDirectory(), "a");
  const serve = (...args: string[]): Promise<Result> => draft(["serve", "--data", data, ...args]);
  const help = /^\(error\) BAD_CONFIG .*: draft serve --help$/;
  refused(await serve("--id", "NOT VALID"), 14, help);
  refused(await serve("--id", "a", "--election-ms", "600-300"), 14, help);
  refused(await serve("--id", "a", "--heartbeat-ms", "400"), 14, help);
  refused(await serve("--id", "a", "--initial", "b@127.0.0.1:1"), 14, /does not name this node: add a@host:port/);
  refused(await serve("--id", "a", "--listen", "0.0.0.0:0"), 14, /add --advertise host:port: draft serve --help$/);
  refused(await serve("--id", "a", "--listen", "0.0.0.0:0", "--advertise", "h:1"), 14, /--peer-secret-file.*--auth-file.*or --insecure allows what this refuses: draft serve --help$/);
  refused(await serve("--id", "a", "--wrong-flag"), 2, /^draft serve: unknown option "--wrong-flag": draft serve --help$/);
});

test("O11: a directory or a port in use, and somebody else's directory", async () => {
  const node = await soloNode();
  await node.start();
  const elsewhere = `127.0.0.1:${await freePorts(1)}`;
  try {
    refused(await draft(["serve", "--data", node.data, "--listen", elsewhere]), 11, /^\(error\) IN_USE data directory "\S+" is in use by another process; .*draft serve --data DIR$/);
    const other = join(temporaryDirectory(), "b");
    refused(await draft(["serve", "--id", "b", "--data", other, "--listen", node.address]), 15, /^\(error\) ADDRESS_IN_USE address 127\S+ is in use by another process: choose another --listen$/);
  } finally {
    await node.kill();
  }
  refused(await draft(["serve", "--id", "b", "--data", node.data, "--listen", elsewhere]), 13, /^\(error\) WRONG_IDENTITY .* is node "a"'s, wanted "b"'s; type: draft serve --id a --data \S+$/);
  refused(await draft(["serve", "--data", node.data, "--listen", elsewhere, "--machine", "counter"]), 14, /^\(error\) BAD_PLUGIN .*"kv", wanted "counter"; type: draft serve --machine kv --data \S+$/);
});

/** Where in the segment the last record with `text` holds it. */
function offsetOf(file: string, text: string): number {
  const at = readFileSync(file).lastIndexOf(text);
  assert.ok(at > 0, `${text} is in the segment`);
  return at;
}

test("F03: a byte that rots before the mark is damage, 10, with file, offset and index", async () => {
  const node = await soloNode();
  await node.start();
  for (let i = 0; i < 30; i++) await draft(["client", "-c", node.address, "set", `k${i}`, `value-${i}-`]);
  assert.is(await node.stop(), 0);
  const file = join(node.data, "wal/000000000001.seg");
  const bytes = readFileSync(file);
  const at = offsetOf(file, "value-7-");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const end = await draft(["serve", "--data", node.data, "--listen", node.address, "--log-level", "error"]);
  refused(end, 10, /^\(error\) DAMAGED .*000000000001\.seg" at offset \d+ \(group 1, index \d+\) is damaged: .*; type: draft log check --data \S+$/);
  const offset = Number(/offset (\d+)/.exec(end.err)?.[1]);
  assert.ok(offset <= at && at - offset < 300, `offset ${offset} is that of the record around ${at}`);
});

test("without a majority: NO_LEADER counts who is there, within the timeout", async () => {
  await using cluster = await TestCluster.start({ flags: ["--heartbeat-ms", "40", "--election-ms", "150-300"] });
  const [a, b, c] = cluster.nodes as [TestNode, TestNode, TestNode];
  await b.kill();
  await c.kill();
  await until("a knows", async () => (await a.mainStatus()).leader === null);
  const beganMs = performance.now();
  const text = await draft(["client", "-c", a.address, "--timeout-ms", "1500", "set", "k", "v"]);
  assert.ok(performance.now() - beganMs < 3000);
  refused(text, 1, /^\(error\) NO_LEADER .*1 of 3 voters answer, 2 needed: b unreachable, c unreachable: draft admin states shows who is missing$/);
  refusedJson(await draft(["client", "-c", a.address, "--json", "--timeout-ms", "500", "set", "k", "v"]), 1, "NO_LEADER");
  refusedJson(await draft(["client", "-c", a.address, "--json", "--timeout-ms", "500", "get", "k"]), 1, "NO_LEADER");
  const stale = await draft(["client", "-c", a.address, "--level", "stale", "get", "k"]);
  assert.equal(stale, { code: 0, out: "(nil)\n", err: "" });
  const states = await draft(["admin", "states", "--json", "-c", a.address]);
  assert.equal((JSON.parse(states.out) as { nodeId: string; unreachable?: true }[]).map(({ unreachable }) => unreachable ?? false), [false, true, true]);
});

test.run();
