import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DraftError, type ErrorCode, type NodeOptions, type Plugin, type RunningNode, startNode } from "../../mod.ts";

const test = suite("startNode");

/** A machine with state that a program holds a hand on. */
function notes(seen: string[]): Plugin<string[]> {
  return {
    name: "notes",
    version: 1,
    operations: { note: { kind: "write", args: "TEXT" }, all: { kind: "read" } },
    create() {
      let all: string[] = [];
      return {
        apply([, text], entry) {
          if (typeof text !== "string") throw entry.reject("note wants a text");
          seen.push(text);
          return all.push(text);
        },
        query: () => all,
        snapshot: () => all,
        restore: (saved) => { all = saved; },
      };
    },
  };
}

/** Runs `body` with a directory that is removed afterwards. */
async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "draft-start-node-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A node that founds its own cluster on a port of the system's choice. */
function alone(data: string, options: NodeOptions = {}): Promise<RunningNode> {
  return startNode({
    id: "a", data, listen: "127.0.0.1:0", bootstrap: true, segmentBytes: 1024 * 1024, heartbeatMs: 10,
    electionMs: "30-60", ...options,
  });
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof DraftError) return error.code;
    throw error;
  }
  throw new Error("it did not fail");
}

test("a node runs commands, stops, and has them after another start", () =>
  withDirectory(async (directory) => {
    const data = join(directory, "a");
    const first = await alone(data);
    assert.is(first.id, "a");
    assert.match(first.listen, /^127\.0\.0\.1:[1-9]\d*$/);
    assert.is(first.address, first.listen);
    assert.equal((await first.client.run(["set", "k", "v"])).result, "OK");
    const { clusterId } = first;
    assert.match(clusterId, /^[0-9a-f]{32}$/);
    await first.stop();
    await first.stop();
    await first.closed;
    await using second = await startNode({ data, listen: "127.0.0.1:0" });
    assert.is(second.clusterId, clusterId);
    assert.is((await second.client.read(["get", "k"])).result, "v");
  }));

test("the machine may be an object of this program", () =>
  withDirectory(async (directory) => {
    const seen: string[] = [];
    await using node = await alone(join(directory, "a"), { machine: notes(seen) });
    assert.is((await node.client.run(["note", "one"])).result, 1);
    assert.equal((await node.client.run(["all"])).result, ["one"]);
    assert.equal(seen, ["one"]);
    assert.is(await codeOf(node.client.run(["note", 5])), "REJECTED");
    assert.is(await codeOf(node.client.run(["set", "k", "v"])), "UNKNOWN_OPERATION");
  }));

test("the machine may be a path", () =>
  withDirectory(async (directory) => {
    const path = join(directory, "one.ts");
    writeFileSync(path, `export default {
      name: "one", version: 1, operations: { one: { kind: "read" } },
      create: () => ({ apply: () => null, query: (): number => 1, snapshot: () => null, restore: () => {} }),
    };\n`);
    await using node = await alone(join(directory, "a"), { machine: path });
    assert.is((await node.client.run(["one"])).result, 1);
  }));

test("errors bear their codes, and a start that failed leaves nothing behind", () =>
  withDirectory(async (directory) => {
    const data = join(directory, "a");
    assert.is(await codeOf(startNode({})), "BAD_CONFIG");
    assert.is(await codeOf(alone(data, { id: "A" })), "BAD_CONFIG");
    assert.is(await codeOf(alone(data, { listen: "0.0.0.0:0" })), "BAD_CONFIG");
    assert.is(await codeOf(startNode({ id: "a", heartBeatMs: 5 } as NodeOptions)), "BAD_CONFIG");
    assert.is(await codeOf(alone(data, { machine: "none" })), "BAD_PLUGIN");
    assert.is(await codeOf(alone(data, { machine: { name: "x" } as unknown as Plugin<null> })), "BAD_PLUGIN");
    assert.is(await codeOf(alone(data, { machine: 5 as unknown as string })), "BAD_PLUGIN");
    await using node = await alone(data);
    assert.is(await codeOf(alone(data)), "IN_USE");
    assert.is(await codeOf(alone(join(directory, "b"), { listen: node.listen })), "ADDRESS_IN_USE");
    await node.stop();
    assert.is(await codeOf(alone(data, { id: "b" })), "WRONG_IDENTITY");
  }));

test("log hears what the node does, and nothing below logLevel", () =>
  withDirectory(async (directory) => {
    const lines: string[] = [];
    const log = (level: string, message: string): void => void lines.push(`${level} ${message}`);
    await using node = await alone(join(directory, "a"), { log });
    await node.client.run(["set", "k", "v"]);
    assert.ok(lines.some((line) => line.startsWith("info founding cluster")), lines.join("\n"));
    await node.stop();
    await using quiet = await alone(join(directory, "b"), { log, logLevel: "error" });
    const before = lines.length;
    await quiet.client.run(["set", "k", "v"]);
    assert.is(lines.length, before);
  }));

test.run();
