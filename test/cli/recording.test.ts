import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dispatch } from "../../src/cli/dispatch.ts";
import { allLeaves } from "../../src/cli/main.ts";
import { runServer } from "../../src/gateway/run_server.ts";
import type { FlightRecorder } from "../../src/node/flight_recorder.ts";
import type { EventBody } from "../../src/raft/event.ts";
import { type FakeServer, fakeCluster, serveFake } from "../gateway/fake_node.ts";
import { message, Single, WALL_MS } from "../raft/helpers.ts";
import { fakeIo } from "./fake_io.ts";

const test = suite("recording");

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A node whose core voted once. */
function fill(recorder: FlightRecorder, atMs: number): void {
  const core = new Single();
  recorder.opened(core.state);
  const step = (body: EventBody): void => {
    core.nowMs += 1;
    const effects = core.event(body);
    recorder.stepped(core.state, { ...body, nowMs: core.nowMs, wallMs: WALL_MS + core.nowMs + atMs }, effects);
  };
  step({ type: "linkUp", peer: 2 });
  step({ type: "receive", message: message("voteRequest", { term: 1 }) });
  step({ type: "stored", store: 1 });
}

type Run = (args: readonly string[], input?: string) => Promise<Ran>;

/** Runs command lines against three fake nodes, with a directory for their files. */
async function withNodes(body: (run: Run, directory: string, servers: FakeServer[]) => Promise<void>): Promise<void> {
  const cluster = fakeCluster();
  const servers: FakeServer[] = [];
  for (const [i, id] of ["a", "b", "c"].entries()) {
    const server = await serveFake(cluster, id);
    // The last node's events are the oldest.
    fill(server.node.recorder, 2000 - 1000 * i);
    servers.push(server);
  }
  const directory = mkdtempSync(join(tmpdir(), "draft-test-"));
  const run: Run = async (args, input = "") => {
    const io = fakeIo(input, { DRAFT_CONNECT: servers[0]?.address ?? "" });
    const code = await dispatch(args, allLeaves(runServer), io);
    return { code, out: io.outText(), err: io.errText() };
  };
  try {
    await body(run, directory, servers);
  } finally {
    for (const server of servers) await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

test("admin record writes what all nodes recorded, sim --replay runs it again", async () => {
  await withNodes(async (run, directory) => {
    const file = join(directory, "x.rec");
    const recorded = await run(["admin", "record", file]);
    assert.equal([recorded.code, recorded.err], [0, ""]);
    assert.match(recorded.out, `a: 3 steps, b: 3 steps, c: 3 steps; ${statSync(file).size} bytes in ${file}`);
    if (process.platform !== "win32") assert.is(statSync(file).mode & 0o777, 0o600);
    const replayed = await run(["sim", "--replay", file]);
    assert.equal([replayed.code, replayed.err], [0, ""]);
    const lines = replayed.out.split("\n");
    assert.is(lines[0], "22:13:20.001  n1 is connected to n2");
    assert.is(lines[1], "22:13:20.002  n1 votes for n2 in term 1");
    assert.is(lines.filter((line) => line.endsWith("each did again what it had done")).length, 3);
    const { nodes, story } = JSON.parse((await run(["sim", "--replay", file, "--json"])).out) as { nodes: Record<string, unknown>[]; story: unknown[] };
    assert.equal(nodes.map(({ nodeId, taken, difference }) => [nodeId, taken, difference]), [["a", 3, null], ["b", 3, null], ["c", 3, null]]);
    assert.equal(story[0], { wallMs: WALL_MS + 1, text: "n1 is connected to n2" });
  });
});

test("a file that is there is not written over", async () => {
  await withNodes(async (run, directory) => {
    const file = join(directory, "x.rec");
    writeFileSync(file, "mine");
    const { code, err } = await run(["admin", "record", file]);
    assert.is(code, 1);
    assert.match(err, "is there already: draft admin record ANOTHER");
    assert.is(readFileSync(file, "utf8"), "mine");
    assert.is((await run(["admin", "record", join(directory, "no", "such", "x.rec")])).code, 1);
    assert.is((await run(["admin", "record"])).code, 2);
  });
});

test("a node that does not answer is named, and the others are recorded", async () => {
  await withNodes(async (run, directory, servers) => {
    servers[0]?.node.cluster.members.push({ id: "z", address: "127.0.0.1:1" });
    const { code, out, err } = await run(["admin", "record", join(directory, "x.rec")]);
    assert.is(code, 0);
    assert.match(out, "c: 3 steps;");
    assert.match(err, "not recorded: z does not answer");
    const json = JSON.parse((await run(["admin", "record", join(directory, "y.rec"), "--json"])).out) as Record<string, unknown>;
    assert.equal([json["nodes"], json["missing"]], [["a", "b", "c"].map((nodeId) => ({ nodeId, steps: 3 })), ["z does not answer"]]);
  });
});

test("admin snapshot tells what each node holds, and who does not answer", async () => {
  await withNodes(async (run, _directory, servers) => {
    servers[0]?.node.cluster.members.push({ id: "z", address: "127.0.0.1:1" });
    const { code, out, err } = await run(["admin", "snapshot"]);
    assert.equal([code, out], [0, "a has a snapshot of index 7\nb has a snapshot of index 7\nc has a snapshot of index 7\n"]);
    assert.match(err, "no snapshot: z does not answer");
    assert.equal(JSON.parse((await run(["admin", "snapshot", "--json"])).out), { result: { a: 7, b: 7, c: 7 }, index: 7 });
    assert.is((await run(["admin", "snapshot", "--group", "none"])).code, 1);
  });
});

test("a file that is no recording, or not whole, is refused with an exit code of its own", async () => {
  await withNodes(async (run, directory) => {
    const file = join(directory, "x.rec");
    await run(["admin", "record", file]);
    const bytes = new Uint8Array(readFileSync(file));
    writeFileSync(join(directory, "cut.rec"), bytes.subarray(0, bytes.length - 1));
    writeFileSync(join(directory, "other.rec"), "a text");
    const cut = await run(["sim", "--replay", join(directory, "cut.rec")]);
    assert.equal([cut.code, cut.out], [10, ""]);
    assert.match(cut.err, "ends within its recording 3");
    const other = await run(["sim", "--replay", join(directory, "other.rec")]);
    assert.is(other.code, 1);
    assert.match(other.err, "this is no recording");
    assert.match((await run(["sim", "--replay", join(directory, "gone.rec")])).err, "NOT_FOUND");
  });
});

test(".story tells what happened on all nodes, by the clock", async () => {
  await withNodes(async (run) => {
    const { code, out } = await run(["client"], ".story\n");
    assert.is(code, 0);
    const lines = out.trim().split("\n");
    assert.is(lines.length, 6);
    assert.equal(lines, lines.slice().sort());
    assert.is(lines.at(-1), "22:13:22.002  n1 votes for n2 in term 1");
    assert.is((JSON.parse((await run(["client", "--json", ".story"])).out) as { story: unknown[] }).story.length, 6);
  });
});

test.run();
